"""The page on which a retrospective is read: what is new, what others say, and one's own word."""

import pytest

from config.outbox import troubles
from incidents.models import Incident
from retros import reviewing
from retros.models import Factor, ReadMark
from tests import pages
from tests.conftest import make_publishable
from tests.faults import snapshot
from tests.pages import list_of, page, verb_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(retro, ana, omar):
    retro.send_for_review(by=ana, reviewers=[omar])
    return retro


def show(client, retro, person):
    client.force_login(person)
    response = client.get(retro.get_review_url())
    assert response.status_code == 200
    return response


def say(client, retro, person, **said):
    client.force_login(person)
    return client.post(retro.get_review_url(), said)


def read(client, retro, person):
    seal = show(client, retro, person).context["seal"]
    return say(client, retro, person, do="read", seal=seal)


def news(client, retro, person):
    return [(one.what, one.how) for one in show(client, retro, person).context["news"]]


# --- Who reads it


def test_everybody_who_sees_the_retro_reads_it(client, asked, omar, aud, ravi, lena, ana, admin_user):
    for person in (omar, aud, ravi, lena, ana, admin_user):
        assert asked.title in show(client, asked, person).content.decode()


def test_others_are_sent_away(client, asked, stranger):
    assert client.get(asked.get_review_url()).status_code == 302
    client.force_login(stranger)
    assert client.get(asked.get_review_url()).status_code in (302, 403)
    assert client.post(asked.get_review_url(), {"do": "comment", "text": "x"}).status_code in (302, 403)


def test_a_restricted_one_is_named_nowhere_to_those_it_is_hidden_from(
    client, asked, resolved, lena, aud, ana
):
    reviewing.comment(asked, by=ana, text="The key was public")
    Incident.objects.update(visibility="restricted", declared_by=None)
    review, comment = asked.reviews.get(), asked.comments.get()
    client.force_login(lena)
    for url in (
        asked.get_review_url(),
        page(review),
        page(comment),
        list_of(type(review)),
        list_of(type(comment)),
    ):
        text = client.get(url, follow=True).content.decode()
        assert resolved.title not in text
        assert "The key was public" not in text
    for do in ("comment", "approve", "read"):
        response = client.post(asked.get_review_url(), {"do": do, "text": "x"})
        assert response.status_code == 302
        assert resolved.title not in client.get(response.url, follow=True).content.decode()
    assert asked.comments.count() == 1
    assert "The key was public" in show(client, asked, aud).content.decode()


@pytest.mark.parametrize("key", ["999999", "x", "9" * 30, "%00"])
def test_one_that_is_not_there_is_no_error(client, ana, key):
    client.force_login(ana)
    assert client.get(f"/admin/retros/retrospective/{key}/review/").status_code == 302


# --- What is new


def test_looking_marks_nothing_as_read(client, asked, omar):
    show(client, asked, omar)
    assert not ReadMark.objects.exists()
    read(client, asked, omar)
    before = ReadMark.objects.values().get()
    show(client, asked, omar)
    assert ReadMark.objects.values().get() == before


def test_what_changed_since_is_shown_word_by_word(client, asked, omar, ana):
    section = asked.sections.get(heading="Detection")
    section.text = "An alert told us after nineteen minutes, and customers had written long before that."
    section.save()
    read(client, asked, omar)
    assert news(client, asked, omar) == []
    section.text = section.text.replace("nineteen", "three")
    section.save()
    asked.findings.create(kind="luck", text="It was Sunday.")
    asked.retro_factors.create(factor=Factor.objects.get(slug="time"), note="A key ended.")
    assert news(client, asked, omar) == [
        ("Detection", "changed"),
        ("Contributing factor: Time", "new"),
        ("Finding: Where we were lucky", "new"),
    ]
    text = show(client, asked, omar).content.decode()
    assert "<del>nineteen</del><ins>three</ins>" in text
    read(client, asked, omar)
    assert news(client, asked, omar) == []
    asked.findings.get().delete()
    assert news(client, asked, omar) == [("Finding: Where we were lucky", "taken out")]


def test_what_is_no_text_is_no_news(client, asked, omar, ana):
    read(client, asked, omar)
    asked.sections.first().save()
    asked.return_to_draft(by=ana, reason="Not yet.")
    asked.sponsor = ana
    asked.save()
    assert news(client, asked, omar) == []


