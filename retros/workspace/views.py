"""The addresses of the workspace. GET shows; every POST does one thing, and answers a script in JSON, a form by the
page. Whoever may not see the retro is told that there is none."""

from functools import wraps

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.audit.models import StaleVersion
from config.editing import dress, numbers
from config.references import written
from config.transitions import WrongState, verbs_of
from incidents.models import TimelineEntry
from retros.models import Step, TimelineMark
from retros.workspace import texts, timeline
from retros.workspace.adding import ADDERS
from retros.workspace.lines import Lines
from retros.workspace.page import (
    address,
    checklist_context,
    context_of,
    incidents_of,
    timeline_context,
)

WRITE = "retros.change_retrospective"
PREVIEWED = 100_000  # characters; no text of a retro is longer


def of_a_retro(view):
    """Hand the view the admin and the retro that the address names, if the reader may see it."""

    @wraps(view)
    def run(request, object_id, *, model_admin, **rest):
        retro = model_admin.get_object(request, unquote(object_id))
        if retro is None or not request.user.has_perm("retros.view_retrospective"):
            raise Http404("There is no such retrospective.")
        return view(request, model_admin, retro, **rest)

    return run


def for_writers(view):
    """Only for whoever works on retros; on a published one it is refused with the reason, and nothing changes."""

    @wraps(view)
    @of_a_retro
    def run(request, model_admin, retro, **rest):
        if not request.user.has_perm(WRITE):
            raise PermissionDenied
        try:
            return view(request, model_admin, retro, **rest)
        except (WrongState, StaleVersion) as error:
            return _refused(request, model_admin, retro, str(error), 409)

    return run


def _asks_for_json(request) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _refused(request, model_admin, retro, problem, status, **shown):
    if _asks_for_json(request):
        return JsonResponse({"problem": problem}, status=status)
    # Read again: it may be published since the view began.
    retro = model_admin.get_object(request, str(retro.pk)) or retro
    return _page(request, model_admin, retro, problem=problem, status=status, **shown)


def _page(request, model_admin, retro, problem="", status=200, forms=None, opened=""):
    context = context_of(request, retro, forms, opened) | {
        "problem": problem,
        "verbs": model_admin.verb_links(request, retro, is_workspace=True),
        "media": model_admin.media,
    }
    return model_admin._page(request, "admin/retros/workspace.html", retro, context, status)


def _back(request, retro, said, anchor=""):
    if said:
        messages.success(request, said)
    return HttpResponseRedirect(f"{address(retro)}#{anchor}" if anchor else address(retro))


# --- Reading


@of_a_retro
@require_safe
def workspace(request, model_admin, retro):
    """The whole page."""
    return _page(request, model_admin, retro)


@of_a_retro
@require_safe
def more(request, model_admin, retro):
    """The next stretch of the timeline, to be put below what is there."""
    return TemplateResponse(request, "admin/retros/_timeline.html", timeline_context(request, retro))


@for_writers
@require_POST
def preview(request, model_admin, retro):
    """What is being written, as it will be read. POST because it is long, not because it changes anything."""
    html = written(request.POST.get("text", "")[:PREVIEWED], request.user)
    if _asks_for_json(request):
        return JsonResponse({"html": html})
    context = {"title": f"Preview: {retro}", "html": html, "retro": retro}
    return model_admin._page(request, "admin/retros/preview.html", retro, context)


# --- Writing


@for_writers
@require_POST
def save_text(request, model_admin, retro):
    """Save one text; if somebody else was quicker, show both."""
    sent = request.POST
    try:
        saved = texts.save(
            retro,
            sent.get("part", ""),
            _mine(sent),
            version=sent.get("version", ""),
            base=sent.get("base", ""),
        )
    except ValidationError as error:
        return _refused(request, model_admin, retro, texts.first_problem(error), 400)
    if isinstance(saved, texts.Conflict):
        return _conflict(request, model_admin, retro, saved)
    if not _asks_for_json(request):
        return _back(request, retro, "Saved.", f"text-{sent.get('part')}")
    retro.refresh_from_db(fields=["customer_impact", "version"])
    return JsonResponse(
        {
            "version": saved.version,
            "base": saved.base,
            "at": f"{timezone.localtime():%H:%M:%S}",
            "checklist": _checklist(request, retro),
        }
    )


def _mine(sent) -> str:
    """What is to stand: what was typed, or both texts one after the other where that was chosen."""
    text = sent.get("text", "")
    return f"{sent['theirs'].rstrip()}\n\n{text}" if sent.get("keep") == "both" and "theirs" in sent else text


def _conflict(request, model_admin, retro, conflict):
    shown = {"conflict": conflict, "retro": retro}
    if not _asks_for_json(request):
        context = shown | {"title": f"Conflict: {conflict.text.heading}"}
        return model_admin._page(request, "admin/retros/text_conflict.html", retro, context, 409)
    return JsonResponse(
        {
            "theirs": conflict.text.text,
            "version": conflict.text.version,
            "base": conflict.base,
            "html": render_to_string("admin/retros/_conflict.html", shown, request),
        },
        status=409,
    )


