"""Postmortems of others become incidents of the past with a published retro: all of them or none."""

import io
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from config.audit.actor import WEB, acting
from incidents.models import Incident, TimelineEntry
from retros.models import Factor, Retrospective
from retros.sweeps import incidents_without_retro
from tests.incidents.pages import history_rows

REAL = Path(settings.BASE_DIR).parent / "shared/data/postmortems"
FRONT = {
    "uuid": "029b4a8e-0332-4b91-abc3-5f84bdf70094",
    "url": "https://blog.example/intermittent-downtime",
    "title": "Intermittent downtime",
    "start_time": "2022-11-18T15:40:00Z",
    "end_time": "2022-11-18T16:12:00.250Z",
    "categories": "\n- config-change\n- cloud",
    "keywords": "\n- panic\n- pub/sub",
    "company": "Example",
    "product": "Web site",
    "source_published_at": "2022-11-30T00:00:00+01:00",
    "source_fetched_at": "2026-05-04T17:44:40.227476Z",
    "summary": "A message stopped the workers.",
}
BODY = "On Friday we were down.\n\nThen we were not."

pytestmark = pytest.mark.django_db


def a_file(body=BODY, **other):
    """A postmortem; None leaves a key out."""
    front = {key: value for key, value in (FRONT | other).items() if value is not None}
    return "---\n" + "".join(f"{key}: {value}\n" for key, value in front.items()) + f"\n---\n\n{body}\n"


def bare(uuid="0000", **other):
    """One that gives hardly anything."""
    return a_file(**dict.fromkeys(FRONT), **other).replace("---\n", f"---\nuuid: {uuid}\n", 1)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "postmortems"
    folder.mkdir()
    return folder


@pytest.fixture
def load(folder):
    """Import these texts or bytes as the files of a directory; returns what is printed."""

    def load(*contents, **options):
        for number, content in enumerate(contents, 1):
            data = content if isinstance(content, bytes) else content.encode()
            (folder / f"{number}.md").write_bytes(data)
        return run(folder, **options)

    return load


def run(folder, **options):
    out = io.StringIO()
    call_command("import_postmortems", str(folder), stdout=out, **options)
    return out.getvalue().strip()


def refused(load, *contents):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        load(*contents)
    assert history_rows() == before
    assert not Incident.objects.exists()
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def sections():
    return dict(Retrospective.objects.get().sections.values_list("heading", "text"))


# --- What is kept


def test_a_postmortem_becomes_an_internal_incident_of_the_past(load):
    assert load(a_file()) == "1 postmortems (1 created, 0 changed, 0 unchanged), 0 flagged"
    incident = Incident.objects.get()
    assert (incident.title, incident.visibility) == ("Intermittent downtime", "internal")
    assert (incident.status, incident.severity.rank) == ("resolved", 3)
    assert incident.started_at == incident.declared_at == datetime(2022, 11, 18, 15, 40, tzinfo=UTC)
    assert incident.resolved_at == datetime(2022, 11, 18, 16, 12, 0, 250_000, tzinfo=UTC)
    assert incident.source_url == "https://blog.example/intermittent-downtime"
    assert incident.summary == "A message stopped the workers."


def test_its_retro_was_published_when_the_source_was(load):
    load(a_file())
    retro = Incident.objects.get().retros.get()
    assert retro.is_published
    assert retro.published_at == datetime(2022, 11, 29, 23, tzinfo=UTC)
    assert retro.published_by is None
    assert not retro.is_overdue()
    assert sections() == {
        "Summary": "A message stopped the workers.",
        "Narrative": BODY,
        "Source": "- Company: Example\n- Product: Web site\n"
        "- Address: https://blog.example/intermittent-downtime\n- Keywords: panic, pub/sub",
    }


def test_categories_become_factors_and_those_that_are_there_are_used(load):
    known = Factor.objects.count()
    load(a_file(), a_file(uuid="another"))
    assert Factor.objects.count() == known + 1
    assert Factor.objects.get(slug="cloud").name == "Cloud"
    slugs = Retrospective.objects.first().factors.values_list("slug", flat=True)
    assert set(slugs) == {"config-change", "cloud"}


def test_factors_in_other_scripts_are_told_apart(load):
    load(a_file(categories="[時間, 電源]"))
    assert set(Retrospective.objects.get().factors.values_list("name", flat=True)) == {"時間", "電源"}


