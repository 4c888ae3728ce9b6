"""People sign in by address, live in zones, work on days of their own, and are away."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from config.people.calendar import add_working_days
from config.people.models import ApiToken, User
from config.people.tokens import digest_of
from tests.conftest import PASSWORD, make_person

db = pytest.mark.django_db


# --- Signing in


@db
@pytest.mark.parametrize("typed", ["ana@example.com", "ANA@Example.COM", "  Ana@example.com "])
def test_an_address_signs_in_whatever_its_case(ana, typed):
    assert authenticate(username=typed, password=PASSWORD) == ana
    assert authenticate(email=typed, password=PASSWORD) == ana


@db
@pytest.mark.parametrize("typed", ["ANA@EXAMPLE.COM", "ana@example.com"])
def test_an_address_stored_in_capitals_signs_in_too(typed):
    user = User(email="Ana@Example.com", name="Ana")
    user.set_password(PASSWORD)
    user.save()
    assert authenticate(username=typed, password=PASSWORD) == user


@db
def test_nobody_signs_in_with_a_wrong_password_or_after_leaving(ana):
    assert authenticate(username="ana@example.com", password="wrong") is None
    assert authenticate(username="", password=PASSWORD) is None
    assert authenticate(username=None, password=PASSWORD) is None
    ana.is_active = False
    ana.save()
    assert authenticate(username="ana@example.com", password=PASSWORD) is None


@db
def test_one_address_is_one_person_whatever_its_case(ana):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="ANA@example.com", name="Another")])
    with pytest.raises(ValidationError):
        User(email="ANA@example.com", name="Another").full_clean(exclude=["password"])


@db
def test_a_changed_password_leaves_its_moment_not_its_hash(ana):
    before = ana.password_changed_at
    ana.set_password("another-password")
    ana.save()
    assert ana.password_changed_at > before
    assert ana.history.first().password_changed_at == ana.password_changed_at


@db
def test_a_person_without_a_password_cannot_sign_in():
    User.objects.create_user("new@example.com", name="New")
    assert authenticate(username="new@example.com", password="") is None


# --- Days and zones


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", date(2026, 3, 2)),
        ("Pacific/Kiritimati", date(2026, 3, 3)),
        ("Pacific/Pago_Pago", date(2026, 3, 2)),
        ("Gone/Zone", date(2026, 3, 2)),
        ("../../etc/passwd", date(2026, 3, 2)),
        ("Europe", date(2026, 3, 2)),
        ("", date(2026, 3, 2)),
    ],
)
def test_today_is_the_date_where_the_person_is_and_utc_if_nobody_knows(zone, expected):
    assert User(time_zone=zone).today(datetime(2026, 3, 2, 12, tzinfo=UTC)) == expected


MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("fields", "day", "is_working"),
    [
        ({}, date(2026, 3, 6), True),
        ({}, date(2026, 3, 7), False),
        ({"working_days": "67"}, date(2026, 3, 7), True),
        ({"working_days": "67"}, MONDAY, False),
        ({"away_from": MONDAY, "away_until": MONDAY}, MONDAY, False),
        ({"away_from": MONDAY, "away_until": MONDAY}, date(2026, 3, 3), True),
        ({"away_from": date(2026, 3, 3), "away_until": date(2026, 3, 5)}, MONDAY, True),
        ({"away_from": date(2026, 3, 3), "away_until": date(2026, 3, 5)}, date(2026, 3, 5), False),
    ],
)
def test_a_working_day_is_one_of_theirs_on_which_they_are_not_away(fields, day, is_working):
    assert User(**fields).is_working_day(day) is is_working


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (MONDAY, 0, MONDAY),
        (MONDAY, 1, date(2026, 3, 3)),
        (date(2026, 3, 5), 5, date(2026, 3, 12)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
    ],
)
def test_working_days_skip_weekends(day, count, expected):
    assert add_working_days(day, count) == expected


@db
@pytest.mark.parametrize("days", ["", "0", "8", "21", "11", "1-5", "Mon", "12345678"])
def test_working_days_that_are_none_are_refused(days):
    with pytest.raises(ValidationError) as refused:
        User(email="a@example.com", name="A", working_days=days).full_clean()
    assert "working_days" in refused.value.error_dict


@db
@pytest.mark.parametrize("zone", ["Mars/Olympus", "CEST", "Europe", "../../etc/passwd", ""])
def test_zones_that_are_none_are_refused(zone):
    with pytest.raises(ValidationError) as refused:
        User(email="a@example.com", name="A", time_zone=zone).full_clean()
    assert "time_zone" in refused.value.error_dict


@db
@pytest.mark.parametrize(
    "away",
    [
        {"away_from": MONDAY},
        {"away_until": MONDAY},
        {"away_from": MONDAY, "away_until": date(2026, 3, 1)},
    ],
)
def test_half_an_absence_is_refused_by_form_and_database(ana, away):
    for name, value in away.items():
        setattr(ana, name, value)
    with pytest.raises(ValidationError):
        ana.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ana.pk).update(**away)


# --- Tokens


@db
def test_a_token_is_shown_once_and_only_its_digest_is_kept(ana):
    token, secret = ApiToken.issue(ana, "pager")
    assert secret.startswith("aft_")
    assert len(secret) >= 4 + 43  # 32 random bytes
    assert token.digest == digest_of(secret)
    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert secret not in map(str, stored.values())
    assert secret[8:] not in str(stored)


@db
def test_a_token_ends_when_it_is_revoked_expires_or_its_owner_leaves(ana):
    token, _ = ApiToken.issue(ana, "pager", days=1)
    assert token in ApiToken.objects.usable()
    assert token not in ApiToken.objects.usable(at=token.expires_at)
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert token not in ApiToken.objects.usable()
    User.objects.filter(pk=ana.pk).update(is_active=True)
    token.revoke()
    assert token not in ApiToken.objects.usable()


@db
def test_revoking_again_keeps_the_first_moment(ana):
    token, _ = ApiToken.issue(ana, "pager")
    token.revoke()
    first = token.revoked_at
    token.revoke()
    assert token.revoked_at == first
    assert token.history.first().revoked_at == first


@db
def test_a_token_cannot_expire_before_it_is_made(ana):
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.issue(ana, "pager", days=-1)


@db
def test_who_is_referred_to_is_switched_off_not_deleted(incident, ravi):
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        ravi.delete()
    assert make_person("new@example.com").delete()[0] == 1
