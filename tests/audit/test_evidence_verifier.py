"""The verifier in a pack: whatever is changed in a pack, by whomever, it says so; of a true pack it says nothing."""

import ast
import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone

from config.audit import anchors
from config.audit.evidence import verifier
from config.audit.evidence.scopes import Period, Story
from config.audit.ledger import Anchor
from config.demo.teller import tell
from incidents.models import Incident, Region, TimelineEntry
from tests.audit.evidence import Pack, file_of, is_found, made, rebuilt

pytestmark = pytest.mark.django_db
TITLE, OTHER = b"Checkout fails for one in five", b"Checkout was slow for a moment"


@pytest.fixture
def pack(item, incident):
    return made(Story(Incident, incident.pk))


@pytest.fixture
def period(item, incident):
    return made(Period(timezone.localdate(), timezone.localdate()))


@pytest.fixture
def lines():
    """The anchors as they were kept outside."""
    return lambda: [anchor.line for anchor in Anchor.objects.all()]


def without(pack, name):
    return Pack({one: content for one, content in pack.items() if one != name})


def with_lines(pack, name, change):
    found = pack.lines(name)
    change(found)
    changed = Pack(pack)
    changed.put(name, found)
    return changed


def swap(found):
    found[0], found[1] = found[1], found[0]


def says(pack, text, **options):
    return any(text in finding for finding in pack.check(**options).findings)