def test_headings_become_sections_and_no_cause_is_the_one(load):
    body = "First.\n\n## Impact\n\nBad.\n\n```\n# no heading\n```\n\n# Root cause\n\nSeveral.\n\n## Impact\n\nWorse."
    load(a_file(body=body, summary=None))
    told = sections()
    assert list(told) == ["Narrative", "Impact", "Contributing factors", "Source"]
    assert told["Impact"] == "Bad.\n\n```\n# no heading\n```\n\nWorse."
    assert told["Contributing factors"] == "Several."


@pytest.mark.parametrize(
    ("other", "title"),
    [
        ({"title": '""'}, "Example Web site: On Friday we were down."),
        ({"title": None, "product": "~"}, "Example: On Friday we were down."),
        ({"title": None, "company": None, "product": None}, "On Friday we were down."),
        ({"title": None, "body": ""}, "Example Web site"),
        (
            {"title": None, "company": None, "product": None, "body": ""},
            "https://blog.example/intermittent-downtime",
        ),
    ],
    ids=["empty", "company", "first line", "no text", "address"],
)
def test_without_a_title_it_is_called_by_what_there_is(load, other, title):
    load(a_file(**other))
    assert Incident.objects.get().title == Retrospective.objects.get().title == title


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(load):
    load(a_file())
    said = load(b"\xef\xbb\xbf" + a_file().replace("\n", "\r\n").encode())
    assert "(0 created, 0 changed, 1 unchanged)" in said


def test_the_history_says_that_it_was_imported(load):
    load(a_file())
    for row in (Incident.objects.get(), Retrospective.objects.get()):
        entry = row.history.get()
        assert (entry.history_actor_kind, entry.history_user_name) == ("import", "import_postmortems")


def test_no_retro_is_asked_for_again(load, severity):
    load(a_file())
    with acting(kind=WEB):
        Retrospective.objects.all().delete()
        Incident.objects.update(severity=severity)
    assert not incidents_without_retro().exists()


# --- Moments


def flagged(load, **other):
    assert load(a_file(**other)).endswith(" 1 flagged")
    return Incident.objects.get(), TimelineEntry.objects.get(kind="doubt").text


def test_an_end_before_the_start_is_doubted(load):
    incident, doubt = flagged(load, end_time="2022-11-17T16:12:00Z")
    assert (incident.resolved_at, incident.status) == (None, "resolved")
    assert incident.started_at
    assert doubt.startswith("The source says that at 2022-11-17 16:12:00.000 UTC it ended, before it started")


def test_a_text_older_than_the_end_it_tells_of_is_doubted(load):
    _, doubt = flagged(load, source_published_at="2022-11-18T00:00:00Z")
    assert "(source_published_at) it was written, before it was over" in doubt
    assert Retrospective.objects.get().published_at == datetime(2026, 5, 4, 17, 44, 40, 227_476, tzinfo=UTC)


def test_an_address_that_is_none_is_doubted_and_the_first_in_it_used(load):
    incident, doubt = flagged(load, url="https://a.example/x), [see also](https://b.example/")
    assert incident.source_url == "https://a.example/x"
    assert doubt.endswith("https://a.example/x), [see also](https://b.example/")


def test_the_day_it_was_archived_is_better_than_none(load):
    assert load(bare(archive_url="https://web.archive.org/web/20220529044310if_/x")).endswith("0 flagged")
    assert Retrospective.objects.get().published_at == datetime(2022, 5, 29, 4, 43, 10, tzinfo=UTC)


def test_a_file_without_any_moment_is_never_of_today(load):
    assert load(bare()).endswith(" 1 flagged")
    incident, retro = Incident.objects.get(), Retrospective.objects.get()
    assert incident.started_at is incident.resolved_at is None
    assert incident.declared_at == retro.published_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert TimelineEntry.objects.get().text.startswith("The source gives no moment at all")


def test_an_end_without_a_start_is_kept(load):
    load(a_file(start_time=None))
    incident = Incident.objects.get()
    assert incident.started_at is None
    assert incident.resolved_at == incident.declared_at


def test_the_warship_of_1628_is_kept(load):
    load(a_file(start_time="1628-08-10T12:00:00Z"))
    assert Incident.objects.get().started_at.year == 1628


# --- Again, and beside people


