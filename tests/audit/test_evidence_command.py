"""`manage.py audit export`: a whole pack or none, and one clear line for whatever is wrong."""

from io import BytesIO, StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.audit import anchors, triggers
from config.audit.evidence import pack as packing
from config.audit.evidence import verifier
from config.audit.evidence.scopes import Story
from config.audit.ledger import Anchor, EvidencePack
from incidents.models import Incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def output(tmp_path):
    folder = tmp_path / "packs"
    folder.mkdir()
    return folder / "pack.zip"


def export(output, *arguments):
    out = StringIO()
    try:
        call_command("audit", "export", *arguments, "--output", str(output), stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def refusal(output, *arguments):
    """What is said; nothing may be left behind."""
    before = sorted(output.parent.iterdir()) if output.parent.exists() else []
    with pytest.raises(CommandError) as refused:
        export(output, *arguments)
    assert (sorted(output.parent.iterdir()) if output.parent.exists() else []) == before
    assert "\n" not in str(refused.value)
    return str(refused.value)


def verified(path):
    return verifier.check(verifier.Zip(path)).code


def test_it_writes_the_pack_of_an_incident(incident, output):
    code, said = export(output, "--incident", f"INC-{incident.pk:04}")
    assert code == 0
    assert EvidencePack.objects.get().manifest in said
    assert verified(output) == 0
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_it_writes_the_pack_of_a_period(incident, output):
    export(output, "--from", "2020-01-01", "--to", timezone.localdate().isoformat(), "--force")
    assert verified(output) == 0


def test_a_retro_and_an_action_item_have_a_story_too(retro, item, tmp_path):
    for reference in (f"RETRO-{retro.pk}", f"act-{item.pk}"):
        export(tmp_path / f"{reference}.zip", "--incident", reference)
        assert verified(tmp_path / f"{reference}.zip") == 0


def test_it_says_who_wanted_it(incident, aud, output):
    export(output, "--incident", "INC-1" if incident.pk == 1 else f"INC-{incident.pk}", "--by", aud.email)
    assert EvidencePack.objects.get().by == str(aud)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--incident", "INC-9999999"], "There never was INC-9999999"),
        (["--incident", "the big one"], "is no reference such as INC-0042"),
        (["--from", "2026-02-30", "--to", "2026-03-01"], "“2026-02-30” is no day"),
        (["--from", "yesterday", "--to", "2026-03-01"], "“yesterday” is no day"),
        (["--from", "9999-12-31", "--to", "9999-12-31"], "too far away"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "before it begins"),
        (["--from", "2026-03-02"], "both --from DAY and --to DAY"),
        ([], "Say --incident"),
        (["--incident", "INC-1", "--from", "2026-01-01", "--to", "2026-01-02"], "Say --incident"),
        (["--from", "1980-01-01", "--to", "1980-01-02"], "there is no history of that"),
        (["--from", "2026-01-01", "--to", "2026-01-02", "--by", "nobody@example.com"], "Nobody here"),
        (["--from", "2026-01-01", "--to", "2026-01-02", "--by", "omar@example.com"], "may not make"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, said, incident, omar, output):
    assert said in refusal(output, *arguments)
    assert not EvidencePack.objects.exists()


def test_a_file_that_is_there_is_kept_unless_told_otherwise(incident, output):
    output.write_text("mine")
    assert "is there already" in refusal(output, "--incident", f"INC-{incident.pk}")
    assert output.read_text() == "mine"
    export(output, "--incident", f"INC-{incident.pk}", "--force")
    assert verified(output) == 0


def test_a_place_that_cannot_be_written_is_named(incident, tmp_path):
    assert "cannot be written" in refusal(tmp_path / "nowhere/pack.zip", "--incident", f"INC-{incident.pk}")
    assert "is a folder" in refusal(tmp_path, "--incident", f"INC-{incident.pk}")


def test_a_disk_that_fills_up_leaves_nothing_behind(incident, output, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packing, "_write_seals", full)
    assert "No space left on device" in refusal(output, "--incident", f"INC-{incident.pk}")
    assert not EvidencePack.objects.exists()


def test_rows_that_are_not_what_was_sealed_end_it_with_1(incident, output):
    anchors.anchor(Anchor.Occasion.HAND)
    triggers.drop()
    Incident.history.update(title="All is well")
    triggers.install()
    code, said = export(output, "--incident", f"INC-{incident.pk}")
    assert code == 1
    assert "not what was sealed" in said
    assert verified(output) == 1


def test_it_tells_how_far_it_is(incident):
    seen = []
    packing.build(
        Story(Incident, incident.pk),
        BytesIO(),
        by="",
        progress=lambda done, total: seen.append((done, total)),
    )
    done, total = seen[-1]
    assert done == total > 0
