"""What stands around the text of a retro goes along in its file: marks, evidence, words to customers, perspectives,
and whether actions worked; and none of it is doubled, named or changed where it must not be."""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from actions.models import ActionItem, EffectivenessCheck
from incidents.models import CustomerUpdate, Incident
from retros.exchange import to_json, to_markdown
from retros.models import Perspective, Retrospective, TimelineMark
from tests.conftest import make_person
from tests.incidents.pages import history_rows
from tests.retros.asked import invite, take_part
from tests.retros.files import all_as_text, export, load

pytestmark = pytest.mark.django_db


@pytest.fixture
def rich(retro, resolved, ana, lena, omar, ravi):
    """A retro with something of everything that is not its text."""
    alarm = resolved.log("note", "Three calls to support.", by=ravi)
    fix = resolved.log("note", "A new key.", by=ravi)
    retro.marks.put(
        retro, alarm, by=ana, is_starred=True, kind="detection", note="Customers\nwere our alarm."
    )
    retro.marks.put(retro, fix, by=ana, kind="repair")
    seen = retro.findings.create(kind="detection", text="Nobody looked.", position=1)
    lived = retro.findings.create(kind="luck", text="It was Sunday.", accepted_because="Luck\nis no plan.")
    seen.show_by([alarm, fix])
    lived.show_by([alarm])
    resolved.updates.create(text="We are looking.").publish(by=lena)
    resolved.updates.create(text="Never said.")
    _speak(retro, omar)
    _work(retro, ana, omar)
    return retro


def _speak(retro, omar):
    named = take_part(retro)
    unnamed = retro.participants.create(user=omar, hat="support")
    declined = take_part(retro, name="Lou of Acme", email="lou@acme.example")
    one, two, three = invite(retro, named, unnamed, declined)
    one.submit(by=None, is_attributed=True, answer_1="> Four people\n\nin the room.", answer_2="")
    two.submit(by=omar, is_attributed=False, answer_1="The queue was long.")
    three.submit(by=None, is_attributed=True, answer_1="Better not told.")
    three.decline(by=None)


def _work(retro, ana, omar):
    item = ActionItem.objects.create(title="Look", why="Trust.", owner=omar, retro=retro)
    item.complete(by=omar, evidence="Seen.")
    today = timezone.now().date()
    later = Incident.objects.declare(by=None, title="It happened again", severity=_severity(retro))
    Retrospective.objects.open_for(later)
    on_its_day = item.checks.get()
    on_its_day.answer(by=ana, result="partly", note="Better, not good.")
    item.checks.create(done_at=item.ended_at, asked_of=ana, due_on=today, incident=later)


def _severity(retro):
    return retro.incidents.get().severity


@pytest.fixture
def told(rich, tmp_path):
    export(tmp_path)
    return next(path for path in tmp_path.rglob("*.md") if "checkout-fails" in path.name)


def gone():
    ActionItem.objects.all().delete()
    Retrospective.objects.all().delete()
    EffectivenessCheck.objects.all().delete()
    Incident.objects.all().delete()


def change(path, old, new):
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))


def refused(path):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        load(path)
    assert history_rows() == before
    return str(refusal.value)


# --- It reads well, and comes back


def test_a_person_reads_it_with_sense(rich, resolved):
    text = to_markdown(rich)
    at = f"{timezone.now():%Y-%m-%d}"
    assert f"- **Detection; starred; shows detection 1, luck 1** ({resolved.reference}, {at}" in text
    assert "\n  Customers were our alarm.\n" in text
    assert "## What we live with, and why\n\n- luck 1: Luck\n  is no plan.\n" in text
    assert f"## What customers were told of {resolved.reference}\n\n- {at}" in text
    assert 'investigating {"by": "lena@example.com"}: We are looking.' in text
    assert "### Kim of Acme (Customer)\n\n**How" in text
    assert "\n> > Four people\n>\n> in the room.\n" in text
    assert "### Somebody from support\n" in text
    assert "  - It worked in part (Ana, " in text
    assert "): Better, not good.\n  - Asked (Ana, because of INC-" in text
    assert "Never said" not in text


