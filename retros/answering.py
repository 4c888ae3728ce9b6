"""The pages behind the links: how somebody saw it. GET changes nothing; each POST saves, and the last one sends."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from config.audit.actor import MAIL_LINK, acting
from config.audit.models import StaleVersion
from config.transitions import NotPermitted, WrongState
from retros import links
from retros.meeting_forms import Impressions
from retros.models import Impression, Perspective, Retrospective
from retros.models.perspective import LATE_FOR
from retros.perspective_forms import Answering

ASKED_FOR = timedelta(days=30)
ASK = "If something is missing, write to whoever sent you the invitation."


class Refused(Exception):
    """A link that does nothing (any more): what happened, what to do now, and the HTTP status that says so."""

    def __init__(self, status, heading, text=ASK):
        super().__init__(heading)
        self.status, self.heading, self.text = status, heading, text


# Exempt: these pages open in mail programs that keep no cookies, and whoever has the link answers, signed in or
# not. A forged request from another site would need the signed token, and with it nobody needs to forge one.
@method_decorator(csrf_exempt, name="dispatch")
class Answered(View):
    """The page behind a link to one row of somebody who takes part."""

    http_method_names = ["get", "head", "post", "options"]
    purpose = ""
    rows = None  # a queryset, read anew for each request

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        # The address is the key: no other site may read it from the referrer, no search engine keep it.
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    def get(self, request, token):
        return self._in_their_zone(token, self.show)

    def post(self, request, token):
        return self._in_their_zone(token, self._signed)

    def _in_their_zone(self, token, respond):
        try:
            self.row = self._row_of(token)
            self.person = self.row.participant.user
            self.refuse_unless_open()
            with timezone.override(self.person.zone if self.person else timezone.get_default_timezone()):
                return respond()
        except Refused as refusal:
            return render(self.request, "retros/refused.html", {"refusal": refusal}, status=refusal.status)

    def _row_of(self, token):
        try:
            pk, mark = links.read(self.purpose, token)
        except links.Unreadable:
            text = "Mail programs sometimes cut a link. Open the mail again and tap the link there."
            raise Refused(404, "This link is not complete", text) from None
        row = self.rows.all().filter(pk=pk).first()
        if row is None:
            raise Refused(404, "This question is not there any more")
        if not row.participant.address or links.mark_of(row.participant) != mark:
            raise Refused(403, "This link is not in use any more", "It was sent to another address. " + ASK)
        return row

    def _signed(self):
        name = "" if self.person else self.row.participant.name
        request_id = getattr(self.request, "audit_request_id", "")
        with acting(self.person, name=name, kind=MAIL_LINK, request_id=request_id):
            return self.act()

    def version(self) -> int:
        """The version that the page showed; without one, the one there is, for the token alone authorises."""
        posted = self.request.POST.get("version", "")
        return int(posted) if posted.isascii() and posted.isdigit() and len(posted) < 10 else self.row.version

    # --- What each purpose does

    def refuse_unless_open(self):
        """Raise Refused if there is nothing to answer any more."""
        raise NotImplementedError

    def show(self):
        """The page that asks."""
        raise NotImplementedError

    def act(self):
        """What was sent, done."""
        raise NotImplementedError


class PerspectivePage(Answered):
    """How did you see it? Kept as it is written, read by others once it is sent in."""

    purpose = links.PERSPECTIVE
    rows = Perspective.objects.select_related("participant__user", "retro")
    verbs = {"save": "write", "send": "submit", "decline": "decline"}

    def refuse_unless_open(self):
        row = self.row
        if row.status == Perspective.Status.WITHDRAWN:
            text = "The invitation was withdrawn, so there is nothing to do. Thank you."
            raise Refused(410, "You are not asked any more", text)
        if row.retro.status != Retrospective.Status.DRAFT:
            is_in = row.status == Perspective.Status.ANSWERED
            said = "What you sent in is being read, as you wrote it. Thank you."
            said = said if is_in else "Thank you all the same."
            raise Refused(409, "The review has begun", f"Answers cannot be changed any more. {said} {ASK}")
        if timezone.now().date().toordinal() > row.due_on.toordinal() + LATE_FOR:
            raise Refused(
                410, "This link is too old", f"We asked for answers by {row.due_on:%-d %B %Y}. " + ASK
            )

    def show(self, form=None, status=200, problem=""):
        row = self.row
        context = {
            "perspective": row,
            "title": title_for(row.retro, self.person),
            "form": form or Answering(row=row),
            "problem": problem,
            "said": self.request.GET.get("said"),
            "person": row.participant.user or row.participant.name,
            "unnamed": row.side,
            "are_different": problem and [a for a in row.answers.all() if a.text],
        }
        return render(self.request, "retros/perspective.html", context, status=status)

    def act(self):
        verb = self.verbs.get(self.request.POST.get("do"), "write")
        form = Answering(self.request.POST, row=self.row)
        if not form.is_valid():
            return self._failed(form, 400, "Nothing was saved yet: look at what is marked below.")
        try:
            self._do(verb, form.cleaned_data)
        except ValidationError as error:
            return self._failed(form, 400, " ".join(error.messages))
        except StaleVersion:
            self.row.refresh_from_db()
            return self._failed(
                form,
                409,
                "This was changed in another window meanwhile, so nothing was saved just now. Below is what you "
                "wrote here, and what is stored. Put together what you want to keep, then save again.",
            )
        except (WrongState, NotPermitted):
            self.row = self.rows.all().get(pk=self.row.pk)
            self.refuse_unless_open()
            raise Refused(409, "This is not possible now") from None
        return self._done(verb)

    def _do(self, verb, asked):
        asked = asked if verb != "decline" else {}
        getattr(self.row, verb)(by=self.person, version=self.version(), **asked)

    def _is_script(self):
        return self.request.headers.get("X-Requested-With") == "autosave"

    def _failed(self, form, status, problem):
        if self._is_script():
            return JsonResponse({"problem": problem}, status=status)
        return self.show(form, status=status, problem=problem)

    def _done(self, verb):
        if self._is_script():
            return JsonResponse({"version": self.row.version, "at": f"{timezone.localtime():%H:%M}"})
        path = reverse(self.purpose, args=[links.token_for(self.purpose, self.row)])
        return HttpResponseRedirect(f"{path}?said={verb}", status=303)


class ImpressionPage(Answered):
    """Was the meeting worth it? Asked once, answered once."""

    purpose = links.IMPRESSION
    rows = Impression.objects.select_related("participant__user", "meeting__retro")

    def refuse_unless_open(self):
        row = self.row
        if row.status == Impression.Status.ANSWERED:
            raise Refused(410, "Thank you, you have answered", "It is asked and answered once. " + ASK)
        if timezone.now() - row.asked_at > ASKED_FOR:
            raise Refused(
                410, "This link is too old", f"It was good for {ASKED_FOR.days} days. Thank you all the same."
            )

    def show(self, form=None, status=200):
        context = {
            "form": form or Impressions(),
            "title": title_for(self.row.meeting.retro, self.person),
            "person": self.row.participant.user or self.row.participant.name,
            "held_at": self.row.meeting.started_at,
        }
        return render(self.request, "retros/impression.html", context, status=status)

    def act(self):
        form = Impressions(self.request.POST)
        if not form.is_valid():
            return self.show(form, status=400)
        try:
            self.row.give(by=self.person, **form.cleaned_data)
        except (WrongState, NotPermitted):
            self.row = self.rows.all().get(pk=self.row.pk)
            self.refuse_unless_open()
            raise Refused(409, "This is not possible now") from None
        return render(self.request, "retros/impression_done.html")


def title_for(retro, person) -> str:
    """The title of the retro, to whoever may know it: people with an account who see it in the workspace."""
    if person is None or not person.has_perm("retros.view_retrospective"):
        return ""
    return str(retro) if Retrospective.objects.visible_to(person).filter(pk=retro.pk).exists() else ""
