"""What contributed again and again, by quarter, without what is hidden."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from incidents.models import Incident
from retros.models import Factor, Retrospective
from retros.themes import quarters, themes

pytestmark = pytest.mark.django_db

PAGE = "/admin/themes/"


def a_retro(severity, factor, opened_at, **fields):
    incident = Incident.objects.create(title="It broke", severity=severity, **fields)
    retro = Retrospective.objects.open_for(incident)
    retro.retro_factors.create(factor=factor)
    Retrospective.objects.filter(pk=retro.pk).update(opened_at=opened_at)
    return retro


def test_quarters_end_with_the_present_one():
    assert quarters(date(2026, 2, 3), 5) == [
        date(2025, 1, 1),
        date(2025, 4, 1),
        date(2025, 7, 1),
        date(2025, 10, 1),
        date(2026, 1, 1),
    ]


def test_factors_are_counted_by_quarter_the_most_frequent_first(severity, ana):
    often, once = (Factor.objects.create(slug=name, name=name) for name in ("often", "once"))
    for month in (2, 8, 9):
        a_retro(severity, often, datetime(2026, month, 10, tzinfo=UTC))
    a_retro(severity, once, datetime(2025, 12, 10, tzinfo=UTC))
    a_retro(severity, once, datetime(2020, 12, 10, tzinfo=UTC))
    found = themes(ana, date(2026, 9, 30))
    assert [(theme.name, theme.total) for theme in found] == [("often", 3), ("once", 1)]
    assert [bar.count for bar in found[0].bars][-3:] == [1, 0, 2]
    assert "2026 Q3: 2" in found[0].in_words
    assert found[1].trend == "1 in the last year, 0 in the one before"


def test_each_leads_to_its_retros_and_hidden_ones_are_not_counted(severity, ana, aud, client):
    factor = Factor.objects.create(slug="zanzibar", name="Zanzibar")
    seen = a_retro(severity, factor, timezone.now())
    a_retro(severity, factor, timezone.now(), visibility="restricted")
    for person, count in ((ana, 1), (aud, 2)):
        client.force_login(person)
        page = client.get(PAGE)
        [theme] = page.context["themes"]
        assert theme.total == count
        assert len(client.get(theme.url).context["cl"].result_list) == count
    assert str(seen.pk) in client.get(theme.url).content.decode()


def test_it_costs_the_same_however_many_there_are(severity, ana, client):
    client.force_login(ana)
    counts = []
    for number in (1, 6):
        for n in range(number):
            factor = Factor.objects.create(slug=f"f{number}-{n}", name=f"F{number}-{n}")
            a_retro(severity, factor, timezone.now())
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_who_may_not_read_retros_does_not(stranger, client):
    client.force_login(stranger)
    assert client.get(PAGE).status_code in (302, 403)
