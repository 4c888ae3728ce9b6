#!/usr/bin/env python3
"""Checks an evidence pack of Aftercare. One file, nothing but Python's standard library (3.8 or newer).

    python3 verify.py PACK.zip [--anchors FILE] [--manifest SHA256]

Without PACK it checks the folder it lies in. It reads the pack where it is and writes nothing.
--anchors   anchors that were kept outside (the auditors' mails, a copy of anchors.log), a line each:
            moment, row, link, occasion. Without them somebody who made everything anew would not be found.
--manifest  the SHA-256 of manifest.json that Aftercare showed and recorded when the pack was made.
Ends with 0: clean, 1: findings, 2: could not check.
"""

import argparse
import hashlib
import io
import json
import os
import re
import stat
import sys
import zipfile
import zlib

FORMAT = "aftercare-evidence/1"
REDACTIONS = "audit_redaction"
ABOUT = {"manifest.json", "manifest.sha256"}
GENESIS = "0" * 64  # the link before the first row
MOST_FILES, MOST_BYTES, MOST_LINE, MOST_MANIFEST = 5000, 50 * 10**9, 64 * 2**20, 16 * 2**20
MOST_TOLD = 100
SAFE = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*$")
FORMULAS, BLANKS = set("=+-@＝＋－＠"), set("\t\r\n")
PLAIN = json.JSONDecoder()
LEFT_BY_DESKTOPS = {".DS_Store", "Thumbs.db", "desktop.ini"}
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zlib.error,
    zipfile.BadZipFile,
)


class CannotCheck(Exception):
    """The pack cannot be read at all, or is none."""


class Report:
    """What was looked at, and what was found."""

    def __init__(self):
        self.counts, self.findings, self.total, self.unconfirmed, self.notes = {}, [], 0, [], []

    def add(self, where, text):
        """Note a finding; after MOST_TOLD only their number."""
        self.total += 1
        if len(self.findings) < MOST_TOLD:
            self.findings.append(f"{where}: {text}")

    def count(self, name, number=1):
        self.counts[name] = self.counts.get(name, 0) + number

    @property
    def code(self):
        return 1 if self.total else 2 if self.unconfirmed else 0


# --- How rows are written and linked: Aftercare itself uses these ------------------------------------------


def link_of(previous, sequence, table, row, digest):
    """The link of a sealed row, in hex, from the one before."""
    text = f"{previous}|{sequence}|{table}|{row}|{digest}"
    return hashlib.sha256(text.encode()).hexdigest()


def parse(line):
    """The row that a line holds, or None where it is no JSON: such a line can be hashed, but not compared."""
    try:
        row = _decoded(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _decoded(text):
    try:
        return PLAIN.decode(text)
    except ValueError:  # newer Pythons refuse numbers of more than 4,300 digits
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 1000 else digits)


def csv_header(columns):
    """The first line of a table's CSV; the mark before it tells spreadsheets that it is UTF-8."""
    return b"\xef\xbb\xbf" + _csv(columns)


def csv_line(line, row, columns):
    """A history row for a spreadsheet; a line that is no JSON is shown as it is, in the first column."""
    if row is None:
        return _csv([defused(line.decode("utf-8", "backslashreplace"))])
    return _csv([_cell(row.get(column)) for column in columns])


def _csv(cells):
    text = ",".join(['"' + cell.replace('"', '""') + '"' for cell in cells])
    return (text + "\r\n").encode("utf-8", "backslashreplace")


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return defused(value)
    return str(value) if type(value) is int else json.dumps(value, ensure_ascii=False)


def defused(text):
    """The text, so that no spreadsheet takes it for a formula."""
    is_formula = text[:1] in BLANKS or text.lstrip()[:1] in FORMULAS
    return "'" + text if text and is_formula else text


# --- The pack, where it lies: nothing of it is ever written to a disk --------------------------------------


class Zip:
    """A pack as it came."""

    def __init__(self, path):
        try:
            self.file = zipfile.ZipFile(path)
        except UNREADABLE as error:
            raise CannotCheck(f"{path} is no zip file that can be read: {error}") from None
        self.infos = self.file.infolist()
        size = sum(info.file_size for info in self.infos)
        if len(self.infos) > MOST_FILES or size > MOST_BYTES:
            raise CannotCheck(f"{path} holds {len(self.infos)} files of {size} bytes: more than a pack has")

    def names(self):
        return [info.filename for info in self.infos]

    def open(self, name):
        """The bytes of a file; raises one of UNREADABLE."""
        info = self.file.getinfo(name) if name in self.file.NameToInfo else None
        if info is None:
            raise FileNotFoundError("is not there")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("is compressed in a way that packs are not")
        return io.BufferedReader(self.file.open(info), 2**18)


