"""“My actions”: what one person has promised and is asked, answered one by one or many at once."""

from functools import wraps
from inspect import signature

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from actions.answers import UNDO_FOR
from actions.mine import LABELS, READ, SHOWN, checks_of, item_line, items_of, sections_of, slips_in_words
from actions.models import ActionItem, EffectivenessCheck
from actions.together import MOST, NEVER, chosen_of, do_together, tell
from config.audit.actor import WEB
from config.audit.models import StaleVersion
from config.editing import numbers
from config.forms import OptionalReason
from config.transitions import NotPermitted, WrongState, verbs_of

TOGETHER = ("complete", "postpone", "snooze", "hand_over", "drop")
ITEM_VERBS, CHECK_VERBS = verbs_of(ActionItem), verbs_of(EffectivenessCheck)
LONGEST_TERM = 200
UNDO = "my-last-answer"  # of the session


def for_those_with_items(view):
    """Open to whoever is signed in and may see items."""
    see = permission_required("actions.view_actionitem", raise_exception=True)
    return wraps(view)(login_required(never_cache(see(view))))


# --- The page


@for_those_with_items
@require_safe
def my_actions(request):
    """Everything that waits for the reader."""
    return _page(request)


def _page(request, forms=None, chosen=(), opened="", status=200):
    term = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_TERM]
    sections = sections_of(request.user, term)
    may_choose = any(line.can_be_chosen for section in sections for line in section.lines)
    context = {
        "sections": sections,
        "term": term,
        "together": (forms or together_forms()) if may_choose else [],
        "chosen": set(chosen),
        "opened": opened,
        "undo": _undoable(request),
        "is_cut": sum(len(section) for section in sections) >= READ,
        "shown": SHOWN,
        "here": "actions",
    }
    return render(request, "actions/my.html", context, status=status)


def together_forms(verb="", data=None):
    """The form of each verb that can be done to many: (verb, form), the one of `verb` filled with `data`."""
    return [
        (
            ITEM_VERBS[name],
            LABELS.get(name, ITEM_VERBS[name].label),
            question(ITEM_VERBS[name], data if name == verb else None, prefix=name),
        )
        for name in TOGETHER
    ]


def question(about, data=None, row=None, prefix=None):
    """The form of a verb, without the reason that nobody is asked for."""
    form_class = about.form_class()
    options = {"row": row} if "row" in signature(form_class).parameters else {}
    form = form_class(data, prefix=prefix, use_required_attribute=False, **options)
    if isinstance(form, OptionalReason):
        del form.fields["reason"]
    return form


# --- Many at once


@for_those_with_items
@require_POST
def together(request):
    """One answer for every chosen item, each with its own result."""
    verb, chosen = request.POST.get("verb", ""), chosen_of(request.POST.getlist("item"))
    if verb not in TOGETHER:
        raise Http404("There is no such answer for several items.")
    if not chosen:
        messages.warning(request, "Choose at least one action first.")
        return redirect("my-actions")
    if len(chosen) > MOST:
        messages.error(request, f"Choose at most {MOST} at once.")
        return redirect("my-actions")
    forms = together_forms(verb, request.POST)
    form = next(form for about, _, form in forms if about.name == verb)
    if not form.is_valid():
        return _page(request, forms, chosen, opened=verb, status=400)
    mine = list(items_of(request.user).filter(owner=request.user, pk__in=chosen))
    label = LABELS.get(verb, ITEM_VERBS[verb].label)
    outcomes = do_together(mine, chosen, verb, by=request.user, **form.cleaned_data)
    tell(request, label, outcomes)
    _remember(request, label, [outcome.item for outcome in outcomes if not outcome.problem])
    if missing := len(chosen) - len(mine):
        messages.error(request, f"Not done: {missing} no longer open, or not yours any more.")
    return redirect("my-actions")


# --- Taking back


def _remember(request, label, items) -> None:
    """Offer to take back the answer just given, with the versions it made."""
    answered = [[item.pk, item.version] for item in items]
    request.session[UNDO] = {"label": label, "items": answered, "at": timezone.now().timestamp()}


def _undoable(request):
    last = request.session.get(UNDO)
    if not last or not last["items"] or timezone.now().timestamp() - last["at"] > UNDO_FOR.total_seconds():
        return None
    return last | {"count": len(last["items"])}


@for_those_with_items
@require_POST
def undo(request):
    """Take back the last answer, item by item: one that has changed since stays as it is."""
    last = _undoable(request)
    if last is None:
        messages.warning(request, "It is too late to undo this here.")
        return redirect("my-actions")
    request.session.pop(UNDO)
    versions = dict(last["items"])
    items = list(ActionItem.objects.filter(pk__in=versions))
    tell(request, "Undone", do_together(items, versions, "undo_answer", by=request.user, road=WEB))
    return redirect("my-actions")


# --- One by one


@for_those_with_items
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request, pk, verb):
    """GET asks for what a verb needs and changes nothing; POST does it."""
    about = ITEM_VERBS.get(verb)
    if about is None:
        raise Http404("There is no such answer.")
    row = items_of(request.user).filter(pk=pk).first() if numbers([pk]) else None
    if row is None:
        return _nothing_here(request)
    return _ask_or_do(request, row, about)


@for_those_with_items
@require_http_methods(["GET", "HEAD", "POST"])
def check(request, pk):
    """Whether an item worked: asked on GET, answered on POST."""
    row = checks_of(request.user).filter(pk=pk).first() if numbers([pk]) else None
    if row is None:
        return _nothing_here(request)
    return _ask_or_do(request, row, CHECK_VERBS["answer"])


def _nothing_here(request):
    return render(request, "actions/my_gone.html", {"here": "actions"}, status=404)


def _ask_or_do(request, row, about):
    if not about.permits(row, request.user):
        raise NotPermitted(f"{request.user} may not {about.label.lower()} {row}.")
    if request.method != "POST":
        return _ask(request, row, about, question(about, row=row))
    form = question(about, request.POST, row)
    if not form.is_valid():
        return _ask(request, row, about, form, status=400)
    posted = request.POST.get("version", "")
    version = int(posted) if numbers([posted]) else NEVER
    try:
        getattr(row, about.name)(by=request.user, version=version, **form.cleaned_data)
    except ValidationError as error:
        _add_errors(form, error)
        return _ask(request, row, about, form, status=400)
    except (WrongState, StaleVersion) as error:
        fresh = type(row).objects.get(pk=row.pk)
        if not about.is_open(fresh):
            return render(request, "actions/my_gone.html", {"problem": str(error)}, status=409)
        problem = f"{error} Nothing was done. This is how it stands now: look again, then confirm."
        return _ask(request, fresh, about, form, problem, status=409)
    label = LABELS.get(about.name, about.label)
    messages.success(request, f"{label}: {row}")
    _remember(request, label, [row] if isinstance(row, ActionItem) else [])
    return redirect("my-actions")


def _add_errors(form, error) -> None:
    for name, told in getattr(error, "message_dict", {None: error.messages}).items():
        form.add_error(name if name in form.fields else None, told)


def _ask(request, row, about, form, problem="", status=200):
    item = row if isinstance(row, ActionItem) else row.item
    context = {
        "row": row,
        "item": item,
        "line": item_line(item, request.user, request.user.today()),
        "slips": slips_in_words(item) if item.slips else "",
        "verb": about,
        "label": LABELS.get(about.name, about.label),
        "form": form,
        "problem": problem,
        "here": "actions",
    }
    return render(request, "actions/my_answer.html", context, status=status)
