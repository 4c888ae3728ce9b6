"""What an evidence pack holds: all of what was asked for, readable and provable, and nothing else."""

import csv
import io
import json
from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models import Max, Min
from django.utils import timezone

from actions.models import ActionItem
from config.audit import anchors, redactions, triggers, verify
from config.audit.evidence import verifier
from config.audit.evidence.reading import Stretches
from config.audit.evidence.scopes import Period, Refused, Story, may_make, story_of
from config.audit.ledger import Anchor, EvidencePack, SealedRow
from config.people import roles
from config.people.models import User
from incidents.models import Incident, Region, TimelineEntry
from retros.models import Retrospective
from tests.audit.evidence import file_of, made
from tests.conftest import make_person

pytestmark = pytest.mark.django_db
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"]


def today():
    day = timezone.localdate()
    return Period(day, day)


def story(row):
    return Story(type(row), row.pk)


def names(pack, model):
    return [row.get("name") or row.get("title") for row in pack.parsed(file_of(model))]


def test_a_period_holds_every_sealed_row_of_its_days(item):
    pack = made(today())
    assert pack.check().code == 0
    assert pack.manifest["counts"]["rows"] == SealedRow.objects.count()


def test_it_keeps_to_its_days(item):
    week = timedelta(days=7)
    with pytest.raises(Refused, match="no history"):
        made(Period(today().first - week, today().first - timedelta(days=1)))
    assert made(Period(today().first - week, today().first)).check().code == 0


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(Refused, match="before it begins"):
        Period(date(2026, 9, 30), date(2026, 9, 1))


def test_a_story_holds_what_belongs_to_the_incident_and_nothing_else(item, retro, incident):
    Region.objects.create(slug="eu", name="Europe")
    pack = made(story(incident))
    assert pack.check().code == 0
    for model in (Incident, TimelineEntry, Retrospective, ActionItem):
        assert pack.lines(file_of(model))
    assert file_of(Region) not in pack
    assert file_of(User) not in pack


def test_a_story_holds_what_was_deleted(incident, ravi):
    entry = incident.timeline.create(text="A wrong note.", author=ravi)
    pk = entry.pk
    entry.delete()
    pack = made(story(incident))
    kinds = [row["history_type"] for row in pack.parsed(file_of(TimelineEntry)) if row["id"] == pk]
    assert kinds == ["+", "-"]
    assert pack.check().code == 0


def test_a_deleted_incident_still_has_its_story(incident):
    pk = incident.pk
    incident.delete()
    pack = made(story_of(f"INC-{pk:04}"))
    assert pack.manifest["counts"]["records"] == 0
    assert b"Checkout fails" in pack["cover.html"]
    assert pack.check().code == 0


@pytest.mark.parametrize("reference", ["INC-99999", "nothing", "", "INC-" + "9" * 30, "=1", "INC-0"])
def test_what_never_was_is_refused(reference, incident):
    with pytest.raises(Refused):
        story_of(reference)


def test_its_lines_are_the_bytes_that_were_sealed(incident):
    pack = made(story(incident))
    digests = {verifier.hashlib.sha256(line).hexdigest() for line in pack.lines(file_of(Incident))}
    sealed = SealedRow.objects.filter(shape__table=Incident.history.model._meta.db_table)
    assert digests == {bytes(row.digest).hex() for row in sealed}


def test_records_are_the_rows_as_they_stand(incident):
    incident.title = "Nobody can pay"
    incident.save()
    records = [one for one in made(story(incident)).parsed("records.jsonl") if "severity_id" in one["row"]]
    assert [one["row"]["title"] for one in records] == ["Nobody can pay"]
    assert "version" not in records[0]["row"]


def test_no_secret_leaves_with_it(aud):
    pack = made(today())
    rows = [one["row"] for one in pack.parsed("records.jsonl") if one["table"] == "people_historicaluser"]
    assert rows
    assert not any("password" in row for row in rows)
    assert User.objects.get(pk=aud.pk).password.encode() not in b"".join(pack.values())


def test_a_row_changed_since_the_anchor_is_said_to_be(incident, monkeypatch):
    anchor = anchors.anchor

    def and_then_somebody_writes(occasion):
        made = anchor(occasion)
        incident.title = "Changed meanwhile"
        incident.save()
        return made

    monkeypatch.setattr(anchors, "anchor", and_then_somebody_writes)
    pack = made(story(incident))
    assert pack.manifest["counts"]["changed_since"] == 1
    assert b"Changed meanwhile" not in pack[file_of(Incident)] + pack["records.jsonl"]
    assert pack.check().code == 0