class Folder:
    """A pack that was unpacked by somebody."""

    def __init__(self, path):
        self.path = path

    def names(self):
        found = []
        for folder, _, files in os.walk(self.path):
            inside = os.path.relpath(folder, self.path).replace(os.sep, "/")
            found += [
                name if inside == "." else inside + "/" + name
                for name in files
                if name not in LEFT_BY_DESKTOPS
            ]
            if len(found) > MOST_FILES:
                raise CannotCheck(f"{self.path} holds more than {MOST_FILES} files")
        return found

    def open(self, name):
        """The bytes of a file; raises one of UNREADABLE."""
        path = os.path.join(self.path, *name.split("/"))
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise ValueError("is no plain file")
        return open(path, "rb", 2**18)


def lines(source, name):
    """The lines of a file without their ends; raises one of UNREADABLE."""
    with source.open(name) as file:
        while True:
            line = file.readline(MOST_LINE + 1)
            if not line:
                return
            if len(line) > MOST_LINE:
                raise ValueError(f"has a line of more than {MOST_LINE} bytes")
            yield line[:-1] if line.endswith(b"\n") else line


# --- What is checked ---------------------------------------------------------------------------------------


def check(source, outside=None, digest=""):
    """Look at everything. `outside` are lines of anchors kept elsewhere; raises CannotCheck."""
    report = Report()
    manifest = _manifest(source, report, digest)
    _try(report, "files", _check_files, source, manifest, report)
    tables = {}
    for name, about in sorted(manifest["tables"].items()):
        tables[name] = Table(name, about)
        _try(report, about["file"], tables[name].read, source, report)
    anchors = _try(report, "anchors.jsonl", _anchors, source, report) or {}
    chain = Chain(manifest["what"]["kind"], tables, anchors, _outside(outside), report)
    _try(report, "seals.jsonl", chain.read, source)
    chain.finish(is_compared=outside is not None)
    _try(report, "records.jsonl", _check_records, source, tables, report)
    _check_counts(manifest, tables, report)
    return report


def _try(report, where, step, *arguments):
    try:
        return step(*arguments)
    except UNREADABLE as error:
        report.add(where, f"cannot be read: {error}")
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        report.add(where, f"is not as a pack has it: {error!r}")


