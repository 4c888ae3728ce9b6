"""Links of mails: signed, single, for a while; whatever else somebody sends is refused with what to do now."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings
from django.core import signing
from django.utils import timezone

from actions import answers
from actions.models import EffectivenessCheck, UsedLink
from tests.actions.links import EVIDENCE, a_mail, link, links_of, path
from tests.conftest import make_person
from tests.faults import every_row

pytestmark = pytest.mark.django_db

ANSWERS = {
    "done": {"evidence": EVIDENCE},
    "date": {"due_on": "2199-12-01", "reason": "The supplier needs longer."},
    "hand_over": {"to": "ravi@example.com", "note": "You know it best."},
    "snooze": {},
    "blocked": {"waits_for": "The supplier"},
    "not_doing": {"reason": "The page is going away."},
    "accept": {},
    "decline": {"reason": "I am away."},
}


def asked_for(purpose):
    """What a person sends for a purpose; days are near, whenever the tests run."""
    day = (timezone.now() + timedelta(days=4)).date()
    return {**ANSWERS[purpose], **({"until": day} if purpose in ("snooze", "blocked") else {})}


@pytest.fixture
def ready(item, omar, ravi):
    """An item on which a purpose can be answered, and by whom."""

    def of(purpose):
        if purpose not in answers.OF_ASKED:
            return item, omar
        item.hand_over(by=omar, to=ravi, note="Please.")
        return item, ravi

    return of


@pytest.fixture
def check(item, omar, ravi):
    """Ravi is asked whether Omar's item worked."""
    item.complete(by=omar, evidence=EVIDENCE)
    item.checks.update(asked_of=ravi)
    return item.checks.get()


def assert_refused(client, where, status, *said, data=None, unsaid=()):
    """Refused on both roads, with a page that says what to do now; nothing is changed."""
    before = every_row()
    for response in (client.get(where), client.post(where, data or {"evidence": EVIDENCE})):
        page = response.content.decode()
        assert response.status_code == status, page
        assert 'href="/admin/"' in page
        for text in said:
            assert text in page
        for text in (*unsaid, "Traceback"):
            assert text not in page
    assert every_row() == before


# --- What a mail carries


def test_an_item_in_a_mail_has_two_answers_and_a_page_with_the_rest(item, omar):
    buttons = answers.buttons_for(item, omar, a_mail(omar))
    assert [button.label for button in buttons] == ["Done", "New date", "More answers"]
    assert all(button.url.startswith(f"{settings.SITE_URL}/go/") for button in buttons)


def test_the_links_of_a_mail_written_twice_are_the_same_and_those_of_another_are_not(item, omar):
    first, again = (answers.buttons_for(item, omar, a_mail(omar)) for _ in range(2))
    other = answers.buttons_for(item, omar, a_mail(omar, key="digest:person 1:2026-11-25"))
    assert first == again
    assert not {button.url for button in first} & {button.url for button in other}


def test_each_purpose_item_person_and_mail_has_a_nonce_of_its_own(item, omar, ravi):
    links = [
        *(link(item, omar, purpose) for purpose in (*answers.OF_OWNER, "more")),
        link(item, ravi, "done"),
        link(item, omar, "done", key="another"),
        answers.replace(link(item, omar, "done"), pk=item.pk + 1),
        answers.replace(link(item, omar, "done"), kind="check"),
    ]
    assert len({one.nonce for one in links}) == len(links)
    assert all(len(one.nonce) == 64 for one in links)


@pytest.mark.parametrize(
    "site", ["http://127.0.0.1:8000", "https://aftercare.operations.a-long-name.example.com"]
)
def test_an_address_is_short_and_has_nothing_that_mail_programs_stumble_over(item, omar, settings, site):
    settings.SITE_URL = site
    huge = answers.Link("not_effective", "check", 10**12, 10**12, answers._seed("x" * 200), 99_999_999)
    for one in (huge, answers.replace(huge, purpose="undo", answered=("hand_over", 10**6, 10**10))):
        assert len(one.url) < 300
        assert one.url.isascii()
        assert not set(one.url) & set(" <>\"'()[]{}|\\^`%&;,\r\n")
        assert answers.read(one.token) == one


def test_who_may_not_answer_gets_no_buttons(item, omar, ravi, lena):
    assert answers.buttons_for(item, ravi, a_mail(ravi)) == []
    type(item).objects.update(owner=lena)  # a communicator's role does not let her answer
    item.refresh_from_db()
    assert answers.buttons_for(item, lena, a_mail(lena)) == []


def test_what_is_ended_has_no_buttons(item, omar):
    item.complete(by=omar, evidence=EVIDENCE)
    assert answers.buttons_for(item, omar, a_mail(omar)) == []


def test_whoever_is_asked_about_a_check_has_three_answers_and_its_owner_none(check, ravi, omar):
    labels = [button.label for button in answers.check_buttons_for(check, ravi, a_mail(ravi))]
    assert labels == ["Yes, it worked", "In part", "No"]
    assert answers.check_buttons_for(check, omar, a_mail(omar)) == []
    check.asked_of = omar
    assert answers.check_buttons_for(check, omar, a_mail(omar)) == []


