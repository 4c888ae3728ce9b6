"""When the public pages are written: whenever the history of anything public has gone on, and at midnight.

Who follows the history misses no road: a verb, a form, the API, an import and SQL by hand all write it. It is
asked after every request that may have changed something, while somebody reads the page, and each minute.
"""

import hashlib
import logging
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.utils import timezone

from incidents.models import (
    CustomerUpdate,
    Incident,
    IncidentRegion,
    IncidentService,
    Maintenance,
    MaintenanceRegion,
    MaintenanceService,
    MaintenanceUpdate,
    Milestone,
    Region,
    Service,
    Severity,
    UpdateCorrection,
)
from incidents.status import board, learnt, pages
from incidents.status.tree import Tree

log = logging.getLogger(__name__)
FOLLOWED = [
    *(Incident, IncidentService, IncidentRegion, CustomerUpdate, Milestone, Service, Region, Severity),
    *(Maintenance, MaintenanceService, MaintenanceRegion, MaintenanceUpdate, UpdateCorrection),
]
# A number is taken before its commit: one that comes late shows in how many there are, not in the last of them.
WINDOW = 500
ASSETS = ("aftercare/status.css", "aftercare/status.js", "aftercare/favicon.svg")


def tree() -> Tree:
    """Where the pages are served from."""
    return Tree(settings.STATUS_DIR)


def follow() -> int:
    """Write what changed since the pages were last written; returns how many files that was."""
    served = tree()
    if served.manifest().stamp == stamp():
        return 0
    return publish()


def publish() -> int:
    """Write the pages anew, as far as they differ; returns how many files that was."""
    served = tree()
    with served.locked():
        now = stamp()  # read before the rows: what changes while they are read will be seen as new
        if served.manifest().stamp == now:
            return 0
        return _hide(served) + _write(served, now)


def _hide(served) -> int:
    """First goes what may not be seen any more."""
    shown = {pages.page_of(name) for name in board.public_ids()}
    return served.take_away([n for n in served.manifest().files if pages.is_of_one(n) and n not in shown])


def _write(served, now) -> int:
    """Then what people and programs look at first, from the recent past alone; last the pages of years ago."""
    urgent = pages.urgent(board.read(since=pages.recent()), design())
    written = served.write(urgent)
    rest = pages.rest(board.read(), design())
    written += served.write(rest)
    return written + served.finish(now, urgent.keys() | rest.keys())


def export(folder) -> int:
    """Bring the static files in `folder` in line with the pages; returns how many changed."""
    follow()
    target, served = Tree(folder), tree()
    with served.locked(), target.locked():
        known = served.manifest()
        files = {n: (facts, (served.root / n).read_bytes) for n, facts in known.files.items()}
        files |= {f"static/{name}": (design(), _asset(name).read_bytes) for name in ASSETS}
        target.refuse_strangers(files)
        hidden = target.take_away(set(target.manifest().files) - set(files))
        return hidden + target.write(files) + target.finish(known.stamp, files)


def stamp() -> str:
    """What the pages depend on, in one line: the histories, the day, and how pages are made."""
    tables = [model.history.model._meta.db_table for model in [*FOLLOWED, *learnt.followed_models()]]
    heads = " UNION ALL ".join(
        f'SELECT COUNT(*), MAX(history_id) FROM "{table}" WHERE history_id >'  # noqa: S608  names of our tables
        f' (SELECT COALESCE(MAX(history_id), 0) FROM "{table}") - {WINDOW}'
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(heads)
        found = [f"{count}:{head or 0}" for count, head in cursor.fetchall()]
    day = timezone.now().astimezone(timezone.get_default_timezone()).date()
    return f"{' '.join(found)} {day} {design()}"


@cache
def design() -> str:
    """How pages are made, in short: another after every upgrade that changes what they look like."""
    folder = Path(__file__).parent
    sources = [*sorted(folder.glob("*.py")), *sorted((settings.BASE_DIR / "templates/status").iterdir())]
    text = "".join(path.read_text() for path in [*sources, *map(_asset, ASSETS)])
    about = f"{text}{settings.SITE_NAME}{settings.SITE_URL}{settings.TIME_ZONE}"
    return hashlib.sha256(about.encode()).hexdigest()[:12]


def _asset(name):
    return Path(finders.find(name))