def test_what_was_written_while_somebody_read_is_new_to_them(client, asked, omar):
    seal = show(client, asked, omar).context["seal"]
    asked.customer_impact = "One in five could not pay."
    asked.save()
    say(client, asked, omar, do="read", seal=seal)
    assert news(client, asked, omar) == [("The retrospective itself", "changed")]


def test_everybody_reads_for_themselves(client, asked, omar, ana):
    read(client, asked, omar)
    assert show(client, asked, ana).context["read_at"] is None


@pytest.mark.parametrize("seal", ["", "x", "x:y:z", "\x00"])
def test_a_made_up_seal_is_refused(client, asked, omar, seal):
    assert say(client, asked, omar, do="read", seal=seal).status_code == 400
    assert not ReadMark.objects.exists()


def test_the_seal_of_somebody_else_is_refused(client, asked, omar, ana):
    seal = show(client, asked, ana).context["seal"]
    assert say(client, asked, omar, do="read", seal=seal).status_code == 400


# --- Saying something


def test_a_comment_on_a_section_is_shown_there_and_counted(client, asked, omar, ana):
    section = asked.sections.first()
    response = say(client, asked, omar, do="comment", section=section.pk, text="How <b>many</b>?")
    assert response.url.endswith(f"#section-{section.pk}")
    comment = asked.comments.get()
    assert (comment.section, comment.author) == (section, omar)
    assert comment.history.first().history_actor_kind == "web"
    text = show(client, asked, ana).content.decode()
    assert "How &lt;b&gt;many&lt;/b&gt;?" in text
    assert "1 open" in client.get(page(asked)).content.decode()
    say(client, asked, ana, do="comment", parent=comment.pk, text="Twelve.")
    assert comment.replies.get().text == "Twelve."
    say(client, asked, ana, do="resolve", comment=comment.pk)
    assert "None open" in client.get(page(asked)).content.decode()
    say(client, asked, omar, do="reopen", comment=comment.pk)
    comment.refresh_from_db()
    assert comment.status == "open"


def test_what_one_wrote_is_kept_when_it_is_refused(client, asked, omar):
    section = asked.sections.first()
    long = "Too long. " * 600
    response = say(client, asked, omar, do="comment", section=section.pk, text=long)
    assert response.status_code == 400
    assert "Too long. Too long." in response.content.decode()
    assert not asked.comments.exists()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"do": "nonsense"},
        {"do": "publish"},
        {"do": "comment"},
        {"do": "comment", "text": " \n"},
        {"do": "comment", "text": "x", "section": "999999"},
        {"do": "comment", "text": "x", "section": "x"},
        {"do": "comment", "text": "x", "section": "9" * 40},
        {"do": "comment", "text": "x", "parent": "0"},
        {"do": "resolve"},
        {"do": "resolve", "comment": "999999"},
        {"do": "request_changes", "words": ""},
        {"do": "request_changes", "words": "x" * 5_001},
        {"do": "approve", "text": "of another text"},
        {"do": "approve", "words": "\x00"},
    ],
)
def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(client, asked, omar, said):
    before = snapshot(type(asked), type(asked.reviews.get()), asked.comments.model)
    response = say(client, asked, omar, **said)
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert snapshot(type(asked), type(asked.reviews.get()), asked.comments.model) == before


def test_the_reviewer_approves_or_asks_for_changes_here(client, asked, omar):
    text = show(client, asked, omar).context["fingerprint"]
    assert say(client, asked, omar, do="request_changes", words="How many?", text=text).status_code == 302
    assert asked.reviews.current().get().status == "changes_requested"
    assert "How many?" in show(client, asked, omar).content.decode()
    assert say(client, asked, omar, do="approve", words="", text=text).status_code == 302
    review = asked.reviews.current().get()
    assert (review.status, review.history.first().history_user_name) == ("approved", "Omar")


def test_an_approval_of_before_is_said_to_be_one(client, asked, omar, ana):
    reviewing.decide(asked, by=omar, verb="approve")
    assert "Approved an earlier version" not in show(client, asked, ana).content.decode()
    asked.findings.create(kind="luck", text="It was Sunday.")
    assert "Approved an earlier version" in show(client, asked, ana).content.decode()
    assert "an earlier version" in client.get(page(asked)).content.decode()


def test_a_text_that_changed_under_ones_eyes_is_not_approved(client, asked, omar):
    text = show(client, asked, omar).context["fingerprint"]
    asked.findings.create(kind="luck", text="It was Sunday.")
    response = say(client, asked, omar, do="approve", words="Good.", text=text)
    assert response.status_code == 400
    assert "The text has changed" in response.content.decode()
    assert "Good." in response.content.decode()