def test_it_comes_into_an_empty_house_with_everything(rich, tmp_path):
    before = all_as_text()
    export(tmp_path)
    gone()
    assert "2 created" in load(tmp_path)
    after = all_as_text()
    assert without_numbers(after) == without_numbers(before)
    assert "(0 created, 0 changed, 2 unchanged)" in load(tmp_path)
    retro = Retrospective.objects.get(title=rich.title)
    assert set(retro.marks.values_list("kind", "marked_by__name")) == {
        ("detection", "Ana"),
        ("repair", "Ana"),
    }
    assert retro.findings.get(kind="detection").evidence.count() == 2
    assert CustomerUpdate.objects.get().is_published
    check = EffectivenessCheck.objects.exclude(incident=None).get()
    assert check.incident.title == "It happened again"


def test_nothing_is_mailed_or_logged_because_a_file_says_so(rich, tmp_path):
    from config.outbox.models import Delivery

    entries = rich.incidents.get().timeline.count()
    export(tmp_path)
    gone()
    before = Delivery.objects.count()
    load(tmp_path)
    assert Delivery.objects.count() == before
    assert Retrospective.objects.get(title=rich.title).incidents.get().timeline.count() == entries


def without_numbers(texts):
    """The history knows the numbers of what is gone, so it has others now."""
    return sorted(re.sub(r"(INC|RETRO|ACT)-\d+", r"\1", text) for text in texts.values())


# --- Who wants no name is not named


def test_who_wants_no_name_is_in_no_part_of_what_they_said(rich, omar):
    document = json.loads(to_json(rich))
    (unnamed,) = [one for one in document["perspectives"] if "is_attributed" not in one]
    assert unnamed.keys() == {"hat", "answers"}
    assert "omar" not in json.dumps(unnamed).lower()
    assert "Better not told" not in to_json(rich) + to_markdown(rich)
    assert "Lou of Acme" not in json.dumps(document["perspectives"])


def test_the_order_of_what_was_said_does_not_follow_who_was_asked_when(retro, omar, ravi):
    people = [retro.participants.create(user=person, hat="on_call") for person in (omar, ravi)]
    texts = []
    for words in (("Zebra", "Apple"), ("Apple", "Zebra")):
        Perspective.objects.all().delete()
        for row, word in zip(invite(retro, *people), words, strict=True):
            row.submit(by=row.participant.user, answer_1=word)
        texts.append(to_markdown(retro))
    assert texts[0] == texts[1]


def test_who_stands_for_them_after_an_import_is_not_told_of_as_taking_part(rich, tmp_path):
    export(tmp_path)
    gone()
    load(tmp_path)
    retro = Retrospective.objects.get(title=rich.title)
    assert {str(one.participant) for one in retro.perspectives.all()} == {
        "Kim of Acme (Customer)",
        "Somebody who wants no name (Support)",
    }
    told = json.loads(to_json(retro))
    assert "Somebody who wants no name" not in json.dumps(told["participants"])
    assert all(one.answered_at <= timezone.now() for one in retro.perspectives.all())


def test_only_who_may_read_perspectives_gets_them(rich, ana, aud, lena):
    for person, sees in ((ana, True), (aud, True), (lena, False)):
        document = json.loads(to_json(rich, person))
        assert ("perspectives" in document) is sees
        assert ("perspectives" in document.get("left_out", [])) is not sees


def test_a_reader_who_sees_no_people_gets_no_names(rich, ana, monkeypatch):
    monkeypatch.setattr("retros.exchange.telling.SEE_PEOPLE", "people.nobody_has_this")
    text = to_markdown(rich, ana)
    for name in ("omar@example.com", "ana@example.com", "lena@example.com"):
        assert name not in text


# --- A file changes no more than it says


def test_what_was_said_here_is_never_overwritten(told, rich):
    before = sorted(rich.perspectives.values_list("pk", "status"))
    change(told, "The queue was long.", "The queue was short.")
    load(told)
    assert sorted(rich.perspectives.values_list("pk", "status")) == before
    assert "The queue was long." in to_markdown(rich)


def test_who_has_spoken_stays_when_a_file_does_not_know_them(told, retro):
    late = take_part(retro, name="Mo of Acme", email="mo@acme.example")
    invite(retro, late).submit(by=None, answer_1="I was there, too.")
    nobody = take_part(retro, name="Jo of Acme", email="jo@acme.example")
    load(told)
    assert retro.participants.filter(pk=late.pk).exists()
    assert not retro.participants.filter(pk=nobody.pk).exists()


