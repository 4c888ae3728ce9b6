"""Subscribers in the workspace: who sees and does what, and what becomes of it."""

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from config.outbox.models import Delivery
from config.transitions import NotPermitted, WrongState, verbs_of
from incidents.models import Subscriber
from tests.cases import Case, assert_recorded, changes_of
from tests.incidents.public import say, told
from tests.incidents.readers import reader, sent, system

pytestmark = pytest.mark.django_db
LIST = "/admin/incidents/subscriber/"
URL = "https://hooks.customer.example/in"


def page_of(row, rest="change/"):
    return f"{LIST}{row.pk}/{rest}"


@pytest.fixture
def as_lena(client, lena):
    client.force_login(lena)
    return client


def inlines(**fields):
    names = ("service_links", "region_links")
    counts = {f"{name}-{what}": "0" for name in names for what in ("TOTAL_FORMS", "INITIAL_FORMS")}
    return {**counts, **fields}


# --- Verbs

TABLE = {
    "ask": Case(
        "stopped",
        {"status", "asked_at", "stopped_at", "stopped_because"},
        {"address": "kim@customer.example"},
    ),
    "confirm": Case("pending", {"status", "confirmed_at"}),
    "unsubscribe": Case("confirmed", {"status", "unsubscribed_at", "address"}),
    "stop": Case(
        "confirmed", {"status", "stopped_at", "stopped_because"}, {"reason": "They asked by phone."}
    ),
    "resume": Case("stopped", {"status", "stopped_at", "stopped_because"}),
    "rotate": Case("webhook", {"secret", "former_secret", "former_until"}),
    "replay": Case("webhook", set()),
}
BY_THE_LINK_ALONE = {"ask", "confirm"}


def make(state):
    if state == "webhook":
        return system()
    row = reader()
    if state == "stopped":
        row.stop(by=None, reason="Gone.")
    if state == "pending":
        Subscriber.objects.update(status="pending", confirmed_at=None)
        row.refresh_from_db()
    return row


def test_every_verb_is_in_the_table():
    assert set(verbs_of(Subscriber)) == set(TABLE)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"replay"}))
def test_a_verb_sets_everything_together_and_nothing_else(name, lena):
    case, row = TABLE[name], make(TABLE[name].start)
    by = None if name in BY_THE_LINK_ALONE else lena
    changed = changes_of(row, lambda: getattr(row, name)(by=by, **case.ask))
    assert set(changed) == case.sets
    if by and "status" in case.sets:
        assert_recorded(row, by=by, reason=case.ask.get("reason", ""))


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_verb_is_refused_to_the_wrong_person(name, ravi, aud, stranger, admin_user):
    from django.utils import timezone

    case, row = TABLE[name], make(TABLE[name].start)
    asked = case.ask | ({"since": timezone.now()} if name == "replay" else {})
    people = [ravi, aud, stranger, *([admin_user] if name in BY_THE_LINK_ALONE else [])]
    for person in people:
        with pytest.raises(NotPermitted):
            getattr(row, name)(by=person, **asked)


@pytest.mark.parametrize(
    ("name", "state"), [("confirm", "confirmed"), ("stop", "stopped"), ("resume", "confirmed")]
)
def test_a_verb_is_refused_in_the_wrong_state(name, state):
    row = reader()
    if state == "stopped":
        row.stop(by=None, reason="Gone.")
    with pytest.raises(WrongState):
        getattr(row, name)(by=None, **TABLE[name].ask)


def test_what_only_webhooks_have_is_refused_to_mailboxes(lena):
    with pytest.raises(NotPermitted):
        reader().rotate(by=lena)


def test_who_is_stopped_hears_nothing_until_resumed(lena, severity):
    row, incident = reader(), told(severity)
    row.stop(by=lena, reason="They asked by phone.")
    say(incident)
    assert sent() == []
    row.resume(by=lena)
    say(incident, "More.", ago=1)
    assert len(sent()) == 1


# --- Pages


def test_the_list_counts_filters_and_finds(as_lena):
    reader("kim@customer.example")
    reader("lee@customer.example").stop(by=None, reason="Gone.")
    reader("gone@customer.example").unsubscribe(by=None)
    system()
    page = as_lena.get(LIST).content.decode()
    assert "0 not confirmed, 2 confirmed, 1 unsubscribed, 1 stopped" in page
    assert "forgotten" in page
    assert "lee@customer.example" not in as_lena.get(f"{LIST}?status__in=confirmed").content.decode()
    hooks = as_lena.get(f"{LIST}?channel__in=webhook").content.decode()
    assert URL in hooks
    assert "kim@" not in hooks
    found = as_lena.get(f"{LIST}?q=lee@").content.decode()
    assert "lee@customer.example" in found
    assert "kim@" not in found


