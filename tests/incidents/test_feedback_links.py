"""The question to customers: one vote per link, by POST alone; what is forged, replayed or too old is refused."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.test import Client
from django.utils import timezone

from config.audit.models import TrackedModel
from incidents.feedback import Purpose, limits, link_for, links
from incidents.models import Feedback, FeedbackRequest, FeedbackVisit, Incident
from tests.faults import each_break_of
from tests.incidents.public import say, told, written

pytestmark = pytest.mark.django_db
YES = {"known": "yes", "words": "I knew what to do."}
AFTER = {"sentiment": "4", "support": "", "transparency": "5", "words": ""}


@pytest.fixture
def public(severity, service):
    return told(severity, services=[service])


@pytest.fixture
def update(public):
    return say(public, "Pay by transfer.")


def path(incident, key="mail 1", purpose=Purpose.UPDATE, update=None):
    url = link_for(incident, key, purpose, update)
    return url[url.index("/feedback/") :]


@pytest.fixture
def link(public, update):
    return path(public, update=update)


def text(answer):
    return answer.content.decode()


def assert_nothing_counted():
    assert not Feedback.objects.exists()
    assert not Feedback.history.exists()


# --- By the link of a mail


def test_a_link_shows_the_update_and_asks(client, link):
    answer = client.get(link)
    assert answer.status_code == 200
    assert "Did you know what you needed to know?" in text(answer)
    assert "Pay by transfer." in text(answer)
    assert_nothing_counted()


def test_scanners_count_as_nothing(client, link):
    for _ in range(3):
        client.get(link)
        client.get(f"{link}?known=yes&words=x")
        client.head(link)
    for method in ("options", "put", "patch", "delete"):
        assert getattr(client, method)(link).status_code == 405
    assert_nothing_counted()


def test_one_post_answers_once(client, public, update, link):
    answer = client.post(link, YES)
    assert answer.status_code == 200
    assert "Your answer is counted" in text(answer)
    row = Feedback.objects.get()
    assert (row.incident, row.update, row.purpose, row.source) == (public, update, "update", "mail")
    assert (row.known, row.words, row.sentiment) == ("yes", "I knew what to do.", None)


def test_a_second_answer_is_refused_and_the_first_stays(client, link):
    client.post(link, YES)
    for again in (client.post(link, {"known": "no"}), client.get(link)):
        assert again.status_code == 410
        assert "you have answered" in text(again)
    assert Feedback.objects.get().known == "yes"


def test_the_mail_written_again_on_another_day_has_the_same_single_vote(client, public, update, link):
    client.post(link, YES)
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        again = path(public, update=update)
        assert again != link
        assert client.post(again, YES).status_code == 410
    assert (Feedback.objects.count(), FeedbackRequest.objects.count()) == (1, 1)


def test_each_mail_has_its_own_vote(client, public, update, link):
    client.post(link, YES)
    assert client.post(path(public, "mail 2", update=update), {"known": "no"}).status_code == 200
    assert Feedback.objects.count() == 2


def test_a_link_is_good_for_thirty_days(client, link):
    with time_machine.travel(timezone.now() + timedelta(days=29), tick=False):
        assert client.get(link).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
        for answer in (client.get(link), client.post(link, YES)):
            assert answer.status_code == 410
            assert "too old" in text(answer)
    assert_nothing_counted()


def bent(link):
    token = link.removeprefix("/feedback/by-link/").removesuffix("/")
    other = signing.Signer(salt="aftercare.retros").sign_object(["update", 1, 1, "x", 800_000])
    no_seed = signing.Signer(salt=links.SALT).sign_object(["update", 1])
    return {
        "cut": token[:-1],
        "turned": token[:-2] + token[-2:][::-1] + "A",
        "grown": token + "x" * 100_000,
        "of another page": other,
        "of an earlier shape": no_seed,
        "foreign letters": token + "ü",
        "unsigned": token.partition(":")[0],
        "empty": "x",
    }


@pytest.mark.parametrize("how", bent("/feedback/by-link/ab:cd/"))
def test_a_forged_or_broken_token_is_refused(client, link, how):
    address = f"/feedback/by-link/{bent(link)[how]}/"
    for answer in (client.get(address), client.post(address, YES)):
        assert answer.status_code == 404
        assert "not complete" in text(answer)
    assert_nothing_counted()


def test_a_link_about_an_update_is_none_for_another_update(client, public, update, link):
    another = say(public, "It is fixed.", ago=5)
    client.post(link, YES)
    assert Feedback.objects.get().update == update != another


def test_an_answer_that_is_none_is_asked_for_again(client, link):
    for sent in (
        {},
        {"known": "maybe"},
        {"known": "yes", "words": "x" * 2001},
        {"known": "yes", "words": "\0"},
    ):
        answer = client.post(link, sent)
        assert answer.status_code == 400
        assert "Nothing was counted yet" in text(answer)
    assert_nothing_counted()
    assert client.post(link, YES).status_code == 200


def test_afterwards_three_numbers_are_asked(client, public, ravi):
    public.resolve(by=ravi)
    link = path(public, purpose=Purpose.AFTER)
    assert "How openly did we tell you" in text(client.get(link))
    for wrong in ({"sentiment": "6"}, {"sentiment": "0"}, {"transparency": ""}, {"support": "x"}):
        assert client.post(link, AFTER | wrong).status_code == 400
    assert_nothing_counted()
    assert client.post(link, AFTER).status_code == 200
    row = Feedback.objects.get()
    assert (row.sentiment, row.support, row.transparency, row.known) == (4, None, 5, "")


def test_what_is_asked_must_fit_what_it_is_about(public, update):
    for purpose, about in ((Purpose.UPDATE, None), (Purpose.AFTER, update)):
        with pytest.raises(ValueError, match="Ask about an update, or"):
            link_for(public, "mail", purpose, about)


@pytest.mark.parametrize(
    "hidden", [{"visibility": "restricted"}, {"visibility": "internal"}, {"is_drill": True}]
)
def test_what_is_not_public_any_more_looks_as_if_it_were_not_there(client, public, link, hidden):
    Incident.objects.filter(pk=public.pk).update(**hidden)
    nowhere = client.get("/feedback/aaaaaaaaaaaa/")
    for answer in (client.get(link), client.post(link, YES), client.get(f"/feedback/{public.public_id}/")):
        assert answer.status_code == 404
        assert answer.content == nowhere.content
        assert public.title not in text(answer)
    assert_nothing_counted()


def test_who_answers_is_nobody_even_signed_in(client, link, ana):
    client.force_login(ana)
    answer = client.post(link, YES)
    entry = Feedback.history.get()
    assert (entry.history_user_id, entry.history_user_name) == (None, "a customer")
    assert entry.history_actor_kind == "mail link"
    assert not hasattr(entry, "nonce")
    assert "Set-Cookie" not in answer
    assert "Cookie" not in answer.get("Vary", "")


def test_the_pages_are_cookieless_strict_and_kept_by_nobody(client, public, link):
    for address in (link, f"/feedback/{public.public_id}/", "/feedback/by-link/x/"):
        answer = client.get(address)
        assert not answer.cookies
        assert answer["Cache-Control"] == "no-store, private"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer["X-Robots-Tag"]
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "style=" not in text(answer)


def test_it_needs_no_cookie_and_no_csrf_token(link):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link, YES).status_code == 200


def test_an_answer_is_whole_or_absent(client, link):
    kept = []
    for fault in each_break_of(lambda: client.post(link, YES)):
        kept.append(Feedback.objects.count())
        assert Feedback.objects.count() == Feedback.history.count()
        assert kept[-1] == 0 or not fault.is_told
    assert kept[-1] == 1


def test_hostile_words_are_text(client, public, update, link, ravi):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    Incident.objects.filter(pk=public.pk).update(title=evil)
    page = text(client.get(link))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert client.post(link, {"known": "no", "words": evil}).status_code == 200
    assert Feedback.objects.get().words == evil


# --- From the page that is open to everybody


def token_on(answer):
    return text(answer).partition('name="form" value="')[2].partition('"')[0]


@pytest.fixture
def open_page(public, update):
    return f"/feedback/{public.public_id}/"


def test_the_public_page_of_an_incident_leads_there(public, update):
    page = written()[f"incidents/{public.public_id}/index.html"]
    assert f"/feedback/{public.public_id}/" in page
    assert "form=" not in page


def test_before_anything_was_said_nothing_is_asked(client, public):
    assert "/feedback/" not in written()[f"incidents/{public.public_id}/index.html"]
    assert client.get(f"/feedback/{public.public_id}/").status_code == 404


def test_a_month_after_the_end_nothing_is_asked_any_more(client, public, update, ravi):
    public.resolve(by=ravi)
    unknown = dict.fromkeys(("started_at", "detected_at", "acknowledged_at"))
    Incident.objects.filter(pk=public.pk).update(resolved_at=timezone.now() - timedelta(days=31), **unknown)
    assert client.get(f"/feedback/{public.public_id}/").status_code == 410
    assert "/feedback/" not in written()[f"incidents/{public.public_id}/index.html"]


def test_an_answer_from_the_page_is_counted_apart(client, open_page):
    token = token_on(client.get(open_page))
    assert_nothing_counted()
    assert client.post(open_page, YES | {"form": token}).status_code == 200
    assert Feedback.objects.get().source == "page"


def test_the_form_of_the_page_answers_once_and_not_for_long(client, open_page):
    token = token_on(client.get(open_page))
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        assert client.post(open_page, YES | {"form": token}).status_code == 410
    assert_nothing_counted()
    client.post(open_page, YES | {"form": token})
    assert client.post(open_page, YES | {"form": token}).status_code == 410
    assert Feedback.objects.count() == 1


@pytest.mark.parametrize("token", ["", "x", "a:b", "ü", "x" * 10_000])
def test_without_a_form_of_ours_nothing_is_counted(client, open_page, token):
    answer = client.post(open_page, YES | {"form": token})
    assert answer.status_code == 400
    assert "Open the page again" in text(answer)
    assert_nothing_counted()


def test_the_link_of_a_mail_is_no_form_and_a_form_is_no_link(client, open_page, link):
    mail = link.removeprefix("/feedback/by-link/").removesuffix("/")
    assert client.post(open_page, YES | {"form": mail}).status_code == 400
    form = token_on(client.get(open_page))
    assert client.post(f"/feedback/by-link/{form}/", YES).status_code == 404
    assert_nothing_counted()


def test_the_form_of_one_incident_answers_no_other(client, open_page, severity):
    other = told(severity, "Another")
    say(other)
    token = token_on(client.get(f"/feedback/{other.public_id}/"))
    assert client.post(open_page, YES | {"form": token}).status_code == 400
    assert_nothing_counted()


def answers_from(client, page, address):
    token = token_on(client.get(page, REMOTE_ADDR=address))
    return client.post(page, YES | {"form": token}, REMOTE_ADDR=address)


def test_one_network_answers_five_times_an_hour(client, open_page):
    for _ in range(limits.MOST):
        assert answers_from(client, open_page, "203.0.113.7").status_code == 200
    refused = answers_from(client, open_page, "203.0.113.7")
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert answers_from(client, open_page, "203.0.113.8").status_code == 200
    assert Feedback.objects.count() == limits.MOST + 1
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert answers_from(client, open_page, "203.0.113.7").status_code == 200
        assert FeedbackVisit.objects.count() == 1  # what is older is forgotten


def test_a_whole_network_of_ipv6_is_one(client, open_page):
    for number in range(limits.MOST):
        assert answers_from(client, open_page, f"2001:db8::{number + 1:x}").status_code == 200
    assert answers_from(client, open_page, "2001:db8::ffff").status_code == 429


def test_who_writes_another_address_into_the_headers_is_counted_as_who_he_is(client, open_page, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for number in range(limits.MOST + 1):
        token = token_on(client.get(open_page))
        forwarded = f"10.0.0.{number}, 198.51.100.1"
        answer = client.post(open_page, YES | {"form": token}, HTTP_X_FORWARDED_FOR=forwarded)
    assert answer.status_code == 429


def test_no_address_is_kept_anywhere(client, open_page):
    answers_from(client, open_page, "203.0.113.7")
    rows = [str(row) for row in FeedbackVisit.objects.values()] + [str(r) for r in Feedback.objects.values()]
    assert not [row for row in rows if "203.0.113" in row]
    assert not issubclass(FeedbackVisit, TrackedModel)
    assert not AnonymousUser().has_perm("incidents.view_feedback")
