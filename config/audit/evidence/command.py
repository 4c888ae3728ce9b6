"""`manage.py audit export`: an evidence pack as a file, whole or not at all."""

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management import CommandError
from tqdm import tqdm

from config.audit.evidence.pack import build
from config.audit.evidence.scopes import Period, Refused, day_of, may_make, story_of


def add_arguments(parser) -> None:
    """Say what `audit export` takes."""
    parser.add_argument(
        "--incident", metavar="INC-0042", help="the whole story of one incident (or RETRO-, ACT-…)"
    )
    parser.add_argument("--from", dest="first", metavar="DAY", help="everything from this day on: 2026-07-01")
    parser.add_argument("--to", dest="last", metavar="DAY", help="… to this day, included: 2026-09-30")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="where the pack is written"
    )
    parser.add_argument("--by", default="", metavar="E-MAIL", help="who wanted it; stands in the pack")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")


def handle(options, out) -> int:
    """Write the pack and say what is in it: 0, or 1 if rows in it are not what was sealed."""
    try:
        scope, by = _scope(options), _by(options["by"])
        with (
            _whole(options["output"], options["force"]) as file,
            tqdm(unit=" rows", leave=False, disable=None) as bar,
        ):
            made = build(scope, file, by=by, progress=_shown_on(bar))
    except Refused as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{options['output']} cannot be written: {error.strerror or error}") from None
    out.write(f"{scope.title}: {made.counts['rows']:,} history rows, {made.counts['records']:,} records.")
    out.write(f"Manifest {made.record.manifest}")
    out.write(f"Anchor   {made.record.anchor.line}")
    if made.differing:
        out.write(f"{made.differing:,} rows are not what was sealed: see manage.py audit verify.")
    return int(bool(made.differing))


def _scope(options):
    days = (options["first"], options["last"])
    if bool(options["incident"]) == any(days) or (any(days) and not all(days)):
        raise Refused("Say --incident INC-0042, or both --from DAY and --to DAY.")
    return story_of(options["incident"]) if options["incident"] else Period(day_of(days[0]), day_of(days[1]))


def _by(address) -> str:
    if not address:
        return "the command line"
    person = get_user_model().objects.filter(email__iexact=address.strip(), is_active=True).first()
    if person is None:
        raise Refused(f"Nobody here has the address {address}.")
    if not may_make(person):
        raise Refused(f"{person} may not make evidence packs.")
    return str(person)


def _shown_on(bar):
    def show(done, total):
        bar.total = total
        bar.update(done - bar.n)

    return show


@contextmanager
def _whole(path, is_replacing):
    """A file beside `path` that takes its place once it is written, and else is gone."""
    if path.is_dir():
        raise Refused(f"{path} is a folder.")
    if path.exists() and not is_replacing:
        raise Refused(f"{path} is there already; --force replaces it.")
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(draft).unlink()
