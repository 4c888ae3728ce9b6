"""The page of an incident on which customers are told: GET offers, POST tells, and a preview shows it first."""

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin

from config.audit.models import StaleVersion
from config.transitions import NotPermitted, WrongState, verbs_of
from incidents.models import Audience, CustomerUpdate, Impact, Region, Service
from incidents.models.rights import may_publish, who_may
from incidents.updates.carrying import step_of
from incidents.updates.form import TellForm
from incidents.updates.marking import marks_of
from incidents.updates.placeholders import KNOWN, fill
from incidents.updates.preview import preview, preview_of_plan
from incidents.updates.telling import facts_of, may_tell, seen, tell

# Shown within the page that asks for it, and as strict as the public page itself.
POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "script-src": [SELF],
    "img-src": [SELF],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [SELF],
}


def shown_within(view):
    """The strict policy of public pages, for a page that one of ours may frame."""
    return xframe_options_sameorigin(csp(POLICY)(view))


class TellsCustomers:
    """What the admin of incidents has besides: the form, and the page as customers would see it."""

    def get_urls(self):
        view = self.admin_site.admin_view
        return [
            path("<path:object_id>/tell/", view(self.tell_view), name="incidents_incident_tell"),
            path(
                "<path:object_id>/tell/preview/",
                view(shown_within(self.tell_preview)),
                name="incidents_incident_tell_preview",
            ),
            *super().get_urls(),
        ]

    def verb_links(self, request, row):
        links = super().verb_links(request, row)
        if not may_tell(row, request.user):
            return links
        url = reverse("admin:incidents_incident_tell", args=[row.pk])
        grave = [link for link in links if link["look"] == "grave"]
        return [
            *(link for link in links if link["look"] != "grave"),
            {"label": "Tell customers", "url": url, "look": "plain"},
            *grave,
        ]

    def _telling(self, request, object_id):
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            return None
        if not may_tell(row, request.user):
            raise NotPermitted(f"{request.user} may not tell customers about {row}.")
        return row

    # --- The form

    def tell_view(self, request, object_id):
        """Offer the words and the facts; on POST publish them, or submit them for approval."""
        row = self._telling(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if request.method == "POST" and "fill" not in request.POST:
            return self._tell(request, row)
        return self._offer(request, row)

    def _offer(self, request, row):
        """The form as it begins, or with the words of the template that is asked for; nothing is stored."""
        asked = request.POST if request.method == "POST" else None
        form = TellForm(asked, incident=row, by=request.user)
        choice, problem, text = form.template(), "", ""
        if choice.template and (asked or not _was_said(row, form.chosen("status"))):
            try:
                text = form.written(choice.template)
            except ValidationError as error:
                problem = " ".join(error.messages)
        if asked is not None:
            form = _refilled(form, row, request.user, text)
        else:
            form.initial["text"] = text
        form.initial["seen"] = seen(row)
        return self._tell_page(request, row, form, choice=choice, template_problem=problem)

    def _tell(self, request, row):
        form = TellForm(request.POST, incident=row, by=request.user)
        if not form.is_valid():
            return self._tell_page(request, row, form, status=400)
        try:
            update = tell(row, by=request.user, looked_at=form.cleaned_data["seen"], **form.told())
        except ValidationError as error:
            row.refresh_from_db()  # what was tried was taken back; the page tells how it stands
            for name, told in getattr(error, "message_dict", {None: error.messages}).items():
                form.add_error(name if name in form.fields else None, told)
            return self._tell_page(request, row, form, status=400)
        except (StaleVersion, WrongState) as error:
            return self._conflicted(request, row, error)
        messages.success(request, _done(update))
        return HttpResponseRedirect(reverse("admin:incidents_incident_change", args=[row.pk]))

    def _conflicted(self, request, row, error):
        """What was written stays in the form; what it will do is compared with how it stands now."""
        row = self.get_object(request, str(row.pk))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, "")
        sent = request.POST.copy()
        sent["seen"] = seen(row)
        form = TellForm(sent, incident=row, by=request.user)
        problem = f"{error} Nothing was published. This is how it stands now: look again, then publish."
        return self._tell_page(request, row, form, problem=problem, status=409)

    def _tell_page(self, request, row, form, *, choice=None, status=200, **context):
        choice = choice or form.template()
        marks = marks_of(form.words())
        context |= {
            "marks": marks,
            "never": [one for one in marks if not one.may_stay],
            "title": f"Tell customers: {row}",
            "form": form,
            "choice": choice,
            "incident": row,
            "may_publish": may_publish(row, request.user),
            "who_may": who_may(row),
            "last": row.updates.published().first(),
            **{f"{kind}_known": form.affected(kind) for kind in ("services", "regions")},
            **{f"{kind}_others": form.others(kind) for kind in ("services", "regions")},
            "placeholders": KNOWN.items(),
            "preview_url": reverse("admin:incidents_incident_tell_preview", args=[row.pk]),
            "zone": f"{timezone.get_current_timezone_name()} ({timezone.localtime():%Z})",
        }
        return self._page(request, "admin/incidents/tell.html", row, context, status)

    # --- As customers would see it

    def tell_preview(self, request, object_id):
        """The public page with what was written, or with what the form begins with. Stores nothing."""
        row = self._telling(request, object_id)
        if row is None:
            return HttpResponse(status=404)
        form = TellForm(request.POST if request.method == "POST" else None, incident=row, by=request.user)
        draft, problems = _draft(form)
        if problems:
            context = {"problems": problems}
            return TemplateResponse(request, "admin/incidents/no_preview.html", context)
        page = preview(
            row,
            draft,
            services=form.degrees("services"),
            regions=form.degrees("regions"),
            advance=bool(form["advance"].value()) if "advance" in form.fields else False,
        )
        return _answer(page)


