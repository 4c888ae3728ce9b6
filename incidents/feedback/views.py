"""The public pages that ask. GET shows a question and counts as nothing; one POST answers, once for each link.

No session is opened and no cookie set, whoever is signed in; what is answered is signed by nobody.
"""

from dataclasses import dataclass
from functools import wraps

from csp.constants import NONE, SELF
from csp.decorators import csp
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.audit.actor import MAIL_LINK, WEB, acting
from incidents.feedback import limits, links
from incidents.feedback.asking import ENDS, FORMS, is_asked
from incidents.models import CustomerUpdate, Feedback, Incident
from incidents.models.feedback import Purpose

POLICY = {
    "default-src": [NONE],
    "style-src": [SELF],
    "script-src": [SELF],
    "img-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
}
WHO = "a customer"


class Refused(Exception):
    """Nothing is counted: what happened, what to do now, and the HTTP status that says so."""

    def __init__(self, status, heading, text, *, wait=0):
        super().__init__(heading)
        self.status, self.heading, self.text, self.wait = status, heading, text, wait


@dataclass(frozen=True)
class Question:
    """What one visitor is asked."""

    incident: Incident
    purpose: str
    update: CustomerUpdate | None

    @property
    def form_class(self):
        return FORMS[self.purpose]


def _public(view):
    """A page for everybody, which says why it refuses, is kept by no cache and found by no search engine."""

    @wraps(view)
    def shown(request, *args, **kwargs):
        with timezone.override(timezone.get_default_timezone()):
            try:
                response = view(request, *args, **kwargs)
            except Refused as refusal:
                response = _page("feedback_refused.html", {"refusal": refusal}, status=refusal.status)
                if refusal.wait:
                    response["Retry-After"] = str(refusal.wait)
        response["Cache-Control"] = "no-store, private"
        # The address may be a key: no other site may read it from the referrer, no search engine keep it.
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    # Exempt: mail programs keep no cookies, and a forged request would need a signed token of its own.
    return csrf_exempt(require_http_methods(["GET", "HEAD", "POST"])(csp(POLICY)(shown)))


def _page(template, context, status=200):
    shared = {
        "root": reverse("status"),
        "name": settings.SITE_NAME,
        "site": settings.SITE_URL,
        "zone": settings.TIME_ZONE,
    }
    return HttpResponse(render_to_string(f"status/{template}", shared | context), status=status)


# --- By the link of a mail ---------------------------------------------------------------------------------


@_public
def by_link(request, token):
    """The page behind a link: asks, and takes one answer."""
    try:
        link = links.read(token)
    except links.Unreadable:
        text = "Mail programs sometimes cut a link. Open the mail again and tap the link there."
        raise Refused(404, "This link is not complete", text) from None
    incident = Incident.objects.public().filter(pk=link.incident).first()
    if incident is None:
        raise _gone()
    if Feedback.objects.filter(nonce=link.nonce).exists():
        raise _answered(incident)
    if link.is_expired:
        text = f"It was good for {links.GOOD_FOR.days} days. Nothing is asked of you any more; thank you."
        raise Refused(410, "This link is too old", text)
    question = Question(incident, link.purpose, _update(incident, link))
    if request.method != "POST":
        return _ask(question)
    form = question.form_class(request.POST)
    if not form.is_valid():
        return _ask(question, form, status=400)
    with acting(None, name=WHO, kind=MAIL_LINK):
        return _kept(question, form, link.nonce, Feedback.Source.MAIL)


def _update(incident, link):
    if link.purpose != Purpose.UPDATE:
        return None
    update = incident.updates.published().filter(pk=link.update).first()
    if update is None:
        raise _gone()
    return update


# --- From the page that is open to everybody ---------------------------------------------------------------


@_public
def from_page(request, public_id):
    """The same question without a link: counted apart, because one person can answer it more than once."""
    incident = Incident.objects.public().filter(public_id=public_id).first()
    if incident is None:
        raise _gone()
    if request.method != "POST":
        question = _asked_of_all(incident)
        token = links.page_token(public_id, question.purpose, question.update)
        return _ask(question, token=token)
    token = _token_sent(request, incident)
    question = Question(incident, token.purpose, _update(incident, token))
    form = question.form_class(request.POST)
    if not form.is_valid():
        return _ask(question, form, token=token, status=400)
    if Feedback.objects.filter(nonce=token.nonce).exists():
        raise _answered(incident)
    if limits.is_full(request, incident):
        text = (
            "From your network several answers came within the hour, so this one is not counted. If they were"
            " not yours, answer again in an hour, or by the link of a mail, which is yours alone."
        )
        raise Refused(429, "That is enough for now", text, wait=3600)
    with acting(None, name=WHO, kind=WEB), transaction.atomic():
        answer = _kept(question, form, token.nonce, Feedback.Source.PAGE)
        limits.note(request, incident)
    return answer


def _asked_of_all(incident) -> Question:
    if not is_asked(incident):
        raise Refused(410, "Nothing is asked any more", "It is over for a while now. Thank you all the same.")
    if not incident.is_open:
        return Question(incident, Purpose.AFTER, None)
    update = incident.updates.published().first()
    if update is None:
        text = "As soon as we have told you something, we ask here whether it was enough."
        raise Refused(404, "There is nothing to judge yet", text)
    return Question(incident, Purpose.UPDATE, update)


def _token_sent(request, incident):
    try:
        token = links.read_page_token(request.POST.get("form", ""))
    except links.Unreadable:
        token = None
    if token is None or token.public_id != incident.public_id:
        raise Refused(
            400, "Nothing was counted", "The form was not whole. Open the page again and answer there."
        )
    if token.is_expired:
        text = "It lay open for more than two hours. Open it again and answer there; nothing was counted."
        raise Refused(410, "This page is too old", text)
    return token


# --- What both share ---------------------------------------------------------------------------------------


def _gone():
    # The same whether there never was such an incident or it is no longer public.
    return Refused(404, "There is nothing here", "Perhaps it is no longer public. Nothing is asked of you.")


def _answered(incident):
    text = f"It is asked and answered once, so that every answer counts the same. It was about “{incident.title}”."
    return Refused(410, "Thank you, you have answered", text)


def _ask(question, form=None, token=None, status=200):
    form = form or question.form_class()
    context = {
        "question": question,
        "incident": question.incident,
        "update": question.update,
        "form": form,
        "scales": [(form[name], *ends) for name, ends in ENDS.items() if name in form.fields],
        "token": token.token if token else "",
    }
    return _page("feedback.html", context, status=status)


def _kept(question, form, nonce, source):
    try:
        with transaction.atomic():
            Feedback.objects.give(
                question.incident,
                question.purpose,
                nonce,
                source=source,
                update=question.update,
                **form.cleaned_data,
            )
    except IntegrityError:  # two taps at once: the first has answered
        raise _answered(question.incident) from None
    except ValidationError as error:
        form.add_error(None, error.messages)
        return _ask(question, form, status=400)
    return _page("feedback_done.html", {"incident": question.incident})
