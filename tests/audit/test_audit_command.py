"""`manage.py audit`: what it prints, and what its exit says."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from config.audit import triggers, verify
from config.audit.ledger import Anchor, SealedRow, Verification
from incidents.models import Region

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return Region.objects.create(slug="eu", name="Europe")


def audit(*arguments):
    out = StringIO()
    try:
        call_command("audit", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def tamper(region, name="Atlantis"):
    triggers.drop()
    Region.history.update(name=name)
    Region.objects.update(name=name)
    triggers.install()


def test_a_clean_history_ends_with_0_and_says_how_much_was_looked_at(region):
    code, said = audit("verify")
    rows = SealedRow.objects.count()
    assert code == 0
    assert f"Looked at {rows:,} sealed rows" in said
    assert said.endswith("Nothing found.\n")
    assert rows > 0


def test_findings_end_with_1_and_are_told(region):
    audit("seal")
    tamper(region)
    code, said = audit("verify")
    assert code == 1
    assert "edited: incidents_historicalregion" in said


def test_what_cannot_be_checked_ends_with_2(region, settings):
    audit("seal")
    settings.AUDIT_KEYS = {"another": b"k" * 40}
    code, said = audit("verify")
    assert code == 2
    assert "AUDIT_KEYS lacks" in said


def test_a_database_that_is_gone_ends_with_2(monkeypatch):
    def gone(*_, **__):
        raise OperationalError("the server is gone")

    monkeypatch.setattr(verify, "verify", gone)
    with pytest.raises(CommandError, match="Could not check: the server is gone") as error:
        audit("verify")
    assert error.value.returncode == 2


def test_anchors_that_cannot_be_read_end_with_2(region, tmp_path):
    with pytest.raises(CommandError, match="Could not check") as error:
        audit("verify", "--anchors", str(tmp_path / "none"))
    assert error.value.returncode == 2
    (tmp_path / "odd").write_text("this is no anchor\n")
    assert audit("verify", "--anchors", str(tmp_path / "odd"))[0] == 2


def test_the_key_may_change_and_what_was_signed_before_still_verifies(region, settings):
    audit("seal")
    settings.AUDIT_KEYS = {"new": b"k" * 40, **settings.AUDIT_KEYS}
    region.delete()
    audit("seal")
    assert audit("verify")[0] == 0


def test_the_result_as_json(region):
    told = json.loads(audit("verify", "--json")[1])
    assert told["outcome"] == "clean"
    assert told["counts"]["rows"] == SealedRow.objects.count()


def test_an_anchor_leaves_by_file_and_log(region, settings, caplog):
    caplog.set_level("INFO", "aftercare.anchors")
    code, said = audit("anchor")
    line = Anchor.objects.get().line
    assert (code, said.strip()) == (0, line)
    assert settings.AUDIT_ANCHORS.read_text() == line + "\n"
    assert line in caplog.text


def test_sealing_says_how_many(region):
    assert audit("seal")[1] == f"{SealedRow.objects.count():,} rows sealed.\n"
    assert audit("seal")[1] == "0 rows sealed.\n"


def test_reconcile_writes_what_happened_without_triggers(region):
    triggers.drop()
    Region.objects.update(name="Atlantis")
    code, said = audit("reconcile")
    assert code == 0
    assert "1 changes" in said
    assert region.history.first().name == "Atlantis"
    assert region.history.first().history_actor_kind == "command"
    assert audit("verify")[0] == 0


def test_each_verification_is_kept(region):
    audit("verify")
    tamper(region)
    audit("verify")
    assert list(Verification.objects.values_list("outcome", flat=True)) == ["findings", "clean"]