def test_each_stretch_of_seals_ends_in_the_next_anchor(incident):
    first = anchors.anchor(Anchor.Occasion.HOUR)
    for number in range(5):
        Region.objects.create(slug=f"r{number}", name="Of no concern")
    second = anchors.anchor(Anchor.Occasion.HOUR)
    incident.title = "Later"
    incident.save()
    pack = made(story(incident))
    sequences = [seal["sequence"] for seal in pack.parsed("seals.jsonl")]
    assert first.sequence in sequences
    assert not set(range(first.sequence + 1, second.sequence)) & set(sequences)
    assert pack.manifest["counts"]["stretches"] == 2
    assert pack.check(outside=[a.line for a in Anchor.objects.all()]).code == 0


def test_rows_of_an_older_shape_are_in_it_as_they_were_sealed(incident, monkeypatch):
    from config.audit import canonical, sealing

    now = canonical.columns_now()
    table = Incident.history.model._meta.db_table
    before = now | {table: tuple(name for name in now[table] if name != "summary")}
    monkeypatch.setattr(canonical, "columns_now", lambda: before)
    sealing.seal()
    monkeypatch.setattr(canonical, "columns_now", lambda: now)
    incident.title = "In the new shape"
    incident.save()
    pack = made(story(incident))
    assert ["summary" in row for row in pack.parsed(file_of(Incident))] == [False, True]
    assert pack.check().code == 0


# --- For people --------------------------------------------------------------------------------------------


def test_the_cover_says_who_acted_and_what_happened(incident, ravi):
    cover = made(story(incident), by="Aud Halvorsen")["cover.html"].decode()
    for text in (
        str(incident),
        "Aud Halvorsen",
        "How to check it",
        Anchor.objects.first().line,
        "Checkout fails",
    ):
        assert text in cover
    assert "src=" not in cover
    assert "http" not in cover


def test_what_people_write_is_no_markup_on_the_cover(incident):
    incident.title = "<script>alert(1)</script>"
    incident.save()
    cover = made(story(incident))["cover.html"].decode()
    assert "<script" not in cover
    assert "&lt;script&gt;" in cover


def test_a_long_period_tells_the_latest_and_says_so(monkeypatch, incident):
    monkeypatch.setattr("config.audit.evidence.cover.MOST", 3)
    cover = made(today())["cover.html"].decode()
    assert "The latest 3 changes" in cover
    assert cover.count("<li ") == 3


@pytest.mark.parametrize("text", FORMULAS)
def test_no_spreadsheet_takes_a_text_for_a_formula(text):
    region = Region.objects.create(slug="eu", name="Europe")
    with connection.cursor() as cursor:  # by a road that cleans nothing
        cursor.execute("UPDATE incidents_region SET name = %s WHERE id = %s", [text, region.pk])
    content = made(today())[file_of(Region).replace("jsonl", "csv")].decode("utf-8-sig")
    _, row = csv.DictReader(io.StringIO(content, newline=""))
    assert row["name"] == "'" + text


def test_the_csv_has_every_line_and_numbers_stay_numbers(incident):
    incident.customers_affected = -1
    Incident.objects.filter(pk=incident.pk).update(customers_affected=7)
    pack = made(story(incident))
    rows = list(
        csv.DictReader(io.StringIO(pack[file_of(Incident).replace("jsonl", "csv")].decode("utf-8-sig")))
    )
    assert len(rows) == len(pack.lines(file_of(Incident)))
    assert rows[-1]["customers_affected"] == "7"
    assert list(rows[0])[:3] == ["history_id", "history_date", "history_type"]


# --- What is not as it was sealed --------------------------------------------------------------------------


def test_a_redacted_row_verifies_as_authorised(incident):
    anchors.anchor(Anchor.Occasion.HAND)
    redactions.redact(
        [redactions.Cut("Checkout fails", "[redacted]")], by="The works council", reason="GDPR 17"
    )
    for scope in (story(incident), today()):
        pack = made(scope)
        report = pack.check()
        assert (report.code, report.counts["redacted"]) == (0, 1)
        assert {one["reason"] for one in pack.parsed("redactions.jsonl")} == {"GDPR 17"}
        assert b"Checkout fails" not in b"".join(pack.values())


