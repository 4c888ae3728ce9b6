"""A person's calendar of what is due, for programs that know a secret address. Reading it changes nothing.

What was closed or given away in the last month is still in it, as cancelled: else some calendars keep it.
"""

import hashlib
import logging
import re
from datetime import UTC, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe
from icalendar import Alarm, Calendar, Event, vDuration

from actions.mine import slips_in_words
from actions.models import ActionItem, CalendarFeed, EffectivenessCheck
from config.people.tokens import digest_of
from incidents.models import Incident, Milestone
from retros.models import RetrospectiveIncident

logger = logging.getLogger(__name__)
CANCELLED_FOR = timedelta(days=30)
MOST = 1_000  # of each kind
LINE, TEXT = 200, 2_000  # characters that a calendar is given
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\ufeff\ufffe\uffff]")


# --- The address


@require_safe
def feed(request, token):
    """The calendar behind a secret address; unknown and revoked addresses do not exist."""
    found = (
        CalendarFeed.objects.filter(digest=digest_of(token[:200]), revoked_at=None, user__is_active=True)
        .select_related("user")
        .first()
    )
    if found is None or not found.user.has_perm("actions.view_actionitem"):
        raise Http404("There is no such calendar.")
    body = calendar_of(found.user, timezone.now())
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or etag in {one.removeprefix("W/") for one in known}:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = 'inline; filename="aftercare.ics"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=900"
    response["Referrer-Policy"] = "no-referrer"
    patch_vary_headers(response, ["Cookie"])
    return response


# --- The calendar


