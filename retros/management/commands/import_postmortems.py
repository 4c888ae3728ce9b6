from django.core.management import CommandError
from django.db import IntegrityError, transaction

from config.audit.commands import AuditedCommand
from config.audit.models import StaleVersion
from incidents.imports.following import importing
from incidents.imports.shape import Refused
from retros import imports


class Command(AuditedCommand):
    help = "Imports a directory of postmortems (Markdown with YAML front matter), all or nothing."

    def add_arguments(self, parser):
        parser.add_argument("directory", metavar="DIR", help="every .md file in it is a postmortem")
        parser.add_argument(
            "--dry-run", action="store_true", help="do everything, say what came of it, and store nothing"
        )

    def handle(self, *, directory, dry_run, **options):
        try:
            postmortems = imports.read(directory)
            self.stdout.write(("dry run: " if dry_run else "") + self._store(postmortems, dry_run))
        except Refused as error:
            raise CommandError(f"Nothing imported: {error}") from error
        except (IntegrityError, StaleVersion) as error:
            raise CommandError(
                "Nothing imported: somebody changed the same rows meanwhile; try again."
            ) from error

    def _store(self, postmortems, dry_run):
        with importing(imports.SOURCE), transaction.atomic():
            tally = imports.store(postmortems)
            transaction.set_rollback(dry_run)
        flagged = sum(bool(postmortem.doubts) for postmortem in postmortems)
        return f"{len(postmortems)} postmortems ({tally}), {flagged} flagged"