def _answer(page):
    return HttpResponse(page, headers={"Cache-Control": "no-store"})


def _was_said(row, status) -> bool:
    """Whether customers read such an update already: the same words again would be hollow."""
    return row.updates.published().filter(status=status).exists()


def _refilled(form, row, by, text):
    sent = form.data.copy()
    sent["text"], sent["seen"] = text or sent.get("text", ""), seen(row)
    again = TellForm(None, incident=row, by=by)
    again.initial |= {name: sent.get(name, "") for name in again.fields if name != "checks"}
    again.initial["checks"] = [pk for pk in sent.getlist("checks") if pk.isascii() and pk.isdigit()]
    if "advance" in again.fields:
        again.initial["advance"] = "advance" in sent
    return again


def _draft(form):
    """The update that the form would make, and what is wrong with it."""
    if not form.is_bound:
        first = {name: form.initial.get(name, "") for name in form.fields}
        choice = form.template()
        try:
            first["text"] = form.written(choice.template) if choice.template else ""
        except ValidationError as error:
            return None, error.messages
        first["text"] = first["text"] or "…"
        form = TellForm(first, incident=form.incident, by=form.by)
    if not form.is_valid():
        return None, [message for messages_ in form.errors.values() for message in messages_]
    asked = form.told()
    facts = facts_of(form.incident, asked["services"], asked["regions"], asked["next_update_by"])
    try:
        text = fill(asked["text"], facts)
    except ValidationError as error:
        return None, error.messages
    due = asked["next_update_by"]
    return CustomerUpdate(status=asked["status"], text=text, next_update_by=due), []


def _done(update) -> str:
    if not update.is_published:
        return "Submitted: whoever may publish it was asked to. Customers have not read it yet."
    if not update.incident.is_public:
        return f"Recorded for our own people: {update}"
    return f"Customers read it now: {update}"


# --- On the page of an update that waits


class ShowsUpdate:
    """What the admin of updates has besides: an update as customers will see it."""

    def get_urls(self):
        view = self.admin_site.admin_view(shown_within(self.preview_view))
        return [
            path("<path:object_id>/preview/", view, name="incidents_customerupdate_preview"),
            *super().get_urls(),
        ]

    def preview_view(self, request, object_id):
        """The public page with this update and with all that goes with it."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            return HttpResponse(status=404)
        return _answer(preview_of_plan(row))

    def verb_context(self, request, row, about):
        """Whoever decides sees what customers would see, and what else would happen."""
        if about.name not in ("publish", "send_back"):
            return {}
        marks = marks_of(row.text)
        never = [one for one in marks if not one.may_stay]
        return {
            "marks": marks,
            "never": never,
            "may_publish": may_publish(row.incident, request.user),
            "is_barred": bool(never) and about.name == "publish",
            "notes": "admin/incidents/_approval.html",
            "preview_url": reverse("admin:incidents_customerupdate_preview", args=[row.pk]),
            "goes_with": goes_with(row),
        }


def goes_with(update) -> list[str]:
    """What publishing it does besides, in words."""
    plan, incident = update.plan, update.incident
    said = []
    for model, kind in ((Service, "services"), (Region, "regions")):
        degrees = plan.get(kind, {})
        rows = model.objects.filter(pk__in=degrees)
        said += [f"{row}: {Impact(degrees[str(row.pk)]).label.lower()}" for row in rows]
    if plan.get("audience") == Audience.CUSTOMERS and not incident.is_public:
        said.append("Customers can see this incident from then on")
    if plan.get("advance") and incident.is_open and (verb := step_of(incident, update.status)):
        said.append(f"The incident itself: {verbs_of(type(incident))[verb].label}")
    return said
