"""Of a message that was refused for good somebody is told, once, and never of the telling."""

import pytest

from config.outbox import messages, sending
from config.outbox.emails import REFUSED
from config.outbox.models import Delivery
from config.people import roles
from tests.conftest import make_person
from tests.faults import is_whole_or_absent
from tests.outbox.test_sending import TEMPLATES, a_delivery, note, smtp  # noqa: F401  fixtures

pytestmark = pytest.mark.django_db
NO = "550 5.1.1 No such person"


@pytest.fixture(autouse=True)
def _note(monkeypatch, tmp_path, settings):
    for name, text in TEMPLATES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [*engine["DIRS"], tmp_path]}]
    monkeypatch.setitem(messages.KINDS, "tests.note", note)


@pytest.fixture
def boss(db):
    return make_person("boss@example.com", roles.ADMINISTRATOR)


def told():
    return sorted(Delivery.objects.filter(kind=REFUSED).values_list("address", flat=True))


def refuse(smtp, **fields):  # noqa: F811
    smtp.answers = [NO]
    delivery = a_delivery(**fields)
    counts = sending.deliver(limit=1)
    assert counts == {"dead": 1}
    return delivery


def test_the_manager_is_told_in_words(smtp, omar, ana, boss):  # noqa: F811
    omar.manager = ana
    omar.save()
    dead = refuse(smtp, recipient=omar, title="A secret")
    assert told() == [ana.email]
    assert sending.deliver() == {"sent": 1}
    mail = smtp.parsed()
    assert mail["To"] == ana.email
    assert smtp.subject() == "A message from Aftercare could not be delivered"
    text = mail.get_body(("plain",)).get_content()
    assert "No such person" in text
    assert "Omar" in text
    assert "omar@example.com" in text
    assert "A secret" not in text, "the manager may not be meant to know"
    assert f"/{dead.pk}/" not in text, "a page she may not open"
    assert mail["X-Aftercare-Reason"] == "escalation"


def test_without_a_manager_those_who_look_after_the_system_are_told(smtp, omar, boss, admin_user):  # noqa: F811
    make_person("gone@example.com", roles.ADMINISTRATOR, is_active=False)
    dead = refuse(smtp, recipient=omar)
    assert told() == [admin_user.email, boss.email]
    assert sending.deliver() == {"sent": 2}
    assert f"/admin/outbox/delivery/{dead.pk}/change/" in smtp.parsed().get_body(("html",)).get_content()


def test_a_manager_who_has_gone_is_no_help(smtp, omar, ana, boss):  # noqa: F811
    ana.is_active = False
    ana.save()
    omar.manager = ana
    omar.save()
    refuse(smtp, recipient=omar)
    assert told() == [boss.email]


def test_an_administrator_is_not_told_at_the_address_that_was_refused(smtp, boss, admin_user):  # noqa: F811
    refuse(smtp, recipient=boss)
    assert told() == [admin_user.email]


def test_an_address_of_nobody_we_know_is_told_of_too(smtp, boss):  # noqa: F811
    refuse(smtp)
    assert told() == [boss.email]


def test_it_is_told_once_however_often_it_is_sent_again(smtp, boss, admin_user):  # noqa: F811
    dead = refuse(smtp, recipient=boss)
    assert sending.deliver() == {"sent": 1}
    dead.refresh_from_db()
    dead.requeue(by=admin_user)
    smtp.answers = [NO]
    assert sending.deliver() == {"dead": 1}
    assert told() == [admin_user.email]


def test_a_refused_refusal_is_not_told_of(smtp, boss, omar):  # noqa: F811
    refuse(smtp, recipient=omar)
    smtp.answers = [NO]
    assert sending.deliver() == {"dead": 1}
    assert Delivery.objects.filter(kind=REFUSED).count() == 1


def test_what_was_sent_again_meanwhile_is_not_told_of(smtp, boss, omar, admin_user):  # noqa: F811
    admin_user.is_active = False
    admin_user.save()
    dead = refuse(smtp, recipient=omar)
    dead.refresh_from_db()
    dead.requeue(by=boss)
    assert sending.deliver() == {"cancelled": 1, "sent": 1}


def test_giving_up_and_telling_are_whole_or_absent(boss, omar):
    a_delivery(recipient=omar)
    [row] = sending.claim(1)
    assert is_whole_or_absent(lambda: sending.give_up(row, NO), Delivery) >= 3
