"""Takes over who subscribed elsewhere: Statuspage's lists as JSON or CSV, and plain lists of addresses."""

import csv
import io
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from incidents.imports.reading import parse
from incidents.imports.shape import Part, Refused, shown
from incidents.models import Region, Service, Subscriber, SubscriberRegion, SubscriberService
from incidents.models.subscriber import clean_address, clean_endpoint, fingerprint_of, new_secret

LARGEST = 20_000_000  # bytes of a list that somebody uploads
MOST = 200_000  # rows
BATCH = 500
EMAIL, WEBHOOK = Subscriber.Channel.EMAIL, Subscriber.Channel.WEBHOOK
ELSEWHERE = {
    "sms",
    "slack",
    "teams",
    "integration_partner",
    "twitter",
    "discord",
    "rss",
}  # what we do not send by
# Each column under the names that lists give it.
COLUMNS = {
    "mode": {"mode", "type", "method", "channel", "subscriber type"},
    "email": {"email", "e-mail", "email address", "address", "recipient", "identifier"},
    "endpoint": {"endpoint", "url", "webhook", "webhook url"},
    "components": {"components", "component ids", "component_ids", "services"},
    "regions": {"regions"},
    "quarantined_at": {"quarantined_at", "quarantined at"},
}


@dataclass(frozen=True)
class Wanted:
    """One line of a list: where it goes, and what it wants to hear of, by whatever name the list has for it."""

    where: str
    channel: str
    address: str
    components: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclass
class Listing:
    """A whole list: who is taken over, and how many are not because we have no such channel or nobody reads it."""

    name: str
    wanted: list[Wanted] = field(default_factory=list)
    elsewhere: int = 0
    quarantined: int = 0


def is_listing(document) -> bool:
    """Whether a JSON document is a list of subscribers, and not a status page."""
    if isinstance(document, dict):
        return "subscribers" in document
    return isinstance(document, list) and bool(document) and isinstance(document[0], dict)


