"""Names in written text are links for those who may see what they name, and plain text for everybody else."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.references import written
from incidents.models import Incident
from tests.conftest import make_person

pytestmark = pytest.mark.django_db


def test_an_incident_an_item_and_a_retro_become_links(incident, item, retro, ana):
    html = written(f"{incident.reference}, {retro.reference} and ({item.reference}).", ana)
    for row in (incident, item):
        assert f">{row.reference}</a>" in html
    assert f"/admin/retros/retrospective/{retro.pk}/change/" in html
    assert incident.title not in html


def test_what_the_reader_may_not_see_stays_as_it_was_typed(incident, ana, admin_user):
    Incident.objects.filter(pk=incident.pk).update(visibility="restricted")
    assert written(incident.reference, ana) == f"<p>{incident.reference}</p>\n"
    assert "<a" in written(incident.reference, admin_user)


def test_what_is_not_there_and_what_cannot_be_is_no_link(ana):
    text = "INC-9999 INC-999999999999999 ZZZ-1 INC-0 utf-8 RFC-2119"
    assert "<a" not in written(text, ana)


def test_somebody_without_a_role_sees_no_links(incident, stranger):
    assert "<a" not in written(f"{incident.reference} @ravi", stranger)


def test_people_are_named_by_first_name_or_mailbox_whatever_the_case(ravi, ana):
    for name in ("@ravi", "@Ravi", "@ravi.", "(@RAVI)"):
        assert f"/admin/people/user/{ravi.pk}/change/" in written(name, ana), name


def test_a_name_that_two_people_have_is_nobody(ana, ravi):
    make_person("other@example.com", name="Ravi Other")
    assert "<a" not in written("@Ravi", ana)


@pytest.mark.parametrize(
    "text",
    [
        "`INC-0001`",
        "```\nINC-0001\n```",
        "ana@ravi.example",
        "https://example.com/INC-0001",
        "xINC-0001",
        "INC-0001x",
    ],
)
def test_what_is_meant_literally_stays(incident, ravi, ana, text):
    text = text.replace("INC-0001", incident.reference)
    assert "aftercare-link" not in written(text, ana)


def test_a_link_stays_one_link(incident, ana):
    html = written(f"[see {incident.reference}](https://example.com)", ana)
    assert html.count("<a ") == 1


@pytest.mark.parametrize(
    "text",
    ["<script>INC-0001</script>", '<a title="INC-0001">', "[x](/a?INC-0001\"INC-0001 '>)", "@<b>INC-0001"],
)
def test_nothing_typed_becomes_markup(incident, ana, text):
    html = written(text.replace("INC-0001", incident.reference), ana)
    assert "<script" not in html
    assert "<b>" not in html


def test_however_much_is_named_the_queries_stay_the_same(incident, item, ravi, ana):
    def queries(times):
        text = " ".join(f"INC-{n:04d} ACT-{n:04d} @ravi{n} @ravi" for n in range(times))
        with CaptureQueriesContext(connection) as captured:
            written(text, ana)
        return len(captured)

    written("INC-0001 ACT-0001 @ravi", ana)  # permissions are read once
    assert queries(3) == queries(400) <= 3