def test_a_second_time_writes_nothing_at_all(load):
    load(a_file(), bare())
    before = history_rows()
    assert load() == "2 postmortems (0 created, 0 changed, 2 unchanged), 1 flagged"
    assert history_rows() == before


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({"title": "Down"}, 2),
        ({"body": "On Friday."}, 1),
        ({"categories": "\n- config-change\n- cloud\n- time"}, 1),
        ({"end_time": "2022-11-18T16:30:00Z"}, 1),
        ({"source_published_at": "2022-12-01T00:00:00Z"}, 1),
    ],
    ids=["title", "text", "category", "end", "publication"],
)
def test_a_change_changes_just_those_rows(load, change, rows):
    load(a_file(), bare())
    before = history_rows()
    assert load(a_file(**change)).startswith("2 postmortems (0 created, 1 changed, 1 unchanged)")
    assert sum(history_rows().values()) - sum(before.values()) == rows


def test_what_people_wrote_stays(load, ana):
    load(a_file())
    retro = Retrospective.objects.get()
    with acting(ana, kind=WEB):
        retro.sections.filter(heading="Narrative").update(text="As we see it.")
        retro.sections.get(heading="Summary").delete()
        retro.findings.create(kind="luck", text="It was Friday.")
    assert "(0 created, 0 changed, 1 unchanged)" in load(
        a_file(body="New text.", title="Intermittent downtime")
    )
    assert sections().keys() == {"Narrative", "Source"}
    assert sections()["Narrative"] == "As we see it."
    assert retro.findings.exists()


def test_a_retro_reopened_here_stays_open(load, ana):
    load(a_file())
    Retrospective.objects.get().reopen(by=ana, reason="We know more.")
    load(a_file(source_published_at="2022-12-24T00:00:00Z", title="Down"))
    retro = Retrospective.objects.get()
    assert (retro.status, retro.published_at, retro.title) == ("draft", None, "Down")


def test_a_retro_deleted_here_stays_deleted(load, ana):
    load(a_file())
    with acting(ana, kind=WEB):
        Retrospective.objects.all().delete()
    assert "(0 created, 0 changed, 1 unchanged)" in load()
    assert not Retrospective.objects.exists()


def test_a_dry_run_says_the_same_and_stores_nothing(load):
    before = history_rows()
    said = load(a_file(), dry_run=True)
    assert said == "dry run: 1 postmortems (1 created, 0 changed, 0 unchanged), 0 flagged"
    assert history_rows() == before
    assert not Retrospective.objects.exists()


@pytest.mark.parametrize("count", [5, 40])
def test_the_number_of_queries_does_not_follow_the_number_of_files(load, count):
    files = [a_file(uuid=f"u{number}") for number in range(count)]
    load(*files)
    with CaptureQueriesContext(connection) as queries:
        load(*files)
    assert len(queries) <= 20


# --- The wrong shape


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it does not begin with front matter"),
        ("# Title\n\nText", "it does not begin with front matter"),
        (a_file().replace("\n---\n", "\n"), "it does not begin with front matter"),
        ("---\n---\nText", "uuid is missing"),
        (a_file(uuid=None), "uuid is missing"),
        (a_file(uuid='""'), "uuid is missing"),
        (a_file(uuid="a b"), "uuid is not an identifier: 'a b'"),
        (a_file(uuid="[a]"), "uuid is not text: a list"),
        (a_file(title="[a]"), "title is not text: a list"),
        (a_file(title="a" * 256), "title cannot be kept ("),
        (a_file(title=r'"a\0b"'), "title cannot be kept (Null characters"),
        (a_file(title=r'"a\ud800b"'), "title cannot be kept (Null characters"),
        (a_file(summary="a" * 20_001), "summary cannot be kept (Ensure this value"),
        (a_file(body="a" * 100_001), "text cannot be kept (Ensure this value"),
        (a_file(body="# " + "a" * 201), "heading cannot be kept ("),
        (a_file(categories="cloud"), "categories is not a list: 'cloud'"),
        (a_file(categories="[{a: b}]"), "categories holds something that is not text"),
        (a_file(start_time="2026-13-45"), "start_time is not a moment: '2026-13-45'"),
        (a_file(start_time="2022-11-18T15:40:00"), "start_time is not a moment"),
        (a_file(end_time="2022-11-18"), "end_time is not a moment"),
        (a_file(source_fetched_at="9999-12-31T23:59:59-14:00"), "source_fetched_at is not a moment"),
        (a_file(start_time="0000-01-01T00:00:00Z"), "start_time is not a moment"),
        ("---\nuuid: &a x\ntitle: *a\n---\n", "the front matter is not YAML: aliases are not read"),
        ("---\nuuid: [\n---\n", "the front matter is not YAML: "),
        ("---\nuuid: \x07\n---\n", "the front matter is not YAML: "),
        ('---\nuuid: "\\UFFFFFFFF"\n---\n', "the front matter is not YAML: "),
        ("---\n? [a]\n: b\n---\n", "the front matter is not YAML: "),
        ("---\n- uuid\n---\n", "the front matter has no keys"),
        ("---\nuuid\n---\n", "the front matter has no keys"),
        (f"---\nuuid: {'[' * 5_000}\n---\n", "the front matter is "),
        (f"---\nuuid: x\nother: {'a' * 70_000}\n---\n", "the front matter is longer than 65,536"),
        (b"---\nuuid: \xff\n---\n", "it is not UTF-8 text: byte 10 is invalid start byte"),
        (a_file(body="a" * 1024 * 1024), "it is larger than 1,024 kB"),
    ],
    ids=lambda value: str(value[-40:]).encode("ascii", "replace").decode(),
)
def test_one_bad_file_refuses_all_and_is_named(load, content, message):
    said = refused(load, bare(), content)
    assert said.startswith(f"Nothing imported: 2.md: {message}")


