"""The language coach at the command line: what it marks in a file, and how often it is right."""

import time
from pathlib import Path

from django.core.management import BaseCommand, CommandError

from config.coach import CUSTOMERS, TEAM, look
from config.coach.accuracy import SPLITS, labelled, score

LONG = 20_000
TIMES = 20


def quickest(text) -> float:
    """How many milliseconds of this process it takes to read `text`, at its quickest."""
    found = []
    for _ in range(TIMES):
        started = time.process_time()
        look(text, audience=CUSTOMERS, people=["Bob", "Ana Lopez"])
        found.append(time.process_time() - started)
    return min(found) * 1000


class Command(BaseCommand):
    help = "Mark words that stand in the way of learning in a text file, or say how accurate the marks are."

    def add_arguments(self, parser):
        parser.add_argument(
            "file", nargs="?", type=Path, metavar="FILE", help="a text or Markdown file in UTF-8"
        )
        parser.add_argument("--customers", action="store_true", help="it is for customers: mark jargon, too")
        parser.add_argument(
            "--people", default="", metavar="NAMES", help="who was there, separated by commas"
        )
        parser.add_argument(
            "--evaluate", action="store_true", help="how accurate the coach is, by labelled sentences"
        )
        parser.add_argument(
            "--misses", action="store_true", help="with --evaluate: each sentence it is wrong about"
        )

    def handle(self, *, file, evaluate, **options):
        if evaluate == bool(file):
            raise CommandError("Name a file to mark, or --evaluate.")
        if evaluate:
            return self._evaluate(options["misses"])
        return self._mark(file, options)

    def _mark(self, file, options):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}") from error
        audience = CUSTOMERS if options["customers"] else TEAM
        for mark in look(text, audience=audience, people=options["people"].split(",")):
            line = text.count("\n", 0, mark.start) + 1
            words = " ".join(mark.text.split())
            self.stdout.write(
                f"{line}: “{words}” ({mark.kind}, {mark.rule})\n    {mark.why}\n    {mark.instead}"
            )

    def _evaluate(self, with_misses):
        for split in SPLITS:
            sentences = [sentence for sentence in labelled() if sentence.split == split]
            fair = sum(not sentence.kinds for sentence in sentences)
            scores, misses = score(sentences)
            self.stdout.write(f"{split}: {len(sentences)} sentences, {fair} of them fair")
            for kind, one in scores.items():
                self.stdout.write(
                    f"    {kind:<15} precision {one.precision:.3f}   recall {one.recall:.3f}"
                    f"   ({one.right} right, {one.false_alarms} false alarms, {one.unseen} unseen)"
                )
            for miss in misses if with_misses else ():
                what = f"false alarm, “{miss.words}”" if miss.is_false_alarm else "unseen"
                self.stdout.write(f"    {miss.kind}, {what}: {miss.sentence.text}")
        text = " ".join(sentence.text for sentence in labelled())[:LONG]
        self.stdout.write(f"{LONG:,} letters: {quickest(text):.0f} ms")
