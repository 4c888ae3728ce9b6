"""Who is asked how they saw it, and what they said, side by side: a page of the retro, for those who lead."""

from dataclasses import dataclass

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from config.admin import Card, WorkspaceAdmin, badge, dress
from config.transitions import WrongState
from retros.exposure import exposed_in
from retros.models import Answer, Finding, Participant, Perspective, Question, Retrospective
from retros.models.retrospective import FACILITATE
from retros.perspective_forms import Invite

READ = "retros.view_perspective"
FIRST = 3  # who carried most: more names would be no advice


@dataclass(frozen=True)
class Asked:
    """One question as it was asked, and what was said to it by whoever sent it in."""

    question: str
    said: list


def may_read(user) -> bool:
    """Whether the person may read what was sent in: who leads retrospectives, and who audits."""
    return user.has_perm(FACILITATE) or user.has_perm(READ)


def page_url(retro) -> str:
    """Where the perspectives of a retro are."""
    return reverse("admin:retros_retrospective_perspectives", args=[retro.pk])


def ways(request, retro) -> list[dict]:
    """The way to that page, for those who may read it."""
    return (
        [{"label": "Perspectives", "url": page_url(retro), "look": "plain"}] if may_read(request.user) else []
    )


def urls(model_admin):
    """The routes that the admin of retros adds for this."""

    def view(request, object_id):
        return _Page(model_admin, request, object_id).respond()

    name = "retros_retrospective_perspectives"
    return [path("<path:object_id>/perspectives/", model_admin.admin_site.admin_view(view), name=name)]


class _Page:
    """GET shows who was asked and what they said; POST asks, or withdraws."""

    def __init__(self, model_admin, request, object_id):
        self.admin, self.request, self.object_id = model_admin, request, object_id
        self.retro = model_admin.get_object(request, unquote(object_id))

    def respond(self):
        if self.retro is None:
            return self.admin._get_obj_does_not_exist_redirect(self.request, self.admin.opts, self.object_id)
        if not self.admin.has_view_permission(self.request, self.retro) or not may_read(self.request.user):
            raise PermissionDenied
        if self.request.method != "POST":
            return self._show()
        return self._withdraw() if self.request.POST.get("do") == "withdraw" else self._invite()

    def _invite(self):
        form = Invite(self.request.POST, retro=self.retro)
        if not form.is_valid():
            return self._show(form, status=400)
        try:
            made = Perspective.objects.invite(self.retro, by=self.request.user, **form.cleaned_data)
        except WrongState as error:
            return self._show(form, status=409, problem=str(error))
        except ValidationError as error:
            return self._show(form, status=400, problem=" ".join(error.messages))
        return self._back(f"{len(made)} asked. Their mails are on their way.")

    def _withdraw(self):
        posted = self.request.POST.get("perspective", "")
        number = int(posted) if posted.isascii() and posted.isdigit() and len(posted) < 18 else 0
        row = self.retro.perspectives.filter(pk=number).first()
        if row is None:
            return self._show(status=404, problem="There is no such invitation.")
        try:
            row.withdraw(by=self.request.user)
        except WrongState as error:
            return self._show(status=409, problem=str(error))
        return self._back("The invitation is withdrawn. The link says so.")

    def _back(self, said):
        messages.success(self.request, said)
        return HttpResponseRedirect(page_url(self.retro))

    def _show(self, form=None, status=200, problem=""):
        retro, user = self.retro, self.request.user
        may_ask = user.has_perm(FACILITATE)
        is_draft = retro.status == Retrospective.Status.DRAFT
        if may_ask and is_draft:
            form = dress_dates(form or Invite(retro=retro))
        asked = list(retro.perspectives.select_related("participant__user"))
        drafts = is_draft and user.has_perm("retros.add_finding")
        context = {
            "title": f"Perspectives: {retro}",
            "retro": retro,
            "problem": problem,
            "form": form if may_ask and is_draft else None,
            "is_draft": is_draft,
            "may_ask": may_ask,
            # By name, not in the order of asking: beside the answers that could tell who said what.
            "asked": sorted(asked, key=lambda one: str(one.participant).casefold()),
            "questions": side_by_side(retro),
            "draft_url": f"{reverse('admin:retros_finding_add')}?{urlencode({'retro': retro.pk})}"
            if drafts
            else "",
            "first": exposed_in(retro, user)[:FIRST] if may_ask else [],
        }
        return self.admin._page(self.request, "admin/retros/perspectives.html", retro, context, status)