def test_a_mark_follows_the_file(told, rich):
    change(told, '"kind": "repair"', '"kind": "diagnosis"')
    change(told, "**Repair; ", "**Diagnosis; ")
    before = history_rows()
    assert "(0 created, 1 changed, 0 unchanged)" in load(told)
    assert sum(history_rows().values()) == sum(before.values()) + 1
    assert rich.marks.filter(kind="diagnosis").exists()


def test_marks_and_evidence_go_with_the_file_and_stay_on_what_it_does_not_know(told, rich, ana):
    known = rich.incidents.get().timeline.exclude(marks__retro=rich).first()
    new = rich.incidents.get().log("note", "Written since.")
    for entry in (known, new):
        rich.marks.put(rich, entry, by=ana, kind="key")
        finding = rich.findings.get(kind="luck")
        finding.evidence.create(entry=entry)
    load(told)
    assert [mark.entry for mark in rich.marks.filter(kind="key")] == [new]
    assert new in [link.entry for link in finding.evidence.all()]
    assert known not in [link.entry for link in finding.evidence.all()]


def test_customers_have_read_what_they_have_read(told, resolved, lena):
    resolved.updates.get(state="published")
    resolved.updates.create(text="Said since.").publish(by=lena)
    assert "rows kept of which the files say nothing" in load(told)
    assert resolved.updates.published().count() == 2
    change(told, "}: We are looking.", "}: All is well.")
    assert "customers of INC-" in refused(told)
    assert resolved.updates.published().filter(text="We are looking.").exists()


def test_what_was_told_is_added_once(told, resolved):
    text = told.read_text()
    resolved.updates.all().delete()
    assert "(0 created, 1 changed, 0 unchanged)" in load(told)
    assert resolved.updates.get().text == "We are looking."
    assert "(0 created, 0 changed, 1 unchanged)" in load(told)
    assert all_as_text()[Retrospective.objects.get(incidents=resolved).reference] == text


def test_a_check_about_an_incident_that_is_not_here_is_left_out_and_said(told, rich):
    gone()
    assert "1 rows left out, as they are about incidents that are not here" in load(told)
    assert EffectivenessCheck.objects.count() == 1
    before = history_rows()
    assert "(0 created, 0 changed, 1 unchanged; " in load(told)
    assert history_rows() == before


def test_a_check_that_changed_is_a_change_of_its_file(told, rich):
    check = EffectivenessCheck.objects.get(incident=None)
    change(told, "Better, not good.", "Good enough.")
    assert "(0 created, 1 changed, 0 unchanged)" in load(told)
    check.refresh_from_db()
    assert check.note == "Good enough."


def test_a_later_incident_that_a_reader_may_not_see_is_not_named_by_a_check(rich, ana):
    Incident.objects.filter(title="It happened again").update(visibility="restricted", declared_by=None)
    document = json.loads(to_json(rich, ana))
    assert len(document["actions"][0]["checks"]) == 1
    assert "incidents" in document["left_out"]


# --- Files of before


def as_before(document):
    """As the first format had it, which knew nothing of all this."""
    document = json.loads(json.dumps(document)) | {"aftercare": 1}
    for key in ("perspectives",):
        document.pop(key, None)
    for incident in document["incidents"]:
        incident.pop("updates", None)
        for entry in incident["timeline"]:
            entry.pop("mark", None)
            entry.pop("shows", None)
    for one in document["findings"]:
        one.pop("accepted_because", None)
    for one in document["actions"]:
        one.pop("checks", None)
    return document


def test_an_older_file_is_read_and_takes_nothing_away(rich, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(as_before(json.loads(to_json(rich)))))
    before, text = history_rows(), to_markdown(rich)
    assert "(0 created, 0 changed, 1 unchanged; " in load(path)
    assert history_rows() == before
    assert to_markdown(rich) == text


def test_an_older_file_comes_into_an_empty_house(rich, tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(as_before(json.loads(to_json(rich)))))
    gone()
    assert "(1 created, 0 changed, 0 unchanged)" in load(path)
    assert not TimelineMark.objects.exists()
    assert Retrospective.objects.get().findings.count() == 2


