"""The meeting: planned, held and looked back on, on one page of the retro. What is captured is stored at once."""

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from config.admin import Card, dress, moment
from config.audit.models import StaleVersion
from config.transitions import WrongState
from retros.admin.locking import add_action
from retros.admin.perspectives import may_read
from retros.calendars import calendar_of
from retros.meeting_forms import NewFinding, Note, When
from retros.models import Impression, Meeting
from retros.models.retrospective import FACILITATE

VERBS = {"start": "start", "next": "next_part", "end": "end", "cancel": "cancel"}


def meeting_of(retro) -> Meeting | None:
    """The meeting of a retro, if one was scheduled."""
    return Meeting.objects.filter(retro=retro).first()


def page_url(retro) -> str:
    """Where the meeting of a retro is planned and held."""
    return reverse("admin:retros_retrospective_meeting", args=[retro.pk])


def ways(request, retro) -> list[dict]:
    """The way to that page."""
    return [{"label": "Meeting", "url": page_url(retro), "look": "plain"}]


def urls(model_admin):
    """The routes that the admin of retros adds for this."""

    def view(request, object_id):
        return _Page(model_admin, request, object_id).respond()

    def file(request, object_id):
        return _Page(model_admin, request, object_id).file()

    wrap = model_admin.admin_site.admin_view
    return [
        path("<path:object_id>/meeting/", wrap(view), name="retros_retrospective_meeting"),
        path("<path:object_id>/meeting.ics", wrap(file), name="retros_retrospective_calendar"),
    ]


class _Page:
    """GET shows; each POST stores one thing and comes back, so that a reload loses and repeats nothing."""

    def __init__(self, model_admin, request, object_id):
        self.admin, self.request, self.object_id = model_admin, request, object_id
        self.retro = model_admin.get_object(request, unquote(object_id))
        self.meeting = self.retro and meeting_of(self.retro)
        self.leads = request.user.has_perm(FACILITATE)

    def respond(self):
        if self.retro is None:
            return self.admin._get_obj_does_not_exist_redirect(self.request, self.admin.opts, self.object_id)
        if not self.admin.has_view_permission(self.request, self.retro):
            raise PermissionDenied
        return self._act() if self.request.method == "POST" else self._show()

    def file(self):
        """The meeting for the calendar of whoever sees the retro."""
        if self.retro is None or self.meeting is None:
            raise Http404("There is no such meeting.")
        if not self.admin.has_view_permission(self.request, self.retro):
            raise PermissionDenied
        body = calendar_of(self.meeting, title=str(self.retro))
        response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="meeting.ics"'
        response["Cache-Control"] = "private, no-store"
        return response

    # --- POST

    def _act(self):
        do = self.request.POST.get("do", "")
        forms = {"schedule": self._when, "move": self._when, "note": self._note, "finding": self._finding}
        if do not in forms and do not in VERBS:
            return self._show(status=400, problem="Nothing was asked for.")
        if self.meeting is None and do not in ("schedule", "finding"):
            return self._show(status=409, problem="There is no meeting yet: schedule it first.")
        try:
            return forms[do]() if do in forms else self._verb(VERBS[do])
        except StaleVersion:
            return self._again(
                409, "Somebody was quicker. This is how it stands now: look again, then press again."
            )
        except WrongState as error:
            return self._again(409, str(error))

    def _again(self, status, problem, **forms):
        self.retro = self.admin.get_object(self.request, str(self.retro.pk))
        self.meeting = meeting_of(self.retro)
        return self._show(status=status, problem=problem, **forms)

    def _verb(self, name):
        getattr(self.meeting, name)(by=self.request.user, version=self._version())
        return self._back()

    def _version(self) -> int:
        posted = self.request.POST.get("version", "")
        return int(posted) if posted.isascii() and posted.isdigit() and len(posted) < 10 else -1

    def _when(self):
        form = When(self.request.POST, row=self.meeting)
        if not form.is_valid():
            return self._show(status=400, when=form)
        try:
            if self.meeting is None:
                Meeting.objects.schedule(self.retro, by=self.request.user, **form.cleaned_data)
            else:
                self.meeting.move(by=self.request.user, version=self._version(), **form.cleaned_data)
        except ValidationError as error:
            return self._again(400, " ".join(error.messages), when=form)
        return self._back("Everybody who takes part is told, with a file for the calendar.")

    def _note(self):
        form = Note(self.request.POST)
        if not form.is_valid():
            return self._show(status=400, note=form)
        try:
            self.meeting.note(by=self.request.user, **form.cleaned_data)
        except WrongState as error:
            return self._again(409, str(error), note=form)
        return self._back()

    def _finding(self):
        if not self.request.user.has_perm("retros.add_finding"):
            raise PermissionDenied
        form = NewFinding(self.request.POST)
        if not form.is_valid():
            return self._show(status=400, finding=form)
        self.retro.add_finding(**form.cleaned_data)
        return self._back()

    def _back(self, said=""):
        if said:
            messages.success(self.request, said)
        return HttpResponseRedirect(page_url(self.retro))

    # --- GET

    def _show(self, status=200, problem="", when=None, note=None, finding=None):
        retro, meeting, user = self.retro, self.meeting, self.request.user
        is_open = retro.is_open
        context = {
            "title": f"Meeting: {retro}",
            "retro": retro,
            "meeting": meeting,
            "problem": problem,
            "leads": self.leads and is_open,
            "parts": _parts(meeting) if meeting else [],
            "notes": list(meeting.notes.select_related("author", "item")) if meeting else [],
            "findings": list(retro.findings.all()),
            "items": list(retro.action_items.select_related("owner")),
            "when": dress(when or When(row=meeting)) if self.leads and is_open else None,
            "is_asked_when": bool(when),
            "note": dress(note or Note()) if meeting and meeting.may_note(user) and is_open else None,
            "finding": dress(finding or NewFinding())
            if is_open and user.has_perm("retros.add_finding")
            else None,
            "add_action": add_action(self.request, retro=retro.pk) if is_open else [],
            "tally": tally(meeting) if meeting else None,
            "words": _words(meeting) if meeting and may_read(user) else [],
            "now": timezone.now(),
        }
        return self.admin._page(self.request, "admin/retros/meeting.html", retro, context, status)