def dress_dates(form):
    """The look of the workspace for the plain fields of a form; boxes to tick have theirs."""
    boxes = {name: form.fields[name].widget for name in ("participants", "questions")}
    dress(form)
    for name, widget in boxes.items():
        widget.attrs.pop("class", None)
        form.fields[name].widget = widget
    return form


def side_by_side(retro) -> list[Asked]:
    """What was sent in, by question. Named first, by name; then the others, in an order that tells nothing."""
    rows = (
        Answer.objects.filter(perspective__retro=retro, perspective__status=Perspective.Status.ANSWERED)
        .exclude(text="")
        .select_related("perspective__participant__user")
        .order_by("position", "pk")
    )
    found = {}
    for answer in rows:
        found.setdefault(answer.asked, []).append(answer)
    return [Asked(question, sorted(said, key=_place)) for question, said in found.items()]


def _place(answer):
    one = answer.perspective
    return not one.is_attributed, one.speaker.casefold() if one.is_attributed else answer.mark


def answer_of(retro_pk, mark, user) -> Answer | None:
    """The answer that an address means, if the person may read it."""
    if not may_read(user) or not str(retro_pk).isascii() or not str(retro_pk).isdigit():
        return None
    retro = Retrospective.objects.visible_to(user).filter(pk=int(str(retro_pk)[:18])).first()
    said = [one for asked in side_by_side(retro) for one in asked.said] if retro else []
    return next((one for one in said if one.mark == mark), None)


def as_finding(answer) -> dict:
    """What a new finding begins with: the words, not who said them."""
    kinds = Finding.Kind.values
    kind = answer.topic if answer.topic in kinds else Finding.Kind.SURPRISE
    return {"kind": kind, "text": answer.text}


def card(request, retro) -> list[Card]:
    """How many were asked and have answered; names are on the page of perspectives."""
    S = Perspective.Status
    counted = retro.perspectives.aggregate(
        asked=Count("pk", filter=~Q(status=S.WITHDRAWN)),
        answered=Count("pk", filter=Q(status=S.ANSWERED)),
        declined=Count("pk", filter=Q(status=S.DECLINED)),
    )
    may = may_read(request.user)
    if not counted["asked"] and not may:
        return []
    facts = [("Asked", counted["asked"]), ("Answered", counted["answered"])]
    facts += [("Would rather not", counted["declined"])] if counted["declined"] else []
    if may:
        facts.append(
            ("", format_html('<a class="aftercare-link" href="{}">Ask and read</a>', page_url(retro)))
        )
    return [Card("Perspectives", facts)]


@admin.register(Question)
class QuestionAdmin(WorkspaceAdmin):
    """The bank, from which whoever leads a retro chooses."""

    list_display = ("text", "topic", "whom", "in_use")
    list_filter = ("topic", "is_active")
    search_fields = ("text",)
    fieldsets = (
        (None, {"fields": ("text", ("topic", "position", "is_active"))}),
        ("Whom to ask", {"fields": (("for_on_call", "for_product"), ("for_support", "for_customer"))}),
    )

    @admin.display(description="whom to ask")
    def whom(self, row):
        return ", ".join(hat.label for hat in Participant.Hat if row.is_for(hat)) or "–"

    @admin.display(description="in use", ordering="is_active")
    def in_use(self, row):
        return badge("In use", "success") if row.is_active else badge("Put aside")