def _checklist(request, retro) -> str:
    return render_to_string("admin/retros/_checklist.html", checklist_context(request, retro), request)


@for_writers
@require_POST
def mark(request, model_admin, retro):
    """Star an entry or mark it, or take that off. `mark` says which and what, such as 12:kind:repair."""
    pk, name, value = [*request.POST.get("mark", "").split(":", 2), "", "", ""][:3]
    entry, what = _entry_of(request, retro, pk), _what(name, value)
    if what is None:
        return _refused(request, model_admin, retro, "An entry is starred, or marked as a moment.", 400)
    TimelineMark.objects.put(retro, entry, by=request.user, **what)
    if not _asks_for_json(request):
        return _back(request, retro, "", f"entry-{entry.pk}")
    item = timeline.entry_line(retro, entry)
    return JsonResponse(
        {
            "is_starred": item.is_starred,
            "kind": item.kind,
            "starred": timeline.starred_of(retro, incidents_of(request, retro)),
            "marks": Lines(retro, can_write=True).marks(item),
            "checklist": _checklist(request, retro),
        }
    )


def _what(name, value):
    if name == "star" and value in ("0", "1"):
        return {"is_starred": value == "1"}
    if name == "kind" and value in ("", *TimelineMark.Kind.values):
        return {"kind": value}
    return None


def _entry_of(request, retro, pk):
    """An entry of an incident of the retro that the reader may see."""
    if not numbers([pk]):
        raise Http404("There is no such entry.")
    entry = TimelineEntry.objects.filter(pk=pk, incident__in=incidents_of(request, retro)).first()
    if entry is None:
        raise Http404("There is no such entry.")
    return entry


@for_writers
@require_http_methods(["GET", "POST"])
def correct(request, model_admin, retro, pk):
    """GET asks when an entry really happened; POST corrects it, and the timeline says so."""
    entry = _entry_of(request, retro, pk)
    retro.refuse_edit()
    about = verbs_of(TimelineEntry)["correct"]
    form = dress(about.form_class()(request.POST or None, row=entry))
    if request.method == "POST" and form.is_valid():
        try:
            asked = {"at": form.cleaned_data["at"], "reason": form.cleaned_data["reason"]}
            entry.correct(by=request.user, **asked)
            return _back(request, retro, "Corrected; the timeline says why.", f"entry-{entry.pk}")
        except ValidationError as error:
            form.add_error("at", error)
    context = {
        "title": f"Correct moment: {entry}",
        "verb": about,
        "form": form,
        "entry": entry,
        "retro": retro,
        "zone": f"{timezone.get_current_timezone_name()} ({timezone.localtime():%Z})",
    }
    status = 400 if request.method == "POST" else 200
    return model_admin._page(request, "admin/retros/correct.html", retro, context, status)


@for_writers
@require_POST
def step(request, model_admin, retro, pk, verb):
    """Leave a step out, because…, or take it up again."""
    row = Step.objects.filter(retro=retro, pk=pk).select_related("retro").first()
    about = verbs_of(Step).get(verb)
    if row is None or about is None:
        raise Http404("There is no such step.")
    form = about.form_class()(request.POST)
    if not form.is_valid():
        problem = f"{row}: say why this retro does without it."
        return _refused(request, model_admin, retro, problem, 400, opened=f"step-{row.pk}")
    version = request.POST.get("version", "")
    known = {"version": int(version)} if numbers([version]) else {}
    getattr(row, verb)(by=request.user, **form.cleaned_data, **known)
    return _back(request, retro, f"{about.label}: {row}", "checklist")


@for_writers
@require_POST
def add(request, model_admin, retro, what):
    """Add a note, a factor, a finding, an action: whatever an app has brought an adder for."""
    one = ADDERS.get(what)
    if one is None:
        raise Http404("Nothing of that name can be added here.")
    if not one.permits(request.user):
        raise PermissionDenied
    retro.refuse_edit()
    form = one.form(request, retro, request.POST)
    if not form.is_valid():
        problem = "Nothing was added yet: look at what is marked below."
        return _page(request, model_admin, retro, problem, 400, {what: form}, opened=what)
    made = one.make(form, retro, request.user)
    anchor = f"entry-{made.pk}" if isinstance(made, TimelineEntry) else f"card-{what}"
    return _back(request, retro, f"Added: {made}", anchor)


ROUTES = [
    ("", "", workspace),
    ("timeline/", "timeline", more),
    ("preview/", "preview", preview),
    ("text/", "text", save_text),
    ("marks/", "marks", mark),
    ("entries/<int:pk>/correct/", "correct", correct),
    ("steps/<int:pk>/<slug:verb>/", "step", step),
    ("add/<slug:what>/", "add", add),
]
