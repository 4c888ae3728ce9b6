"""The pages of messages: read by those who look after them, sent again on POST alone."""

import pytest
from django.utils import timezone

from config.outbox.models import Delivery
from config.people import roles
from config.transitions import verbs_of
from tests import pages
from tests.conftest import make_person
from tests.pages import add_page, list_of, page

VERBS = list(verbs_of(Delivery))


@pytest.fixture
def boss(db):
    return make_person("boss@example.com", roles.ADMINISTRATOR)


def make(number=1, state="dead", **fields):
    return Delivery.objects.create(
        key=f"overdue:person {number}:2026-01-01",
        address=f"p{number}@example.com",
        state=state,
        sent_at=timezone.now() if state == "sent" else None,
        **{"kind": "actions.overdue", "error": "550 no such mailbox", "attempts": 4, **fields},
    )


@pytest.fixture
def dead(omar):
    return make(recipient=omar, subject="What of yours is overdue", message_id="<overdue-1@example.com>")


def test_the_only_verb_is_sending_again():
    assert VERBS == ["requeue"]


def test_a_message_that_was_given_up_is_sent_again(client, dead, boss):
    client.force_login(boss)
    pages.assert_offered(client, dead, "requeue")
    pages.assert_asking_changes_nothing(client, dead, "requeue")
    pages.assert_done(client, dead, "requeue", {"reason": "The mailbox is back"}, by=boss)
    dead.refresh_from_db()
    assert (dead.state, dead.attempts, dead.error) == ("pending", 0, "")


def test_pressing_twice_sends_it_once(client, dead, boss):
    client.force_login(boss)
    pages.assert_done_once(client, dead, "requeue", {})


@pytest.mark.parametrize("state", ["pending", "sent", "cancelled"])
def test_what_was_not_given_up_is_not_sent_again(client, boss, state):
    row = make(state=state)
    client.force_login(boss)
    pages.assert_not_offered(client, row, "requeue")
    pages.assert_refused(client, row, "requeue", {}, 409)


def test_auditors_read_and_do_not_send(client, dead, aud):
    client.force_login(aud)
    pages.assert_not_offered(client, dead, "requeue")
    pages.assert_refused(client, dead, "requeue", {}, 403)


def test_nobody_else_reads_other_peoples_mail(client, dead, ana, ravi, omar):
    for person in (ana, ravi, omar):
        client.force_login(person)
        assert client.get(list_of(Delivery)).status_code == 403
        assert client.get(page(dead)).status_code == 403
        pages.assert_refused(client, dead, "requeue", {}, 403)


def test_nobody_writes_edits_or_deletes_a_message(client, dead, admin_user):
    client.force_login(admin_user)
    assert pages.fields_of(client.get(page(dead))) == set()
    assert client.get(add_page(Delivery)).status_code == 403
    assert client.post(page(dead), {"state": "sent"}).status_code == 403
    assert client.post(page(dead, "delete"), {"post": "yes"}).status_code == 403


def test_messages_are_found_by_address_key_subject_and_message_id(client, dead, aud):
    make(2, state="sent", ambiguous=1, subject="Another", kind="other")
    client.force_login(aud)

    def found(**query):
        return list(client.get(list_of(Delivery), query).context["cl"].queryset)

    for term in ("p1@example.com", "overdue:person 1:", "of yours", "<overdue-1@example.com>"):
        assert found(q=term) == [dead], term
    assert found(state__exact="dead") == [dead]
    assert found(kind="actions.overdue") == [dead]
    assert found(doubt="no") == [dead]
    assert len(found(doubt="yes")) == 1
    assert found(recipient__id__exact=dead.recipient_id) == [dead]


def test_an_error_cannot_bring_a_script_along(client, aud):
    row = make(error="<script>alert(1)</script>")
    client.force_login(aud)
    for address in (page(row), list_of(Delivery)):
        assert "<script>alert(1)" not in client.get(address).content.decode()


@pytest.mark.parametrize("size", [5, 60])
def test_the_list_costs_the_same_however_long_it_is(client, aud, size):
    for number in range(size):
        make(number, recipient=make_person(f"p{number}@example.com"))
    client.force_login(aud)
    pages.assert_cheap(client, list_of(Delivery))
