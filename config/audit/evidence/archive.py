"""The zip file of a pack, written file by file, with the digest of each."""

import hashlib
import zipfile
from contextlib import contextmanager, nullcontext, suppress

from django.utils import timezone


class Writing:
    """One file of the pack while it is written."""

    def __init__(self, file):
        self.file, self.digest, self.size = file, hashlib.sha256(), 0

    def write(self, content: bytes) -> None:
        """Add to the file."""
        self.file.write(content)
        self.digest.update(content)
        self.size += len(content)


class Archive:
    """A zip file that knows the SHA-256 and the size of what is in it."""

    def __init__(self, file):
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self.moment = timezone.now().timetuple()[:6]
        self.files: dict[str, dict] = {}

    @contextmanager
    def writing(self, name: str, mode: int = 0o644):
        """Write one file, of any size, a piece at a time."""
        info = zipfile.ZipInfo(name, self.moment)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, mode << 16
        with self.zip.open(info, "w", force_zip64=True) as file:
            writing = Writing(file)
            yield writing
        self.files[name] = {"sha256": writing.digest.hexdigest(), "size": writing.size}

    def add(self, name: str, content: bytes, mode: int = 0o644) -> str:
        """Write one small file; returns its SHA-256."""
        with self.writing(name, mode) as file:
            file.write(content)
        return self.files[name]["sha256"]

    def close(self) -> None:
        """Finish the zip file; a second time does nothing."""
        self.zip.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        # Also when all is lost: a zip file left open would be written to once its file is closed.
        with suppress(OSError, ValueError) if error else nullcontext():
            self.close()