def test_the_same_postmortem_in_two_files_is_refused(load):
    assert refused(load, bare("same"), bare("same")) == "Nothing imported: uuid same is there twice"


def test_python_in_front_matter_is_never_run(load, tmp_path):
    made = tmp_path / "made"
    said = refused(load, a_file(title=f"!!python/object/apply:os.mkdir [{made}]"))
    assert said.endswith("title is not text: a list")
    assert not made.exists()


def test_a_bomb_of_aliases_is_refused_at_once(load):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    started = time.monotonic()
    assert "aliases are not read" in refused(load, "---\nuuid: x\n" + "\n".join(lines) + "\n---\n")
    assert time.monotonic() - started < 5


def test_a_long_line_of_hashes_takes_no_time(load):
    started = time.monotonic()
    assert "heading cannot be kept" in refused(load, a_file(body="# " * 45_000 + "x"))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("line", ["## Move to C#", "## Move to C# ##", "# Move to C#"])
def test_a_heading_keeps_its_own_hash(load, line):
    load(a_file(body=f"{line}\n\nIt took a year."))
    assert sections()["Move to C#"] == "It took a year."


def test_what_is_no_directory_of_postmortems_is_said_in_one_line(folder, tmp_path):
    (tmp_path / "file.md").write_text(a_file())
    for source, why in [
        (tmp_path / "absent", "No such file or directory"),
        (tmp_path / "file.md", "Not a directory"),
        (folder, "holds no Markdown files"),
        ("a\x00b", "embedded null"),
    ]:
        with pytest.raises(CommandError, match=why) as refusal:
            run(source)
        assert "\n" not in str(refusal.value)


def test_a_directory_called_like_a_file_is_refused(load, folder):
    (folder / "folder.md").mkdir()
    assert "Is a directory" in refused(load, a_file())


# --- Anything at all

PATIENT = effort(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def never_half(load, content):
    before = history_rows()
    try:
        said = load(content, dry_run=True)
    except CommandError as refusal:
        said = str(refusal)
    assert said.startswith(("dry run: ", "Nothing imported: "))
    assert "\n" not in said
    assert history_rows() == before


@PATIENT
@given(key=st.sampled_from([*FRONT, "archive_url", "other"]), value=st.text(max_size=40))
def test_any_value_of_any_key_is_imported_or_refused(load, key, value):
    never_half(load, a_file(**{key: value}))


@PATIENT
@given(front=st.text(max_size=60), body=st.text(max_size=60))
def test_any_text_is_imported_or_refused(load, front, body):
    never_half(load, f"---\nuuid: x\n{front}\n---\n{body}")


@PATIENT
@given(data=st.data())
def test_any_byte_changed_is_imported_or_refused(load, data):
    whole = bytearray(a_file().encode())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    never_half(load, bytes(whole))


# --- The real files


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not beside the project")
def test_the_real_files_are_imported_whole_and_again_without_a_trace():
    assert run(REAL) == "166 postmortems (166 created, 0 changed, 0 unchanged), 18 flagged"
    assert Retrospective.objects.count() == Incident.objects.filter(retros__status="published").count() == 166
    assert Incident.objects.filter(timeline__kind="doubt").distinct().count() == 18
    before = history_rows()
    assert run(REAL) == "166 postmortems (0 created, 0 changed, 166 unchanged), 18 flagged"
    assert history_rows() == before
