"""The checklist and the marks in the API: what the workspace does, refused to the same people for the same reasons."""

import pytest

from config.people.models import ApiToken
from incidents.models import Incident
from retros.models import Retrospective, Step, TimelineMark
from tests.api import Caller, is_problem
from tests.conftest import make_publishable

pytestmark = pytest.mark.django_db


def url(retro, *rest):
    return "/".join(["retros", retro.reference, *(str(part) for part in rest), ""])


@pytest.fixture
def entry(retro, resolved):
    return resolved.log("note", "Three calls to support.")


@pytest.fixture
def step(retro):
    return retro.steps.get(kind="factors")


@pytest.fixture
def published(retro, step, entry, ana):
    retro.marks.put(retro, entry, by=ana, kind="repair")
    make_publishable(retro)
    retro.send_for_review(by=ana)
    retro.publish(by=ana)
    return retro


def steps_of(caller, retro):
    return {one["kind"]: one for one in caller.get(url(retro, "steps")).json()["results"]}


# --- Steps


def test_the_checklist_says_what_is_done_and_who_sees_to_the_rest(ana, retro, step, entry):
    told = steps_of(Caller(ana), retro)
    assert list(told) == [one.kind for one in retro.steps.all()]
    assert (told["timeline"]["is_done"], told["factors"]["is_done"]) == (True, False)
    assert told["factors"]["responsible"]["email"] == "ana@example.com"
    assert told["factors"]["title"] == "Contributing factors named"
    assert not any(one["is_late"] for one in told.values())
    retro.steps.update(due_on="2020-01-01")
    late = {kind for kind, one in steps_of(Caller(ana), retro).items() if one["is_late"]}
    assert late == {kind for kind, one in told.items() if not one["is_done"]}


def test_it_is_left_out_with_a_reason_and_taken_up_again(ana, retro, step):
    caller, address = Caller(ana), url(retro, "steps", step.pk)
    left = caller.post(
        f"{address}leave_out/", {"reason": "Known from the drill."}, If_Match=f'"{step.version}"'
    )
    assert left.status_code == 200, left.content
    told = left.json()
    assert (told["status"], told["left_out_because"]) == ("left_out", "Known from the drill.")
    assert told["left_out_by"]["email"] == "ana@example.com"
    assert caller.get(address).json() == told
    assert step.history.first().history_change_reason == "Known from the drill."
    assert is_problem(caller.post(f"{address}leave_out/", {"reason": "Twice."}), 409)
    again = caller.post(f"{address}take_up/")
    assert (again.json()["status"], again.json()["left_out_at"]) == ("planned", None)
    assert is_problem(caller.post(f"{address}take_up/"), 409)


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 7}, {"reason": "x", "by": 1}]
)
def test_without_a_reason_it_stays(ana, retro, step, body):
    assert is_problem(Caller(ana).post(url(retro, "steps", step.pk, "leave_out"), body), 400)
    assert Step.objects.get(pk=step.pk).status == "planned"


def test_an_older_version_and_a_published_retro_are_refused(ana, retro, step):
    address = url(retro, "steps", step.pk, "leave_out")
    assert is_problem(Caller(ana).post(address, {"reason": "x"}, If_Match='"99"'), 412)


def test_nothing_of_a_published_retro_changes(ana, published, step, entry):
    caller = Caller(ana)
    assert is_problem(caller.post(url(published, "steps", step.pk, "leave_out"), {"reason": "x"}), 409)
    assert is_problem(caller.post(url(published, "marks"), {"entry": entry.pk, "kind": ""}), 409)
    assert published.marks.get().kind == "repair"
    assert Step.objects.get(pk=step.pk).status == "planned"


def test_a_step_is_not_ticked_nor_made(ana, retro, step):
    caller = Caller(ana)
    assert is_problem(caller.post(url(retro, "steps"), {"kind": "factors"}), 405)
    assert is_problem(caller.patch(url(retro, "steps", step.pk), {"is_done": True}, version=1), 405)


def test_the_checklist_costs_a_query_more_than_other_lists(ana, retro, step, django_assert_max_num_queries):
    caller = Caller(ana)
    caller.get(url(retro, "steps"))
    with django_assert_max_num_queries(6):
        assert len(steps_of(caller, retro)) > 5


# --- Marks