def run(*arguments, python=sys.executable, cwd=None):
    """The verifier as an auditor runs it, without anything that was installed."""
    done = subprocess.run(
        [python, "-I", "-S", *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


# --- The demo, on a clean Python ---------------------------------------------------------------------------


@pytest.fixture
def demo_pack(db):
    tell()
    for _ in range(3):
        Region.objects.create(slug=f"r{Region.objects.count()}", name="Somewhere")
        anchors.anchor(Anchor.Occasion.HOUR)
    return made(Story(Incident, Incident.objects.get(external_id="demo:confirmations").pk))


def test_a_pack_of_the_demo_verifies_on_a_clean_python(demo_pack, tmp_path, lines):
    pack, kept = demo_pack.zipped(tmp_path / "pack.zip"), tmp_path / "kept"
    kept.write_text("\n".join(lines()))
    (tmp_path / "check.py").write_bytes(demo_pack["verify.py"])
    code, said = run("check.py", pack, "--anchors", kept, cwd=tmp_path)
    assert code == 0, said
    assert f"{demo_pack.manifest['counts']['rows']:,} history rows" in said
    assert "Clean" in said


@pytest.mark.slow
def test_a_thousand_flipped_bytes_are_a_thousand_findings(demo_pack):
    places = [
        (name, at)
        for name, content in demo_pack.items()
        if name.startswith(("history/", "records", "seals")) and name.endswith("jsonl")
        for at in range(len(content))
    ]
    chance = random.Random(1_000)
    missed = []
    for name, at in chance.sample(places, 1_000):
        content = bytearray(demo_pack[name])
        content[at] ^= 1 << chance.randrange(8)
        if not is_found(Pack(demo_pack | {name: bytes(content)})):
            missed.append((name, at))
    assert missed == []


@pytest.mark.slow
def test_a_flipped_byte_is_found_though_the_manifest_was_made_anew(demo_pack):
    names = [n for n in demo_pack if n.startswith(("history/", "records", "seals"))]
    chance = random.Random(7)
    for _ in range(300):
        name = chance.choice(names)
        content = bytearray(demo_pack[name])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        assert is_found(Pack(demo_pack | {name: bytes(content)}).with_its_manifest()), name


def test_it_runs_on_python_3_8_and_imports_nothing_but_the_standard_library():
    tree = ast.parse(Path(verifier.__file__).read_text(), feature_version=(3, 8))
    imported = {
        name.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for name in node.names
    }
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("python", ["python3.8", "python3.9", "python3.14"])
def test_it_verifies_on_other_pythons(python, period, tmp_path):
    if subprocess.run(["sh", "-c", f"{python} -V"], capture_output=True, check=False).returncode:
        pytest.skip(f"no {python} here")
    assert run(verifier.__file__, period.zipped(tmp_path / "p.zip"), python=shutil.which(python))[0] == 0


def test_an_unpacked_pack_checks_itself(pack, tmp_path):
    with zipfile.ZipFile(pack.zipped(tmp_path / "p.zip")) as file:
        file.extractall(tmp_path / "unpacked")
    before = sorted((tmp_path / "unpacked").rglob("*"))
    assert run("verify.py", cwd=tmp_path / "unpacked")[0] == 0
    (tmp_path / "unpacked/records.jsonl").write_bytes(b"")
    assert run("verify.py", cwd=tmp_path / "unpacked")[0] == 1
    assert sorted((tmp_path / "unpacked").rglob("*")) == before


# --- One who changes files ---------------------------------------------------------------------------------


TAMPERINGS = {
    "a line removed": lambda p: with_lines(p, file_of(TimelineEntry), lambda found: found.pop(0)),
    "two lines swapped": lambda p: with_lines(p, file_of(TimelineEntry), swap),
    "the tail cut": lambda p: with_lines(p, file_of(TimelineEntry), lambda found: found.pop()),
    "a line repeated": lambda p: with_lines(p, file_of(TimelineEntry), lambda f: f.append(f[-1])),
    "a seal removed": lambda p: with_lines(p, "seals.jsonl", lambda found: found.pop(3)),
    "the seals' tail cut": lambda p: with_lines(p, "seals.jsonl", lambda found: found.pop()),
    "two seals swapped": lambda p: with_lines(p, "seals.jsonl", lambda found: found.insert(2, found.pop(3))),
    "all seals gone": lambda p: with_lines(p, "seals.jsonl", lambda found: found.clear()),
    "the anchors gone": lambda p: with_lines(p, "anchors.jsonl", lambda found: found.clear()),
    "a record removed": lambda p: with_lines(p, "records.jsonl", lambda found: found.pop(0)),
    "two records swapped": lambda p: with_lines(p, "records.jsonl", swap),
    "a file removed": lambda p: without(p, file_of(TimelineEntry)),
    "the seals' file removed": lambda p: without(p, "seals.jsonl"),
    "the cover removed": lambda p: without(p, "cover.html"),
    "a history line changed": lambda p: p.changed(file_of(Incident), TITLE, OTHER),
    "a record changed": lambda p: p.changed("records.jsonl", TITLE, OTHER),
    "a cell of the CSV changed": lambda p: p.changed(file_of(Incident).replace("jsonl", "csv"), TITLE, OTHER),
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
def test_it_finds(tampering, pack):
    assert is_found(tampering(pack))


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
def test_it_finds_though_the_manifest_was_made_anew(tampering, pack):
    assert is_found(tampering(pack).with_its_manifest())


def test_a_file_that_was_added_is_found(pack):
    assert says(Pack(pack | {"history/more.jsonl": b"{}\n"}), "is not in the manifest")


def test_a_manifest_changed_alone_is_found(pack):
    assert says(pack.changed("manifest.json", b'"Aud"', b'"Eve"'), "manifest.sha256")


def test_a_record_is_held_against_its_history(pack):
    changed = pack.changed("records.jsonl", TITLE, OTHER).with_its_manifest()
    assert says(changed, "differs from its history in: 'title'")


def test_a_history_line_is_held_against_its_seal(pack):
    changed = pack.changed(file_of(Incident), TITLE, OTHER).with_its_manifest()
    assert says(changed, "is not what was sealed")


def test_a_cover_that_was_changed_is_found(pack):
    assert says(pack.changed("cover.html", b"Ravi", b"Omar"), "is not the file the manifest names")


def test_a_seal_between_is_held_against_its_link(pack):
    other = next(seal for seal in pack.parsed("seals.jsonl") if "digest" in seal and "line" not in seal)
    old, new = (digest.encode() for digest in (other["digest"], "0" * 64))
    changed = pack.changed("seals.jsonl", old, new).with_its_manifest()
    assert says(changed, "the link does not follow from the one before")


def test_a_chain_that_ends_before_an_anchor_is_found(pack):
    shorter = with_lines(pack, "seals.jsonl", lambda found: found.pop())
    links = pack.manifest["counts"]["links"] - 1
    assert says(shorter.with_its_manifest(links=links), "ends here without an anchor")


def test_a_line_nobody_sealed_is_found(pack):
    changed = Pack(pack)
    seals = [{name: one[name] for name in one if name != "line"} for one in pack.parsed("seals.jsonl")]
    changed.put("seals.jsonl", [json.dumps(one, separators=(",", ":")).encode() for one in seals])
    assert says(changed.with_its_manifest(), "has no seal")


def test_an_older_state_passes_for_no_record(incident, item):
    incident.title = "Nobody can pay"
    incident.save()
    pack = made(Story(Incident, incident.pk))
    old = pack.changed("records.jsonl", b"Nobody can pay", TITLE)
    last = len(pack.lines(file_of(Incident)))
    old["records.jsonl"] = old["records.jsonl"].replace(b'"line":%d' % last, b'"line":%d' % (last - 1), 1)
    assert says(old.with_its_manifest(), "is not compared with the last history row")


def test_in_a_period_a_row_left_out_is_missed_though_all_was_made_anew(period):
    name = file_of(TimelineEntry)
    shorter = with_lines(period, name, lambda found: found.pop(1))
    table, seals = name[8:-6], []
    for seal in shorter.parsed("seals.jsonl"):
        if seal.get("table") == table:
            line = seal.pop("line")
            seal |= {"line": line - (line > 2)} if line != 2 else {}
        seals.append(json.dumps(seal, separators=(",", ":")).encode())
    shorter.put("seals.jsonl", seals)
    assert says(shorter, "was sealed between others, and is not in the pack")


# --- One who makes everything anew -------------------------------------------------------------------------


def test_a_pack_made_anew_agrees_with_itself_and_not_with_the_anchors_outside(pack, lines):
    forged = rebuilt(pack, file_of(Incident), TITLE, OTHER)
    assert forged.check().findings == []
    assert says(forged, "anchored outside", outside=lines())
    assert pack.check(outside=lines()).code == 0


def test_nor_with_the_manifest_that_was_recorded(pack):
    digest = verifier.hashlib.sha256(pack["manifest.json"]).hexdigest()
    assert pack.check(digest=digest).code == 0
    assert says(rebuilt(pack, file_of(Incident), TITLE, OTHER), "SHA-256 was given", digest=digest)


def test_anchors_that_do_not_reach_the_pack_confirm_nothing(pack, lines):
    assert pack.check(outside=[]).code == 2
    assert pack.check(outside=lines()[1:]).code == 2


def test_it_says_that_it_was_given_no_anchors(pack, tmp_path):
    code, said = run(verifier.__file__, pack.zipped(tmp_path / "p.zip"))
    assert code == 0
    assert "Not compared with anchors kept outside" in said


def test_a_redaction_nobody_sealed_excuses_nothing(pack):
    changed = pack.changed(file_of(Incident), TITLE, OTHER)
    old, new = (
        verifier.hashlib.sha256(one.lines(file_of(Incident))[0]).hexdigest() for one in (pack, changed)
    )
    seal = next(one for one in pack.parsed("seals.jsonl") if one.get("digest") == old)
    entry = {"table": seal["table"], "row": seal["row"], "before": old, "after": new}
    changed["redactions.jsonl"] = json.dumps(entry).encode() + b"\n"
    manifest = changed.manifest
    files = {"file": "redactions.jsonl", "csv": "redactions.csv"}
    manifest["tables"][verifier.REDACTIONS] = files | {"columns": list(entry), "record": [], "pk": None}
    changed["manifest.json"] = json.dumps(manifest).encode()
    changed["redactions.csv"] = verifier.csv_header(list(entry)) + verifier.csv_line(b"", entry, list(entry))
    assert says(changed.with_its_manifest(rows=manifest["counts"]["rows"] + 1), "is not what was sealed")


# --- What is no pack ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../evil.sh", "/etc/evil", "a\\b", "history/../../evil", "C:evil"])
def test_a_path_that_leads_out_is_a_finding_and_nothing_is_written(name, pack, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    Pack(pack | {name: b"x"}).with_its_manifest().zipped(there / "p.zip")
    assert run(verifier.__file__, there / "p.zip", cwd=there)[0] == 1
    assert [path.name for path in there.rglob("*")] == ["p.zip"]
    assert list(tmp_path.rglob("*evil*")) == []


def test_a_zip_that_would_unpack_to_terabytes_is_refused(pack, tmp_path, monkeypatch):
    monkeypatch.setattr(verifier, "MOST_BYTES", 10_000)
    with pytest.raises(verifier.CannotCheck, match="more than a pack has"):
        verifier.Zip(pack.zipped(tmp_path / "p.zip"))


def test_a_line_without_an_end_is_not_read_into_memory(pack, monkeypatch):
    monkeypatch.setattr(verifier, "MOST_LINE", 100)
    assert says(pack, "has a line of more than 100 bytes")


def test_a_link_in_an_unpacked_pack_is_not_followed(pack, tmp_path):
    for name, content in pack.items():
        (tmp_path / "u" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "u" / name).write_bytes(content)
    (tmp_path / "u/records.jsonl").rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", tmp_path / "u/records.jsonl")
    assert run(verifier.__file__, tmp_path / "u")[0] == 1


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x03\x04" + bytes(200), json.dumps({"format": 1}).encode()]
)
def test_what_is_no_pack_cannot_be_checked(content, tmp_path):
    (tmp_path / "p.zip").write_bytes(content)
    assert run(verifier.__file__, tmp_path / "p.zip")[0] == 2


@pytest.mark.parametrize(
    "manifest", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"format": "aftercare-evidence/1"}']
)
def test_a_manifest_that_is_none_cannot_be_checked(manifest, pack):
    with pytest.raises(verifier.CannotCheck):
        Pack(pack | {"manifest.json": manifest}).check()


def test_a_damaged_zip_is_found(pack, tmp_path):
    path = pack.zipped(tmp_path / "p.zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run(verifier.__file__, path)[0] in (1, 2)


def test_lines_that_are_no_utf_8_are_hashed_and_counted(incident, tmp_path):
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL stores nothing but UTF-8")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE incidents_incident SET summary = CAST(x'ff22' AS TEXT) WHERE id = %s", [incident.pk]
        )
    pack = made(Story(Incident, incident.pk))
    code, said = run(verifier.__file__, pack.zipped(tmp_path / "p.zip"))
    assert code == 0, said
    assert "1 rows are no JSON in UTF-8" in said
    changed = pack.changed(file_of(Incident), b"\xff", b"\xfe").with_its_manifest()
    assert says(changed, "is not what was sealed")