def read(data: bytes, name: str) -> Listing:
    """The list in `data`; Refused with the place of the first thing that is wrong."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        return of_document(parse(data), name)
    return _of_csv(data, name)


def of_document(document, name) -> Listing:
    """The list in a JSON document."""
    if not is_listing(document):
        raise Refused("it is no list of subscribers")
    values = document if isinstance(document, list) else document["subscribers"]
    if not isinstance(values, list):
        raise Refused("subscribers is not a list")
    rows = ((f"subscriber no. {number}", value) for number, value in enumerate(values, 1))
    return _listing(name, ((where, _of_json(where, value)) for where, value in rows))


def _of_json(where, value) -> dict:
    part = Part.of(value, where)
    row = {}
    for key in ("mode", "email", "endpoint", "quarantined_at"):
        if (found := part.values.get(key)) is not None:
            if not isinstance(found, str):
                part.refuse(key, "is not text")
            row[key] = found
    for key in ("components", "regions"):
        found = part.values.get(key) or []
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            part.refuse(key, "is not a list of names")
        row[key] = found
    return row


def _of_csv(data, name) -> Listing:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"it is not UTF-8 text: byte {error.start} is {error.reason}") from error
    try:
        lines = [line for line in csv.reader(io.StringIO(text), strict=True) if any(map(str.strip, line))]
    except csv.Error as error:
        raise Refused(f"it is no CSV: {error}") from error
    if not lines:
        raise Refused("it is empty")
    names = _heading(lines[0])
    begin = 1 if names else 0
    # Statuspage's own template has no heading: what it is, then the address.
    names = names or {0: "mode", 1: "email"}
    rows = ((f"line {number}", line) for number, line in enumerate(lines[begin:], begin + 1))
    return _listing(name, ((where, _of_line(line, names)) for where, line in rows))


def _heading(line) -> dict[int, str]:
    known = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}
    names = {
        place: known[cell.strip().lower()] for place, cell in enumerate(line) if cell.strip().lower() in known
    }
    if "email" in names.values() and not any("@" in cell for cell in line):
        return names
    if line[0].strip().lower() in {EMAIL, WEBHOOK, *ELSEWHERE} and len(line) > 1:
        return {}
    raise Refused(f"its heading names no column of addresses: {shown(', '.join(line))}")


def _of_line(line, names) -> dict:
    row = {column: line[place].strip() for place, column in names.items() if place < len(line)}
    for key in ("components", "regions"):
        cells = row.get(key, "").replace(";", ",").split(",")
        row[key] = [cell.strip() for cell in cells if cell.strip()]
    return row


def _listing(name, rows) -> Listing:
    found = Listing(name)
    for number, (where, row) in enumerate(rows, 1):
        if number > MOST:
            raise Refused(f"it has more than {MOST:,} rows")
        _add(found, where, row)
    return found


def _add(found, where, row):
    mode = (row.get("mode") or (WEBHOOK if row.get("endpoint") and not row.get("email") else EMAIL)).lower()
    if mode in ELSEWHERE:
        found.elsewhere += 1
        return
    if mode not in (EMAIL, WEBHOOK):
        raise Refused(f"{where}: mode is not one we know: {shown(mode)}")
    if row.get("quarantined_at"):
        found.quarantined += 1
        return
    address = row.get("endpoint") or row.get("email", "") if mode == WEBHOOK else row.get("email", "")
    try:
        address = (clean_endpoint if mode == WEBHOOK else clean_address)(address)
    except ValidationError as error:
        raise Refused(f"{where}: {shown(address)} cannot be kept ({' '.join(error.messages)})") from error
    found.wanted.append(Wanted(where, mode, address, tuple(row["components"]), tuple(row["regions"])))


# --- Storing -----------------------------------------------------------------------------------------------


@transaction.atomic
def store(listing: Listing, is_dry=False) -> str:
    """Take them over as confirmed, all or nothing; says what became of them. Who said no here stays out."""
    rows = {(one.channel, one.address): one for one in listing.wanted}
    known = _known(rows)
    new = [one for key, one in rows.items() if key not in known]
    _create(listing.name, _chosen(new))
    confirmed = _confirm(known.values())
    transaction.set_rollback(is_dry)
    gone = sum(row.status == Subscriber.Status.UNSUBSCRIBED for row in known.values())
    parts = [
        f"{len(new) + confirmed} subscribers taken over",
        f"{len(known) - gone - confirmed} known already",
        f"{gone} left out because they unsubscribed here",
        f"{listing.quarantined} left out because mail to them came back",
        f"{listing.elsewhere} left out because we do not send that way",
    ]
    return f"{'dry run: ' if is_dry else ''}{', '.join(parts)}"


def _known(rows) -> dict:
    by_print = {fingerprint_of(channel, address): (channel, address) for channel, address in rows}
    prints, found = list(by_print), {}
    for start in range(0, len(prints), BATCH):
        for row in Subscriber.objects.filter(fingerprint__in=prints[start : start + BATCH]):
            found[by_print[row.fingerprint]] = row
    return found


def _catalogue(model, ids):
    found: dict[str, object] = {}
    for row in model.objects.all():
        for name in filter(None, ids(row)):
            found.setdefault(str(name).casefold(), row)
    return found


def _chosen(new) -> list[tuple]:
    """Each with the services and the regions it chose."""
    services = _catalogue(Service, lambda row: (row.external_id, row.public_id, row.slug, row.name))
    regions = _catalogue(Region, lambda row: (row.slug, row.name))
    return [
        (
            one,
            _look_up(one, one.components, services, "component"),
            _look_up(one, one.regions, regions, "region"),
        )
        for one in new
    ]


def _look_up(one, names, known, what) -> list:
    # Without what they chose they would hear of everything, or of nothing: neither is what they asked for.
    for name in names:
        if name.casefold() not in known:
            raise Refused(
                f"{one.where}: {what} {shown(name)} is not known here; import the status page first"
            )
    return list({known[name.casefold()].pk: known[name.casefold()] for name in names}.values())


def _create(name, chosen):
    now = timezone.now()
    made = []
    for one, _, _ in chosen:
        made.append(
            Subscriber(
                channel=one.channel,
                address=one.address,
                fingerprint=fingerprint_of(one.channel, one.address),
                secret=new_secret() if one.channel == WEBHOOK else "",
                status=Subscriber.Status.CONFIRMED,
                confirmed_at=now,
                source=f"imported from {name}"[:200],
            )
        )
    Subscriber.objects.bulk_create(made, batch_size=BATCH)
    pairs = list(zip(made, chosen, strict=True))
    SubscriberService.objects.bulk_create(
        [SubscriberService(subscriber=row, service=one) for row, (_, wanted, _) in pairs for one in wanted],
        batch_size=BATCH,
    )
    SubscriberRegion.objects.bulk_create(
        [SubscriberRegion(subscriber=row, region=one) for row, (_, _, wanted) in pairs for one in wanted],
        batch_size=BATCH,
    )


def _confirm(rows) -> int:
    waiting = [row for row in rows if row.status == Subscriber.Status.PENDING]
    for row in waiting:
        row.confirm(by=None)
    return len(waiting)
