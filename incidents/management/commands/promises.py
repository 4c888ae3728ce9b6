"""What customers were promised to hear and whether they did; or how well “hollow” is told from “new”."""

import json
from pathlib import Path

from django.core.management import CommandError
from django.utils import timezone

from config.audit.commands import AuditedCommand
from incidents.models import Incident, Region, Service
from incidents.promises import promises_of
from incidents.promises.evaluation import evaluate


class Command(AuditedCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("incident", nargs="?", help="such as INC-0042")
        parser.add_argument(
            "--evaluate", metavar="FILE", help="a status page's JSON that has the judged updates"
        )
        parser.add_argument(
            "--misses", action="store_true", help="with --evaluate: show what was judged otherwise"
        )

    def handle(self, *args, incident=None, evaluate=None, misses=False, **options):
        if bool(incident) == bool(evaluate):
            raise CommandError("Name an incident such as INC-0042, or a file to evaluate.")
        return self._evaluate(evaluate, misses) if evaluate else self._tell(incident)

    def _tell(self, reference):
        number = reference.upper().removeprefix("INC-")
        found = number.isdecimal() and len(number) < 19 and Incident.objects.filter(pk=number).first()
        if not found:
            raise CommandError(f"There is no incident {reference}.")
        names = [
            *Service.objects.values_list("name", flat=True),
            *Region.objects.values_list("name", flat=True),
        ]
        for promise in promises_of(found, found.updates.published(), timezone.now(), names):
            due = timezone.localtime(promise.due_at)
            came = promise.answer and timezone.localtime(promise.answer.published_at)
            text = f", told at {came:%H:%M %Z}" if came else ""
            self.stdout.write(f"{promise.verdict:<7} by {due:%Y-%m-%d %H:%M %Z}{text}")

    def _evaluate(self, file, misses):
        try:
            page = json.loads(Path(file).read_text())
            scores = evaluate(page)
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except (KeyError, TypeError) as error:
            raise CommandError(f"{file} does not hold the judged updates: {error}") from error
        for name, score in scores.items():
            self.stdout.write(
                f"{name:<8} {score.pairs} pairs: precision {score.precision:.3f}, recall {score.recall:.3f}"
                f" ({score.found} found, {score.false} wrongly, {score.missed} missed)"
            )
            for verdict, before, after, facts in score.misses if misses and name != "all" else ():
                self.stdout.write(f"  {verdict}: {before!r} → {after!r}; thought new: {sorted(facts)}")
