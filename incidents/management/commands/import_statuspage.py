from django.core.management import CommandError
from django.db import IntegrityError, transaction

from config.audit.commands import AuditedCommand
from config.audit.models import StaleVersion
from incidents.imports import reading, statuspage, storing
from incidents.imports.following import importing
from incidents.imports.shape import Refused


class Command(AuditedCommand):
    help = "Imports the incidents of a public status page (Statuspage v2 JSON, plain or .gz), all or nothing."

    def add_arguments(self, parser):
        parser.add_argument("source", metavar="FILE|URL", help="a file, or an http(s) address")
        parser.add_argument(
            "--dry-run", action="store_true", help="do everything, say what came of it, and store nothing"
        )

    def handle(self, *, source, dry_run, **options):
        try:
            page = statuspage.read(reading.parse(reading.fetch(source)))
            self.stdout.write(("dry run: " if dry_run else "") + self._store(page, dry_run))
        except Refused as error:
            raise CommandError(f"Nothing imported: {error}") from error
        except (IntegrityError, StaleVersion) as error:
            raise CommandError(
                "Nothing imported: somebody changed the same rows meanwhile; try again."
            ) from error

    def _store(self, page, dry_run):
        with importing(page.name), transaction.atomic():
            tally = storing.store(page)
            transaction.set_rollback(dry_run)
        updates = sum(len(record.updates) for record in page.records)
        return (
            f"{len(page.records)} incidents ({tally}), {updates} updates,"
            f" {len(page.components)} services, {page.is_flagged} flagged"
        )
