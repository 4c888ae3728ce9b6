"""An evidence pack in memory, so that tests can change it as somebody with an editor would."""

import hashlib
import io
import json
import zipfile

from config.audit.evidence import verifier
from config.audit.evidence.pack import build

ABOUT = ("manifest.json", "manifest.sha256")


class Pack(dict):
    """The files of a pack by name. It is also what the verifier reads, in place of a zip file."""

    def names(self):
        return list(self)

    def open(self, name):
        if name not in self:
            raise FileNotFoundError("is not there")
        return io.BytesIO(self[name])

    @property
    def manifest(self):
        return json.loads(self["manifest.json"])

    def lines(self, name):
        """The lines of a file, as bytes without their ends."""
        return self[name].split(b"\n")[:-1]

    def parsed(self, name):
        return [json.loads(line) for line in self.lines(name)]

    def put(self, name, lines):
        """Write a file anew from its lines."""
        self[name] = b"".join(line + b"\n" for line in lines)

    def changed(self, name, old, new, count=1):
        """The same pack with a text of one file replaced."""
        assert old in self[name]
        return Pack(self | {name: self[name].replace(old, new, count)})

    def with_its_manifest(self, **counts):
        """The manifest made anew, so that the files and it agree: what a forger does first."""
        manifest = self.manifest
        manifest["files"] = {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in self.items()
            if name not in ABOUT
        }
        manifest["counts"] |= counts
        for about in manifest["tables"].values():
            about["lines"] = self.get(about["file"], b"").count(b"\n")
        self["manifest.json"] = json.dumps(manifest).encode()
        digest = hashlib.sha256(self["manifest.json"]).hexdigest()
        self["manifest.sha256"] = f"{digest}  manifest.json\n".encode()
        return self

    def check(self, outside=None, digest=""):
        return verifier.check(self, outside, digest)

    def zipped(self, path):
        """The pack as a zip file at `path`."""
        with zipfile.ZipFile(path, "w") as file:
            for name, content in self.items():
                file.writestr(name, content)
        return path


def made(scope, by="Aud"):
    """The pack of a scope."""
    file = io.BytesIO()
    build(scope, file, by=by)
    with zipfile.ZipFile(file) as archive:
        return Pack({name: archive.read(name) for name in archive.namelist()})


def file_of(model):
    """Where a model's history is in a pack."""
    return f"history/{model.history.model._meta.db_table}.jsonl"


def is_found(pack, outside=None):
    """Whether the verifier says anything but yes."""
    try:
        return pack.check(outside).code != 0
    except verifier.CannotCheck:
        return True


def csv_made_anew(pack, file):
    """The CSV beside a history file, as the verifier expects it."""
    about = next(one for one in pack.manifest["tables"].values() if one["file"] == file)
    rows = [
        verifier.csv_line(line, verifier.parse(line), about["columns"]) for line in pack.lines(about["file"])
    ]
    pack[about["csv"]] = verifier.csv_header(about["columns"]) + b"".join(rows)


def rebuilt(pack, file, old, new):
    """A history text changed, and all that hangs on it made anew: digests, links, anchors, CSV, record, manifest."""
    pack = pack.changed(file, old, new, count=-1)
    csv_made_anew(pack, file)
    table, link, links = file[8:-6], "", {}
    of_table = f'{{"table":"{table}"'.encode()
    records = [
        one.replace(old, new) if one.startswith(of_table) else one for one in pack.lines("records.jsonl")
    ]
    pack.put("records.jsonl", records)
    lines = pack.lines(file)
    for seal in (seals := pack.parsed("seals.jsonl")):
        if seal.get("table") == table and "line" in seal:
            seal["digest"] = hashlib.sha256(lines[seal["line"] - 1]).hexdigest()
        if "digest" in seal:
            place = (seal["sequence"], seal["table"], seal["row"], seal["digest"])
            seal["link"] = verifier.link_of(link, *place)
        link = links[seal["sequence"]] = seal["link"]
    anchors = [
        one | {"link": links.get(one["sequence"], one["link"])} for one in pack.parsed("anchors.jsonl")
    ]
    for name, entries in (("seals.jsonl", seals), ("anchors.jsonl", anchors)):
        pack.put(name, [json.dumps(one, separators=(",", ":")).encode() for one in entries])
    return pack.with_its_manifest()
