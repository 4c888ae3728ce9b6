"""Many messages that were given up are sent again at once: by a form, on POST, each by its verb."""

import re

import pytest
from django.urls import reverse

from config.outbox.models import Delivery
from config.people import roles
from tests import pages
from tests.conftest import make_person
from tests.outbox.test_admin import make

PAGE = "admin:outbox_delivery_send_again"


@pytest.fixture
def boss(client, db):
    person = make_person("boss@example.com", roles.ADMINISTRATOR)
    client.force_login(person)
    return person


@pytest.fixture
def dead(db):
    return [make(number) for number in (1, 2, 3)]


def states():
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_the_list_leads_to_it(client, boss, aud):
    assert reverse(PAGE) in client.get(pages.list_of(Delivery)).content.decode()
    client.force_login(aud)
    assert reverse(PAGE) not in client.get(pages.list_of(Delivery)).content.decode()


def test_looking_changes_nothing(client, boss, dead):
    response = client.get(reverse(PAGE), {"chosen": [row.pk for row in dead]})
    assert response.status_code == 200
    page = response.content.decode()
    assert len(re.findall(r"<input[^>]*\schecked[\s>]", page)) == 3
    assert "550 no such mailbox" in page
    assert states() == ["dead"] * 3


def test_what_is_chosen_is_tried_again_and_signed(client, boss, dead):
    first, second, _ = dead
    answers = {"chosen": [first.pk, second.pk], "reason": "The server was set up wrongly"}
    assert client.post(reverse(PAGE), answers).status_code == 302
    assert states() == ["pending", "pending", "dead"]
    latest = first.history.first()
    assert (latest.history_user_name, latest.history_change_reason) == ("Boss", answers["reason"])


def test_nothing_chosen_is_asked_again(client, boss, dead):
    assert client.post(reverse(PAGE), {"reason": ""}).status_code == 400
    assert states() == ["dead"] * 3


def test_what_was_not_given_up_is_not_sent_again(client, boss, dead):
    sent = make(9, state="sent")
    assert client.post(reverse(PAGE), {"chosen": [dead[0].pk, sent.pk]}).status_code == 400
    assert states() == ["dead", "dead", "dead", "sent"]


def test_what_somebody_else_sent_meanwhile_is_left_alone(client, boss, dead, monkeypatch):
    requeue = Delivery.requeue

    def quicker(row, **asked):
        Delivery.objects.filter(pk=row.pk, pk__lt=dead[1].pk).update(state="cancelled")
        return requeue(row, **asked)

    monkeypatch.setattr(Delivery, "requeue", quicker)
    response = client.post(reverse(PAGE), {"chosen": [row.pk for row in dead]}, follow=True)
    assert states() == ["cancelled", "pending", "pending"]
    said = [str(message) for message in response.context["messages"]]
    assert said == ["Waiting to be sent again: 2", "Not given up any more, left alone: 1"]


def test_only_who_may_send_one_again_may_send_many(client, dead, aud, ana):
    for person in (aud, ana):
        client.force_login(person)
        assert client.get(reverse(PAGE)).status_code == 403
        assert client.post(reverse(PAGE), {"chosen": [row.pk for row in dead]}).status_code == 403
    assert states() == ["dead"] * 3


def test_with_nothing_given_up_it_says_so(client, boss):
    assert "Nothing was given up" in client.get(reverse(PAGE)).content.decode()


@pytest.mark.parametrize("count", [3, 60])
def test_it_costs_the_same_however_many_there_are(client, boss, count):
    for number in range(count):
        make(number)
    pages.assert_cheap(client, reverse(PAGE))
