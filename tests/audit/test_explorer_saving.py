"""Filters kept under a name, one's own and shared; and exports, each of them on record."""

import csv
import io
import json
import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils.http import urlencode

from config.audit.explorer import export
from config.audit.filters import AuditExport, SavedFilter
from incidents.models import Incident, Region
from tests.audit.explorer import EXPLORER, opened, text_of
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
SAVE, EXPORT = f"{EXPLORER}filters/", f"{EXPLORER}export/"
Stage = AuditExport.Stage


@pytest.fixture
def dana(db):
    return make_person("dana@example.com", "Administrator")


@pytest.fixture
def kept(aud):
    return SavedFilter.objects.create(name="Q3", query="change=deleted", owner=aud)


# --- Saved filters -----------------------------------------------------------------------------------------


def test_a_filter_is_kept_under_a_name(client, aud, incident):
    client.force_login(aud)
    answer = client.post(
        SAVE, {"name": "  Deadlines   moved ", "query": "field=due_on&model=actions.actionitem"}
    )
    saved = SavedFilter.objects.get()
    assert answer["Location"] == f"{EXPLORER}?{saved.query}"
    assert (saved.name, saved.owner, saved.is_shared) == ("Deadlines moved", aud, False)
    assert saved.query == "model=actions.actionitem&field=due_on"
    assert saved.history.get().history_user_name == "Aud"


def test_the_same_name_twice_is_refused(client, aud, kept):
    answer = opened(client, aud)
    answer = client.post(SAVE, {"name": "Q3", "query": "who=Ravi"}, follow=True)
    assert "You have saved a filter under this name already." in text_of(answer)
    assert SavedFilter.objects.count() == 1


def test_two_people_may_use_the_same_name(client, dana, kept):
    client.force_login(dana)
    client.post(SAVE, {"name": "Q3", "query": ""})
    assert SavedFilter.objects.filter(name="Q3").count() == 2


@pytest.mark.parametrize(
    "sent",
    [{"name": "", "query": ""}, {"name": "x" * 101}, {"name": "\x00"}, {"name": "x", "query": "from=never"}],
)
def test_what_cannot_be_kept_is_said(client, aud, sent):
    client.force_login(aud)
    assert "Not saved." in text_of(client.post(SAVE, sent, follow=True))
    assert not SavedFilter.objects.exists()


def test_others_see_only_what_is_shared(client, aud, dana, kept):
    assert list(opened(client, dana).context["saved"]) == []
    client.force_login(aud)
    client.post(f"{SAVE}{kept.pk}/", {"name": "Q3 SOC 2", "is_shared": "on"})
    page = text_of(opened(client, dana))
    assert "Q3 SOC 2 shared by Aud" in page
    assert f'action="{SAVE}{kept.pk}/"' not in opened(client, dana).content.decode()


def test_only_its_owner_changes_or_deletes_a_filter(client, aud, dana, kept):
    for answers in ({"name": "Mine now"}, {"delete": "yes"}):
        client.force_login(dana)
        assert client.post(f"{SAVE}{kept.pk}/", answers).status_code == 404
    kept.refresh_from_db()
    assert kept.name == "Q3"
    client.force_login(aud)
    client.post(f"{SAVE}{kept.pk}/", {"delete": "yes"})
    assert not SavedFilter.objects.exists()
    assert client.post(f"{SAVE}{2**63}/", {"delete": "yes"}).status_code == 404


# --- Exports -----------------------------------------------------------------------------------------------


def exported(client, kind="csv", query=""):
    answer = client.post(EXPORT, {"format": kind, "query": query})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def in_slices(client, kind="csv", query=""):
    """As the script of the page does it: the texts, and what each answer said beside."""
    answers = [client.post(EXPORT, {"format": kind, "query": query, "slices": "1"}).json()]
    while answers[-1]["state"]:
        answers.append(client.post(EXPORT, {"state": answers[-1]["state"]}).json())
    return "".join(answer["text"] for answer in answers), answers


def on_record():
    return list(AuditExport.objects.order_by("pk").values_list("stage", "rows", "query", "format", "by_name"))


def test_csv_has_a_line_for_every_field_that_changed(client, aud, incident):
    Incident.objects.filter(pk=incident.pk).update(title="Renamed", summary="Said anew")
    client.force_login(aud)
    lines = list(
        csv.DictReader(io.StringIO(exported(client, query=f"object=INC-{incident.pk}&change=changed")))
    )
    assert {(line["field"], line["old"], line["new"]) for line in lines} == {
        ("title", "Checkout fails for one in five", "Renamed"),
        ("summary", "", "Said anew"),
    }
    assert {line["name"] for line in lines} == {f"{incident.reference} Renamed"}


