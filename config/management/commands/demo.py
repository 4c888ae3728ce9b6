import os

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from tqdm import tqdm

from actions.models import ActionItem
from config.audit.commands import AuditedCommand
from config.audit.triggers import tracked_models
from config.demo.guard import check_database, check_machine
from config.demo.people import PASSWORD, PEOPLE
from config.demo.teller import LENGTH, tell
from incidents.models import Incident
from retros.models import Retrospective

PLACES = [
    ("/", "the status page, as customers see it"),
    ("/admin/", "the workspace"),
    ("/mailbox/", "the mail that Aftercare sends"),
    ("/api/v1/docs/", "the API"),
]


class Command(AuditedCommand):
    help = (
        "Show Aftercare with the story of a made-up company: prepares the data once, then serves them to this "
        "machine only. Never on data of your own."
    )

    def add_arguments(self, parser):
        parser.add_argument("--prepare", action="store_true", help="do all but serve")

    def handle(self, *, prepare, **options):
        check_machine()
        try:
            was_told = self._prepare()
            introduction = self._introduction(was_told)
        except OperationalError as error:
            raise CommandError(f"The database cannot be used: {error}") from error
        if prepare:
            self.stdout.write(introduction)
            return
        settings.DEMO = True
        os.environ["DEMO"] = "true"  # for the processes that `up` starts
        connections.close_all()
        call_command("up", announcement=introduction)

    def _prepare(self) -> bool:
        check_database()
        with tqdm(total=LENGTH + 1, desc="Preparing the demo", leave=False, disable=None) as bar:
            call_command("migrate", verbosity=0, interactive=False)
            bar.update()
            return tell(bar.update)

    def _introduction(self, was_told) -> str:
        """What there is, where to look, and who can sign in."""
        heading = self.style.MIGRATE_HEADING
        counts = [(model.objects.count(), model) for model in (Incident, Retrospective, ActionItem)]
        things = " · ".join(f"{count} {model._meta.verbose_name_plural}" for count, model in counts)
        changes = sum(tracked.model.history.count() for tracked in tracked_models())
        fresh = "has just been told" if was_told else "was told before; nothing was changed"
        return "\n".join(
            [
                heading("\nTallyhour, half a year of a made-up company"),
                f"  {things} · {changes} changes in the history",
                f"  The story {fresh}.",
                heading("\nOpen"),
                *(f"  {settings.SITE_URL + path:<38} {what}" for path, what in PLACES),
                heading("\nSign in") + f" with the password {PASSWORD} as",
                *(f"  {p.email:<18} {p.name}: {p.looks_at}" for p in PEOPLE if p.looks_at),
                "",
            ]
        )
