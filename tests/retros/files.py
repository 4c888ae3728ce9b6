"""What the tests of exported retros share: a house that is emptied again, and files written and read."""

from contextlib import contextmanager
from io import StringIO

from django.core.management import call_command
from django.db import transaction

from retros.exchange import to_json, to_markdown
from retros.models import Retrospective


@contextmanager
def forgotten():
    """What is done inside has never been: afterwards the installation is as empty as before."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def run(command, *arguments, **options):
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out, **options)
    return out.getvalue().strip()


def export(folder, **options):
    return run("export_retros", folder, **options)


def load(folder, **options):
    return run("import_retros", folder, **options)


def all_as_text(form="md"):
    """Every retro here as it would be exported."""
    written = to_markdown if form == "md" else to_json
    return {retro.reference: written(retro) for retro in Retrospective.objects.order_by("pk")}


def tree(folder):
    """The bytes of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
