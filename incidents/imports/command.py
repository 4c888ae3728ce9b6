"""What every import is to whoever runs it: all or nothing, a dry run on request, one line when refused."""

from django.core.management import CommandError
from django.db import IntegrityError, transaction

from config.audit.commands import AuditedCommand
from config.audit.models import StaleVersion
from incidents.imports.following import importing
from incidents.imports.shape import Refused


class ImportCommand(AuditedCommand):
    """A command says what its `source` is, how to `read` it, what it is `named`, and how to `store` it."""

    metavar = ""
    source_help = ""

    def add_arguments(self, parser):
        parser.add_argument("source", metavar=self.metavar, help=self.source_help)
        parser.add_argument(
            "--dry-run", action="store_true", help="do everything, say what came of it, and store nothing"
        )

    def handle(self, *, source, dry_run, **options):
        try:
            found = self.read(source)
            with importing(self.named(found)), transaction.atomic():
                summary = self.store(found)
                transaction.set_rollback(dry_run)
        except Refused as error:
            raise CommandError(f"Nothing imported: {error}") from error
        except (IntegrityError, StaleVersion) as error:
            raise CommandError(
                "Nothing imported: somebody changed the same rows meanwhile; try again."
            ) from error
        self.stdout.write(("dry run: " if dry_run else "") + summary)
