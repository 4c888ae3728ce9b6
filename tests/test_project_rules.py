"""The house rules of this repository, kept by tests."""

import ast
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import models

from config.audit.triggers import tracked_models
from config.celery import app as celery_app

ROOT = Path(settings.BASE_DIR)
APPS = ("incidents", "retros", "actions")
MAY_IMPORT = {
    "incidents": {"config", "incidents"},
    "retros": {"config", "incidents", "retros"},
    "actions": {"config", "incidents", "retros", "actions"},
    "config": {"config"},
}
# Each with its reason: what is not tracked is bookkeeping of the framework or derived.
UNTRACKED = {
    "admin.LogEntry": "Django's own log of the admin; our history says more and cannot be edited",
    "auth.Permission": "made by migrations from the models; which role has which is tracked",
    "contenttypes.ContentType": "made by migrations from the models",
    "sessions.Session": "who is signed in now; expires by itself",
    "incidents.FeedbackRequest": "that a mail asked, once a mail; the mail itself is tracked",
    "incidents.FeedbackVisit": "a mark of an address that answered within the hour; forgotten after it",
    "reminding.Reminder": "one row a step, never edited; its message, which is tracked, says what became of it",
    "reminding.Watermark": "up to where the plans follow the history; says nothing of what anybody did",
    "retros.ReadMark": "how far somebody has read, which is theirs alone; what they say of it is a review, tracked",
    "incidents.Publication": "up to where subscribers were told; the update and each message to them are tracked",
    "search.Document": "what is searched of a row: derived from the row, and made anew by `manage.py reindex`",
    "search.Word": "the words in them, derived likewise",
    "search.Mark": "up to where the index follows the history; says nothing of what anybody did",
    "outbox.Heartbeat": "when the schedule last ran, every few seconds; says nothing of what anybody did",
    "audit.Shape": "of the ledger: the database lets nobody change it",
    "audit.SealedRow": "of the ledger: the database lets nobody change it",
    "audit.Seal": "of the ledger: the database lets nobody change it",
    "audit.Anchor": "of the ledger: the database lets nobody change it",
    "audit.Verification": "of the ledger: the database lets nobody change it",
    "audit.Redaction": "of the ledger: the database lets nobody change it",
    "audit.AuditExport": "of the ledger: the database lets nobody change it",
    "audit.EvidencePack": "of the ledger: the database lets nobody change it",
}
UNSCHEDULED: dict[str, str] = {}
FORBIDDEN_NAMES = {"services", "utils", "helpers", "constants", "mixins", "signals", "common", "core"}


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def python_files(*folders):
    return [
        p for folder in folders for p in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in p.parts
    ]


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def is_excused(path):
    return path == ROOT / "config/urls.py" or ROOT / "config/demo" in path.parents or path.name == "demo.py"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_follow_the_arrows(room):
    ours = {"config", *APPS}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in python_files(room)
        if not is_excused(path)
        for name in imported_by(path)
        if name in ours and name not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_nothing_in_the_product_imports_the_tests():
    wrong = [str(path) for path in python_files("config", *APPS) if "tests" in set(imported_by(path))]
    assert wrong == []


def test_the_top_level_is_what_the_layout_names():
    named = {"manage.py", "pyproject.toml", "README.md", "LICENSE", "config", *APPS, "templates", "tests"}
    top = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert {name for name in top if not name.startswith(".")} == named


def test_no_module_has_a_name_that_says_nothing():
    wrong = [str(p) for p in python_files("config", *APPS) if {p.stem, p.parent.name} & FORBIDDEN_NAMES]
    assert wrong == []


def test_every_model_is_tracked_or_excused():
    ours = {tracked.model for tracked in tracked_models()}
    histories = {model.history.model for model in ours}
    names = {
        model._meta.label
        for model in apps.get_models(include_auto_created=True)
        if model not in ours and model not in histories
    }
    assert names == set(UNTRACKED)


def test_secrets_are_not_in_the_history():
    wrong = [
        f"{tracked.history_table}.{column}"
        for tracked in tracked_models()
        for column in tracked.columns
        if re.search("password$|digest|secret|lease_token", column)
    ]
    assert wrong == []


def our_models():
    return [tracked.model for tracked in tracked_models() if tracked.model._meta.app_label != "auth"]


