from pathlib import Path

from django.core.management import CommandError

from config.audit.commands import AuditedCommand
from incidents.status import publishing
from incidents.status.tree import NotOurs


class Command(AuditedCommand):
    help = "Writes the status page, its JSON and its feeds as static files, and takes away what is no longer public."

    def add_arguments(self, parser):
        parser.add_argument("folder", metavar="DIR", type=Path, help="made if it is not there")

    def handle(self, *, folder, **options):
        try:
            changed = publishing.export(folder)
        except (NotOurs, OSError) as error:
            raise CommandError(f"Not exported: {error}") from error
        self.stdout.write(f"{changed} files written or taken away in {folder}")
