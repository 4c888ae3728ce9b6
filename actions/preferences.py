"""The page on which everybody says when they work and what they are sent, and gets the address of their calendar."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from actions.models import ActionItem, CalendarFeed
from config.audit.models import StaleVersion
from config.people.models import User
from config.people.preferences import Preferences, differences, in_words


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request):
    """One's own preferences, shown and changed."""
    if request.method != "POST":
        return _page(request, Preferences(instance=_me(request)))
    form = Preferences(request.POST, instance=_me(request))
    try:
        if not form.is_valid():
            return _page(request, form, status=400)
        form.save()
    except StaleVersion:
        return _conflict(request)
    messages.success(request, "Saved.")
    return redirect("my-preferences")


def _me(request):
    return User.objects.select_related("manager").get(pk=request.user.pk)


def _conflict(request):
    """Somebody, perhaps oneself in another window, was quicker: both are told, and nothing is saved."""
    now = _me(request)
    posted = request.POST.copy()
    posted["version"] = str(now.version)  # whoever saves after having read this means it
    form = Preferences(posted, instance=now)
    return _page(request, form, conflict=differences(form), is_stale=True, status=409)


@login_required
@never_cache
@require_POST
def calendar(request):
    """Make a new address of one's calendar, which ends the one before, or end it."""
    if not request.user.has_perm("actions.view_actionitem"):
        raise Http404("You have no actions, so there is no calendar of them.")
    if request.POST.get("do") == "revoke":
        for feed in CalendarFeed.objects.filter(user=request.user, revoked_at=None):
            feed.revoke()
        messages.success(request, "The calendar’s address does not work any more.")
        return redirect("my-preferences")
    _, secret = CalendarFeed.issue(request.user)
    address = settings.SITE_URL + reverse("calendar-feed", args=[secret])
    return _page(request, Preferences(instance=_me(request)), address=address)


def _page(request, form, *, status=200, **more):
    me = _me(request)
    context = {
        "form": form,
        "fields": {name: form[name] for name in form.fields},
        "words": in_words(me),
        "next": _next_reminder(me),
        "feed": CalendarFeed.objects.filter(user=me, revoked_at=None).first(),
        "has_items": request.user.has_perm("actions.view_actionitem"),
        "here": "preferences",
        **more,
    }
    return render(request, "actions/my_preferences.html", context, status=status)


def _next_reminder(me):
    """The next item that a mail to this person will be about, as it is planned now."""
    planned = ActionItem.objects.open().filter(next_recipient=me, next_reminder_at__isnull=False)
    return planned.exclude(next_step="").order_by("next_reminder_at", "pk").first()
