"""Mails that an answer sends: queued with it, sent while their reader works, and only what is still so."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.db import DataError, connection, transaction

from actions.models import ActionItem
from config.outbox.models import Delivery
from config.outbox.sending import deliver
from tests.conftest import make_person
from tests.faults import is_whole_or_absent

pytestmark = pytest.mark.django_db

WEDNESDAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
REASON = "The supplier needs longer."


@pytest.fixture(autouse=True)
def _on_a_wednesday(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Aftercare <aftercare@example.com>"
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def item(item, ana, ravi):
    """Omar's, and offered to nobody yet; whatever its making queued is not looked at."""
    item.due_on = date(2026, 3, 9)
    item.save()
    Delivery.objects.all().delete()
    return item


def queued():
    return sorted(Delivery.objects.values_list("kind", "recipient__name"))


def sent():
    """What goes out now: to whom, and what it is about."""
    mail.outbox.clear()
    deliver()
    return sorted(
        (letter.to[0].partition("@")[0], letter.subject.partition(":")[0]) for letter in mail.outbox
    )


def letter():
    [letter] = mail.outbox
    html = letter.alternatives[0].content
    return letter, letter.body, html


# --- Who is told


def test_whoever_is_asked_is_told_with_both_answers(item, omar, ravi, client):
    item.hand_over(by=omar, to=ravi, note="You know it best.")
    assert queued() == [("actions.offered", "Ravi")]
    assert sent() == [("ravi", f"Would you take over {item.reference} {item.title}?")]
    message, text, html = letter()
    for said in ("Omar asks whether you take over", "You know it best.", item.why, "Due Monday 9 March 2026"):
        assert said in text
    for said in ("Omar asks whether you take over", "You know it best.", item.why, "due Monday 9 March 2026"):
        assert said in html
    links = re.findall(r"^(http\S+/go/\S+)$", text, re.MULTILINE)
    assert len(links) == 2
    assert all(f'href="{link}"' in html for link in links)
    assert message.extra_headers["References"]
    for link, heading in zip(links, ("Do you take it over?", "Why can’t you take it?"), strict=True):
        assert heading in client.get("/go/" + link.partition("/go/")[2]).content.decode()


def test_links_stay_whole_on_the_wire(item, omar, ravi):
    import email
    import email.policy

    item.hand_over(by=omar, to=ravi, note="Größe 💥 " * 50)
    sent()
    raw = mail.outbox[0].message().as_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    for kind in ("plain", "html"):
        body = parsed.get_body((kind,)).get_content()
        links = set(re.findall(r"http[^\s\"<]+/go/[^\s\"<]+", body))
        assert len(links) == 2
        assert all(len(link) < 300 and link.endswith("/") for link in links)


