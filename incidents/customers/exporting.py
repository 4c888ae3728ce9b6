"""The list of customers as CSV: what a spreadsheet would run is quoted, and an import takes it as it was."""

import csv
import io
from collections.abc import Iterator

from incidents.customers.reading import FORMULA
from incidents.models import Customer

HEADER = ["name", "external id", "tier", "domain", "services", "regions"]
AT_ONCE = 500


def lines() -> Iterator[str]:
    """The file, piece by piece."""
    yield "\ufeff" + _csv([HEADER])
    rows = Customer.objects.prefetch_related("service_links__service", "region_links__region")
    batch = []
    for row in rows.iterator(AT_ONCE):
        batch.append(_cells(row))
        if len(batch) >= AT_ONCE:
            yield _csv(batch)
            batch = []
    yield _csv(batch)


def _cells(row):
    services = "|".join(link.service.slug for link in row.service_links.all())
    regions = "|".join(link.region.slug for link in row.region_links.all())
    return [row.name, row.external_id, row.tier, row.domain, services, regions]


def _csv(rows) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([[defused(cell) for cell in row] for row in rows])
    return buffer.getvalue()


def defused(text: str) -> str:
    """With a quote before what a spreadsheet would take for a formula."""
    # Also before a quote that stands before one, or the way back would take it away.
    is_risky = text.startswith(FORMULA) or (text[:1] == "'" and text.lstrip("'").startswith(FORMULA))
    return f"'{text}" if is_risky else text
