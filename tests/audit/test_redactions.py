"""A text is taken out of the history by authority: gone everywhere, and still provable that this was all."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.audit import redactions, sealing, triggers, verify
from config.audit.actor import WEB, acting
from config.audit.ledger import Redaction
from config.audit.redactions import Cut
from incidents.models import Region

pytestmark = pytest.mark.django_db
SECRET = 'Maria O\'Neill "M"'


@pytest.fixture
def region():
    region = Region.objects.create(slug="eu", name=f"Asked by {SECRET}")
    region.name = f"Europe, says {SECRET}"
    region.save()
    sealing.seal()
    return region


def redact(text=SECRET, **options):
    return redactions.redact([Cut(text, "[redacted]")], by="The works council", reason="GDPR 17", **options)


def everything():
    """All text of all rows and all history, as one."""
    text = ""
    with connection.cursor() as cursor:
        for tracked in triggers.tracked_models():
            for table in (tracked.table, tracked.history_table):
                cursor.execute(f'SELECT * FROM "{table}"')
                text += repr(cursor.fetchall())
    return text


def test_the_text_is_nowhere_any_more(region):
    assert redact()["incidents_historicalregion"] == 2
    assert SECRET not in everything()
    region.refresh_from_db()
    assert region.name == "Europe, says [redacted]"
    assert [row.name for row in region.history.order_by("history_id")][:2] == [
        "Asked by [redacted]",
        "Europe, says [redacted]",
    ]


def test_verify_says_redacted_and_finds_nothing(region):
    redact()
    report = verify.check()
    assert report.findings == []
    assert report.counts["redacted"] == 2
    assert triggers.installed() == triggers.expected()


def test_it_is_recorded_who_decided_it_and_why(region):
    redact()
    record = Redaction.objects.first()
    assert (record.by, record.reason, record.table) == (
        "The works council",
        "GDPR 17",
        "incidents_historicalregion",
    )
    assert SECRET not in str(Redaction.objects.values_list())


def test_a_dry_run_counts_and_changes_nothing(region):
    before = everything()
    assert redact(dry_run=True)["incidents_historicalregion"] == 2
    assert everything() == before
    assert not Redaction.objects.exists()


def test_an_edit_that_calls_itself_a_redaction_is_found(region):
    entry = region.history.order_by("history_id").first()
    digests = redactions._digests(
        next(s for s in redactions.canonical.sealables() if s.model is Region.history.model),
        [entry.history_id],
    )
    triggers.drop()
    Region.history.filter(history_id=entry.history_id).update(name="Forged")
    triggers.install()
    Redaction.objects.create(
        table="incidents_historicalregion",
        row=entry.history_id,
        before=digests[entry.history_id].hex(),
        after="0" * 64,
        reason="Trust me",
        key_id="none",
        mac="00",
    )
    assert {finding.kind for finding in verify.check().findings} == {"edited"}


def test_a_person_leaves_without_a_trace_of_the_name(omar, ana):
    with acting(omar, kind=WEB):
        Region.objects.create(slug="eu", name="Europe")
    with acting(ana, kind=WEB):
        Region.objects.create(slug="us", name="America")
    omar.name = "Omar Khayyam"
    omar.save()
    name, email = omar.name, omar.email
    redactions.redact_person(omar, by="", reason="Has left")
    text = everything()
    assert name not in text
    assert email not in text
    assert f"Former colleague {omar.pk}" in text
    assert "Ana" in text
    assert verify.check().findings == []


def test_redacting_twice_is_told_as_authorised_too(region):
    redact()
    redact("Europe, says")
    report = verify.check()
    assert report.findings == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["--text", "ab", "--reason", "r"],
        ["--text", "abc", "--reason", " "],
        ["--text", "abc", "--with", "xabcx", "--reason", "r"],
        ["--person", "nobody@example.com", "--reason", "r"],
        ["--text", "abc"],
        ["--reason", "r"],
    ],
)
def test_the_command_refuses_what_it_cannot_do(region, wrong):
    before = everything()
    with pytest.raises(CommandError):
        call_command("audit", "redact", *wrong)
    assert everything() == before