def test_the_owner_hears_that_it_was_taken_over(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    item.accept(by=ravi)
    # What was asked is answered: of the question nothing is sent any more.
    assert sent() == [("omar", "Ravi took it over")]


def test_the_owner_hears_that_it_was_declined_and_why(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    item.decline(by=ravi, reason=REASON)
    assert sent() == [("omar", "Ravi can’t take it over")]
    _, text, html = letter()
    assert REASON in text
    assert REASON in html


def test_without_an_owner_whoever_asked_hears_of_the_answer(item, ana, ravi):
    ActionItem.objects.update(owner=None)
    item.hand_over(by=ana, to=ravi)
    item.decline(by=ravi, reason=REASON)
    assert sent() == [("ana", "Ravi can’t take it over")]


def test_whoever_was_asked_hears_that_they_need_not_answer_if_they_were_told(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    item.keep(by=omar)
    assert sent() == []
    item.hand_over(by=omar, to=ravi)
    assert len(sent()) == 1
    item.keep(by=omar)
    assert sent() == [("ravi", "Omar keeps it, so nothing is asked of you any more")]


@pytest.mark.parametrize("how", ["dropped", "blocked"])
def test_who_led_the_retro_is_told_why(item, omar, how):
    act(item, how, by=omar)
    [(to, subject)] = sent()
    assert (to, subject) == (
        "ana",
        f"Omar {'decided not to do it' if how == 'dropped' else 'said that it is blocked'}",
    )
    _, text, html = letter()
    for said in (REASON, item.title, *(["The supplier", "Friday 6 March 2026"] if how == "blocked" else [])):
        assert said in text
        assert said in html


@pytest.mark.parametrize("how", ["dropped", "blocked"])
def test_who_led_the_retro_is_not_told_what_they_did_themselves(item, ana, how):
    act(item, how, by=ana)
    assert queued() == []


@pytest.mark.parametrize("how", ["dropped", "blocked"])
def test_without_a_facilitator_the_owners_manager_is_told_and_else_nobody(item, omar, ana, how):
    other = ActionItem.objects.create(title="Another", why="Trust.", owner=omar)
    act(other, how, by=omar)
    assert queued() == []
    omar.manager = make_person("maria@example.com")
    omar.save()
    third = ActionItem.objects.create(title="Third", why="Trust.", owner=omar)
    act(third, how, by=omar)
    assert queued() == [("actions.told", "Maria")]
    ana.is_active = False
    ana.save()
    item.refresh_from_db()
    act(ActionItem.objects.get(pk=item.pk), how, by=omar)
    assert queued() == [("actions.told", "Maria"), ("actions.told", "Maria")]


def act(item, how, *, by):
    if how == "dropped":
        item.drop(by=by, reason=REASON)
    else:
        item.block(by=by, waits_for="The supplier", until=date(2026, 3, 6), reason=REASON)


# --- When


def test_it_is_sent_while_the_reader_works(item, omar, ravi):
    ravi.time_zone = "Pacific/Auckland"  # past midnight there
    ravi.save()
    item.hand_over(by=omar, to=ravi)
    assert Delivery.objects.get().due_at == datetime(2026, 3, 4, 20, tzinfo=UTC)
    assert sent() == []
    with time_machine.travel(datetime(2026, 3, 4, 20, tzinfo=UTC), tick=False):
        assert len(sent()) == 1


def test_it_waits_for_those_who_are_away_by_now(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    ravi.away_from, ravi.away_until = date(2026, 3, 4), date(2026, 3, 6)
    ravi.save()
    assert sent() == []
    assert Delivery.objects.get().due_at == datetime(2026, 3, 9, 9, tzinfo=UTC)


# --- Only once, and only what is still so


def test_each_event_has_a_key_of_its_own(item, omar, ravi):
    for _ in range(2):
        item.hand_over(by=omar, to=ravi)
        item.decline(by=ravi, reason=REASON)
    keys = set(Delivery.objects.values_list("key", flat=True))
    assert len(keys) == 4
    assert all(str(item.pk) in key and len(key) < 100 for key in keys)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param("offer", "done", id="offered and done"),
        pytest.param("offer", "reassigned", id="offered and given to another"),
        pytest.param("offer", "to another", id="offered to another instead"),
        pytest.param("declined", "dropped by its manager", id="declined and dropped"),
        pytest.param("dropped", "reopened", id="dropped and reopened"),
        pytest.param("blocked", "unblocked", id="blocked and unblocked"),
        pytest.param("blocked", "done", id="blocked and done"),
        pytest.param("blocked", "by something else", id="blocked by something else"),
    ],
)
def test_what_is_no_longer_so_is_not_sent(item, omar, ana, ravi, first, then):
    nina = make_person("nina@example.com", "Action owner")
    {
        "offer": lambda: item.hand_over(by=omar, to=ravi),
        "declined": lambda: (item.hand_over(by=omar, to=ravi), item.decline(by=ravi, reason=REASON)),
        "dropped": lambda: act(item, "dropped", by=omar),
        "blocked": lambda: act(item, "blocked", by=omar),
    }[first]()
    was = set(Delivery.objects.values_list("pk", flat=True))
    {
        "done": lambda: item.complete(by=omar, evidence="It rang."),
        "reassigned": lambda: item.reassign(by=ana, owner=nina),
        "to another": lambda: item.hand_over(by=omar, to=nina),
        "dropped by its manager": lambda: item.drop(by=ana, reason=REASON),
        "reopened": lambda: item.reopen(by=ana, reason=REASON),
        "unblocked": lambda: item.unblock(by=omar),
        "by something else": lambda: item.block(by=omar, waits_for="Else", until=date(2026, 3, 6)),
    }[then]()
    sent()
    assert set(Delivery.objects.filter(pk__in=was).values_list("state", flat=True)) == {"cancelled"}


def test_nobody_who_has_left_or_changed_address_is_told(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    ravi.is_active = False
    ravi.save()
    assert sent() == []
    item.keep(by=omar)
    ravi.is_active = True
    ravi.save()
    item.hand_over(by=omar, to=ravi)
    ravi.email = "ravi.k@example.com"
    ravi.save()
    assert sent() == []


def test_the_retro_is_named_only_to_those_who_may_know_of_it(item, omar, lena):
    item.hand_over(by=omar, to=lena)
    sent()
    _, text, html = letter()
    assert str(item.retro) in text
    assert str(item.retro) in html
    item.decline(by=lena, reason=REASON)
    Delivery.objects.all().delete()
    item.retro.incidents.update(visibility="restricted")
    item.hand_over(by=omar, to=lena)
    sent()
    _, text, html = letter()
    assert str(item.retro) not in text + html


# --- Whole, whatever is in it


@pytest.mark.parametrize("verb", ["hand_over", "accept", "decline", "keep", "block", "drop"])
def test_a_verb_and_its_mail_are_whole_or_absent(item, omar, ravi, verb):
    if verb in ("accept", "decline", "keep"):
        item.hand_over(by=omar, to=ravi)
    ask = {
        "hand_over": {"by": omar, "to": ravi},
        "accept": {"by": ravi},
        "decline": {"by": ravi, "reason": REASON},
        "keep": {"by": omar},
        "block": {"by": omar, "waits_for": "The supplier", "until": date(2026, 3, 6)},
        "drop": {"by": omar, "reason": REASON},
    }[verb]
    before = Delivery.objects.count()
    is_whole_or_absent(lambda: getattr(ActionItem.objects.get(pk=item.pk), verb)(**ask), ActionItem, Delivery)
    getattr(item, verb)(**ask)
    assert Delivery.objects.count() == before + 1


@pytest.mark.parametrize(
    "text",
    [
        "Pay\r\nBcc: all@example.com\r\n\r\nHello",
        "Pay\x00ments",
        "</p><script>",
        "x" * 10_000_000,
        "💥" * 2_000_000,
    ],
    ids=["breaks", "null", "markup", "10 MB", "wide"],
)
def test_no_text_stops_a_mail(item, omar, ravi, text):
    from tests.actions.test_answers import force

    force(item, title=text, why=text)
    item.hand_over(by=omar, to=ravi, note="Please.")
    other = ActionItem.objects.create(title="Another", why="Trust.", owner=omar, retro=item.retro)
    other.drop(by=omar, reason=REASON)
    assert [to for to, _ in sent()] == ["ana", "ravi"]
    for message in mail.outbox:
        raw = message.message().as_bytes()
        assert len(raw) < 100_000
        assert b"\nBcc:" not in raw.partition(b"\n\n")[0]
        assert b"\x00" not in raw
        assert "<script>" not in message.alternatives[0].content


@pytest.mark.parametrize(
    "reason", ["Away\r\nBcc: all@example.com", "Away\ud800\ud800"], ids=["breaks", "surrogate"]
)
def test_no_reason_in_a_message_stops_it(item, omar, ravi, reason):
    item.hand_over(by=omar, to=ravi)
    item.decline(by=ravi, reason="Away")
    told = Delivery.objects.get(kind="actions.offer_answered")
    told.context["reason"] = reason
    try:
        with transaction.atomic():
            told.save()
    except DataError:  # PostgreSQL takes no lone surrogate, so there is none to send
        assert connection.vendor == "postgresql"
    assert sent() == [("omar", "Ravi can’t take it over")]


def test_the_moment_of_an_offer_tells_two_apart(item, omar, ravi):
    item.hand_over(by=omar, to=ravi)
    item.keep(by=omar)
    with time_machine.travel(WEDNESDAY + timedelta(minutes=1), tick=False):
        item.hand_over(by=omar, to=ravi)
        assert len(sent()) == 1
    states = Delivery.objects.filter(kind="actions.offered").order_by("pk").values_list("state", flat=True)
    assert list(states) == ["cancelled", "sent"]
