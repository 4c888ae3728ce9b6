"""The page on which a retrospective is read, commented on and approved; GET changes nothing."""

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from config.admin import Card, moment, numbers
from config.audit.models import StaleVersion
from config.forms import storable
from config.markdown import to_html
from config.transitions import WrongState, verbs_for
from retros import gate, neutrality, reading, reviewing
from retros.admin import gate as gates
from retros.admin.locking import LockedWhenPublished
from retros.forms import Approval, RequestChanges
from retros.models import Review

TONES = {"asked": "info", "approved": "success", "changes_requested": "warning", "withdrawn": ""}
FORMS = {"approve": Approval, "request_changes": RequestChanges}


class ReviewedAdmin(LockedWhenPublished):
    """Beside its form, a retro has a page to be read on."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.review_view)
        name = "retros_retrospective_review"
        return [path("<path:object_id>/review/", view, name=name), *super().get_urls()]

    def review_view(self, request, object_id):
        """GET shows it; POST says one thing: that it is read, a comment, an answer, an approval."""
        retro = self.get_object(request, unquote(object_id))
        if retro is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, retro):
            raise PermissionDenied
        if request.method != "POST":
            return self._show(request, retro)
        try:
            said = self._say(request, retro)
        except ValidationError as error:
            return self._show(request, retro, problems=error.messages, status=400)
        except (WrongState, StaleVersion) as error:
            retro.refresh_from_db()
            return self._show(request, retro, problems=[f"{error} Nothing was done."], status=409)
        self.message_user(request, said)
        return HttpResponseRedirect(f"{retro.get_review_url()}#{_place(request)}")

    # --- What is said

    def _say(self, request, retro) -> str:
        match request.POST.get("do"):
            case "read":
                return _read(request, retro)
            case "comment":
                return _comment(request, retro)
            case "resolve" | "reopen" as verb:
                return _settle(request, retro, verb)
            case "approve" | "request_changes" as verb:
                return _decide(request, retro, verb)
        raise ValidationError("Choose one of the buttons of this page.")

    # --- What is shown

    def _show(self, request, retro, problems=(), status=200):
        context = {
            "title": f"Review: {retro}",
            "problems": problems,
            "written": request.POST if problems else {},
            **_text(request, retro),
            **_reviews(request, retro),
            **_news(request, retro),
        }
        return self._page(request, "admin/retros/review.html", retro, context, status)

    # --- On the page of the retro

    def verb_context(self, request, row, about):
        return gates.before(request, row, about.name)

    def verb_links(self, request, row):
        found = super().verb_links(request, row)
        if not neutrality.is_to_confirm(row):
            url = self.verb_url(row, "confirm_facilitator")
            found = [one for one in found if one["url"] != url]
        return [*found, {"label": "Read and review", "url": row.get_review_url(), "look": "plain"}]

    def review_cards(self, request, row) -> list[Card]:
        """Who said what of it, and whether who leads it was part of it."""
        return [Card("Review", _said_of(request, row)), *_neutrality_card(request, row)]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if "facilitator" in form.changed_data and neutrality.is_to_confirm(obj):
            self.message_user(request, neutrality.in_words(obj), messages.WARNING)


# --- What a POST does


def _read(request, retro):
    if not reading.mark_read(retro, request.user, request.POST.get("seal", ""), at=timezone.now()):
        raise ValidationError("This is not from a page of yours: open it anew, then mark it as read.")
    return "Marked as read. Next time you see what is new since now."


def _comment(request, retro):
    text = storable(request.POST.get("text", ""))
    section = _row(retro.sections, request.POST.get("section"))
    parent = _row(retro.comments.filter(parent=None), request.POST.get("parent"))
    reviewing.comment(retro, by=request.user, text=text, section=section, parent=parent)
    return "Your answer is there." if parent else "Your comment is there."


def _settle(request, retro, verb):
    comment = _row(retro.comments, request.POST.get("comment"))
    if comment is None:
        raise ValidationError("There is no comment like this.")
    getattr(comment, verb)(by=request.user)
    return "Resolved." if verb == "resolve" else "Open again."


def _decide(request, retro, verb):
    form = FORMS[verb](request.POST)
    if not form.is_valid():
        raise ValidationError([message for found in form.errors.values() for message in found])
    said = {name: form.cleaned_data[name] for name in ("words", "text")}
    reviewing.decide(retro, by=request.user, verb=verb, **said)
    return "You approved it." if verb == "approve" else "You asked for changes."


def _row(rows, number):
    """The row of this number; None if none is named."""
    if not number:
        return None
    found = rows.filter(pk=number).first() if numbers([number]) else None
    if found is None:
        raise ValidationError("What this was about is not there any more.")
    return found


def _place(request) -> str:
    """Where on the page to go on reading."""
    post = request.POST
    for name, place in (("parent", "comment"), ("comment", "comment"), ("section", "section")):
        if numbers([post.get(name, "")]):
            return f"{place}-{post[name]}"
    return {"read": "news", "comment": "whole"}.get(post.get("do"), "reviews")


# --- What the page shows


def _text(request, retro):
    threads = _threads(request, retro)
    items = retro.action_items.visible_to(request.user).select_related("owner")
    return {
        "retro": retro,
        "impact_html": to_html(retro.customer_impact),
        "sections": [(one, threads.get(one.pk, [])) for one in _rendered(retro.sections.all())],
        "about_the_whole": threads.get(None, []),
        "factors": _rendered(retro.retro_factors.select_related("factor"), "note"),
        "findings": _rendered(retro.findings.all()),
        "items": items.order_by("pk"),
        "open_comments": retro.comments.open().count(),
        "may_comment": not retro.is_published and reviewing.may_comment(retro, request.user),
    }


def _rendered(rows, field="text"):
    rows = list(rows)
    for row in rows:
        row.html = to_html(getattr(row, field))
    return rows


def _threads(request, retro) -> dict:
    """The comments with their answers, by section; `verb` is what this person can do to each."""
    found, answers = {}, {}
    for comment in retro.comments.select_related("author", "resolved_by", "section"):
        comment.retro = retro
        if comment.parent_id:
            answers.setdefault(comment.parent_id, []).append(comment)
            continue
        comment.answers = answers.setdefault(comment.pk, [])
        verbs = [] if retro.is_published else verbs_for(comment, request.user)
        comment.verb = verbs[0] if verbs else None
        found.setdefault(comment.section_id, []).append(comment)
    return found


def _reviews(request, retro):
    text = retro.fingerprint()
    reviews = list(retro.reviews.current().select_related("reviewer", "asked_by").order_by("asked_at", "pk"))
    is_open = retro.status == retro.Status.IN_REVIEW
    mine = next((one for one in reviews if one.reviewer_id == request.user.pk), None)
    return {
        "reviews": [(one, TONES[one.status], _is_earlier(one, text)) for one in reviews],
        "elsewhere": list(retro.reviews.brought().select_related("reviewer")),
        "fingerprint": text,
        "mine": mine,
        "may_decide": is_open and reviewing.may_review(retro, request.user),
        "is_mine_current": mine is not None and mine.fingerprint == text,
        "missing": [] if retro.is_published else gates.to_mend(request, retro, gate.missing(retro)),
        "may_mend": request.user.has_perm("retros.change_retrospective"),
        "facilitator_part": _neutrality_facts(request, retro),
    }


def _is_earlier(review, text) -> bool:
    return review.status == Review.Status.APPROVED and review.fingerprint != text


def _news(request, retro):
    mark = retro.read_marks.filter(user=request.user.pk).first()
    return {
        "read_at": mark and mark.read_at,
        "news": reading.news(retro, mark.seen) if mark else [],
        "seal": reading.seal(retro, request.user),
    }


# --- Cards of the retro's page


def _said_of(request, retro):
    text = retro.fingerprint()
    facts = []
    for review in retro.reviews.current().select_related("reviewer").order_by("asked_at", "pk"):
        said = review.get_status_display()
        earlier = " – an earlier version" if _is_earlier(review, text) else ""
        facts.append((str(review.reviewer), f"{said}{earlier}"))
    facts = facts or [("Reviewers", "Nobody is asked yet")]
    count = retro.comments.open().count()
    url = f"{retro.get_review_url()}#comments"
    link = format_html('<a class="aftercare-link" href="{}">{} open</a>', url, count)
    facts.append(("Comments", link if count else "None open"))
    if retro.needs_approval and not retro.is_published:
        facts.append(("To publish it", "Somebody who does not lead it approves it"))
    if retro.marks_because:
        facts.append(("Marked words stay", retro.marks_because))
    return facts


def _neutrality_card(request, retro):
    facts = _neutrality_facts(request, retro)
    return [Card("Who leads it was part of it", facts)] if facts else []


def _neutrality_facts(request, retro):
    found = neutrality.appearances(retro)
    if not found:
        return []
    seen = neutrality.seen_by(found, request.user)
    facts = [("Who", str(retro.facilitator)), *(("Appears", f"{incident}: {how}") for incident, how in seen)]
    if retro.is_facilitator_confirmed:
        confirmed = format_html(
            "{}, {}", retro.neutrality_confirmed_by, moment(retro.neutrality_confirmed_at)
        )
        return [*facts, ("Confirmed by", confirmed), ("Because", retro.neutrality_because)]
    return [
        *facts,
        ("Not confirmed yet", "Somebody else confirms it, with a reason, before it goes to review."),
    ]
