"""One click in a mail program, or one on a page, and these mails stop. No sign-in: the address is the proof."""

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.audit.actor import MAIL_LINK, acting
from config.people.models import User

SALT = "aftercare.unsubscribe"
# What may be ended: the field that says so, and what it is called.
ENDED = {
    "reminders": ("wants_reminders", "reminders about what is yours"),
    "summary": ("wants_summary", "the weekly summary"),
}
LONGEST = 300  # characters of a token


def unsubscribe_url(person, what) -> str:
    """Where `person` ends mails of one kind (`reminders` or `summary`) without signing in.

    Mails are kept for years and this must work in each of them: so the address has no end, is not used up, and is
    the same in every mail. Whoever has it can do no more than stop these mails, or have them again.
    """
    token = signing.Signer(salt=SALT).sign_object([person.pk, what])
    return settings.SITE_URL + reverse("unsubscribe", args=[token])


# Exempt: mail programs send the one click of RFC 8058 themselves, with no cookie and no page before it. What
# authorises is the signed address, which no other site can know.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST", "OPTIONS"])
def unsubscribe(request, token):
    """GET shows a page with a button and changes nothing; POST acts at once, as often as it is sent."""
    person, what = _read(token)
    if person is None:
        return _page(request, {}, status=404)
    field, name = ENDED[what]
    if request.method == "POST":
        is_wanted = request.POST.get("wants") == "on"
        _set(request, person.pk, field, is_wanted)
        setattr(person, field, is_wanted)  # not read again: what is done must not end in an error page
    context = {
        "is_wanted": getattr(person, field),
        "name": name,
        "what": what,
        "is_told": request.method == "POST",
    }
    return _page(request, context)


def _read(token):
    """Whose address it is, and what it ends; (None, None) for one that is not ours."""
    if len(token) > LONGEST or not token.isascii():
        return None, None
    try:
        pk, what = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None, None
    return User.objects.filter(pk=pk).first(), what


def _set(request, pk, field, is_wanted):
    with transaction.atomic():
        person = User.objects.select_for_update(of=("self",)).get(pk=pk)
        if getattr(person, field) != is_wanted:
            with acting(person, kind=MAIL_LINK, request_id=request.audit_request_id):
                setattr(person, field, is_wanted)
                person.save(update_fields=[field])


def _page(request, context, status=200):
    response = render(request, "reminding/unsubscribe.html", context, status=status)
    patch_cache_control(response, no_store=True, private=True)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