# --- Refusals


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"kind": "repair"', '"kind": "cause"', "mark: kind cannot be kept|mark: kind is not one we know"),
        ('"kind": "repair"', '"sort": "repair"', "'sort' says nothing about a mark"),
        ('"shows": ["detection 1"]', '"shows": ["detection 7"]', "the list under 'moments' repeats"),
        ('"shows": ["detection 1"]', '"shows": [[]]', "shows is not a list of findings"),
        ("- luck 1: Luck", "- luck 9: Luck", "there is no finding 'luck 9' to say that of"),
        ("**Repair; ", "**Detection; ", "the list under 'moments' repeats"),
        ("> in the room.", "> in the shop.", "the list under 'perspectives' repeats"),
        ("- It worked in part (", "- It worked (", "the list under 'actions' repeats"),
        ('investigating {"by"', 'wondering {"by"', "status cannot be kept"),
        ('investigating {"by"', 'investigating {"key": true, "by"', "'key' says nothing about an entry"),
        ("  is_attributed: true\n", "", "the list under 'perspectives' repeats"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_stored(told, old, new, says):
    change(told, old, new)
    said = refused(told)
    assert any(part in said for part in says.split("|")), said


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("shows", ["detection 7"], "timeline entry no. 1: there is no finding 'detection 7'"),
        ("shows", "detection 1", "shows is not a list of findings"),
        ("mark", {"marked_at": "2026-01-01T00:00:00Z"}, "mark: it says neither"),
        ("mark", {"kind": "key"}, "mark: marked_at is missing"),
    ],
)
def test_what_a_file_says_of_an_entry_is_checked(rich, tmp_path, name, value, says):
    document = json.loads(to_json(rich))
    document["incidents"][0]["timeline"][0][name] = value
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert says in refused(tmp_path / "a.json")


WRONG = [
    {
        "hat": "customer",
        "answers": [{"asked": "How?", "topic": "other", "text": "x"}],
        "user": "omar@example.com",
    },
    {
        "hat": "customer",
        "answers": [{"asked": "How?", "topic": "other", "text": "x"}],
        "due_on": "2026-01-01",
    },
    {"hat": "customer", "answers": []},
    {"hat": "nobody", "answers": [{"asked": "How?", "topic": "other", "text": "x"}]},
    {"hat": "customer", "answers": [{"asked": "How?", "topic": "other", "text": ""}]},
    {"hat": "customer", "answers": [{"asked": "How?", "topic": "other", "text": "x", "who": "Omar"}]},
    {"hat": "customer", "is_attributed": True, "answers": [{"asked": "How?", "topic": "other", "text": "x"}]},
    "Omar",
    7,
]


@pytest.mark.parametrize("one", WRONG, ids=str)
def test_a_perspective_that_names_half_is_refused(rich, tmp_path, one):
    document = json.loads(to_json(rich)) | {"perspectives": [one]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert "perspective" in refused(tmp_path / "a.json")


def test_whoever_said_it_takes_part(rich, tmp_path):
    document = json.loads(to_json(rich))
    document["participants"] = [one for one in document["participants"] if one.get("name") != "Kim of Acme"]
    (tmp_path / "a.json").write_text(json.dumps(document))
    gone()
    assert "whoever said it does not take part" in refused(tmp_path / "a.json")


@pytest.mark.parametrize("value", [True, "x", ["x"], {"x": 1}, [[]], "\ud800"], ids=repr)
@pytest.mark.parametrize("key", ["mark", "shows", "updates", "checks", "happened_again", "perspectives"])
def test_values_of_any_shape_are_refused_in_words(rich, tmp_path, key, value):
    document = json.loads(to_json(rich))
    incident, item = document["incidents"][0], document["actions"][0]
    places = {
        "updates": incident,
        "checks": item,
        "perspectives": document,
        "happened_again": item["checks"][0],
    }
    places.get(key, incident["timeline"][0])[key] = value
    (tmp_path / "a.json").write_text(json.dumps(document))
    try:
        load(tmp_path / "a.json", dry_run=True)
    except CommandError:
        pass  # whatever else is raised is a fault


def test_a_hundred_retros_cost_as_many_queries_as_one(rich, django_assert_max_num_queries):
    from retros.exchange.telling import tell_all

    person = make_person("many@example.com", name="Many")
    for number in range(6):
        incident = Incident.objects.declare(by=None, title=f"One more {number}", severity=_severity(rich))
        retro = Retrospective.objects.open_for(incident)
        retro.marks.put(retro, incident.timeline.first(), by=person, kind="key")
        retro.findings.create(kind="luck", text="x").show_by([incident.timeline.first()])
        incident.updates.create(text="x", state="published", published_at=timezone.now() - timedelta(days=1))
    pks = list(Retrospective.objects.values_list("pk", flat=True))
    with django_assert_max_num_queries(26):
        assert len(list(tell_all(pks))) == len(pks)
