"""Reviews and comments in the API: the same is refused there, for the same reason, and no word leaks."""

import pytest

from config.people.models import ApiToken
from incidents.models import Incident
from retros import reviewing
from tests.api import Caller, is_problem
from tests.conftest import make_publishable

pytestmark = pytest.mark.django_db


def url(retro, *rest):
    return "/".join(["retros", retro.reference, *(str(part) for part in rest), ""])


@pytest.fixture
def asked(retro, ana, omar):
    retro.send_for_review(by=ana, reviewers=[omar])
    return retro


@pytest.fixture
def review(asked):
    return asked.reviews.get()


@pytest.fixture
def comment(asked, omar):
    return reviewing.comment(asked, by=omar, text="How many were there?")


def test_reviewers_are_chosen_when_it_is_sent_and_asked_later(ana, retro, ravi):
    caller = Caller(ana)
    sent = caller.post(url(retro, "send_for_review"), {"reviewers": ["ravi@example.com"]})
    assert sent.status_code == 200, sent.content
    told = caller.get(url(retro, "reviews")).json()["results"]
    assert [(one["reviewer"]["email"], one["status"]) for one in told] == [("ravi@example.com", "asked")]
    again = caller.post(url(retro, "ask_reviewers"), {"reviewers": [ravi.pk]})
    assert is_problem(again, 400)
    assert again.json()["errors"] == {"reviewers": ["Ravi is asked already."]}


@pytest.mark.parametrize(
    "people", [None, [], ["nobody@example.com"], "omar@example.com", [True], [{}], [10**30]]
)
def test_reviewers_are_people_there_are(ana, asked, people):
    assert is_problem(Caller(ana).post(url(asked, "ask_reviewers"), {"reviewers": people}), 400)


def test_one_is_asked_as_a_row_of_its_own(ana, asked, ravi):
    made = Caller(ana).post(url(asked, "reviews"), {"reviewer": "ravi@example.com"})
    assert made.status_code == 201, made.content
    assert made["Location"].endswith(f"/reviews/{made.json()['id']}/")
    assert Caller(ravi).get(made["Location"]).json()["asked_by"]["email"] == "ana@example.com"


def test_whoever_may_review_takes_it_up_themselves(admin_user, asked):
    caller = Caller(admin_user)
    made = caller.post(url(asked, "reviews"), {"reviewer": "admin@example.com"}).json()
    told = caller.post(url(asked, "reviews", made["id"], "approve"), {"words": "Good."}).json()
    assert (told["status"], told["fingerprint"]) == ("approved", asked.fingerprint())


def test_who_may_not_ask_is_refused(omar, ravi, aud, asked):
    for person in (omar, ravi, aud):
        assert is_problem(Caller(person).post(url(asked, "reviews"), {"reviewer": "ravi@example.com"}), 403)
        body = {"reviewers": ["ravi@example.com"]}
        assert is_problem(Caller(person).post(url(asked, "ask_reviewers"), body), 403)


def test_the_reviewer_decides_once_for_one_text(omar, asked, review):
    caller = Caller(omar)
    body = {"words": "Clear.", "text": asked.fingerprint()}
    assert is_problem(caller.post(url(asked, "reviews", review.pk, "request_changes")), 400)
    told = caller.post(url(asked, "reviews", review.pk, "approve"), body)
    assert told.status_code == 200, told.content
    assert (told.json()["status"], told.json()["words"]) == ("approved", "Clear.")
    assert is_problem(caller.post(url(asked, "reviews", review.pk, "approve"), body), 409)
    asked.findings.create(kind="luck", text="It was Sunday.")
    assert is_problem(caller.post(url(asked, "reviews", review.pk, "approve"), body), 400)


def test_nobody_decides_for_somebody_else(ana, ravi, aud, admin_user, asked, review):
    for person in (ana, ravi, aud, admin_user):
        for verb in ("approve", "request_changes"):
            body = {"words": "Mine."}
            assert is_problem(Caller(person).post(url(asked, "reviews", review.pk, verb), body), 403)


def test_it_is_decided_only_in_review_and_by_whoever_read_the_version(omar, ana, asked, review):
    stale = Caller(omar).post(url(asked, "reviews", review.pk, "approve"), If_Match='"99"')
    assert is_problem(stale, 412)
    asked.return_to_draft(by=ana, reason="Not yet.")
    assert is_problem(Caller(omar).post(url(asked, "reviews", review.pk, "approve")), 409)
    assert is_problem(Caller(ana).post(url(asked, "reviews"), {"reviewer": "ravi@example.com"}), 409)


def test_asking_is_taken_back_with_a_reason(ana, asked, review):
    assert is_problem(Caller(ana).post(url(asked, "reviews", review.pk, "withdraw")), 400)
    told = Caller(ana).post(url(asked, "reviews", review.pk, "withdraw"), {"reason": "On leave."})
    assert told.json()["status"] == "withdrawn"


