"""Answers from the mail: what each page asks, what one POST does, and that it can be undone."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import DataError, connection, transaction
from django.utils import timezone

from actions import answers, chips
from actions.models import ActionItem, EffectivenessCheck, UsedLink
from config.outbox.models import Delivery
from config.people.calendar import WorkCalendar
from tests.actions.links import EVIDENCE, link, path
from tests.conftest import make_person
from tests.faults import every_row, is_whole_or_absent
from tests.pages import queries_of

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
REASON = "The supplier needs longer."


@pytest.fixture(autouse=True)
def _on_a_wednesday():
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def an_item(owner, **fields):
    fields = {
        "title": "Alert on failed payments",
        "why": "Lost baskets.",
        "due_on": date(2026, 3, 2),
    } | fields
    return ActionItem.objects.create(owner=owner, **fields)


def page_of(client, where, status=200):
    response = client.get(where)
    assert response.status_code == status
    return response.content.decode()


def days_offered(page):
    return [date.fromisoformat(day) for day in re.findall(r'name="pick" value="([0-9-]+)"', page)]


def answer(client, item, person, purpose, **data):
    """Answer as a browser would: with the first chip preselected, and the version that the page showed."""
    where = path(item, person, purpose)
    page = page_of(client, where)
    sent = {"version": re.search('name="version" value="([0-9]+)"', page)[1]}
    if picked := re.search('name="pick" value="([0-9-]+)" checked', page):
        sent["pick"] = picked[1]
    return client.post(where, sent | data)


def answered(client, item, person, purpose, **data):
    """The address of the page that says what was done."""
    response = answer(client, item, person, purpose, **data)
    assert response.status_code == 303, response.content.decode()
    item.refresh_from_db()
    return response.headers["Location"]


def columns(item):
    kept = ActionItem.objects.filter(pk=item.pk).values().get()
    return {name: value for name, value in kept.items() if name not in ActionItem.bookkeeping()}


# --- The days that are offered


@pytest.mark.parametrize(
    ("today", "due_on", "calendar", "expected"),
    [
        pytest.param("2026-03-04", None, {}, "05 09 18", id="from today; +3 working days is the Monday"),
        pytest.param("2026-03-04", "2026-03-02", {}, "05 09 18", id="overdue: from today"),
        pytest.param("2026-03-04", "2026-03-10", {}, "11 13 16 24", id="not due yet: from its day"),
        pytest.param("2026-03-06", None, {}, "09 11 20", id="on a Friday, tomorrow is Monday"),
        pytest.param("2026-03-04", None, {"working_days": "67"}, "07 14 21", id="works at weekends"),
        pytest.param(
            "2026-03-04",
            None,
            {"away_from": date(2026, 3, 5), "away_until": date(2026, 3, 10)},
            "11 13 18",
            id="away",
        ),
        pytest.param(
            "2026-03-31", None, {"country": "DE"}, "01 07 14", id="Good Friday and Easter Monday are holidays"
        ),
    ],
)
def test_a_new_date_is_offered_in_the_owners_calendar(today, due_on, calendar, expected):
    calendar = WorkCalendar(**{"zone": "UTC", "working_days": "12345", **calendar})
    due_on = due_on and date.fromisoformat(due_on)
    offered = chips.due_days(calendar, date.fromisoformat(today), due_on)
    assert " ".join(f"{day:%d}" for _, day in offered) == expected
    assert all(calendar.is_working_day(day) for _, day in offered)
    assert all(day > max(date.fromisoformat(today), due_on or date.min) for _, day in offered)


@pytest.mark.parametrize("offer", [chips.quiet_days, chips.look_again_days])
@pytest.mark.parametrize(
    "calendar",
    [{}, {"working_days": "6"}, {"away_from": date(2026, 3, 5), "away_until": date(2027, 3, 5)}],
    ids=["ordinary", "works on Saturdays", "away for a year"],
)
def test_days_of_rest_are_offered_within_what_is_allowed(offer, calendar):
    calendar = WorkCalendar(**{"zone": "UTC", "working_days": "12345", **calendar})
    today = date(2026, 3, 4)
    for longest in (timedelta(days=7), timedelta(days=30)):
        offered = [day for _, day in offer(calendar, today, longest)]
        assert offered == sorted(set(offered))
        assert offered
        assert all(today < day <= today + longest for day in offered)


def test_somebody_who_never_works_is_offered_days_all_the_same():
    from config.people.calendar import LAST_DAY

    never = WorkCalendar("UTC", "12345", away_from=date(2020, 1, 1), away_until=date.max)
    assert chips.due_days(never, date(2026, 3, 4), None)
    assert chips.due_days(WorkCalendar("UTC", "12345"), LAST_DAY, None)


def test_today_is_the_owners_today(client):
    kim = make_person("kim@example.com", "Action owner", time_zone="Pacific/Kiritimati")  # 14 hours ahead
    assert days_offered(page_of(client, path(an_item(kim), kim, "date")))[0] == date(2026, 3, 6)
    assert "3 days late" in page_of(client, path(an_item(kim), kim, "date"))


# --- What a page says


def test_a_page_says_what_it_is_why_it_matters_how_late_and_how_often_it_slipped(client, item, omar):
    item.postpone(by=omar, due_on=date(2026, 12, 9))
    ActionItem.objects.update(due_on=date(2026, 3, 2))
    page = page_of(client, path(item, omar, "done"))
    for said in (
        item.reference,
        item.title,
        item.why,
        "Due Monday 2 March 2026, 2 days late",
        "slipped once",
        str(item.retro),
        "asked whether it worked",
        "It can be undone for half an hour.",
    ):
        assert said in page


def test_the_retro_is_not_named_to_who_may_not_know_it(client, item, omar):
    item.retro.incidents.update(visibility="restricted")
    page = page_of(client, path(item, omar, "done"))
    assert item.title in page
    assert str(item.retro) not in page
    assert item.retro.reference not in page


def test_done_asks_for_evidence_and_suggests_none(client, item, omar):
    page = page_of(client, path(item, omar, "done"))
    assert re.search(r"<textarea[^>]+name=.evidence.[^>]+autofocus", page)
    before = every_row()
    assert answer(client, item, omar, "done").status_code == 400
    assert answer(client, item, omar, "done", evidence="  ").status_code == 400
    assert every_row() == before


@pytest.mark.parametrize("purpose", ["not_doing", "blocked", "hand_over"])
def test_what_is_needed_is_asked_for_again(client, item, omar, purpose):
    before = every_row()
    response = answer(client, item, omar, purpose)
    assert response.status_code == 400
    assert "This field is required" in response.content.decode()
    assert every_row() == before


def test_what_was_typed_is_still_there_after_a_refusal(client, item, omar):
    page = answer(
        client, item, omar, "blocked", waits_for="The supplier", until="2099-01-01"
    ).content.decode()
    assert 'value="The supplier"' in page
    assert "Choose a day from tomorrow" in page


def test_from_the_second_slip_on_the_page_asks_why_and_tells_who_sees_it(client, item, omar):
    assert "first time that it slips" in page_of(client, path(item, omar, "date"))
    item.postpone(by=omar, due_on=item.due_on + timedelta(days=1))
    page = page_of(client, path(item, omar, "date"))
    assert "It slipped once before, so say why" in page
    assert "whoever led the retro sees it" in page
    assert answer(client, item, omar, "date").status_code == 400
    answered(client, item, omar, "date", reason=REASON)
    assert (item.slips, item.history.first().history_change_reason) == (2, REASON)


def test_who_will_be_told_is_named(client, item, omar, ana):
    for purpose in ("not_doing", "blocked"):
        assert "Ana is told" in page_of(client, path(item, omar, purpose))


# --- What an answer does


def test_two_taps_and_a_new_date_is_set(client, omar):
    item = an_item(omar)
    said = page_of(client, answered(client, item, omar, "date"))
    assert item.due_on == date(2026, 3, 5)
    assert "Its new due day is Thursday 5 March 2026. It has slipped once." in said


def test_a_day_that_is_written_counts_more_than_the_chip_that_was_preselected(client, omar):
    item = an_item(omar)
    answered(client, item, omar, "date", due_on="2026-05-04")
    assert item.due_on == date(2026, 5, 4)


@pytest.mark.parametrize("day", ["2026-03-01", "2026-02-30", "9999-12-31", "soon", "\x00", "1"])
def test_a_day_that_cannot_be_meant_is_refused(client, omar, day):
    before = every_row() if (item := an_item(omar)) else None
    response = answer(client, item, omar, "date", due_on=day)
    assert response.status_code == 400
    assert 'class="errorlist"' in response.content.decode()
    assert every_row() == before


@pytest.mark.parametrize(
    ("purpose", "data", "sets"),
    [
        ("done", {"evidence": EVIDENCE}, {"status": "done", "evidence": EVIDENCE}),
        ("date", {}, {"due_on": date(2026, 3, 5), "slips": 1}),
        ("hand_over", {"to": "ravi@example.com", "note": "Please."}, {"offer_note": "Please."}),
        ("snooze", {}, {"snoozed_until": date(2026, 3, 5), "snoozes": 1}),
        ("blocked", {"waits_for": "The supplier"}, {"waits_for": "The supplier"}),
        ("not_doing", {"reason": REASON}, {"status": "dropped", "drop_reason": REASON}),
    ],
)
def test_an_answer_is_history_by_e_mail_link_and_its_undo_restores_exactly_what_it_changed(
    client, omar, ravi, purpose, data, sets
):
    item = an_item(omar, snoozed_until=date(2026, 3, 3), snoozes=1 if purpose != "snooze" else 0)
    item.start(by=omar)
    before = columns(item)
    done = answered(client, item, omar, purpose, **data)
    assert {name: columns(item)[name] for name in sets} == sets
    entry = item.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Omar", "mail link")
    assert "Undo" in page_of(client, done)
    undone = client.post(done)
    assert undone.status_code == 303
    assert columns(item) == before
    entry = item.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Omar", "mail link")
    assert entry.history_change_reason == "undone"
    page = page_of(client, undone.headers["Location"])
    assert "Undone: it is as it was before." in page
    assert not item.checks.open().exists()


@pytest.mark.parametrize(("purpose", "data"), [("accept", {}), ("decline", {"reason": REASON})])
def test_whoever_is_asked_accepts_or_declines_and_may_take_that_back(client, item, omar, ravi, purpose, data):
    item.hand_over(by=omar, to=ravi, note="You know it best.")
    before = columns(item)
    assert "You know it best." in page_of(client, path(item, ravi, purpose))
    done = answered(client, item, ravi, purpose, **data)
    assert item.owner == (ravi if purpose == "accept" else omar)
    assert item.offered_to is None
    page_of(client, done)
    assert client.post(done).status_code == 303
    assert columns(item) == before


def test_the_person_to_hand_over_to_is_written_or_picked_without_a_script(client, item, omar, ravi, ana):
    gone = make_person("gone@example.com", name="Gone", is_active=False)
    page = page_of(client, path(item, omar, "hand_over"))
    assert re.search(r'<input[^>]+name="to"[^>]+list="people"', page)
    people = re.findall('<option value="([^"]+)">', page)
    assert set(people) == {"ana@example.com", "ravi@example.com"}
    for number, typed in enumerate(["RAVI@example.com", " ravi ", "Ravi"]):
        where = path(item, omar, "hand_over", key=f"mail {number}")
        assert client.post(where, {"to": typed}).status_code == 303
        item.refresh_from_db()
        assert item.offered_to == ravi
        item.keep(by=omar)
    make_person("ravi2@example.com", name="Ravi")
    for typed, said in [
        ("Ravi", "Several people have this name"),
        ("Nobody", "Nobody here has this name"),
        (gone.email, "Nobody here has this name"),
        (omar.email, "Nobody here has this name"),
        ("a\x00b", "Nobody here has this name"),
        ("x" * 5_000, "Nobody here has this name"),
        (str(ravi.pk), "Nobody here has this name"),
    ]:
        response = client.post(path(item, omar, "hand_over"), {"to": typed})
        assert response.status_code == 400
        assert said in response.content.decode()


def test_after_three_times_it_is_not_snoozed_again(client, omar):
    item = an_item(omar, snoozes=3)
    assert "Snooze" not in page_of(client, path(item, omar, "more"))
    response = answer(client, item, omar, "snooze")
    assert response.status_code == 400
    assert "choose a new date instead" in response.content.decode()


@pytest.fixture
def check(item, omar, ravi):
    item.success_measure = "No complaint for a month."
    item.save()
    item.complete(by=omar, evidence=EVIDENCE)
    item.checks.update(asked_of=ravi)
    return item.checks.get()


@pytest.mark.parametrize(
    ("purpose", "note"), [("effective", ""), ("partly", "Half."), ("not_effective", "No.")]
)
def test_a_check_is_answered_by_its_link(client, check, ravi, purpose, note):
    page = page_of(client, path(check, ravi, purpose))
    for said in (check.item.title, EVIDENCE, "No complaint for a month."):
        assert said in page
    assert "undone" not in page
    response = client.post(
        path(check, ravi, purpose), {"note": note, "version": check.version, "result": "x"}
    )
    assert response.status_code == 303
    check.refresh_from_db()
    assert (check.status, check.note, check.answered_by) == (purpose, note, ravi)
    assert check.history.first().history_actor_kind == "mail link"
    check.item.refresh_from_db()
    assert check.item.is_open == (purpose == "not_effective")
    before = every_row()
    page = page_of(client, response.headers["Location"])
    assert "Noted: it " in page
    assert "Undo" not in page
    assert client.post(response.headers["Location"]).status_code == 405
    assert every_row() == before


@pytest.mark.parametrize("purpose", ["partly", "not_effective"])
def test_what_did_not_quite_work_needs_a_note(client, check, ravi, purpose):
    response = client.post(path(check, ravi, purpose), {"note": " "})
    assert response.status_code == 400
    assert EffectivenessCheck.objects.open().exists()


# --- Somebody else at the same time


def test_an_answer_to_what_has_changed_is_asked_for_again(client, item, omar, ana):
    where = path(item, omar, "done")
    version = item.version
    item.postpone(by=ana, due_on=item.due_on + timedelta(days=3))
    before = every_row()
    response = client.post(where, {"evidence": EVIDENCE, "version": version})
    assert response.status_code == 409
    page = response.content.decode()
    assert "Somebody changed it meanwhile" in page
    assert EVIDENCE in page
    assert f'name="version" value="{item.version}"' in page
    assert every_row() == before
    assert client.post(where, {"evidence": EVIDENCE, "version": item.version}).status_code == 303


def test_nothing_is_undone_once_something_else_has_changed(client, item, omar, ana):
    done = answered(client, item, omar, "date")
    item.snooze(by=ana, until=date(2026, 3, 6))
    before = every_row()
    for response in (client.get(done), client.post(done)):
        assert response.status_code == 409
        assert "It has changed since" in response.content.decode()
    assert every_row() == before


def test_nothing_is_undone_over_a_change_that_no_version_counts(client, item, omar):
    done = answered(client, item, omar, "date")
    ActionItem.objects.filter(pk=item.pk).update(title="Renamed by hand")
    before = every_row()
    assert client.post(done).status_code == 409
    assert every_row() == before


def test_an_answer_is_undone_once_and_for_half_an_hour(client, item, omar):
    done = answered(client, item, omar, "date")
    with time_machine.travel(WEDNESDAY + timedelta(minutes=30), tick=False):
        assert client.get(done).status_code == 200
    with time_machine.travel(WEDNESDAY + timedelta(minutes=30, seconds=1), tick=False):
        before = every_row()
        assert client.post(done).status_code == 410
        assert every_row() == before
    assert client.post(done).status_code == 303
    before = every_row()
    for response in (client.get(done), client.post(done)):
        assert response.status_code == 410
        assert "You have taken this back already" in response.content.decode()
    assert every_row() == before


def test_after_an_undo_the_same_can_be_answered_again(client, item, omar):
    more = client.post(answered(client, item, omar, "done", evidence=EVIDENCE)).headers["Location"]
    again = re.search(r'href="([^"]+)">Done<', page_of(client, more))[1]
    assert again != path(item, omar, "done")
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        assert client.post(again, {"evidence": EVIDENCE}).status_code == 303


def test_the_more_page_answers_nothing_itself(client, item, omar):
    before = every_row()
    assert client.post(path(item, omar, "more"), {"evidence": EVIDENCE}).status_code == 405
    assert every_row() == before


# --- What comes next


def test_the_next_overdue_item_follows_with_links_of_its_own(client, omar, ravi):
    item = an_item(omar)
    second = an_item(omar, title="The second", due_on=date(2026, 2, 27))
    an_item(omar, title="Rests", due_on=date(2026, 2, 2), snoozed_until=date(2026, 3, 6))
    an_item(omar, title="Not due", due_on=date(2026, 3, 4))
    an_item(ravi, title="Somebody else’s", due_on=date(2026, 2, 1))
    page = page_of(client, answered(client, item, omar, "done", evidence=EVIDENCE))
    assert "Next: " + second.reference in page
    for purpose in ("done", "date", "more"):
        assert f'href="{path(second, omar, purpose)}"' in page
    page = page_of(client, answered(client, second, omar, "done", evidence=EVIDENCE))
    assert "Nothing else of yours is overdue" in page


# --- Whatever breaks


@pytest.mark.parametrize("purpose", ["done", "date", "hand_over", "blocked", "not_doing"])
def test_an_answer_is_whole_or_absent_wherever_it_breaks(client, item, omar, ravi, purpose):
    data = {
        "done": {"evidence": EVIDENCE},
        "date": {"due_on": "2026-12-01"},
        "hand_over": {"to": "ravi@example.com"},
        "blocked": {"waits_for": "The supplier", "until": "2026-03-06"},
        "not_doing": {"reason": REASON},
    }[purpose]
    where = path(item, omar, purpose)
    seen = is_whole_or_absent(
        lambda: client.post(where, data), ActionItem, UsedLink, Delivery, EffectivenessCheck
    )
    assert seen > 5


def test_an_undo_is_whole_or_absent_wherever_it_breaks(client, item, omar):
    done = answered(client, item, omar, "done", evidence=EVIDENCE)
    is_whole_or_absent(lambda: client.post(done), ActionItem, UsedLink, EffectivenessCheck)


HOSTILE = {
    "breaks": "Pay\r\nBcc: all@example.com\r\n\r\n<b>x</b>",
    "markup": "</h2><script>alert(1)</script>\"'&",
    "null": "Pay\x00ments",
    "direction": "\u202eevil\u2066",
    "long": "x" * 10_000_000,
    "wide": "💥" * 2_000_000,
}


@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_no_title_breaks_a_page(client, item, omar, ravi, title):
    force(item, title=title, why=title)
    item.hand_over(by=omar, to=ravi, note="Please.")
    for purpose in (*answers.OF_OWNER, "more"):
        page = page_of(client, path(item, omar, purpose))
        assert len(page) < 100_000
        assert "<script>" not in page
        assert "\x00" not in page
    page_of(client, path(item, ravi, "accept"))
    page_of(client, answered(client, item, omar, "done", evidence=EVIDENCE))


def force(item, **fields):
    """Past every form: what the database takes is in it."""
    for name, text in fields.items():
        try:
            with transaction.atomic():
                ActionItem.objects.filter(pk=item.pk).update(**{name: text})
        except (DataError, ValueError):
            assert connection.vendor == "postgresql"
            ActionItem.objects.filter(pk=item.pk).update(**{name: text.replace("\x00", "")[:255]})


@pytest.mark.parametrize("purpose", ["done", "date", "hand_over", "more"])
def test_a_page_costs_few_queries(client, item, omar, purpose):
    for number in range(20):
        an_item(omar, title=f"Another {number}")
        make_person(f"p{number}@example.com")
    assert len(queries_of(client, path(item, omar, purpose))) <= 9


def test_the_page_after_an_answer_costs_few_queries(client, item, omar):
    done = answered(client, item, omar, "date")
    for number in range(20):
        an_item(omar, title=f"Another {number}")
    assert len(queries_of(client, done)) <= 9


def test_moments_are_those_of_the_person(client, omar, ana):
    omar.time_zone = "Pacific/Kiritimati"
    omar.save()
    item = an_item(omar)
    where = path(item, omar, "date")
    item.complete(by=ana, evidence=EVIDENCE)
    assert "It is done since 5 March 2026." in page_of(client, where, status=409)
    assert timezone.get_current_timezone_name() == "UTC"
    assert link(item, omar, "date").day == WEDNESDAY.date().toordinal()
