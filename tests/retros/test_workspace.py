"""The page on which a retro is prepared: what it shows, what it saves, and what it refuses."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from actions.models import ActionItem
from incidents.models import Incident, TimelineEntry
from retros.models import Factor, Finding, RetroFactor, Retrospective, Section, Step, TimelineMark
from tests.conftest import make_publishable
from tests.faults import is_whole_or_absent, snapshot
from tests.pages import page
from tests.retros.workspace import JSON, address, sign_in, text_of, write

pytestmark = pytest.mark.django_db
TABLES = (Retrospective, Section, Step, TimelineMark, TimelineEntry, Finding, RetroFactor, ActionItem)
MOST_QUERIES = 36


@pytest.fixture
def facilitator(client, ana):
    return sign_in(client, ana)


@pytest.fixture
def section(retro):
    return retro.sections.get(topic="detection")


@pytest.fixture
def entry(retro):
    return retro.incidents.get().log("note", "The queue is full.")


def published(retro, by):
    make_publishable(retro)
    retro.send_for_review(by=by)
    retro.publish(by=by)
    return retro


# --- What it shows


def test_it_is_one_click_from_where_a_facilitator_is_sent(facilitator, retro):
    for url in (page(retro), "/admin/retros/retrospective/", "/admin/"):
        assert address(retro) in facilitator.get(url).content.decode(), url
    assert retro.workspace_url == address(retro)


def test_opening_a_retro_leads_to_its_workspace(facilitator, incident):
    answer = facilitator.post("/admin/retros/retrospective/add/", {"incidents": [incident.pk]})
    assert answer.url == address(Retrospective.objects.get())


def test_the_first_step_is_done_when_it_opens(facilitator, retro):
    answer = facilitator.get(address(retro))
    assert [line.step.kind for line in answer.context["lines"] if line.is_done] == ["timeline"]
    assert answer.context["next"].step.kind == "moments"


def test_customer_impact_comes_first_with_its_facts(facilitator, retro):
    incident = retro.incidents.get()
    Incident.objects.filter(pk=incident.pk).update(
        started_at=incident.detected_at - timedelta(minutes=10), customers_affected=1240
    )
    html = facilitator.get(address(retro)).content.decode()
    assert html.index("What it was for customers") < html.index("In short") < html.index("Sequence of events")
    assert "1240" in html
    assert "Checkout: Slow or faulty" in html
    assert "Longest without an update" in html


def test_entries_carry_their_source_in_words_and_the_gaps_between(facilitator, retro, ravi):
    incident = retro.incidents.get()
    Incident.objects.filter(pk=incident.pk).update(
        detected_at=incident.detected_at - timedelta(hours=2),
        started_at=incident.detected_at - timedelta(hours=2),
    )
    incident.log("alert", "Error rate 12 %", at=incident.detected_at - timedelta(minutes=100))
    html = facilitator.get(address(retro)).content.decode()
    assert '<span class="ws-source">Alert</span>' in html
    assert "2 h without a customer update" in html
    assert "of silence" in html


def test_each_moment_leads_to_where_it_is_corrected(facilitator, retro, entry):
    html = facilitator.get(address(retro)).content.decode()
    assert address(retro, "correct", entry.pk) in html
    assert f"/admin/incidents/incident/{entry.incident_id}/do/correct_moments/" in html


def test_a_long_timeline_comes_in_stretches_that_miss_and_repeat_nothing(facilitator, retro):
    incident = retro.incidents.get()
    at = timezone.now() - timedelta(hours=3)
    same = [TimelineEntry(incident=incident, at=at, text=f"Line {n}") for n in range(120)]
    TimelineEntry.objects.bulk_create(same)
    url, seen = address(retro, "timeline"), []
    while url:
        answer = facilitator.get(url)
        seen += [item.entry.pk for item in answer.context["page"].items]
        after = answer.context["page"].after
        url = after and f"{address(retro, 'timeline')}?after={after}"
    assert len(seen) == len(set(seen)) == incident.timeline.count()
    assert seen == list(incident.timeline.order_by("at", "pk").values_list("pk", flat=True))


@pytest.mark.parametrize(
    "after", ["x", "1", "-", "99999999999999999-1", "-99999999999999999-1", "1-" + "9" * 18, "\x00"]
)
def test_an_address_that_makes_no_sense_is_no_error(facilitator, retro, after):
    assert facilitator.get(address(retro, "timeline"), {"after": after}).status_code == 200


def test_starred_only_shows_what_is_starred(facilitator, retro, entry, ana):
    retro.marks.put(retro, entry, by=ana, is_starred=True)
    answer = facilitator.get(address(retro), {"starred": "1"})
    assert [item.entry for item in answer.context["page"].items] == [entry]


def test_a_long_entry_is_cut_and_the_rest_one_click_away(facilitator, retro):
    entry = retro.incidents.get().log("note", "long " * 2_000)
    html = facilitator.get(address(retro)).content.decode()
    assert html.count("long ") < 200
    assert f"/admin/incidents/timelineentry/{entry.pk}/change/" in html


def test_what_people_wrote_is_shown_as_text(facilitator, retro):
    evil = "</textarea><script>alert(1)</script>"
    retro.incidents.get().log("note", evil)
    Section.objects.update(text=evil)
    Retrospective.objects.update(customer_impact=evil, title=evil)
    assert "<script>alert" not in facilitator.get(address(retro)).content.decode()


def test_a_text_that_begins_with_an_empty_line_keeps_it(facilitator, retro, section):
    Section.objects.filter(pk=section.pk).update(text="\nBegan empty.")
    assert ">\n\nBegan empty.</textarea>" in facilitator.get(address(retro)).content.decode()


def test_the_cost_does_not_grow_with_what_is_in_it(facilitator, retro, ana, omar):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert facilitator.get(address(retro)).status_code == 200
        return len(queries)

    incident = retro.incidents.get()
    retro.findings.create(
        kind="luck", text="It was Sunday."
    )  # where there is none, nothing is asked about it
    cost()
    before = cost()
    for n in range(60):
        entry = incident.log("note", f"Line {n}", by=ana)
        retro.marks.put(retro, entry, by=ana, is_starred=True, kind="key")
    for n in range(8):
        finding = retro.findings.create(kind="luck", text=f"Finding {n}")
        retro.action_items.create(title=f"Item {n}", why="x", owner=omar, finding=finding)
        retro.sections.create(heading=f"More {n}", text="x" * 1_000)
        retro.retro_factors.create(factor=Factor.objects.create(slug=f"f{n}", name=f"Factor {n}"))
    assert cost() == before <= MOST_QUERIES


# --- What is written


def test_a_text_is_saved_and_says_when(facilitator, retro, section, ana):
    answer = write(facilitator, retro, "Customers told us first.", section.pk)
    assert answer.status_code == 200
    section.refresh_from_db()
    assert section.text == "Customers told us first."
    told = answer.json()
    assert (told["version"], told["base"]) == (section.version, section.history.first().pk)
    assert len(told["at"]) == 8
    assert section.history.first().history_user_name == str(ana)


def test_writing_the_impact_advances_the_checklist_by_itself(facilitator, retro):
    assert 'data-state="done"' in write(facilitator, retro, "One in five could not pay.").json()["checklist"]
    lines = facilitator.get(address(retro)).context["lines"]
    assert "impact" in {line.step.kind for line in lines if line.is_done}


def test_saving_what_is_saved_already_changes_nothing(facilitator, retro, section):
    opened = text_of(facilitator, retro, section.pk)
    write(facilitator, retro, "Once.", opened=opened)
    before = snapshot(*TABLES)
    assert write(facilitator, retro, "Once.", opened=opened).status_code == 200
    assert snapshot(*TABLES) == before


def test_of_two_who_write_the_same_section_none_loses_a_word(facilitator, retro, section, admin_user):
    opened = text_of(facilitator, retro, section.pk)
    other = sign_in(Client(), admin_user)
    write(other, retro, "Theirs: the pager rang.", opened=opened)
    before = snapshot(*TABLES)
    answer = write(facilitator, retro, "Mine: a customer called.", opened=opened)
    assert answer.status_code == 409
    assert snapshot(*TABLES) == before
    told = answer.json()
    assert told["theirs"] == "Theirs: the pager rang."
    assert "Mine: a customer called." in told["html"]
    assert "<ins>" in told["html"]
    assert str(admin_user) in told["html"]
    opened.version, opened.base = told["version"], told["base"]
    both = f"{told['theirs']}\n\nMine: a customer called."
    assert write(facilitator, retro, both, opened=opened).status_code == 200


def test_a_colleague_who_changed_something_else_is_not_in_the_way(facilitator, retro, section, admin_user):
    impact, opened = text_of(facilitator, retro), text_of(facilitator, retro, section.pk)
    retro.refresh_from_db()
    retro.title = "Checkout failed"
    retro.save()
    section.heading = "How we knew"
    section.save()
    assert write(facilitator, retro, "Nobody could pay.", opened=impact).status_code == 200
    assert write(facilitator, retro, "By a call.", opened=opened).status_code == 200
    retro.refresh_from_db()
    assert (retro.title, retro.customer_impact) == ("Checkout failed", "Nobody could pay.")


def test_without_script_a_form_saves_and_comes_back(facilitator, retro, section):
    opened = text_of(facilitator, retro, section.pk)
    sent = {
        "part": section.pk,
        "text": "A call.\r\nThen a page.",
        "version": opened.version,
        "base": opened.base,
    }
    answer = facilitator.post(address(retro, "text"), sent)
    assert answer.url == f"{address(retro)}#text-{section.pk}"
    section.refresh_from_db()
    assert section.text == "A call.\nThen a page."


@pytest.mark.parametrize(("keep", "stands"), [("mine", "Mine."), ("both", "Theirs.\n\nMine.")])
def test_without_script_the_conflict_is_a_page_on_which_both_stand(facilitator, retro, section, keep, stands):
    opened = text_of(facilitator, retro, section.pk)
    write(facilitator, retro, "Theirs.", opened=opened)
    sent = {"part": section.pk, "text": "Mine.", "version": opened.version, "base": opened.base}
    answer = facilitator.post(address(retro, "text"), sent)
    assert answer.status_code == 409
    html = answer.content.decode()
    assert "Theirs." in html
    assert "Mine." in html
    conflict = answer.context["conflict"]
    again = {"version": conflict.text.version, "base": conflict.base, "theirs": "Theirs.", "keep": keep}
    assert facilitator.post(address(retro, "text"), sent | again).status_code == 302
    section.refresh_from_db()
    assert section.text == stands


def test_the_preview_renders_and_changes_nothing(facilitator, retro, incident):
    before = snapshot(*TABLES)
    text = f"**Bold** in {incident.reference} <script>alert(1)</script>"
    told = facilitator.post(address(retro, "preview"), {"text": text}, **JSON).json()["html"]
    assert "<strong>Bold</strong>" in told
    assert "aftercare-link" in told
    assert "<script" not in told
    assert (
        "<strong>Bold</strong>"
        in facilitator.post(address(retro, "preview"), {"text": text}).content.decode()
    )
    assert snapshot(*TABLES) == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"part": "impact", "text": "x" * 20_001}, 400),
        ({"part": "impact", "text": "a\x00b"}, 400),
        ({"part": "nonsense"}, 404),
        ({"part": "999999"}, 404),
        ({"part": "9" * 40}, 404),
        ({}, 404),
        ({"part": "impact", "text": "x", "version": "nonsense", "base": "9" * 30}, 409),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_changes(facilitator, retro, sent, status):
    Retrospective.objects.update(customer_impact="It stood here.")
    before = snapshot(*TABLES)
    assert facilitator.post(address(retro, "text"), sent, **JSON).status_code == status
    assert snapshot(*TABLES) == before


def test_saving_is_whole_or_absent_wherever_it_breaks(retro, section):
    from retros.workspace.texts import save

    act = lambda: save(retro, str(section.pk), "A call.", version=section.version, base="")  # noqa: E731
    assert is_whole_or_absent(act, Section) >= 3


# --- What is marked


def marked(client, retro, entry, what, **how):
    return client.post(address(retro, "marks"), {"mark": f"{entry.pk}:{what}"}, **how)


def test_a_star_and_a_moment_stand_side_by_side_and_twice_is_once(facilitator, retro, entry, ana):
    for what in ("star:1", "kind:repair", "star:1", "kind:repair"):
        told = marked(facilitator, retro, entry, what, **JSON).json()
    mark = retro.marks.get()
    assert (mark.is_starred, mark.kind, mark.marked_by) == (True, "repair", ana)
    assert mark.history.count() == 2
    assert (told["is_starred"], told["kind"], told["starred"]) == (True, "repair", 1)


def test_a_mark_that_is_taken_off_is_no_row_but_in_the_history(facilitator, retro, entry):
    for what in ("star:1", "kind:key", "star:0", "kind:", "star:0"):
        assert marked(facilitator, retro, entry, what).status_code == 302
    assert not retro.marks.exists()
    assert TimelineMark.history.count() == 4


def test_marking_a_moment_advances_the_checklist(facilitator, retro, entry):
    told = marked(facilitator, retro, entry, "kind:detection", **JSON).json()
    assert told["checklist"].count('data-state="done"') == 2


@pytest.mark.parametrize("what", ["star:2", "star:", "kind:nonsense", "note:x", "", "star"])
def test_a_mark_that_makes_no_sense_is_refused(facilitator, retro, entry, what):
    assert marked(facilitator, retro, entry, what, **JSON).status_code == 400
    assert not retro.marks.exists()


def test_an_entry_of_another_incident_is_not_there(facilitator, retro, ravi, severity):
    other = Incident.objects.declare(by=ravi, title="Another", severity=severity).timeline.first()
    for client_says in (str(other.pk), "x", "9" * 30, ""):
        answer = facilitator.post(address(retro, "marks"), {"mark": f"{client_says}:star:1"}, **JSON)
        assert answer.status_code == 404
    assert facilitator.get(address(retro, "correct", other.pk)).status_code == 404
    assert not TimelineMark.objects.exists()


def test_marking_is_whole_or_absent_wherever_it_breaks(retro, entry, ana):
    act = lambda: retro.marks.put(retro, entry, by=ana, is_starred=True)  # noqa: E731
    assert is_whole_or_absent(act, TimelineMark) >= 3


# --- What is added and corrected


def test_a_note_is_added_at_its_moment(facilitator, retro, ana):
    sent = {
        "entry-at": "2026-03-02T09:00:00",
        "entry-incident": retro.incidents.get().pk,
        "entry-text": "A call.",
    }
    answer = facilitator.post(address(retro, "add", "entry"), sent)
    made = TimelineEntry.objects.get(text="A call.")
    assert (made.kind, made.author, made.at.isoformat()) == ("note", ana, "2026-03-02T09:00:00+00:00")
    assert answer.url == f"{address(retro)}#entry-{made.pk}"


def test_a_moment_is_corrected_in_the_open(facilitator, retro, entry):
    assert facilitator.get(address(retro, "correct", entry.pk)).status_code == 200
    sent = {"at": "2026-03-02T09:00:00", "reason": "The clock was fast."}
    assert facilitator.post(address(retro, "correct", entry.pk), sent).status_code == 302
    html = facilitator.get(address(retro)).content.decode()
    assert "first said to be" in html
    assert "The clock was fast." in html


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"at": "2026-03-02T09:00:00"},
        {"at": "x", "reason": "y"},
        {"at": "3000-01-01T00:00", "reason": "y"},
    ],
)
def test_a_correction_that_says_too_little_is_asked_again(facilitator, retro, entry, sent):
    before = snapshot(*TABLES)
    assert facilitator.post(address(retro, "correct", entry.pk), sent).status_code == 400
    assert snapshot(*TABLES) == before


def test_what_follows_from_the_incident_is_not_corrected_here(facilitator, retro):
    state = retro.incidents.get().timeline.filter(kind="state").first()
    sent = {"at": "2026-03-02T09:00:00", "reason": "The clock was fast."}
    assert facilitator.post(address(retro, "correct", state.pk), sent).status_code == 409


def test_a_factor_a_finding_and_an_action_are_added_in_place(facilitator, retro, omar):
    factor = Factor.objects.first()
    for what, sent in [
        ("factor", {"factor-factor": factor.pk, "factor-note": "The flag was new."}),
        ("finding", {"finding-kind": "luck", "finding-text": "It was Sunday."}),
        (
            "action",
            {
                "action-title": "Alert on failed payments",
                "action-owner": omar.pk,
                "action-due_on": (timezone.now().date() + timedelta(days=14)).isoformat(),
                "action-kind": "detect",
                "action-why": "Customers told us first.",
            },
        ),
    ]:
        answer = facilitator.post(address(retro, "add", what), sent)
        assert answer.url == f"{address(retro)}#card-{what}", answer.content.decode()[:2000]
    item = retro.action_items.get()
    assert (item.owner, item.kind, retro.findings.get().kind) == (omar, "detect", "luck")
    html = facilitator.get(address(retro)).content.decode()
    for words in (str(item), "It was Sunday.", factor.name):
        assert words in html


def test_an_action_suggests_a_day_ten_working_days_away_and_why(facilitator, retro, ana):
    Retrospective.objects.update(customer_impact="One in five could not pay.")
    cards = facilitator.get(address(retro)).context["cards"]
    form = next(card["form"] for card in cards if card["adder"].slug == "action")
    assert form.initial["due_on"] == ana.calendar.add_ordinary(ana.today(), 10)
    assert form.initial["why"] == "One in five could not pay."


def test_without_script_an_owner_is_named_by_address(facilitator, retro, omar):
    sent = {
        "action-title": "Alert",
        "action-kind": "detect",
        "action-why": "x",
        "action-owner_email": "OMAR@example.com",
    }
    assert facilitator.post(address(retro, "add", "action"), sent).status_code == 302
    assert retro.action_items.get().owner == omar
    sent["action-owner_email"] = "nobody@example.com"
    assert facilitator.post(address(retro, "add", "action"), sent).status_code == 400


@pytest.mark.parametrize(
    ("what", "sent"),
    [
        ("entry", {"entry-text": "x"}),
        ("entry", {"entry-at": "3000-01-01T00:00", "entry-incident": "x", "entry-text": "x"}),
        ("factor", {"factor-factor": "x"}),
        ("finding", {"finding-kind": "root cause", "finding-text": "x"}),
        ("finding", {"finding-kind": "luck", "finding-text": " "}),
        (
            "action",
            {"action-title": "x", "action-owner": "9" * 30, "action-kind": "detect", "action-why": "x"},
        ),
        ("action", {"action-title": "", "action-kind": "detect", "action-why": "x"}),
    ],
)
def test_what_cannot_be_added_comes_back_with_what_is_wrong(facilitator, retro, what, sent):
    before = snapshot(*TABLES)
    answer = facilitator.post(address(retro, "add", what), sent)
    assert answer.status_code == 400
    assert f'id="add-{what}" open' in answer.content.decode()
    assert snapshot(*TABLES) == before


def test_a_factor_is_named_once(facilitator, retro):
    sent = {"factor-factor": Factor.objects.first().pk}
    assert facilitator.post(address(retro, "add", "factor"), sent).status_code == 302
    assert facilitator.post(address(retro, "add", "factor"), sent).status_code == 400


def test_nothing_else_can_be_added(facilitator, retro):
    assert facilitator.post(address(retro, "add", "blame"), {}).status_code == 404


# --- Steps


def test_a_step_is_left_out_for_a_reason_and_taken_up_again(facilitator, retro):
    step = retro.steps.get(kind="factors")
    answer = facilitator.post(address(retro, "step", step.pk, "leave_out"), {"reason": "A drill."})
    assert answer.url == f"{address(retro)}#checklist"
    assert "Not doing, because: A drill." in facilitator.get(address(retro)).content.decode()
    facilitator.post(address(retro, "step", step.pk, "take_up"), {})
    step.refresh_from_db()
    assert not step.is_left_out


@pytest.mark.parametrize(
    ("verb", "sent", "status"),
    [
        ("leave_out", {}, 400),
        ("leave_out", {"reason": "x", "version": "99"}, 409),
        ("take_up", {}, 409),
        ("delete", {}, 404),
    ],
)
def test_a_step_refuses_and_says_why(facilitator, retro, verb, sent, status):
    before = snapshot(*TABLES)
    step = retro.steps.get(kind="factors")
    assert facilitator.post(address(retro, "step", step.pk, verb), sent).status_code == status
    assert snapshot(*TABLES) == before


# --- Who may not


def everything_that_writes(retro, entry):
    step = retro.steps.get(kind="factors")
    return [
        (address(retro, "text"), {"part": "impact", "text": "x", "version": retro.version}),
        (address(retro, "marks"), {"mark": f"{entry.pk}:star:1"}),
        (address(retro, "correct", entry.pk), {"at": "2026-03-02T09:00:00", "reason": "x"}),
        (address(retro, "step", step.pk, "leave_out"), {"reason": "x"}),
        (
            address(retro, "add", "entry"),
            {"entry-at": "2026-03-02T09:00", "entry-incident": entry.incident_id, "entry-text": "x"},
        ),
        (address(retro, "add", "finding"), {"finding-kind": "luck", "finding-text": "x"}),
        (address(retro, "add", "factor"), {"factor-factor": Factor.objects.first().pk}),
        (address(retro, "add", "action"), {"action-title": "x", "action-kind": "detect", "action-why": "x"}),
    ]


@pytest.mark.parametrize("name", ["omar", "ravi", "lena", "aud"])
def test_whoever_only_reads_writes_nothing(client, retro, entry, name, request):
    sign_in(client, request.getfixturevalue(name))
    before = snapshot(*TABLES)
    for url, sent in everything_that_writes(retro, entry):
        assert client.post(url, sent).status_code == 403, url
    assert snapshot(*TABLES) == before
    html = client.get(address(retro)).content.decode()
    assert "<textarea" not in html
    assert "You read this retrospective" in html


def test_what_is_published_is_read_and_nothing_of_it_written(facilitator, retro, entry, ana):
    Section.objects.filter(topic="sequence").update(text="**A call** came first.")
    retro.marks.put(retro, entry, by=ana, is_starred=True)
    published(retro, ana)
    before = snapshot(*TABLES)
    for url, sent in everything_that_writes(retro, entry):
        for how in ({}, JSON):
            assert facilitator.post(url, sent, **how).status_code == 409, url
    assert snapshot(*TABLES) == before
    html = facilitator.get(address(retro)).content.decode()
    assert "<strong>A call</strong>" in html
    assert "<textarea" not in html
    assert "★ Starred" in html


def test_a_restricted_retro_is_not_there_for_whoever_may_not_see_it(client, retro, entry, omar, aud):
    Incident.objects.update(visibility="restricted")
    for url, sent in everything_that_writes(retro, entry):
        assert sign_in(client, omar).post(url, sent).status_code == 404, url
    for name in ("", "timeline"):
        assert sign_in(client, omar).get(address(retro, name)).status_code == 404
    assert sign_in(client, aud).get(address(retro)).status_code == 200


def test_who_leads_a_retro_of_what_is_hidden_from_them_sees_no_timeline(facilitator, retro, entry):
    Incident.objects.update(visibility="restricted")
    answer = facilitator.get(address(retro))
    assert answer.context["page"].items == []
    assert answer.context["entry_form"] is None


def test_nothing_is_written_by_asking(facilitator, retro, entry):
    before = snapshot(*TABLES)
    for url, sent in everything_that_writes(retro, entry):
        assert facilitator.get(url, sent).status_code in (200, 405)
    assert snapshot(*TABLES) == before