def _parts(meeting):
    """The agenda: what is over with how long it took, what is on now, what is to come."""
    parts, current = list(meeting.agenda.all()), meeting.current_item()
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        part.is_now = current is not None and part.pk == current.pk
        ended_at = following.started_at if following and following.started_at else meeting.ended_at
        part.took = None
        if part.started_at and ended_at and not part.is_now:
            part.took = round((ended_at - part.started_at).total_seconds() / 60)
    return parts


def tally(meeting) -> dict | None:
    """How many said what of the meeting, in words; None before anybody was asked."""
    told = meeting.tally()
    if not told:
        return None
    verdicts = {name: _counted(told.get(name, {})) for name in ("learned", "would_attend")}
    return {"asked": told["asked"], "answered": told.get("answered", 0), **verdicts}


def _counted(counts) -> str:
    return ", ".join(f"{verdict.label.lower()} {counts.get(verdict, 0)}" for verdict in Impression.Verdict)


def _words(meeting) -> list[str]:
    # In the order of the alphabet: that of the answers could tell who said what.
    return sorted(meeting.impressions.exclude(words="").values_list("words", flat=True))


def card(request, retro) -> list[Card]:
    """When the meeting is, or what people said of it."""
    meeting = meeting_of(retro)
    if meeting is None:
        return []
    way = format_html(
        '<a class="aftercare-link" href="{}">{}</a>', page_url(retro), meeting.get_status_display()
    )
    facts = [("Meeting", way), ("Begins", moment(meeting.starts_at))]
    if found := tally(meeting):
        facts += [
            ("Asked afterwards", f"{found['answered']} of {found['asked']} answered"),
            ("Learned something", found["learned"]),
            ("Would attend another", found["would_attend"]),
        ]
    return [Card("The meeting", facts)]