def test_buttons_cost_no_query_once_the_readers_role_is_known(item, omar, django_assert_num_queries):
    omar.has_perm("actions.change_actionitem")
    with django_assert_num_queries(0):
        answers.buttons_for(item, omar, a_mail(omar))


# --- What is refused


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("x", id="short"),
        pytest.param("WyJkb25lIl0:" + "A" * 43, id="signed by nobody"),
        pytest.param("A" * 100_000, id="100 kB long"),
        pytest.param("\u202eß\U0001f4a5", id="no ASCII"),
        pytest.param("%00%1b%7f", id="controls"),
        pytest.param("<script>alert(1)</script>", id="markup"),
        pytest.param(":", id="nothing signed"),
        pytest.param("." + "eJwDAAAAAAE" * 20, id="compressed"),
    ],
)
def test_what_is_no_link_of_ours_is_refused_and_reveals_nothing(client, item, token):
    where = f"/go/{token.replace('/', '%2F')}/"
    assert_refused(
        client, where, 404, "This link is not complete", unsaid=[item.title, item.reference, "alert(1)"]
    )


def test_a_link_that_was_cut_anywhere_is_refused(client, item, omar):
    token = link(item, omar, "done").token
    for end in range(1, len(token)):
        response = client.get(f"/go/{token[:end]}/")
        assert response.status_code == 404
        assert item.title not in response.content.decode()


def test_a_link_with_any_character_changed_is_refused(client, item, omar):
    token = link(item, omar, "done").token
    for at, old in enumerate(token):
        changed = token[:at] + ("A" if old != "A" else "B") + token[at + 1 :]
        assert client.get(f"/go/{changed}/").status_code == 404


def test_a_link_signed_for_something_else_is_refused(client, item, omar):
    said = ["done", "item", item.pk, omar.pk, "seed", timezone.now().date().toordinal()]
    for token in (
        signing.Signer(salt="aftercare.unsubscribe").sign_object(said),
        signing.dumps(said, salt=answers.SALT),
        signing.Signer(salt=answers.SALT, key="another").sign_object(said),
    ):
        assert_refused(client, f"/go/{token}/", 404, "not complete", unsaid=[item.title])


def test_a_link_of_one_who_does_not_own_the_item_is_refused_without_its_title(client, item, ravi, ana):
    for person in (ravi, ana):  # Ana manages items, and answers for others only when she signs in
        assert_refused(
            client, path(item, person, "done"), 403, "not yours", "Omar", unsaid=[item.title, item.why]
        )


def test_a_link_of_another_item_answers_only_that_item(client, item, omar):
    other = type(item).objects.create(title="Another", why="Trust.", owner=omar, due_on=item.due_on)
    client.post(path(other, omar, "done"), {"evidence": EVIDENCE})
    item.refresh_from_db()
    assert item.is_open
    assert client.get(path(item, omar, "done")).status_code == 200


@pytest.mark.parametrize("purpose", ANSWERS)
def test_a_link_is_good_for_fourteen_days(client, ready, purpose):
    item, person = ready(purpose)
    where = path(item, person, purpose)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=14)
    with time_machine.travel(midnight - timedelta(seconds=1), tick=False):
        assert client.get(where).status_code == 200
    with time_machine.travel(midnight, tick=False):
        assert_refused(client, where, 410, "too old", data=asked_for(purpose))


@pytest.mark.parametrize("purpose", ANSWERS)
def test_a_link_is_dead_after_use(client, ready, purpose):
    item, person = ready(purpose)
    where = path(item, person, purpose)
    assert client.post(where, asked_for(purpose)).status_code == 303
    used = UsedLink.objects.get()
    assert (used.purpose, used.item, used.user) == (purpose, item, person)
    assert_refused(client, where, 410, "You have answered this already", data=asked_for(purpose))


@pytest.mark.parametrize("purpose", answers.OF_OWNER)
def test_a_link_is_dead_after_reassignment(client, item, omar, ana, ravi, purpose):
    where = path(item, omar, purpose)
    item.reassign(by=ana, owner=ravi)
    assert_refused(
        client, where, 403, "It belongs to Ravi now.", data=asked_for(purpose), unsaid=[item.title]
    )


@pytest.mark.parametrize("purpose", answers.OF_ASKED)
def test_the_link_of_an_offer_is_dead_when_the_offer_is_taken_back(client, item, omar, ravi, purpose):
    item.hand_over(by=omar, to=ravi)
    where = path(item, ravi, purpose)
    item.keep(by=omar)
    assert_refused(client, where, 403, "not asked any more", data=asked_for(purpose), unsaid=[item.title])


@pytest.mark.parametrize("purpose", answers.OF_OWNER)
def test_a_link_says_when_somebody_else_has_ended_the_item(client, item, omar, ana, purpose):
    where = path(item, omar, purpose)
    item.complete(by=ana, evidence=EVIDENCE)
    assert_refused(
        client, where, 409, "needs no answer any more", "It is done since", data=asked_for(purpose)
    )


