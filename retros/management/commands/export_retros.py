from pathlib import Path

from django.core.management import CommandError
from tqdm import tqdm

from config.api.fields import lookup_of
from config.audit.commands import AuditedCommand
from incidents.models import Incident
from retros.exchange import FORMATS, as_text, path_of
from retros.exchange.files import write
from retros.exchange.telling import tell_all
from retros.models import Retrospective


class Command(AuditedCommand):
    help = (
        "Writes retrospectives as files that git likes, postmortems/YEAR/inc-0042-title.md below DIR. "
        "Removes nothing. Restricted ones stay out unless you say --restricted."
    )

    def add_arguments(self, parser):
        parser.add_argument("directory", metavar="DIR")
        parser.add_argument(
            "--retro",
            action="append",
            default=[],
            metavar="RETRO-0012",
            help="only this one; may be repeated",
        )
        parser.add_argument("--format", choices=list(FORMATS), default="md")
        parser.add_argument(
            "--restricted", action="store_true", help="restricted ones too, with all that is in them"
        )

    def handle(self, *, directory, retro, format, restricted, **options):
        rows, left_out = self._chosen(retro, restricted)
        total = new = 0
        for row, document in tqdm(tell_all(rows), "Writing", len(rows), disable=None, leave=False):
            path = Path(directory) / f"{path_of(row)}.{format}"
            try:
                new += write(path, as_text(document, format))
            except OSError as error:
                raise CommandError(
                    f"{path} cannot be written: {error.strerror} ({total} files were)"
                ) from error
            total += 1
        self.stdout.write(
            f"{total} retros written to {directory}: {new} files new or changed, {total - new} as before"
        )
        if left_out:
            self.stdout.write(
                f"{left_out} left out, as they are about restricted incidents: --restricted writes them too"
            )

    def _chosen(self, names, restricted):
        """The retros asked for, and how many of them stay out."""
        rows = Retrospective.objects.order_by("pk")
        if names:
            rows = rows.filter(pk__in=[self._named(name).pk for name in names])
        secret = rows.filter(incidents__visibility=Incident.Visibility.RESTRICTED).values("pk")
        if restricted:
            return list(rows.values_list("pk", flat=True)), 0
        shown = rows.exclude(pk__in=secret).values_list("pk", flat=True)
        return list(shown), secret.distinct().count()

    def _named(self, name):
        by = lookup_of(Retrospective, name)
        row = Retrospective.objects.filter(**by).first() if by else None
        if row is None:
            raise CommandError(f"There is no retrospective {name!r}.")
        return row
