import re
from datetime import UTC

from django.core.management import CommandError

from config.audit.commands import AuditedCommand
from config.reminding.chasing import CHASED
from config.reminding.explaining import Explanation, explain, local, spoken

KINDS = {"ACT": "item", "RETRO": "retro"}
HOW = "Write ACT-0007, RETRO-0012, milestone 3 or check 5."


class Command(AuditedCommand):
    help = "Tells why somebody was or was not reminded of one thing, and what comes next. Changes nothing."

    def add_arguments(self, parser):
        parser.add_argument("what", nargs="+", metavar="REFERENCE", help=HOW)

    def handle(self, what, **options):
        kind, pk = self._asked(" ".join(what))
        try:
            about = explain(kind, pk)
        except LookupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(told(about)))

    def _asked(self, words):
        match = re.fullmatch(r"([A-Za-z]+)[- ]0*([0-9]{1,18})", words.strip(), re.ASCII)
        kind = match and (KINDS.get(match[1].upper()) or match[1].lower())
        if kind not in CHASED:
            raise CommandError(f"{words[:80]!r} is nothing that is chased. {HOW}")
        return kind, int(match[2])


def told(about: Explanation):
    """The explanation as lines of text."""
    yield about.subject
    yield f"  Policy: {about.policy}. {about.sentence}"
    yield from (f"  {line}" for line in about.silence)
    yield from _section("Told", (line for one in about.told for line in _told(one)), "nobody so far")
    passed = (f"{one.step}{f', {spoken(one.day)}' if one.day else ''}: {one.because}" for one in about.passed)
    yield from _section("Not sent", passed, "nothing was left out")
    yield from _section("Next", _coming(about.coming), "nothing, as things are")
    yield from _section("Calendar", about.calendar, "nobody owns it")


def _section(heading, lines, empty):
    yield f"{heading}:"
    yield from (f"  {line}" for line in list(lines) or [empty])


def _told(one):
    because = f", because {one.because}" if one.because else ""
    yield f"{_both(one.made_at, one.to)}: {one.step}, to {one.to.name}{because}"
    yield f"  {one.state}{f', {_both(one.sent_at, one.to)}' if one.sent_at else ''}"
    if one.tries > 1 or one.error:
        yield f"  Tries: {one.tries}. {one.error.splitlines()[0] if one.error else ''}".rstrip()
    if one.message_id:
        yield f"  Message-ID: {one.message_id}"


def _coming(coming):
    if coming:
        yield f"{_both(coming.at, coming.to)}: {coming.step}, to {coming.to.name}, because {coming.because}"


def _both(moment, who):
    there = local(moment, who)
    return f"{spoken(there)}, {there:%H:%M} for {who.name} ({moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