def test_a_link_of_one_who_has_left_is_dead(client, item, omar):
    where = path(item, omar, "done")
    omar.is_active = False
    omar.save()
    assert_refused(client, where, 403, "does not work here any more", unsaid=[item.title])


def test_a_link_of_one_whose_role_was_taken_away_is_refused(client, item, omar):
    omar.memberships.all().delete()
    assert_refused(client, path(item, omar, "done"), 403, "Your role does not let you")


def test_a_link_to_what_was_deleted_is_refused(client, item, omar):
    where = path(item, omar, "done")
    item.delete()
    assert_refused(client, where, 404, "not there any more")


@pytest.mark.parametrize("purpose", answers.OF_CHECK)
def test_a_link_of_a_check_is_refused_once_it_cannot_be_answered(client, check, omar, ravi, ana, purpose):
    note = {"note": "It rang."}
    assert_refused(client, path(check, omar, purpose), 403, "not asked any more", data=note)
    where = path(check, ravi, purpose)
    check.answer(by=ana, result="effective")
    assert_refused(client, where, 409, "needs no answer any more", "it worked", data=note)


def test_who_owns_an_item_by_now_does_not_judge_it(client, check, ravi):
    where = path(check, ravi, "effective")
    type(check.item).objects.update(owner=ravi)
    assert_refused(client, where, 403, "Whoever owns an action cannot say", data={"note": "Mine."})


def test_a_check_that_was_withdrawn_needs_no_answer(client, check, ravi, ana):
    where = path(check, ravi, "effective")
    check.item.reopen(by=ana, reason="Not yet.")
    check.refresh_from_db()
    assert check.status == EffectivenessCheck.Status.WITHDRAWN
    assert_refused(client, where, 409, "The question was withdrawn.")


# --- What looking does


@pytest.fixture
def every_link(item, omar, ravi, check, client):
    """One link of each purpose that can be answered, and one of each that cannot."""
    mine = type(item).objects.create(title="Mine", why="Trust.", owner=omar, due_on=item.due_on)
    offered = type(item).objects.create(title="Offered", why="Trust.", owner=omar, due_on=item.due_on)
    offered.hand_over(by=omar, to=ravi)
    snoozed = type(item).objects.create(title="Snoozed", why="Trust.", owner=omar, due_on=item.due_on)
    undo = client.post(path(snoozed, omar, "snooze"), asked_for("snooze")).headers["Location"]
    return [
        *(path(mine, omar, purpose) for purpose in (*answers.OF_OWNER, "more")),
        *(path(offered, ravi, purpose) for purpose in (*answers.OF_ASKED, "more")),
        *(path(check, ravi, purpose) for purpose in answers.OF_CHECK),
        undo,
        path(snoozed, omar, "snooze"),
        path(item, ravi, "done"),
        "/go/nothing/",
    ]


@pytest.mark.parametrize("how", ["get", "head", "options"])
def test_looking_at_a_link_changes_no_row_of_any_table(client, every_link, how):
    before, seen = every_row(), set()
    for where in every_link:
        for headers in ({}, {"HTTP_PURPOSE": "prefetch"}, {"HTTP_SEC_PURPOSE": "prefetch;prerender"}):
            seen.add(getattr(client, how)(where, **headers).status_code)
    assert seen == ({200} if how == "options" else {200, 404, 409, 410})
    assert every_row() == before


@pytest.mark.parametrize("how", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused(client, every_link, how):
    before = every_row()
    assert {getattr(client, how)(where).status_code for where in every_link} == {405}
    assert every_row() == before


def test_nobody_keeps_the_page_or_is_told_its_address(client, every_link):
    for where in every_link:
        headers = client.get(where).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in headers["Cache-Control"]
        assert "noindex" in headers["X-Robots-Tag"]
        assert "script-src 'self';" in headers["Content-Security-Policy"] + ";"
        assert "Set-Cookie" not in headers


def test_the_links_on_a_page_are_links_of_the_same_mail(client, item, omar):
    page = client.get(path(item, omar, "more")).content.decode()
    for purpose in answers.OF_OWNER:
        assert f'href="{path(item, omar, purpose)}"' in page


def test_the_links_on_a_page_last_no_longer_than_the_mail(client, item, omar, every_link):
    late = timezone.now() + timedelta(days=13)
    with time_machine.travel(late, tick=False):
        old = answers.replace(link(item, omar, "done"), day=link(item, omar, "done").day - 13)
        other = type(item).objects.create(title="Late", why="Trust.", owner=omar)
        assert old.to("date", other).day == old.undo(item).day == old.anew().day == old.day


def test_links_work_whoever_is_signed_in_and_without_any_cookie(client, item, omar):
    make_person("aud2@example.com")
    client.force_login(make_person("dora@example.com"))
    assert client.post(path(item, omar, "done"), {"evidence": EVIDENCE}).status_code == 303
    entry = item.history.first()
    assert (entry.history_user_name, entry.history_actor_kind) == ("Omar", "mail link")


def test_the_buttons_of_a_mail_lead_to_pages_that_open(client, item, omar):
    for where in links_of(answers.buttons_for(item, omar, a_mail(omar))).values():
        assert urlsplit(where).path == where
        assert client.get(where).status_code == 200