def _manifest(source, report, digest):
    try:
        with source.open("manifest.json") as file:
            content = file.read(MOST_MANIFEST + 1)
        if len(content) > MOST_MANIFEST:
            raise ValueError("it is too long")
        manifest = json.loads(content.decode("utf-8"))
        if manifest["format"] != FORMAT:
            raise ValueError(
                "its format is {!r}, and this verifier reads {!r}".format(manifest["format"], FORMAT)
            )
        for about in manifest["tables"].values():
            about["file"], about["csv"], about["columns"], about["record"], about["pk"]
        (
            manifest["files"].items(),
            manifest["counts"].items(),
            manifest["what"]["kind"],
            manifest["what"]["title"],
        )
    except (*UNREADABLE, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CannotCheck(f"manifest.json cannot be read: {error}") from None
    is_now = hashlib.sha256(content).hexdigest()
    _try(report, "manifest.sha256", _check_manifest, source, report, is_now)
    if digest and digest.strip().lower() != is_now:
        report.add("manifest.json", f"is not the one whose SHA-256 was given: it has {is_now}")
    return manifest


def _check_manifest(source, report, is_now):
    if list(lines(source, "manifest.sha256")) != [(f"{is_now}  manifest.json").encode()]:
        report.add("manifest.json", "is not what manifest.sha256 says")


def _check_files(source, manifest, report):
    """Every file is there, as it was, and there is no other."""
    names, named = source.names(), set(manifest["files"])
    for name in sorted(set(names) - named - ABOUT):
        report.add(ascii(name), "is not in the manifest")
    for name in sorted({name for name in names if names.count(name) > 1 or not SAFE.match(name)}):
        report.add(ascii(name), "is there twice, or has a name that packs do not have")
    needed = {"cover.html", "records.jsonl", "seals.jsonl", "anchors.jsonl", "verify.py"}
    for about in manifest["tables"].values():
        needed |= {about["file"], about["csv"]}
    for name in sorted(needed - named):
        report.add(ascii(name), "belongs to a pack, and the manifest does not have it")
    for name, about in sorted(manifest["files"].items()):
        if SAFE.match(name):
            _try(report, name, _check_file, source, name, about, report)
    report.count("files", len(named))


def _check_file(source, name, about, report):
    digest, size = hashlib.sha256(), 0
    with source.open(name) as file:
        for part in iter(lambda: file.read(2**18), b""):
            size += len(part)
            digest.update(part)
    if (size, digest.hexdigest()) != (about["size"], about["sha256"]):
        report.add(name, "is not the file the manifest names (SHA-256)")


class Table:
    """The history rows of one table: what each hashes to, and which is the last of its object."""

    def __init__(self, name, about):
        self.name, self.about, self.file = name, about, about["file"]
        self.digests, self.is_sealed, self.last = bytearray(), bytearray(), {}
        self.redactions, self.first_row, self.last_row, self.not_here = [], None, None, []

    @property
    def length(self):
        return len(self.is_sealed)

    def digest(self, line):
        return self.digests[32 * (line - 1) : 32 * line].hex()

    def read(self, source, report):
        """Hash every line, and compare it with the CSV; raises one of UNREADABLE."""
        columns = self.about["columns"]
        with source.open(self.about["csv"]) as csv:
            same = csv.read(len(csv_header(columns))) == csv_header(columns)
            for number, line in enumerate(lines(source, self.file), 1):
                self.digests += hashlib.sha256(line).digest()
                self.is_sealed.append(0)
                row = parse(line)
                self._note(number, row, report)
                cells = csv_line(line, row, columns)
                same = same and csv.read(len(cells)) == cells
            if not same or csv.read(1):
                report.add(self.about["csv"], f"does not say what {self.file} says")

    def _note(self, number, row, report):
        if row is None:
            report.count("unreadable")
        elif self.name == REDACTIONS:
            self.redactions.append((number, row))
        elif self.about["pk"]:
            key = row[self.about["pk"]]
            self.last[key] = -number if row["history_type"] == "-" else number


def _anchors(source, report):
    found = {}
    for number, line in enumerate(lines(source, "anchors.jsonl"), 1):
        entry = strict(line, ("at", "sequence", "link", "occasion"))
        if entry is None:
            report.add(f"anchors.jsonl {number}", "is no anchor")
        elif found.setdefault(entry["sequence"], entry["link"]) != entry["link"]:
            report.add(f"anchors.jsonl {number}", "is another anchor of the same row")
        report.count("anchors")
    return found


def strict(line, *shapes):
    """The entry a line holds if it is written exactly as Aftercare writes one of these shapes, else None."""
    entry = parse(line)
    if entry is None or tuple(entry) not in shapes or type(entry["sequence"]) is not int:
        return None
    is_same = json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode() == line
    return entry if is_same and isinstance(entry["link"], str) else None


def _outside(given):
    """Row and link of each anchor kept outside; raises CannotCheck for a line that is none."""
    found = {}
    for number, line in enumerate(given or (), 1):
        parts = line.split()
        if not parts:
            continue
        if (
            len(parts) < 3
            or not re.match(r"\d{1,18}$", parts[1])
            or not re.match("[0-9a-fA-F]{64}$", parts[2])
        ):
            raise CannotCheck(f"line {number} of the anchors is no anchor: {line[:80]!a}")
        found.setdefault(int(parts[1]), set()).add(parts[2].lower())
    return found


class Chain:
    """The seals in the pack: stretches of the chain, each ending in an anchor."""

    FIRST, LINK = ("sequence", "link"), ("sequence", "table", "row", "digest", "link")
    ROW = (*LINK, "line")

    def __init__(self, kind, tables, anchors, outside, report):
        self.kind, self.tables, self.anchors, self.outside, self.report = (
            kind,
            tables,
            anchors,
            outside,
            report,
        )
        self.sequence, self.link, self.is_open, self.stretches, self.differing = -1, "", False, 0, []

    def read(self, source):
        """Go along every stretch; raises one of UNREADABLE."""
        for number, line in enumerate(lines(source, "seals.jsonl"), 1):
            entry = strict(line, self.FIRST, self.LINK, self.ROW)
            if entry is None:
                self.report.add(f"seals.jsonl {number}", "is no seal")
            elif len(entry) == 2:
                self._begin(entry)
            else:
                self._follow(entry)
        self._end()

    def _begin(self, entry):
        self._end()
        sequence, link = entry["sequence"], entry["link"]
        if sequence < self.sequence or (sequence == 0 and link != GENESIS):
            self.report.add(f"row {sequence}", "no stretch of the chain can begin here")
        self.sequence, self.link, self.is_open = sequence, link, True
        self.stretches += 1
        self._compare()

    def _end(self):
        if self.is_open and self.anchors.get(self.sequence) != self.link:
            self.report.add(f"row {self.sequence}", "the chain ends here without an anchor")
        if self.is_open and self.sequence not in self.outside:
            self.report.unconfirmed.append(self.sequence)
        self.is_open = False

    def _follow(self, entry):
        where, expected = f"row {entry['sequence']}", self.sequence + 1
        made = link_of(self.link, entry["sequence"], entry["table"], entry["row"], entry["digest"])
        if not self.is_open or entry["sequence"] != expected:
            self.report.add(where, f"the chain breaks: row {expected} should follow")
        elif made != entry["link"]:
            self.report.add(where, "the link does not follow from the one before")
        self.sequence, self.link, self.is_open = entry["sequence"], entry["link"], True
        self.report.count("links")
        self._compare()
        self._match(entry)

    def _compare(self):
        kept = self.outside.get(self.sequence, {self.link})
        if self.anchors.get(self.sequence, self.link) != self.link:
            self.report.add(f"row {self.sequence}", "the chain is another one than its anchor says")
        if kept != {self.link}:
            self.report.add(f"row {self.sequence}", "the chain is another one than was anchored outside")

    def _match(self, entry):
        table, line = self.tables.get(entry["table"]), entry.get("line")
        if line is None:
            if table is not None and self.kind == "period":
                table.not_here.append(entry["row"])
            return
        where = "{} {}".format(entry["table"], entry["row"])
        if (
            table is None
            or type(line) is not int
            or not 1 <= line <= table.length
            or table.is_sealed[line - 1]
        ):
            self.report.add(where, "is sealed and not in the pack, or there twice")
            return
        if self.kind == "period" and self.stretches > 1 and table.name != REDACTIONS:
            self.report.add(where, "the seals of a period have no gap, and this one comes after one")
        table.is_sealed[line - 1] = 1
        table.first_row = min(entry["row"], entry["row"] if table.first_row is None else table.first_row)
        table.last_row = max(entry["row"], entry["row"] if table.last_row is None else table.last_row)
        if table.digest(line) != entry["digest"]:
            table.is_sealed[line - 1] = 2
            self.differing.append((table, line, entry["row"], entry["digest"]))

    def finish(self, is_compared):
        """What can be said only after the last seal: redactions, rows without a seal, rows left out."""
        redactions = self._redactions()
        for table, line, row, sealed in self.differing:
            if leads(redactions.get((table.name, row), ()), sealed, table.digest(line)):
                self.report.count("redacted")
            else:
                self.report.add(f"{table.name} {row} ({table.file}, line {line})", "is not what was sealed")
        for table in self.tables.values():
            self._look_for_gaps(table)
        self._compare_all(is_compared)
        self.report.counts["stretches"] = self.stretches

    def _redactions(self):
        """Only those count whose own row is as it was sealed."""
        found, table = {}, self.tables.get(REDACTIONS)
        for number, row in table.redactions if table else ():
            if table.is_sealed[number - 1] == 1:
                found.setdefault((row["table"], row["row"]), []).append((row["before"], row["after"]))
        return found

    def _look_for_gaps(self, table):
        unsealed = table.is_sealed.count(0)
        if unsealed:
            line = table.is_sealed.index(0) + 1
            self.report.add(f"{table.file}, line {line}", f"has no seal ({unsealed} such lines)")
        if table.first_row is not None and table.name != REDACTIONS:
            for row in table.not_here:
                if table.first_row < row < table.last_row:
                    self.report.add(
                        f"{table.name} {row}", "was sealed between others, and is not in the pack"
                    )

    def _compare_all(self, is_compared):
        for sequence, links in self.outside.items():
            if self.anchors.get(sequence) not in (None, *links) or len(links) > 1:
                self.report.add(f"row {sequence}", "the anchor in the pack and those kept outside differ")
        if not is_compared:
            self.report.unconfirmed = []


def leads(steps, sealed, is_now):
    """Whether redactions lead from what was sealed to what a row is now."""
    for before, after in steps:
        if before == sealed:
            sealed = after
    return bool(steps) and sealed == is_now


# --- Records -----------------------------------------------------------------------------------------------


def _check_records(source, tables, report):
    """Every record is what the last history row of its object says."""
    seen, table, rows, at = set(), None, None, 0
    for number, line in enumerate(lines(source, "records.jsonl"), 1):
        where, record = f"records.jsonl {number}", parse(line)
        report.count("records")
        if record is None or set(record) != {"table", "pk", "line", "row"}:
            _tell_unreadable(where, report)
            continue
        if table is None or record["table"] != table.name:
            table, at = tables[record["table"]], 0
            if table.name in seen:
                report.add(where, f"is not with the others of {table.name}")
            seen.add(table.name)
            rows = lines(source, table.file)
        if type(record["line"]) is not int or not at < record["line"] <= table.length:
            report.add(where, "names no history row, or is out of order")
            continue
        while at < record["line"]:
            at, row = at + 1, next(rows)
        _compare_record(where, record, parse(row), table, report)


def _tell_unreadable(where, report):
    # Rightly so where a text in it is no UTF-8: then its history row cannot be read either, and is counted.
    report.count("unreadable records")
    if report.counts["unreadable records"] > report.counts.get("unreadable", 0):
        report.add(where, "is no record")


def _compare_record(where, record, row, table, report):
    now, named = record["row"], set(table.about["record"])
    if row is None:
        _tell_unreadable(where, report)
        return
    if table.last.get(record["pk"]) != record["line"] or now.get(table.about["pk"]) != record["pk"]:
        report.add(where, "is not compared with the last history row of its object")
        return
    report.count("matched")
    if set(now) != named:
        report.add(where, "does not have the columns of its table")
    differing = [column for column in now if column in row and not is_same(now[column], row[column])]
    if differing:
        report.add(where, f"differs from its history in: {', '.join(map(ascii, differing))}")


def is_same(one, other):
    """Whether two values are written alike: for Python, 1 and true are equal."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return one == other and json.dumps(one) == json.dumps(other)


def _check_counts(manifest, tables, report):
    counted = report.counts
    counted["rows"] = sum(table.length for table in tables.values())
    living = sum(line > 0 for table in tables.values() for line in table.last.values())
    counted["changed_since"] = living - counted.pop("matched", 0)
    for name in ("rows", "records", "links", "stretches", "anchors", "changed_since"):
        if manifest["counts"].get(name) != counted.get(name, 0):
            report.add(
                "manifest.json",
                f"says {manifest['counts'].get(name)} {name}, and there are {counted.get(name, 0)}",
            )
    for table in tables.values():
        if table.about.get("lines") != table.length:
            report.add(
                table.file,
                f"has {table.length} lines, and the manifest says {table.about.get('lines')}",
            )


# --- At the command line -----------------------------------------------------------------------------------


ENDING = {0: "Clean: nothing found.", 1: "Findings.", 2: "Not everything could be checked."}


def say(text=""):
    sys.stdout.write(text + "\n")


def tell(report, manifest, is_compared):
    """Say in words what was checked and how much of it."""
    counts = {name: f"{number:,}" for name, number in report.counts.items()}

    def number(name):
        return counts.get(name, "0")

    say(
        "{}, made {} by {}".format(
            manifest["what"]["title"], manifest.get("made_at"), manifest.get("made_by")
        )
    )
    say("Checked {} files, {} history rows against their seals,".format(number("files"), number("rows")))
    say(
        "        {} links in {} stretches up to {} anchors,".format(
            number("links"), number("stretches"), number("anchors")
        )
    )
    say("        {} records against their history.".format(number("records")))
    if "redacted" in counts:
        say(
            "{} rows are redacted, authorised: audit_redaction says by whom and why.".format(
                counts["redacted"]
            )
        )
    if "unreadable" in counts:
        say(
            "{} rows are no JSON in UTF-8: their hashes were checked, their content was not.".format(
                counts["unreadable"]
            )
        )
    for finding in report.findings:
        say("FINDING " + finding)
    if report.total > len(report.findings):
        say(f"... and {report.total - len(report.findings)} more")
    if report.unconfirmed:
        rows = ", ".join(map(str, report.unconfirmed[:20]))
        say(f"NOT CONFIRMED: your file does not have the anchors at which the seals end: rows {rows}")
    if not is_compared:
        say(
            "Not compared with anchors kept outside: use --anchors, or who made everything anew is not found."
        )
    say(ENDING[report.code])


def main(arguments=None):
    """Check what the command line names; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--anchors", metavar="FILE")
    parser.add_argument("--manifest", metavar="SHA256", default="")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(options)
    except CannotCheck as error:
        say(f"Could not check: {error}")
    except OSError as error:
        say(f"Could not check: {error}")
    return 2


def _run(options):
    source = Folder(options.pack) if os.path.isdir(options.pack) else Zip(options.pack)
    outside = None
    if options.anchors:
        with open(options.anchors, encoding="utf-8", errors="replace") as file:
            outside = file.read().splitlines()
    report = check(source, outside, options.manifest)
    with source.open("manifest.json") as file:
        manifest = json.loads(file.read(MOST_MANIFEST).decode("utf-8"))
    tell(report, manifest, outside is not None)
    return report.code


if __name__ == "__main__":
    sys.exit(main())