def test_the_list_costs_the_same_with_more_of_them(as_lena, django_assert_max_num_queries):
    from tests.incidents.readers import many

    many(60)
    with django_assert_max_num_queries(14):
        assert as_lena.get(LIST).status_code == 200


def test_a_webhook_is_added_confirmed_and_its_secret_is_for_those_who_manage_it(
    as_lena, client, aud, service
):
    sent_ = inlines(channel="webhook", address=URL)
    assert as_lena.post(f"{LIST}add/", sent_).status_code == 302
    row = Subscriber.objects.get()
    assert (row.status, row.source) == ("confirmed", "added by hand")
    assert row.history.first().history_user_name == "Lena"
    assert row.secret in as_lena.get(page_of(row)).content.decode()
    client.force_login(aud)
    page = client.get(page_of(row)).content.decode()
    assert URL in page
    assert row.secret not in page


def test_a_mailbox_that_is_added_is_asked_first(as_lena, mailoutbox):
    from config.outbox import sending

    as_lena.post(f"{LIST}add/", inlines(channel="email", address="Kim@customer.example"))
    row = Subscriber.objects.get()
    assert (row.status, row.address) == ("pending", "kim@customer.example")
    sending.deliver()
    assert mailoutbox[0].to == ["kim@customer.example"]


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        *(("email", ""), ("email", "kim"), ("email", "a@customer.example\nBcc: b@customer.example")),
        *(
            ("webhook", "ftp://customer.example"),
            ("webhook", "https://u:p@customer.example/"),
            ("email", URL),
        ),
        *(
            ("email", "known@customer.example"),
            ("email", "KNOWN@customer.example"),
            ("email", "gone@customer.example"),
        ),
    ],
)
def test_what_is_no_new_address_is_refused(as_lena, channel, address):
    reader("known@customer.example")
    reader("gone@customer.example").unsubscribe(by=None)
    answer = as_lena.post(f"{LIST}add/", inlines(channel=channel, address=address))
    assert answer.status_code == 200
    assert Subscriber.objects.count() == 2


def test_its_page_tells_what_it_was_sent(as_lena, severity):
    row = reader()
    say(told(severity))
    sent()
    page = as_lena.get(page_of(row)).content.decode()
    assert "Checkout fails for one in five" in page
    assert "Sent" in page


def test_a_form_ends_it_by_post_alone(as_lena):
    row = reader()
    link = page_of(row, "do/unsubscribe/")
    assert as_lena.get(link).status_code == 200
    row.refresh_from_db()
    assert row.is_confirmed
    assert as_lena.post(link, {"version": row.version, "reason": ""}).status_code == 400
    asked = {"version": row.version, "reason": "They asked by phone."}
    assert as_lena.post(link, asked).status_code == 302
    row.refresh_from_db()
    assert row.status == "unsubscribed"


def test_another_address_is_another_subscriber(as_lena):
    row = reader()
    as_lena.post(page_of(row), inlines(channel="webhook", address=URL, version=row.version))
    row.refresh_from_db()
    assert (row.channel, row.address) == ("email", "kim@customer.example")


# --- Lists


def upload(client, content, name="list.csv", **fields):
    return client.post(f"{LIST}import/", {"file": SimpleUploadedFile(name, content.encode()), **fields})


def test_a_list_is_imported_all_or_nothing(as_lena):
    answer = upload(as_lena, "email\nkim@customer.example\nno address\n")
    assert answer.status_code == 400
    assert "Nothing imported: line 3" in answer.content.decode().replace("&#x27;", "'")
    assert not Subscriber.objects.exists()
    assert upload(as_lena, "email\nkim@customer.example\n", is_dry="on").status_code == 302
    assert not Subscriber.objects.exists()
    assert upload(as_lena, "email\nkim@customer.example\n").status_code == 302
    row = Subscriber.objects.get()
    assert (row.status, row.source) == ("confirmed", "imported from list.csv")
    assert (row.history.first().history_user_name, row.history.first().history_actor_kind) == (
        "Lena",
        "import",
    )
    assert not Delivery.objects.exists()


def test_who_may_not_add_subscribers_may_not_import_them(client, ravi, aud):
    for person in (ravi, aud):
        client.force_login(person)
        assert client.get(f"{LIST}import/").status_code == 403
        assert upload(client, "email\nkim@customer.example\n").status_code == 403
    assert not Subscriber.objects.exists()


def test_the_database_refuses_an_address_after_it_was_forgotten():
    row = reader()
    row.unsubscribe(by=None)
    row.address = "kim@customer.example"
    with pytest.raises(ValidationError):
        row.validate_constraints()
