"""A retro leaves as a file and comes back as it was: here, where nothing changes, and in an empty house."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from config.demo.teller import tell as tell_the_demo
from config.forms import clean_line, validate_visible
from config.people.models import User
from incidents.models import CustomerUpdate, Incident
from retros.exchange import from_json, from_markdown, read, store, to_json
from retros.exchange.identity import uuids_of
from retros.exchange.markdown import render
from retros.exchange.perspectives import order
from retros.exchange.plain import plain_value, pruned, to_json_text
from retros.exchange.telling import KINDS
from retros.models import Factor, Finding, Participant, Retrospective, StepKind, TimelineMark, Topic
from tests.incidents.pages import history_rows
from tests.retros.files import all_as_text, export, forgotten, load, tree
from tests.retros.worked import KIM, done_in, works

REAL = Path(settings.BASE_DIR).parent / "shared/data/postmortems"

pytestmark = pytest.mark.django_db


def assert_comes_back(tmp_path, form="md"):
    """What was exported is imported over itself without a change, by whoever exports it again."""
    first, again = tmp_path / "first", tmp_path / "again"
    export(first, format=form, restricted=True)
    before = history_rows()
    said = load(first)
    assert "(0 created, 0 changed, " in said
    assert history_rows() == before
    export(again, format=form, restricted=True)
    assert tree(again) == tree(first)
    return first


def assert_comes_into_an_empty_house(folder, tmp_path, form="md"):
    """Imported where nothing is, and exported again: the same bytes; a second time changes nothing."""
    assert not Retrospective.objects.exists()
    total = len(tree(folder))
    assert f"({total} created, 0 changed, 0 unchanged)" in load(folder).partition(";")[0] + ")"
    before = history_rows()
    assert f"(0 created, 0 changed, {total} unchanged)" in load(folder)
    assert history_rows() == before
    export(tmp_path / "there", format=form, restricted=True)
    assert tree(tmp_path / "there") == tree(folder)


@pytest.mark.parametrize("form", ["md", "json"])
def test_every_retro_of_the_demo_comes_back_as_it_was(tmp_path, form):
    with forgotten():
        tell_the_demo()
        folder = assert_comes_back(tmp_path, form)
        assert len(tree(folder)) == Retrospective.objects.count() > 5
    assert_comes_into_an_empty_house(folder, tmp_path, form)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the public postmortems are not on this machine")
def test_the_real_postmortems_come_back_as_they_were(tmp_path):
    with forgotten():
        call_command("import_postmortems", str(REAL), verbosity=0)
        folder = assert_comes_back(tmp_path)
        assert len(tree(folder)) == 166
    assert_comes_into_an_empty_house(folder, tmp_path)


def test_numbers_move_where_the_history_knows_them(tmp_path, retro, resolved, severity):
    export(tmp_path)
    Retrospective.objects.all().delete()
    Incident.objects.all().delete()
    load(tmp_path)
    again = Retrospective.objects.get()
    assert again.pk != retro.pk
    assert again.incidents.get().pk != resolved.pk
    assert again.incidents.get().external_id == uuids_of([resolved])[resolved.pk]
    before = history_rows()
    assert "(0 created, " in load(tmp_path)  # the first time it says how its numbers are here
    assert history_rows() == before


def test_the_next_number_is_beyond_those_of_the_files(tmp_path, severity):
    path = write(tmp_path, a_document(reference="RETRO-7001"))
    load(path)
    assert Retrospective.objects.get().pk == 7001
    assert Incident.objects.create(title="The next one", severity=severity).pk > 7001


# --- Any text


QUICK = [Phase.explicit, Phase.generate]  # an example that fails says enough; a smaller one takes minutes
LINES = st.sampled_from(
    [
        *(
            "",
            " ",
            "  ",
            "\t",
            "---",
            "...",
            "# One",
            "## Customer impact",
            "### Detection",
            "Setext",
            "=====",
            "-----",
        ),
        *(
            "```",
            "~~~",
            "- item",
            "  indented",
            "    code",
            "<!-- part: impact -->",
            "\\<!-- part: findings -->",
        ),
        *(
            "<!-- end -->",
            "\\<!-- end -->",
            "<!-- comment",
            "-->",
            "| a | b |",
            "key: value",
            "- - x",
            "yes",
            "\\",
            '"',
        ),
        *(
            "trailing  ",
            "\u2028",
            "\x85",
            "\u00a0",
            "\ufeff",
            "👩\u200d🚒",
            "e\u0301",
            "\x0b\x0c",
            "{{ x }}",
            "&amp;",
        ),
    ]
)
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60)
TEXT = st.lists(LINES | ANY, max_size=8).map("\n".join).map(lambda text: text.replace("\r", "\n"))
SOME = TEXT.filter(lambda text: text != "")
TRICKY = st.sampled_from(
    [
        "null",
        "yes",
        "~",
        "- a",
        "a: b",
        "a #b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x",
        "'x",
        '"x',
        "{x}",
        "[x]",
        "1",
        "1e3",
    ]
)
TOPICS = st.sampled_from(Topic.values)
LINE = (TRICKY | ANY).map(clean_line).filter(lambda line: is_visible(line))
AT = st.integers(0, 8 * 10**14).map(
    lambda us: plain_value(datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=us))
)


def is_visible(line):
    try:
        validate_visible(line)
    except ValidationError:
        return False
    return bool(line)


@st.composite
def documents(draw):
    """Documents as `tell` makes them, with the most hostile texts there are."""
    kinds = st.sampled_from(Finding.Kind.values)
    finding = st.fixed_dictionaries({"kind": kinds, "text": SOME}, optional={"accepted_because": SOME})
    findings = sorted(draw(st.lists(finding, max_size=5)), key=lambda one: KINDS[one["kind"]])
    entry = {"at": AT, "kind": st.sampled_from(["note", "state", "alert"]), "text": SOME}
    more = {"source": LINE.map(short), "mark": marks(), **showing(findings)}
    entries = draw(st.lists(st.fixed_dictionaries(entry, optional=more), max_size=4))
    headings = draw(st.lists(LINE.map(lambda line: line[:200].strip()), max_size=4, unique=True))
    people = draw(st.lists(LINE.map(lambda line: line[:200].strip()), max_size=3))
    incident = {"title": draw(LINE), "summary": draw(TEXT), "data_safety": draw(TEXT)}
    document = a_document(
        title=draw(LINE),
        customer_impact=draw(TEXT),
        sections=[
            {"heading": h, "topic": draw(st.sampled_from(Topic.values)), "text": draw(TEXT)} for h in headings
        ],
        factors=[
            {"factor": slug, "note": draw(TEXT)}
            for slug in draw(st.sets(st.sampled_from(["a-b", "c", "d1"])))
        ],
        findings=findings,
        participants=[{"hat": "customer", "name": name} for name in people],
        perspectives=sorted(draw(perspectives(people)), key=order),
        actions=[
            {
                **AN_ACTION,
                "title": draw(LINE),
                "why": draw(SOME),
                "evidence": draw(SOME),
                "checks": [A_CHECK | {"note": draw(SOME)}, {**A_CHECK, **AGAIN, "note": draw(SOME)}],
            }
        ],
        incident=incident
        | {"timeline": in_time(entries, "at"), "updates": in_time(draw(UPDATES), "published_at")},
        **draw(work(headings)),
    )
    return naming_kim(document | pruned({"checklist": draw(steps(document))}))


def marks():
    star = st.fixed_dictionaries({"marked_at": AT, "is_starred": st.just(True)}, optional={"note": SOME})
    kinds = st.sampled_from(TimelineMark.Kind.values)
    return star | st.fixed_dictionaries({"marked_at": AT, "kind": kinds}, optional={"note": SOME})


def showing(findings):
    """Entries may show any of the findings, which are called by kind and number, kind by kind."""
    kinds = [one["kind"] for one in findings]
    places = [f"{kind} {kinds[: number + 1].count(kind)}" for number, kind in enumerate(kinds)]
    shown = st.sets(st.sampled_from(places), min_size=1).map(lambda some: sorted(some, key=places.index))
    return {"shows": shown} if places else {}


UPDATES = st.lists(
    st.fixed_dictionaries(
        {
            "published_at": AT,
            "status": st.sampled_from(CustomerUpdate.Status.values),
            "text": SOME.filter(str.strip),
        },
        optional={"next_update_by": AT},
    ),
    max_size=3,
    unique_by=lambda one: one["published_at"],
)


@st.composite
def perspectives(draw, people):
    """What some of the people say, with their names, and what some others say without."""
    answer = st.fixed_dictionaries({"asked": LINE.map(asked).filter(bool), "topic": TOPICS, "text": SOME})
    answers = st.lists(answer, min_size=1, max_size=2)
    named = {"invited_at": AT, "answered_at": AT, "due_on": st.just("2024-03-05"), "text": SOME}
    attributed = [
        {"hat": "customer", "name": name, "is_attributed": True, "answers": draw(answers)}
        | draw(st.fixed_dictionaries(named))
        for name in people[:1]
    ]
    hats = st.sampled_from(Participant.Hat.values)
    return attributed + draw(st.lists(st.fixed_dictionaries({"hat": hats, "answers": answers}), max_size=2))


def in_words(value):
    """Numbers and true as the front matter has them."""
    if isinstance(value, list):
        return [in_words(one) for one in value]
    if isinstance(value, dict):
        return {key: in_words(one) for key, one in value.items()}
    return {True: "true"}.get(value, value) if isinstance(value, bool) else value and str(value)


def in_time(rows, name):
    return sorted(rows, key=lambda one: datetime.fromisoformat(one[name]))


def asked(line):
    return line[:300].strip()


def short(line):
    return line[:100].strip()


work = works(AT, LINE, TEXT, SOME)


@st.composite
def steps(draw, document):
    """The checklist of a document: done is what follows from the rest of it."""
    done = done_in(document) | draw(st.sets(st.just("perspectives")))
    step = st.fixed_dictionaries({"due_on": st.just("2024-03-05")}, optional={"owner": st.just(KIM)})
    left_out = st.fixed_dictionaries(
        {"status": st.just("left_out"), "left_out_because": SOME, "left_out_at": AT}
    )
    kinds = draw(st.lists(st.sampled_from(StepKind.values), unique=True, max_size=4))
    return [
        {"kind": kind, "is_done": kind in done} | draw(step) | draw(st.just({}) | left_out) for kind in kinds
    ]


@given(documents())
@effort(
    max_examples=150, deadline=None, derandomize=True, phases=QUICK, suppress_health_check=list(HealthCheck)
)
def test_any_text_survives_markdown_and_json(document):
    text = render(document)
    again = from_markdown(text)
    assert render(again) == text
    assert to_json_text(from_json(to_json_text(document))) == to_json_text(document)
    assert render(from_json(to_json_text(document))) == text
    assert again.keys() == document.keys()
    for key in ("title", "customer_impact", "sections", "factors", "findings", "participants"):
        assert again.get(key) == document.get(key)
    # In the front matter true is a word.
    told, read_again = (
        [{**one, "is_attributed": "is_attributed" in one} for one in d.get("perspectives", [])]
        for d in (document, again)
    )
    assert read_again == told
    assert again["actions"] == document["actions"]
    for key in ("reviews", "comments"):
        assert again.get(key) == document.get(key)
    for key in ("meeting", "learning", "checklist"):
        assert in_words(again.get(key)) == in_words(document.get(key))
    for key in ("timeline", "updates"):
        assert again["incidents"][0].get(key) == document["incidents"][0].get(key)


@given(documents())
@effort(
    max_examples=20, deadline=None, derandomize=True, phases=QUICK, suppress_health_check=list(HealthCheck)
)
def test_any_text_survives_the_database(document):
    with forgotten():
        text = render(document)
        assert str(store([read(from_markdown(text))])).startswith("1 created")
        assert all_as_text()[document["reference"]] == text
        before = history_rows()
        assert str(store([read(from_markdown(text))])) == "0 created, 0 changed, 1 unchanged"
        assert history_rows() == before


def test_a_hundred_thousand_characters_survive(tmp_path):
    text = ("## Part\n\n<!-- part: impact -->\n" + "x" * 70 + "\n") * 980
    document = a_document(sections=[{"heading": "Long", "topic": "other", "text": text}])
    load(write(tmp_path, document))
    assert all_as_text()[document["reference"]] == render(document)


# --- What a changed file changes


@pytest.fixture
def told(retro, omar, ravi, tmp_path):
    """A retro with something of everything, and its file."""
    make_rich(retro, omar)
    export(tmp_path)
    (path,) = tmp_path.rglob("*.md")
    return path


def make_rich(retro, omar):
    retro.findings.create(kind="luck", text="It was Sunday.")
    finding = retro.findings.create(kind="detection", text="Nobody looked.")
    retro.retro_factors.create(factor=Factor.objects.get(slug="time"), note="A key ended.")
    retro.participants.create(user=omar, hat="product")
    retro.action_items.create(title="Look", why="Customers noticed first.", owner=omar, finding=finding)
    section = retro.sections.get(heading="Detection")
    section.text = "Nobody looked."
    section.save()


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_changed_in_the_file_changes_here_and_nothing_else(told, retro):
    change(told, "- It was Sunday.", "- It was a quiet Sunday.")
    finding, before = retro.findings.get(kind="luck"), history_rows()
    assert "(0 created, 1 changed, 0 unchanged)" in load(told)
    assert sum(history_rows().values()) == sum(before.values()) + 1
    finding.refresh_from_db()
    assert finding.text == "It was a quiet Sunday."
    entry = finding.history.first()
    assert (entry.history_actor_kind, entry.history_change_reason) == (
        "import",
        "Imported from files of Aftercare.",
    )
    assert all_as_text()[retro.reference] == told.read_text()


def test_a_section_with_another_heading_is_the_same_section(told, retro):
    section = retro.sections.get(heading="Detection")
    change(told, "\n## Detection\n", "\n## How we knew\n")
    load(told)
    section.refresh_from_db()
    assert section.heading == "How we knew"


def test_what_the_file_no_longer_has_goes_but_what_happened_stays(told, retro, omar):
    text = told.read_text()
    retro.findings.create(kind="luck", text="Written since.")
    retro.action_items.create(title="Promised since", why="Trust.")
    retro.incidents.get().log("note", "Happened since.", by=omar)
    assert "; 2 rows kept of which the files say nothing" in load(told)
    assert not retro.findings.filter(text="Written since.").exists()
    assert retro.action_items.filter(title="Promised since").exists()
    assert retro.incidents.get().timeline.filter(text="Happened since.").exists()
    assert told.read_text() == text


def test_a_dry_run_says_what_would_be_and_stores_nothing(told, retro):
    change(told, "Nobody looked.", "Nobody could look.")
    before = history_rows()
    assert load(told, dry_run=True).startswith("dry run: 1 retros (0 created, 1 changed")
    assert history_rows() == before


def test_somebody_unknown_becomes_a_person_who_cannot_sign_in(told, retro):
    change(told, "omar@example.com", "new@example.com")
    change(told, "new@example.com: Omar", "new@example.com: Newa")
    change(told, "(Omar,", "(Newa,")
    assert "1 people added, who cannot sign in" in load(told)
    person = User.objects.get(email="new@example.com")
    assert (person.name, person.is_active, person.is_staff) == ("Newa", False, False)
    assert not person.has_usable_password()
    assert retro.action_items.get().owner == person


def test_windows_line_ends_change_nothing(told):
    told.write_bytes(told.read_bytes().replace(b"\n", b"\r\n"))
    assert "(0 created, 0 changed, 1 unchanged)" in load(told)


# --- Refusals


def refused(path):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        load(path)
    assert history_rows() == before
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<!-- end -->\n", "", "its end is missing"),
        ("SEV1", "SEV9", "no severity 'SEV9' here"),
        ("kind: prevent", "kind: pervent", "action no. 1: kind cannot be kept"),
        ("aftercare: 3", "aftercare: 4", "aftercare is not a format we know"),
        ("aftercare: 3", "aftercare: [", "line "),
        ("aftercare: 3", "aftercare: 3\naftercare: 3", "a key is there twice"),
        ("aftercare: 3", "aftercare: &a 1\nx: *a", "aliases are not read"),
        ("aftercare: 3", "aftercare: 3\nsevrity: SEV1", "'sevrity' is no key of this format"),
        ("aftercare: 3", "aftercare: 3\nleft_out:\n- people", "only what one reader may see"),
        ("# Checkout fails for one in five", "# Checkout", "the title in the text"),
        ("<!-- part: findings -->", "<!-- part: fundings -->", "there is no part 'fundings'"),
        ("<!-- part: factors -->\n", "<!-- part: impact -->\n", "is there twice"),
        ("### Where we were lucky", "### Root cause", "is no kind of finding"),
        ("- It was Sunday.", "It was Sunday.", "neither an item"),
        ("finding: detection 1", "finding: detection 9", "there is no finding"),
        ("- time", "- ti!me", "factor no. 1: factor cannot be kept"),
        ("(Omar, open)", "(Omar, done)", "the list under 'actions' repeats the front matter"),
        ("opened_at: 2", "opened_at: x2", "opened_at is not a moment"),
        ("status: draft", "status: published", "retro_published_with_moment"),
        ("\n## Detection\n", "\n## Remediation\n", "the heading Remediation is there twice"),
        ("\n## Detection\n", "\nDetection\n", "no heading"),
        ("- time: A", "- 2: A", "categories repeats"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_stored(told, old, new, says):
    text = told.read_text()
    assert old in text
    told.write_text(text.replace(old, new))
    said = refused(told)
    assert said.startswith(f"Nothing imported: {told.name}")
    assert says in said


def test_one_wrong_file_of_many_stops_all(tmp_path):
    good = write(tmp_path, a_document())
    (tmp_path / "z.md").write_text("no front matter")
    assert "z.md: it does not begin with front matter" in refused(tmp_path)
    assert good.exists()
    assert not Retrospective.objects.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[" * 100_000, '{"a": 1, "a": 2}', '{"aftercare": 1}', "{}", '{"aftercare": NaN}'],
    ids=["empty", "half", "list", "deep", "twice", "bare", "nothing", "no number"],
)
def test_json_that_is_no_retro_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert "a.json" in refused(tmp_path / "a.json")


@pytest.mark.parametrize("key", ["title", "incidents", "sections", "names", "actions", "due_on", "reference"])
@pytest.mark.parametrize("value", [None, True, 7, [], ["x"], {}, {"x": "y"}, "x", [[]], "\ud800"], ids=repr)
def test_values_of_any_shape_are_refused_in_words(tmp_path, key, value):
    document = a_document()
    document[key] = value
    (tmp_path / "a.json").write_text(json.dumps(document))
    with suppress(CommandError):  # whatever else is raised is a fault
        load(tmp_path / "a.json", dry_run=True)


def test_a_file_about_incidents_of_two_retros_is_refused(tmp_path, retro, severity):
    other = Incident.objects.create(title="Another", severity=severity)
    Retrospective.objects.open_for(other)
    export(tmp_path)
    both = [json.loads(to_json(one)) for one in Retrospective.objects.order_by("pk")]
    both[0]["incidents"] += both[1]["incidents"]
    path = write(tmp_path, both[0])
    assert f"belong to {retro.reference} and " in refused(path)


def test_a_folder_without_files_and_a_file_that_is_not_there_are_refused(tmp_path):
    assert "holds no .md or .json files" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "none.md")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.md").write_bytes(b"---\n\xff")
    assert "a.md: it is not UTF-8 text: byte 4" in refused(tmp_path)


# --- The command that writes


def test_restricted_ones_stay_here_unless_they_are_asked_for(tmp_path, retro, resolved):
    Incident.objects.filter(pk=resolved.pk).update(visibility="restricted")
    assert "1 left out, as they are about restricted incidents" in export(tmp_path)
    assert tree(tmp_path) == {}
    assert "1 retros written" in export(tmp_path, restricted=True)


def test_one_retro_by_name_and_nothing_written_twice_or_removed(tmp_path, retro, resolved):
    (tmp_path / "postmortems").mkdir()
    (tmp_path / "postmortems/mine.md").write_text("Mine")
    assert "1 files new or changed" in export(tmp_path, retro=[retro.reference])
    assert "0 files new or changed, 1 as before" in export(tmp_path)
    year, number = resolved.started_at.year, resolved.reference.lower()
    names = {f"postmortems/{year}/{number}-checkout-fails-for-one-in-five.md", "postmortems/mine.md"}
    assert set(tree(tmp_path)) == names
    with pytest.raises(CommandError, match="no retrospective 'RETRO-9999'"):
        export(tmp_path, retro=["RETRO-9999"])


def test_a_file_that_cannot_be_written_is_told_in_a_line(tmp_path, retro):
    (tmp_path / "postmortems").write_text("in the way")
    with pytest.raises(CommandError, match="cannot be written"):
        export(tmp_path)


# --- Documents of our own making

AN_ACTION = {
    "reference": "ACT-7001",
    "title": "Look",
    "why": "Trust.",
    "kind": "detect",
    "status": "done",
    "created_at": "2024-03-02T10:31:00Z",
    "ended_at": "2024-04-02T10:31:00Z",
    "evidence": "Seen",
}

# Whether it worked, on its day; and when the incident of the document itself made somebody ask.
A_CHECK = {
    "done_at": "2024-04-02T10:31:00Z",
    "due_on": "2024-05-02",
    "status": "effective",
    "created_at": "2024-05-01T10:31:00Z",
    "answered_at": "2024-05-02T10:31:00Z",
}
AGAIN = {"happened_again": {"reference": "INC-7001", "uuid": "0a1b2c3d-0000-5000-8000-0123456789ab"}}


def a_document(incident=None, **other):
    """A document as another installation might have told it."""
    about = {
        "reference": "INC-7001",
        "uuid": "0a1b2c3d-0000-5000-8000-0123456789ab",
        "title": "Checkout fails",
        "severity": "SEV2",
        "status": "declared",
        "visibility": "internal",
        "detection": "alert",
        "declared_at": "2024-03-01T10:31:00.000001Z",
        **(incident or {}),
    }
    document = {
        "aftercare": 3,
        "reference": "RETRO-7001",
        "title": "Checkout",
        "status": "draft",
        "due_on": "2024-03-09",
        "opened_at": "2024-03-02T10:31:00Z",
        "incidents": [{key: value for key, value in about.items() if value not in ("", [])}],
        **other,
    }
    if factors := document.get("factors"):
        document["factors"] = sorted(factors, key=lambda one: one["factor"])
        names = {one["factor"]: one["factor"].title() for one in factors}
        document["names"] = {"factors": names}
    return naming_kim(pruned(document))


def naming_kim(document):
    """The document with her name, if it speaks of her."""
    if KIM in json.dumps(document):
        document.setdefault("names", {})["people"] = {KIM: "Kim"}
    return document


def write(folder, document):
    path = folder / "a.md"
    path.write_text(render(document))
    return path
