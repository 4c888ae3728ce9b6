"""The index says what the rows say, whatever road a change took."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from actions.models import ActionItem
from config.search import following, sweeps
from config.search.asking import read
from config.search.finding import find
from config.search.models import Document, Mark, Word
from incidents.models import CustomerUpdate, Incident, TimelineEntry
from retros.models import Factor, RetroFactor

pytestmark = pytest.mark.django_db


def found(words, user):
    return [hit.reference for hit in find(read({"q": words}), user).hits]


@pytest.fixture
def indexed(item):
    """Everything there is, in the index."""
    following.follow()
    return item


@pytest.fixture
def ref(indexed):
    incident = indexed.retro.incidents.get()
    return {"INC": incident.reference, "RETRO": indexed.retro.reference, "ACT": indexed.reference}


def test_the_first_look_reads_everything(indexed, ana, ref):
    assert Document.objects.count() == 3
    assert set(found("checkout fails", ana)) == {ref["INC"], ref["RETRO"]}
    assert found("baskets", ana) == [ref["ACT"]]


def by_save(incident):
    incident.title = "Zanzibar is slow"
    incident.save()


def by_update(incident):
    Incident.objects.update(title="Zanzibar is slow")


def by_bulk_update(incident):
    incident.title = "Zanzibar is slow"
    Incident.objects.bulk_update([incident], ["title"])


def by_sql(incident):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE incidents_incident SET title = 'Zanzibar is slow'")


def by_a_note(incident):
    incident.log(TimelineEntry.Kind.NOTE, "Zanzibar was restarted.")


def by_an_update_to_customers(incident):
    CustomerUpdate.objects.create(incident=incident, text="Zanzibar is back.")


@pytest.mark.parametrize(
    "change", [by_save, by_update, by_bulk_update, by_sql, by_a_note, by_an_update_to_customers]
)
def test_no_road_of_change_escapes(indexed, ana, ref, change):
    change(indexed.retro.incidents.get())
    following.follow()
    assert found("zanzibar", ana) == [ref["INC"]]


def test_what_is_learnt_in_a_retro_is_found(indexed, ana, ref):
    retro = indexed.retro
    retro.sections.update(text="The quagga cache was cold.")
    retro.findings.create(kind="luck", text="A zebra happened to watch.")
    factor = Factor.objects.create(slug="okapi", name="Okapi drift")
    RetroFactor.objects.create(retro=retro, factor=factor, note="It had grown for a year, said the gnu.")
    following.follow()
    for word in ("quagga", "zebra", "okapi", "gnu"):
        assert found(word, ana) == [ref["RETRO"]]
    Factor.objects.filter(pk=factor.pk).update(name="Giraffe drift")
    following.follow()
    assert (found("giraffe", ana), found("okapi", ana)) == ([ref["RETRO"]], [])


def test_what_is_deleted_is_forgotten(indexed, ana):
    incident = indexed.retro.incidents.get()
    note = incident.log(TimelineEntry.Kind.NOTE, "Zanzibar was restarted.")
    following.follow()
    note.delete()
    following.follow()
    assert found("zanzibar", ana) == []
    ActionItem.objects.filter(pk=indexed.pk).delete()
    following.follow()
    assert not Document.objects.filter(kind="item").exists()


def test_a_note_that_moves_is_found_where_it_is_now(indexed, ana, severity, ravi, ref):
    other = Incident.objects.declare(by=ravi, title="Another", severity=severity)
    note = indexed.retro.incidents.get().log(TimelineEntry.Kind.NOTE, "Zanzibar was restarted.")
    following.follow()
    TimelineEntry.objects.filter(pk=note.pk).update(incident=other)
    following.follow()
    assert found("zanzibar", ana) == [other.reference]


def test_a_look_at_nothing_new_costs_two_queries(indexed):
    settle()
    with CaptureQueriesContext(connection) as queries:
        assert following.follow() == 0
    assert len(queries) <= 2


def settle():
    following.follow(timezone.now() + timedelta(minutes=5))


def test_looking_twice_changes_nothing(indexed):
    before = list(Document.objects.order_by("pk").values())
    assert following.follow() == 0
    assert list(Document.objects.order_by("pk").values()) == before


def test_a_transaction_that_commits_late_is_not_missed(indexed, ana, ref):
    """The mark stays behind by as long as a transaction may take."""
    indexed.retro.incidents.get().log(TimelineEntry.Kind.NOTE, "Later rows are read first.")
    marks = dict(Mark.objects.values_list("table", "history_id"))
    following.follow()
    assert dict(Mark.objects.values_list("table", "history_id")) == marks
    settle()
    assert dict(Mark.objects.values_list("table", "history_id")) != marks


def test_the_index_is_compared_with_everything_once_a_day(indexed, ana, ref):
    settle()
    Document.objects.update(digest="wrong")
    Document.objects.create(kind="item", object_id=999, title="Gone", at=timezone.now(), digest="")
    assert following.follow() == 0
    now = timezone.now()
    assert sweeps.compare_index(now) == 4
    assert sweeps.compare_index(now + timedelta(hours=1)) == 0
    assert sweeps.compare_index(now + timedelta(days=1)) == 0
    assert not Document.objects.filter(object_id=999).exists()


def test_reindex_makes_it_anew(indexed, ana, ref):
    Document.objects.all().delete()
    assert found("baskets", ana) == []
    told = StringIO()
    call_command("reindex", stdout=told)
    assert "3 documents, 3 of them made anew" in told.getvalue()
    assert found("baskets", ana) == [ref["ACT"]]
    call_command("reindex", "--all", "-v2", stdout=told)
    assert "3 documents, 3 of them made anew" in told.getvalue().splitlines()[-1]


def test_texts_that_no_index_could_hold_are_held_as_far_as_they_go(indexed, ana, ref):
    incident = indexed.retro.incidents.get()
    words = " ".join(f"w{'ä' * 30}{n}" for n in range(3_000))
    for _ in range(8):
        incident.log(TimelineEntry.Kind.NOTE, words[:20_000])
    incident.log(TimelineEntry.Kind.NOTE, "x" * 20_000)
    incident.log(TimelineEntry.Kind.NOTE, "zanzibar " * 2_000)
    incident.log(TimelineEntry.Kind.NOTE, "'); \\ : & | ! <-> \" * NEAR( 日本語 ﷺ é é 👩‍👩‍👧 ʼn ß İ")
    following.follow()
    assert found("zanzibar", ana) == [ref["INC"]]
    assert found("日本語", ana) == [ref["INC"]]
    assert Word.objects.filter(word="zanzibar").exists()