def test_who_was_not_asked_and_may_not_review_is_refused(client, asked, ravi, aud, ana):
    for person in (ravi, aud, ana):
        assert "Request changes" not in show(client, asked, person).content.decode()
        assert say(client, asked, person, do="approve").status_code == 403
    assert asked.reviews.get().status == "asked"


def test_whoever_may_review_needs_no_invitation(client, asked, admin_user):
    assert "Request changes" in show(client, asked, admin_user).content.decode()
    assert say(client, asked, admin_user, do="approve").status_code == 302


def test_in_a_draft_and_after_publishing_nothing_is_decided(client, retro, ana, admin_user):
    assert say(client, retro, admin_user, do="approve").status_code == 409
    make_publishable(retro).send_for_review(by=ana)
    comment = reviewing.comment(retro, by=admin_user, text="How many?")
    retro.publish(by=ana)
    for said in (
        {"do": "approve"},
        {"do": "comment", "text": "Late."},
        {"do": "resolve", "comment": comment.pk},
    ):
        assert say(client, retro, admin_user, **said).status_code == 409
    text = show(client, retro, admin_user).content.decode()
    assert "published and locked" in text
    assert "<textarea" not in text
    assert retro.comments.count() == 1


def test_the_auditor_reads_and_says_nothing(client, asked, aud):
    assert "<textarea" not in show(client, asked, aud).content.decode()
    assert say(client, asked, aud, do="comment", text="x").status_code == 403


# --- Asking, on the page of the verb


def test_reviewers_are_asked_on_a_page_of_their_own(client, asked, ana, ravi, omar):
    client.force_login(ana)
    pages.assert_offered(client, asked, "ask_reviewers")
    pages.assert_asking_changes_nothing(client, asked, "ask_reviewers")
    asked.refresh_from_db()
    answers = {"version": asked.version, "reviewers": [ravi.pk]}
    assert client.post(verb_page(asked, "ask_reviewers"), answers).status_code == 302
    assert asked.reviews.filter(reviewer=ravi).exists()


@pytest.mark.parametrize("people", [[], ["x"], ["9" * 30], ["999999"], ["omar"], ["ana"]])
def test_who_cannot_be_asked_is_refused_on_the_page(client, asked, ana, omar, people):
    client.force_login(ana)
    known = {"omar": omar.pk, "ana": ana.pk}
    answers = {"version": asked.version, "reviewers": [known.get(one, one) for one in people]}
    assert client.post(verb_page(asked, "ask_reviewers"), answers).status_code == 400
    assert asked.reviews.count() == 1


def test_only_who_leads_retrospectives_asks_here(client, asked, ravi, aud):
    for person in (ravi, aud):
        client.force_login(person)
        pages.assert_refused(client, asked, "ask_reviewers", {"reviewers": [ravi.pk]}, 403)


def test_reviewers_may_be_chosen_when_it_is_sent(client, retro, ana, ravi):
    client.force_login(ana)
    answers = {"version": retro.version, "reviewers": [ravi.pk], "reason": "Until Friday, please."}
    assert client.post(verb_page(retro, "send_for_review"), answers).status_code == 302
    assert retro.reviews.get().reviewer == ravi


def test_reviews_and_comments_have_pages_with_their_verbs(client, asked, omar, ana):
    reviewing.comment(asked, by=omar, text="How many?")
    client.force_login(omar)
    pages.assert_offered(client, asked.reviews.get(), "approve")
    client.force_login(ana)
    pages.assert_offered(client, asked.comments.get(), "resolve")
    pages.assert_offered(client, asked.reviews.get(), "withdraw")
    pages.assert_not_offered(client, asked.reviews.get(), "approve")


# --- What it costs


def test_the_page_costs_the_same_however_much_is_on_it(client, asked, ana, omar, ravi):
    def fill(count):
        for number in range(count):
            section = asked.sections.create(heading=f"More {number} {count}", text="A text. " * 100)
            comment = reviewing.comment(asked, by=omar, text="How many?", section=section)
            reviewing.comment(asked, by=ana, text="Twelve.", parent=comment)
            asked.findings.create(kind="luck", text=f"Finding {number}")
        troubles.forget()
        return len(pages.queries_of(client, asked.get_review_url()))

    read(client, asked, omar)
    fill(1)
    assert fill(2) == fill(30)