def test_a_mark_is_set_changed_and_taken_off(ana, retro, entry):
    caller, address = Caller(ana), url(retro, "marks")
    made = caller.post(address, {"entry": entry.pk, "kind": "detection"})
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["kind"], told["is_starred"], told["entry"]["text"]) == ("detection", False, entry.text)
    assert told["marked_by"]["email"] == "ana@example.com"
    assert caller.get(made["Location"]).json() == told
    starred = caller.post(address, {"entry": entry.pk, "is_starred": True, "note": "Customers first."})
    assert starred.status_code == 200
    # What is not named stays.
    assert (starred.json()["id"], starred.json()["kind"]) == (told["id"], "detection")
    assert [one["note"] for one in caller.get(address).json()["results"]] == ["Customers first."]
    gone = caller.post(address, {"entry": entry.pk, "is_starred": False, "kind": "", "note": ""})
    assert (gone.status_code, gone.json()["id"]) == (200, None)
    assert caller.get(address).json()["results"] == []


def test_the_same_twice_is_the_same_once(ana, retro, entry):
    caller, body = Caller(ana), {"entry": entry.pk, "is_starred": True}
    caller.post(url(retro, "marks"), body)
    before = TimelineMark.history.count()
    assert caller.post(url(retro, "marks"), body).status_code == 200
    assert TimelineMark.history.count() == before
    nothing = caller.post(url(retro, "marks"), {"entry": entry.pk, "is_starred": False})
    assert nothing.json()["id"] is None
    assert caller.post(url(retro, "marks"), {"entry": entry.pk, "is_starred": False}).json()["id"] is None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"kind": "cause"},
        {"kind": 7},
        {"is_starred": "yes"},
        {"is_starred": None},
        {"note": "x" * 2001},
        {"note": "a\x00b"},
        {"marked_by": 1, "kind": "key"},
        {"entry": "x", "kind": "key"},
        {"entry": 0, "kind": "key"},
        {"entry": 10**30, "kind": "key"},
        {"entry": 999_999, "kind": "key"},
    ],
    ids=str,
)
def test_what_says_nothing_or_nonsense_is_refused(ana, retro, entry, said):
    assert is_problem(Caller(ana).post(url(retro, "marks"), {"entry": entry.pk} | said), 400)
    assert not TimelineMark.objects.exists()


def test_an_entry_of_another_incident_is_none(ana, retro, severity, ravi):
    other = Incident.objects.declare(by=ravi, title="Another", severity=severity).timeline.first()
    for strange in (other.pk, 999_999):
        answer = Caller(ana).post(url(retro, "marks"), {"entry": strange, "kind": "key"})
        assert is_problem(answer, 400)
        said = f"No entry of the timeline of this retrospective’s incidents: {strange}."
        assert answer.json()["errors"] == {"entry": [said]}


# --- Who


def test_who_may_by_the_page_may_by_the_api_and_nobody_else(
    retro, step, entry, ana, omar, ravi, lena, aud, admin_user, stranger
):
    for person in (ana, omar, ravi, lena, aud, admin_user, stranger):
        writes, reads = person in (ana, admin_user), person != stranger
        caller = Caller(person)
        for room in ("steps", "marks"):
            assert caller.get(url(retro, room)).status_code == (200 if reads else 403), person
        mark = caller.post(url(retro, "marks"), {"entry": entry.pk, "note": f"By {person}."})
        assert (mark.status_code in (200, 201)) == writes == person.has_perm("retros.change_retrospective")
        left = caller.post(url(retro, "steps", step.pk, "leave_out"), {"reason": "x"})
        assert left.status_code == (200 if writes else 403)
        if writes:
            caller.post(url(retro, "steps", step.pk, "take_up"))


def test_a_token_for_reading_changes_nothing(ana, retro, step, entry):
    reader = Caller(ana, scope=ApiToken.Scope.READ)
    assert is_problem(reader.post(url(retro, "steps", step.pk, "leave_out"), {"reason": "x"}), 403)
    assert is_problem(reader.post(url(retro, "marks"), {"entry": entry.pk, "kind": "key"}), 403)


def test_of_a_hidden_retro_there_is_nothing(retro, step, entry, ravi, aud):
    Incident.objects.update(visibility="restricted", declared_by=None)
    Retrospective.objects.filter(pk=retro.pk).update(facilitator=None)
    for room in ("steps", "marks"):
        assert is_problem(Caller(ravi).get(url(retro, room)), 404)
        assert Caller(aud).get(url(retro, room)).status_code == 200


def test_marks_of_a_hidden_incident_are_hidden_from_whoever_sees_the_retro(ana, retro, entry):
    retro.marks.put(retro, entry, by=ana, kind="key")
    Incident.objects.update(visibility="restricted", declared_by=None)
    caller = Caller(ana)  # who leads it, and so sees the retro itself
    assert caller.get(url(retro, "marks")).json()["results"] == []
    assert is_problem(caller.post(url(retro, "marks"), {"entry": entry.pk, "kind": "repair"}), 400)