def calendar_of(user, at) -> bytes:
    """Everything of `user` that has a day, as iCalendar. A row that makes no event is left out, and logged."""
    calendar = Calendar()
    calendar.add("prodid", "-//Aftercare//What is due//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", "Aftercare: what is due")
    hour = vDuration(timedelta(hours=1))
    calendar.add("refresh-interval", hour, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H", encode=False)
    for kind in KINDS:
        for row, is_cancelled in kind.rows(user, at):
            if event := _event_or_nothing(kind, row, user, is_cancelled):
                calendar.add_component(event)
    return calendar.to_ical()


def _event_or_nothing(kind, row, user, is_cancelled):
    try:
        event = kind.cancelled(row) if is_cancelled else kind.event(row, user)
        event.to_ical()
    except Exception:  # one row that cannot be written must not take the others' days away
        logger.exception("%s %s is not in the calendar of person %s", kind.name, row.pk, user.pk)
        return None
    return event


def clean(text, most=TEXT) -> str:
    """What of a text a calendar program can keep: no controls, no surrogates, not without end."""
    text = str(text)[: most * 2].replace("\r\n", "\n").replace("\r", "\n")
    text = _UNSEEN.sub(" ", text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


class _Kind:
    """One kind of row with a day: which of them are a person's, and what their event tells."""

    name = ""
    model = None
    owner = ""
    states: tuple[str, ...] = ()

    def current(self, user):
        """Those that are theirs and open."""
        raise NotImplementedError

    def rows(self, user, at):
        """Pairs of a row and whether it is cancelled; each with the moment it changed last."""
        history = self.model.history.model.objects
        latest = history.filter(id=OuterRef("pk")).order_by("-history_id").values("history_date")[:1]
        shown = list(self.current(user).annotate(changed_at=Subquery(latest))[:MOST])
        yield from ((row, False) for row in shown)
        gone = self._gone(history, user, at)
        for pk in {row.pk for row in shown}:
            gone.pop(pk, None)
        ended = self.model.objects.filter(pk__in=list(gone)[:MOST]).annotate(changed_at=Subquery(latest))
        for row in ended.order_by("pk"):
            row.was_due_on = gone[row.pk]
            yield row, True

    def _gone(self, history, user, at):
        """What was theirs and open until a change of the last month: its number, and the day it had."""
        before = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by(
            "-history_id"
        )
        last = {
            f"was_{name}": Subquery(before.values(name)[:1])
            for name in (f"{self.owner}_id", "status", "due_on")
        }
        return dict(
            history.filter(history_date__gte=at - CANCELLED_FOR)
            .annotate(**last)
            .filter(
                **{
                    f"was_{self.owner}_id": user.pk,
                    "was_status__in": self.states,
                    "was_due_on__isnull": False,
                }
            )
            .exclude(**{self.owner: user.pk, "status__in": self.states})
            .order_by("history_id")
            .values_list("id", "was_due_on")[: MOST * 2]
        )

    def event(self, row, user) -> Event:
        raise NotImplementedError

    def summary(self, row) -> str:
        """What is said of a row that is no longer theirs: nothing they may not know any more."""
        raise NotImplementedError

    def cancelled(self, row) -> Event:
        event = self._dated(row, row.was_due_on)
        event.add("summary", f"{clean(self.summary(row), LINE)} (no longer yours to do)")
        event.add("status", "CANCELLED")
        return event

    def _dated(self, row, day):
        event = Event()
        event.add("uid", f"{self.name}-{row.pk}@{urlsplit(settings.SITE_URL).hostname}")
        event.add("sequence", row.version)
        changed = (row.changed_at or row.created_at).astimezone(UTC).replace(microsecond=0)
        event.add("dtstamp", changed)
        event.add("last-modified", changed)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("transp", "TRANSPARENT")  # a due day does not make anybody busy
        return event

    def _open(self, row, user, summary, url, description):
        event = self._dated(row, row.due_on)
        event.add("summary", clean(summary, LINE).replace("\n", " "))
        event.add("description", clean(description))
        event.add("url", clean(f"{settings.SITE_URL}{url}", LINE))
        event.add("status", "CONFIRMED")
        event.add_component(_alarm(user, summary))
        return event


def _alarm(user, summary):
    """A word on the morning of the day before, when the person begins to work."""
    begins = user.works_from
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", clean(summary, LINE).replace("\n", " "))
    alarm.add("trigger", timedelta(hours=begins.hour, minutes=begins.minute) - timedelta(days=1))
    return alarm


class _Items(_Kind):
    name, model, owner, states = "item", ActionItem, "owner", tuple(ActionItem.OPEN)

    def current(self, user):
        rows = ActionItem.objects.open().filter(owner=user, due_on__isnull=False).select_related("retro")
        return rows.order_by("due_on", "pk")

    def rows(self, user, at):
        pairs = list(super().rows(user, at))
        # A calendar is kept by others: no word of a restricted incident goes there, whoever may read it here.
        links = RetrospectiveIncident.objects.filter(
            retro__in={row.retro_id for row, _ in pairs if row.retro_id},
            incident__visibility=Incident.Visibility.RESTRICTED,
        )
        secret = set(links.values_list("retro", flat=True))
        for row, is_cancelled in pairs:
            row.may_tell_retro = row.retro_id is not None and row.retro_id not in secret
            yield row, is_cancelled

    def event(self, row, user):
        told = [row.why]
        told += [slips_in_words(row)] if row.slips else []
        told += [f"From {row.retro.reference} {row.retro.title}"] if row.may_tell_retro else []
        return self._open(
            row, user, row, row.get_absolute_url(), "\n\n".join(clean(one, LINE * 4) for one in told)
        )

    def summary(self, row):
        return row.reference


class _Checks(_Kind):
    name, model, owner, states = "check", EffectivenessCheck, "asked_of", (EffectivenessCheck.Status.ASKED,)

    def current(self, user):
        rows = EffectivenessCheck.objects.open().filter(asked_of=user)
        return rows.select_related("item").order_by("due_on", "pk")

    def event(self, row, user):
        told = row.item.success_measure or row.item.why
        return self._open(row, user, f"Did it work? {row.item}", f"/my/checks/{row.pk}/", told)

    def summary(self, row):
        return "Did it work?"


class _Milestones(_Kind):
    name, model, owner, states = "milestone", Milestone, "owner", (Milestone.Status.PLANNED,)

    def current(self, user):
        rows = Milestone.objects.open().filter(owner=user, due_on__isnull=False)
        return rows.select_related("incident").order_by("due_on", "pk")

    def event(self, row, user):
        incident = row.incident
        is_secret = incident.visibility == Incident.Visibility.RESTRICTED
        told = [row.note, incident.reference if is_secret else str(incident)]
        return self._open(
            row, user, row.title, row.get_absolute_url(), "\n\n".join(clean(one) for one in told)
        )

    def summary(self, row):
        return "Milestone"


KINDS = (_Items(), _Checks(), _Milestones())
