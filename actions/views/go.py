"""One page per link: GET shows what would happen and changes nothing, one POST does it, and can be undone."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from actions import answers
from actions.models import ActionItem, UsedLink
from actions.views.purposes import PURPOSES, form_for, people_for
from actions.views.refusals import (
    Refused,
    check_of,
    in_words,
    item_of,
    link_of,
    person_of,
    refuse_unless_open,
)
from config.audit.actor import MAIL_LINK, acting
from config.audit.models import StaleVersion
from config.forms import storable
from config.transitions import NotPermitted, WrongState
from retros.models import Retrospective

LONGEST = 2_000  # characters of a text on the page
STALE = (
    "Somebody changed it meanwhile, so nothing was done. This is how it stands now: look again, then confirm."
)


# Exempt: these pages open in mail programs that keep no cookies, and whoever has the link answers, signed in or
# not. A forged request from another site would need the signed token, and with it nobody needs to forge one.
@method_decorator(csrf_exempt, name="dispatch")
class Go(View):
    """The page behind a link of a mail."""

    http_method_names = ["get", "head", "post", "options"]

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, no_store=True, private=True)
        # The address is the key: no other site may read it from the referrer, no search engine keep it.
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    def get(self, request, token):
        return self._in_their_zone(token, lambda: self._show())

    def post(self, request, token):
        return self._in_their_zone(token, lambda: self._act())

    def _in_their_zone(self, token, respond):
        try:
            self.link = link_of(token)
            self.person = person_of(self.link)
        except Refused as refusal:
            return self._refuse(refusal)
        with timezone.override(self.person.zone):
            try:
                return respond()
            except Refused as refusal:
                return self._refuse(refusal)

    def _refuse(self, refusal):
        return render(self.request, "actions/go_refused.html", {"refusal": refusal}, status=refusal.status)

    # --- GET

    def _show(self):
        if self.link.purpose == answers.UNDO:
            return self._show_what_was_done()
        item = item_of(self.link)
        refuse_unless_open(self.link, self.person, item)
        if self.link.purpose == answers.MORE:
            return self._page("go_more.html", item, links=self._links(item, ()))
        return self._ask(item)

    def _ask(self, item, form=None, status=200, problem=""):
        purpose, row = PURPOSES[self.link.purpose], self._row(item)
        form = form or form_for(self.link.purpose, row)
        return self._page(
            "go.html",
            item,
            status=status,
            problem=problem,
            purpose=purpose,
            form=form,
            fields=[form[name] for name in purpose.asks],
            day=purpose.day,
            chips=purpose.chips(item) if purpose.chips else [],
            picked=form.data.get("pick") if form.is_bound else None,
            people=people_for(item) if "to" in purpose.asks else [],
            told=purpose.told(item, self.person),
            version=row.version,
            links=self._links(item, (self.link.purpose,)),
        )

    def _row(self, item):
        return item if self.link.kind == "item" else check_of(self.link)

    def _links(self, item, but):
        """The other answers, each as its own link."""
        purposes = answers.OF_CHECK if self.link.kind == "check" else answers.answers_of(item, self.person)
        return [
            (
                answers.LABELS[name],
                (self._sibling(name) if self.link.kind == "check" else self.link.to(name)).path,
            )
            for name in purposes
            if name not in but
        ]

    def _sibling(self, name):
        return answers.replace(self.link, purpose=name)

    def _page(self, template, item, status=200, **context):
        context |= {"item": _told_of(item, self.person), "person": self.person, "link": self.link}
        if self.link.kind == "check":
            context["check"] = check_of(self.link)
        return render(self.request, f"actions/{template}", context, status=status)

    # --- POST

    def _act(self):
        if self.link.purpose == answers.MORE:
            return HttpResponseNotAllowed(["GET", "HEAD", "OPTIONS"])
        with acting(self.person, kind=MAIL_LINK, request_id=self.request.audit_request_id):
            return self._undo() if self.link.purpose == answers.UNDO else self._answer()

    def _answer(self):
        item = item_of(self.link)
        refuse_unless_open(self.link, self.person, item)
        form = form_for(self.link.purpose, self._row(item), self.request.POST)
        if not form.is_valid():
            return self._ask(item, form, status=400)
        try:
            row = self._do(form.cleaned_data)
        except ValidationError as error:
            _add_errors(form, error)
            return self._ask(item, form, status=400)
        except StaleVersion:
            return self._ask(item_of(self.link), form, status=409, problem=STALE)
        except (WrongState, NotPermitted):
            item = item_of(self.link)
            raise Refused(
                409, f"{item.reference} cannot be answered now", in_words(item, self.person)
            ) from None
        return HttpResponseRedirect(self.link.undo(row).path, status=303)

    @transaction.atomic
    def _do(self, asked):
        # Locked before it is looked at again: of two answers at once, the second sees what the first did.
        item = item_of(self.link, locked=True)
        refuse_unless_open(self.link, self.person, item)
        self._use(item)
        row = self._row(item)
        getattr(row, PURPOSES[self.link.purpose].verb)(by=self.person, version=self._version(row), **asked)
        return row

    def _use(self, item):
        _, is_new = UsedLink.objects.get_or_create(
            nonce=self.link.nonce,
            defaults={"purpose": self.link.purpose, "item": item, "user": self.person},
        )
        if not is_new:
            raise Refused(410, _used(self.link), in_words(item, self.person))

    def _version(self, row) -> int:
        """The version that the page showed; without one, the one there is, for the token alone authorises."""
        posted = self.request.POST.get("version", "")
        return int(posted) if posted.isascii() and posted.isdigit() and len(posted) < 10 else row.version

    # --- After the answer

    def _show_what_was_done(self):
        item = item_of(self.link)
        answered, version, _ = self.link.answered
        row, is_used = self._row(item), self.link.is_used
        if is_used or row.version != version:
            heading = _used(self.link) if is_used else "It has changed since"
            more = self.link.anew() if answers.answers_of(item, self.person) else None
            raise Refused(410 if is_used else 409, heading, in_words(item, self.person), more)
        following = self._next(item)
        return self._page(
            "go_done.html",
            item,
            said=PURPOSES[answered].said(row),
            can_undo=self.link.kind == "item",
            next=following and _told_of(following, self.person),
            next_links=[
                (answers.LABELS[name], self.link.to(name, following).path)
                for name in (answers.DONE, answers.DATE, answers.MORE)
                if following
            ],
        )

    def _next(self, item):
        """The longest overdue item of this person that has not just been answered."""
        if not self.person.has_perm("actions.change_actionitem"):
            return None
        mine = ActionItem.objects.open_for(self.person).filter(due_on__lt=self.person.today())
        # What they have answered by letting it rest is not the next thing to ask them.
        resting = {"snoozed_until__gt": self.person.today()}
        return mine.exclude(pk=item.pk).exclude(**resting).select_related("owner").first()

    def _undo(self):
        if self.link.kind != "item":
            return HttpResponseNotAllowed(["GET", "HEAD", "OPTIONS"])
        too_late = "Somebody has changed it since, so it stays as it is. "
        try:
            with transaction.atomic():
                item = item_of(self.link, locked=True)
                self._use(item)
                item.undo_answer(by=self.person, version=self.link.answered[1])
        except (StaleVersion, ValidationError):
            item = item_of(self.link)
            raise Refused(409, "It has changed since", too_late + in_words(item, self.person)) from None
        return HttpResponseRedirect(self.link.anew().path + "?undone", status=303)


def _told_of(item, person) -> dict:
    """What the page says of an item; its retro only to those who may know of it, its texts never without end."""
    retro = (
        Retrospective.objects.visible_to(person).filter(pk=item.retro_id).first() if item.retro_id else None
    )
    late = (person.today() - item.due_on).days if item.due_on and item.is_open else 0
    return {
        "reference": item.reference,
        "title": storable(item.title[:255]),
        "why": _short(item.why),
        "due_on": item.due_on,
        "days_late": max(late, 0),
        "retro": str(retro) if retro else "",
        "slips": item.slips,
        "promised_on": item.promised_on,
        "owner": item.owner,
        "is_theirs": item.owner_id == person.pk,
        "note": _short(item.offer_note) if item.offered_to_id == person.pk else "",
        "asker": item.offered_by,
        "waits_for": storable(item.waits_for[:500]),
        "evidence": _short(item.evidence),
        "measure": _short(item.success_measure),
        "path": item.get_absolute_url(),
    }


def _used(link) -> str:
    return "You have taken this back already" if link.answered else "You have answered this already"


def _short(text) -> str:
    return storable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…")


def _add_errors(form, error) -> None:
    for name, messages in getattr(error, "message_dict", {None: error.messages}).items():
        form.add_error(name if name in form.fields else None, messages)
