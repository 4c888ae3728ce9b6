"""The files of the status page: each whole at once, and none that the list of them does not name.

What is served and what is exported for another host are the same bytes, so all links between them are relative.
"""

import fcntl
import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = ".aftercare-status.json"
LOCK = ".aftercare-status.lock"


class NotOurs(Exception):
    """A file stands in the way that nobody here has written."""


@dataclass
class Manifest:
    """What the folder holds: of which state of the database, and each file with the facts it was made of."""

    stamp: str = ""
    files: dict[str, str] = field(default_factory=dict)


class Tree:
    """A folder of finished files."""

    def __init__(self, root):
        self.root = Path(root)

    def manifest(self) -> Manifest:
        """What was written last; empty where nothing was, or where it cannot be read."""
        try:
            return Manifest(**json.loads((self.root / MANIFEST).read_text()))
        except (OSError, ValueError, TypeError):
            return Manifest()

    @contextmanager
    def locked(self):
        """One writer at a time, of all processes of this machine."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def take_away(self, names) -> int:
        """Remove files of ours; returns how many there were."""
        held = self.manifest()
        gone = [name for name in names if name in held.files]
        for name in gone:
            self._remove(name)
            del held.files[name]
        if gone:
            self._record(held)
        return len(gone)

    def write(self, files: dict) -> int:
        """Write those of `files` that differ, in their order; by name: the facts they are made of, and their maker."""
        held = self.manifest()
        stale = [
            name for name, (facts, _) in files.items() if held.files.get(name) != facts or not self._has(name)
        ]
        for name in stale:
            facts, make = files[name]
            self._write(name, make())
            held.files[name] = facts
        if stale:
            self._record(held)
        return len(stale)

    def finish(self, stamp: str, names) -> int:
        """The folder holds exactly these files, of this state of the database; returns how many others went."""
        gone = self.take_away(set(self.manifest().files) - set(names))
        held = self.manifest()
        if held.stamp != stamp:
            held.stamp = stamp
            self._record(held)
        return gone

    def refuse_strangers(self, names) -> None:
        """Raise NotOurs if a file of one of these names was written by somebody else."""
        ours = self.manifest().files
        for name in names:
            if name not in ours and self._has(name):
                raise NotOurs(f"{self.root / name} was not written by Aftercare")

    def _has(self, name):
        return (self.root / name).exists()

    def _record(self, manifest):
        self._write(MANIFEST, json.dumps(vars(manifest)).encode())

    def _write(self, name, content: bytes):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
        try:
            draft.write_bytes(content)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    def _remove(self, name):
        path = self.root / name
        path.unlink(missing_ok=True)
        for folder in list(path.parents)[: len(Path(name).parts) - 1]:
            try:
                folder.rmdir()
            except OSError:  # another page lives there still
                break
