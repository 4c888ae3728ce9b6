"""Trees of files: written one by one, each whole or not at all; read all before anything is stored."""

import os
import tempfile
from pathlib import Path

from tqdm import tqdm

from incidents.imports.shape import Refused, refuse_twice, shown
from retros.exchange import FORMATS, from_json, from_markdown, read

LIMIT = 32 * 1024 * 1024  # bytes of one file


def write(path: Path, text: str) -> bool:
    """Write `text` unless the file holds it already; whoever reads meanwhile sees the old file or the new one."""
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return True


def _umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


def read_all(source: str) -> list:
    """The checked documents in a file, or in all files below a directory; Refused with the first that is none."""
    try:
        paths = _paths(Path(source))
        found = [
            _read(path, Path(source)) for path in tqdm(paths, "Reading files", disable=None, leave=False)
        ]
    except OSError as error:
        raise Refused(f"{shown(error.filename)} cannot be read: {error.strerror}") from error
    except ValueError as error:  # no file can have such a name
        raise Refused(f"{shown(source)} cannot be read: {error}") from error
    incidents = [one["uuid"] for told in found for one in told.incidents]
    refuse_twice(incidents, "of all files, incident")
    return found


def _paths(source):
    if not source.is_dir():
        return [source]
    paths = sorted(path for path in source.rglob("*") if path.suffix[1:] in FORMATS and path.is_file())
    paths = [
        path for path in paths if not any(part.startswith(".") for part in path.relative_to(source).parts)
    ]
    if not paths:
        raise Refused(f"{shown(str(source))} holds no .md or .json files")
    return paths


def _read(path, source):
    where = str(path.relative_to(source)) if path != source else path.name
    where = where.encode("utf-8", "replace").decode()
    with path.open("rb") as file:
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise Refused(f"{where}: it is larger than {LIMIT // 1024 // 1024} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{where}: it is not UTF-8 text: byte {error.start} is {error.reason}") from error
    return read((from_json if path.suffix == ".json" else from_markdown)(text, where), where)