# A moment with a person beside it must be set together; the exceptions say why they need no constraint.
PAIRS_EXCUSED = {
    "incidents.Incident.declared_by": "declared_at is never empty; an import knows no person",
    "retros.Review.asked_by": "asked_at is never empty; Aftercare itself is no person",
    "retros.TimelineMark.marked_by": "marked_at is never empty; an import knows no person",
}


def test_who_and_when_are_paired_by_a_constraint():
    unpaired = []
    for model in our_models():
        names = {field.name for field in model._meta.fields}
        text = " ".join(
            str(c.condition) for c in model._meta.constraints if isinstance(c, models.CheckConstraint)
        )
        for name in sorted(names):
            stem = name.removesuffix("_by")
            if name.endswith("_by") and f"{stem}_at" in names and not (name in text and f"{stem}_at" in text):
                unpaired.append(f"{model._meta.label}.{name}")
    assert set(unpaired) == set(PAIRS_EXCUSED)


def test_every_state_with_a_moment_is_guarded():
    for label, moments in {
        "incidents.Incident": ["resolved_at", "closed_at"],
        "incidents.CustomerUpdate": ["published_at"],
        "retros.Retrospective": ["published_at"],
        "actions.ActionItem": ["ended_at"],
        "outbox.Delivery": ["sent_at", "lease_until"],
    }.items():
        constraints = apps.get_model(label)._meta.constraints
        text = " ".join(str(c.condition) for c in constraints if isinstance(c, models.CheckConstraint))
        for moment in moments:
            assert moment in text, f"{label} has no constraint on {moment}"


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_no_migration_drops_history():
    wrong = [
        str(path)
        for path in ROOT.glob("*/**/migrations/0*.py")
        if ".venv" not in path.parts and re.search(r"DeleteModel\(\s*name=.Historical", path.read_text())
    ]
    assert wrong == []


def test_every_task_is_scheduled_or_excused():
    celery_app.loader.import_default_modules()
    tasks = {name for name in celery_app.tasks if not name.startswith("celery.")}
    scheduled = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}
    assert tasks == scheduled | set(UNSCHEDULED)


def test_tasks_hold_no_logic():
    for path in python_files("config", *APPS):
        if path.name == "tasks.py" and path.parent.name != "audit":
            tree = ast.parse(path.read_text())
            assert not [node for node in ast.walk(tree) if isinstance(node, ast.If | ast.For | ast.While)], (
                path
            )


def mails():
    return sorted(
        {p.name.partition(".")[0] for p in (ROOT / "templates/emails").iterdir() if p.name[0] != "_"}
    )


@pytest.mark.parametrize("name", mails())
def test_every_mail_is_a_triple(name):
    folder = ROOT / "templates/emails"
    assert {p.name for p in folder.glob(f"{name}.*")} == {
        f"{name}.subject.txt",
        f"{name}.txt",
        f"{name}.html",
    }


@pytest.mark.parametrize("name", mails())
def test_both_twins_of_a_mail_carry_every_fact(name):
    def facts(suffix):
        text = (ROOT / f"templates/emails/{name}.{suffix}").read_text()
        return set(re.findall(r"\{\{\s*([\w.]+)", text))

    assert facts("txt") == facts("html")


def test_no_file_names_an_index_or_a_path_of_one_machine():
    # Put together from pieces, or this file would find itself.
    hosts = "|".join(["python" + "hosted", "pypi" + r"\.org", "registry" + r"\.npmjs", "deb" + r"\.debian"])
    paths = r"(?<![\w.])/(" + "|".join(["wo" + "rk", "ro" + "ot", "ho" + r"me/\w+"]) + ")/"
    forbidden = re.compile(f"{hosts}|{paths}")
    wrong = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", "replace")
        wrong += [f"{path.relative_to(ROOT)}: {m.group()}" for m in forbidden.finditer(text)]
    assert wrong == []


def test_every_folder_of_tests_is_a_package():
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_pages_ask_no_other_host_for_anything():
    pattern = re.compile(r"""(?:src|href)=["'](?:https?:)?//|url\(["']?(?:https?:)?//""")
    wrong = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.suffix in {".html", ".css"}
        for match in pattern.finditer(path.read_text())
    ]
    assert wrong == []