def test_a_token_for_reading_says_nothing(omar, asked, review):
    reader = Caller(omar, scope=ApiToken.Scope.READ)
    assert is_problem(reader.post(url(asked, "reviews", review.pk, "approve")), 403)
    assert is_problem(reader.post(url(asked, "comments"), {"text": "x"}), 403)


# --- Comments


def test_a_comment_is_written_answered_and_settled(omar, ana, asked):
    section = asked.sections.first()
    made = Caller(omar).post(url(asked, "comments"), {"text": "How many?", "section": section.pk})
    assert made.status_code == 201, made.content
    about = made.json()
    assert (about["section"], about["author"]["email"]) == (section.pk, "omar@example.com")
    answer = Caller(ana).post(url(asked, "comments"), {"text": "Twelve.", "parent": about["id"]}).json()
    assert (answer["parent"], answer["section"]) == (about["id"], section.pk)
    told = Caller(ana).post(url(asked, "comments", about["id"], "resolve")).json()
    assert (told["status"], told["resolved_by"]["email"]) == ("resolved", "ana@example.com")
    assert is_problem(Caller(ana).post(url(asked, "comments", about["id"], "resolve")), 409)
    assert is_problem(Caller(ana).post(url(asked, "comments", answer["id"], "resolve")), 409)
    assert Caller(omar).post(url(asked, "comments", about["id"], "reopen")).json()["status"] == "open"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n"},
        {"text": 7},
        {"text": "\x00"},
        {"text": "x" * 5_001},
        {"text": "x", "section": 999_999},
        {"text": "x", "parent": "x"},
        {"text": "x", "section": None},
        {"text": "x", "author": 1},
    ],
)
def test_a_comment_that_makes_no_sense_is_refused(omar, asked, body):
    assert is_problem(Caller(omar).post(url(asked, "comments"), body), 400)
    assert not asked.comments.exists()


def test_only_those_who_work_on_it_comment_and_settle(ravi, aud, asked, comment):
    assert is_problem(Caller(aud).post(url(asked, "comments"), {"text": "x"}), 403)
    for person in (ravi, aud):
        assert is_problem(Caller(person).post(url(asked, "comments", comment.pk, "resolve")), 403)


def test_what_is_published_is_locked_comments_too(ana, omar, admin_user, asked, comment):
    make_publishable(asked, by=admin_user).publish(by=ana)
    assert is_problem(Caller(omar).post(url(asked, "comments"), {"text": "Late."}), 409)
    assert is_problem(Caller(omar).post(url(asked, "comments", comment.pk, "resolve")), 409)
    assert is_problem(Caller(admin_user).post(url(asked, "reviews"), {"reviewer": "admin@example.com"}), 409)
    told = Caller(ana).post(url(asked, "reopen"), {"reason": "A part was missing."})
    assert told.json()["status"] == "draft"
    reviews = Caller(ana).get(url(asked, "reviews")).json()["results"]
    assert all(one["ended_at"] for one in reviews)


# --- What is hidden


def test_the_reviews_of_a_restricted_incident_are_nowhere_for_others(lena, aud, asked, review, comment):
    Incident.objects.update(visibility="restricted", declared_by=None)
    for path in (
        url(asked, "gate"),
        url(asked, "reviews"),
        url(asked, "reviews", review.pk),
        url(asked, "comments"),
        url(asked, "comments", comment.pk),
    ):
        assert is_problem(Caller(lena).get(path), 404)
        assert Caller(aud).get(path).status_code == 200
    assert is_problem(Caller(lena).post(url(asked, "comments"), {"text": "x"}), 404)
    assert is_problem(Caller(lena).post(url(asked, "comments", comment.pk, "resolve")), 404)


def test_a_row_is_found_only_under_its_own_retro(omar, asked, comment, review, severity):
    from retros.models import Retrospective

    other = Retrospective.objects.open_for(
        Incident.objects.declare(by=None, title="Other", severity=severity)
    )
    assert is_problem(Caller(omar).get(url(other, "comments", comment.pk)), 404)
    assert is_problem(Caller(omar).get(url(other, "reviews", review.pk)), 404)
    body = {"text": "x", "section": asked.sections.first().pk}
    assert is_problem(Caller(omar).post(url(other, "comments"), body), 400)


@pytest.mark.parametrize("path", ["reviews", "comments"])
def test_a_list_costs_the_same_however_long_it_is(
    asked, omar, ana, django_assert_max_num_queries, path, severity
):
    for number in range(30):
        reviewing.comment(asked, by=omar, text=f"Comment {number}")
    caller = Caller(ana)
    with django_assert_max_num_queries(12):
        assert caller.get(url(asked, path)).status_code == 200