class UpTo(Period):
    """A period that ends with a row of the chain, because a test cannot set the database's clock."""

    def _numbers(self, sealable):
        rows = SealedRow.objects.filter(shape__table=sealable.table, sequence__lte=self.head)
        return rows.aggregate(Min("history_id"), Max("history_id")).values()


def test_a_redaction_after_the_period_comes_with_it(incident):
    UpTo.head = anchors.anchor(Anchor.Occasion.HOUR).sequence
    Region.objects.create(slug="eu", name="Of another day")
    anchors.anchor(Anchor.Occasion.HOUR)
    redactions.redact([redactions.Cut("Checkout fails", "[redacted]")], by="Somebody", reason="GDPR 17")
    pack = made(UpTo(today().first, today().last))
    report = pack.check(outside=[anchor.line for anchor in Anchor.objects.all()])
    assert (report.code, report.counts["redacted"], report.counts["stretches"]) == (0, 1, 2)
    assert file_of(Region) not in pack


class WithoutRegions(Period):
    """A period in which nothing happened to regions."""

    def _numbers(self, sealable):
        return (None, None) if "region" in sealable.table else super()._numbers(sealable)


@pytest.fixture
def apart(incident):
    """Two changes, and between them an hour of nothing that is in the period."""
    anchors.anchor(Anchor.Occasion.HOUR)
    Region.objects.create(slug="eu", name="Of no concern")
    anchors.anchor(Anchor.Occasion.HOUR)
    incident.title = "Later"
    incident.save()
    return WithoutRegions(today().first, today().last)


def test_the_seals_of_a_period_have_no_gap(apart):
    pack = made(apart)
    assert pack.manifest["counts"]["stretches"] == 1
    assert pack.check().code == 0


def test_a_gap_in_the_seals_of_a_period_is_found(apart, monkeypatch):
    monkeypatch.setattr(Stretches, "of", lambda self, scope: sorted((r, a) for a, r in self.rows.items()))
    assert any("comes after one" in finding for finding in made(apart).check().findings)


def test_a_row_tampered_with_is_packed_and_named(incident):
    anchors.anchor(Anchor.Occasion.HAND)
    triggers.drop()
    Incident.history.update(title="All is well")
    triggers.install()
    pack = made(story(incident))
    assert pack.check().code == 1
    assert "1 row is not what was sealed" in " ".join(pack["cover.html"].decode().split()).replace(
        "</strong>", ""
    )


# --- Who may, and what is kept of it -----------------------------------------------------------------------


def test_making_one_is_recorded_and_sealed(incident):
    pack = made(story(incident), by="Aud Halvorsen")
    kept = EvidencePack.objects.get()
    assert (kept.by, kept.what, kept.rows) == (
        "Aud Halvorsen",
        str(incident),
        pack.manifest["counts"]["rows"],
    )
    assert kept.manifest == verifier.hashlib.sha256(pack["manifest.json"]).hexdigest()
    assert kept.anchor.line.split()[2] == pack.manifest["head"]["link"]
    assert verify.check().findings == []
    assert SealedRow.objects.filter(shape__table="audit_evidencepack").count() == 1


def test_only_who_may_and_sees_everything_makes_one(aud, ana, admin_user, db):
    dana = make_person("dana@example.com", roles.ADMINISTRATOR)
    assert [may_make(person) for person in (aud, dana, admin_user)] == [True, True, True]
    assert not may_make(ana)


def test_the_permission_alone_is_not_enough(ana):
    from django.contrib.auth.models import Group, Permission

    packers = Group.objects.create(name="Packers")
    packers.permissions.add(Permission.objects.get(codename="export_evidence"))
    ana.groups.add(packers)
    assert not may_make(User.objects.get(pk=ana.pk))


def test_the_manifest_says_what_when_and_by_whom(incident):
    manifest = made(story(incident), by="Aud").manifest
    assert manifest["what"] == {
        "kind": "story",
        "title": str(incident),
        "model": "incidents.incident",
        "pk": incident.pk,
    }
    assert manifest["made_by"] == "Aud"
    assert json.dumps(manifest["counts"])