def test_json_lines_have_a_line_for_every_change(client, aud, incident, ravi):
    client.force_login(aud)
    lines = [json.loads(line) for line in exported(client, "jsonl", f"object=INC-{incident.pk}").splitlines()]
    assert [(line["model"], line["change"]) for line in lines] == [("incidents.incident", "created")]
    by_field = {one["field"]: one for one in lines[0]["differences"]}
    assert by_field["declared_by"] == {
        "field": "declared_by",
        "old": None,
        "new": ravi.pk,
        "old_name": "",
        "new_name": "Ravi",
    }


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(client, aud, begin):
    text = f'{begin}HYPERLINK("http://evil")'
    with connection.cursor() as cursor:  # past the field, which would clean it
        cursor.execute("INSERT INTO incidents_region (slug, name, version) VALUES ('eu', %s, 1)", [text])
    client.force_login(aud)
    rows = list(csv.DictReader(io.StringIO(exported(client, query="model=incidents.region"), newline="")))
    named = next(row for row in rows if row["field"] == "name")
    assert (named["new"], named["name"]) == ("'" + text, "'" + text)


def test_an_export_is_on_record_before_and_after(client, aud, incident):
    client.force_login(aud)
    answer = client.post(EXPORT, {"format": "csv", "query": "model=incidents.incident"})
    assert on_record() == [(Stage.BEGUN, None, "model=incidents.incident", "csv", "Aud")]
    list(answer.streaming_content)
    assert on_record()[1:] == [(Stage.ENDED, 1, "model=incidents.incident", "csv", "Aud")]
    assert AuditExport.objects.values("key").distinct().count() == 1


def test_whoever_reads_the_history_sees_who_exported_what(client, aud, dana, incident):
    client.force_login(aud)
    exported(client, query="model=incidents.incident")
    page = text_of(opened(client, dana, f"{EXPLORER}exports/"))
    assert "Ended Aud CSV, 1 change model=incidents.incident" in page
    assert "Begun Aud CSV model=incidents.incident" in page


def test_the_list_of_exports_goes_back_page_by_page(client, aud):
    AuditExport.objects.bulk_create(
        AuditExport(key=uuid.uuid4(), stage=Stage.BEGUN, by=aud.pk, by_name=f"Person {n}", format="csv")
        for n in range(60)
    )
    first = opened(client, aud, f"{EXPLORER}exports/")
    second = client.get(f"{EXPLORER}exports/", {"before": first.context["older"]})
    assert [one.by_name for one in second.context["exports"]] == [f"Person {n}" for n in range(9, -1, -1)]
    assert client.get(f"{EXPLORER}exports/", {"before": "x" * 99}).status_code == 200


def test_one_that_is_broken_off_is_on_record_as_such(client, aud, item, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 10)
    client.force_login(aud)
    answer = client.post(EXPORT, {"format": "csv", "query": ""})
    stream = iter(answer)
    next(stream), next(stream)
    for close in answer._resource_closers:  # as the server does when its reader is gone
        close()
    assert on_record()[-1][:2] == (Stage.BROKEN_OFF, 10)


def test_the_record_of_an_export_is_never_changed(aud, client, incident):
    client.force_login(aud)
    exported(client)
    for change in (lambda rows: rows.update(by_name="Nobody"), lambda rows: rows.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change(AuditExport.objects.all())


def test_slices_put_together_are_the_whole(client, aud, item, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 10)
    monkeypatch.setattr(export, "SLICE", 20)
    client.force_login(aud)
    query = urlencode(
        {"to": item.history.first().history_date.isoformat()}
    )  # so that signing in and exporting are not in it
    for kind in ("csv", "jsonl"):
        text, answers = in_slices(client, kind, query)
        assert text == exported(client, kind, query)
        assert len(answers) > 2
        done = [answer["done"] for answer in answers[:-1]]
        assert done == sorted(done)
        assert all(0 <= one <= 1 for one in done)
        assert on_record()[-1][1] == answers[-1]["rows"]


def test_slices_leave_one_record_of_the_beginning_and_one_of_the_end(client, aud, item, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 10)
    monkeypatch.setattr(export, "SLICE", 20)
    client.force_login(aud)
    in_slices(client)
    assert [stage for stage, *_ in on_record()] == [Stage.BEGUN, Stage.ENDED]


def test_nobody_goes_on_with_somebody_elses_export_or_a_forged_one(client, aud, dana, item, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 10)
    monkeypatch.setattr(export, "SLICE", 10)
    client.force_login(aud)
    state = client.post(EXPORT, {"format": "csv", "query": "", "slices": "1"}).json()["state"]
    assert client.post(EXPORT, {"state": state[:-2]}).status_code == 400
    client.force_login(dana)
    assert client.post(EXPORT, {"state": state}).status_code == 400


@pytest.mark.parametrize("sent", [{}, {"format": "xml"}, {"format": "csv", "query": "from=never"}])
def test_what_cannot_be_exported_is_said_and_not_on_record(client, aud, sent):
    client.force_login(aud)
    assert client.post(EXPORT, sent).status_code == 400
    assert on_record() == []


def test_an_export_asks_for_no_more_memory_the_longer_it_is(client, aud, monkeypatch):
    """It is read page by page: never more rows at once than a chunk."""
    Region.objects.bulk_create([Region(slug=f"r{n}", name=f"R {n}") for n in range(120)])
    monkeypatch.setattr(export, "CHUNK", 25)
    asked = []
    entries = export.entries
    monkeypatch.setattr(
        export, "entries", lambda tables, places: asked.append(len(places)) or entries(tables, places)
    )
    client.force_login(aud)
    assert exported(client, query="model=incidents.region").count("\r\n") == 241
    assert asked == [25, 25, 25, 25, 20]
