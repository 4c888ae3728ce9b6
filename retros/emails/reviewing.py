"""One function per message about retrospectives. Each is queued by the verb it tells of, and read again when sent:
what was answered, or published, meanwhile is not told of.
"""

from django.utils import timezone

from config.forms import storable
from config.outbox.messages import Mail, NoLongerTrue, message
from config.outbox.models import Delivery
from retros.models import Retrospective, Review

LONGEST = 2_000  # characters of a text in a mail


# --- Queued by the verbs of a retro


def tell_of_review(review) -> None:
    """Ask the reviewer to read it."""
    person = review.reviewer
    key = f"review_asked:retro {review.retro_id}:review {review.pk}:{person.pk}"
    Delivery.objects.queue([_delivery(key, "retros.review_asked", person, {"review": review.pk})])


def tell_of_reopening(retro, people, *, by, reason) -> None:
    """Tell those who approved it, lead it or published it; `retro` is still published."""
    said = {"retro": retro.pk, "by": storable(str(by or "Aftercare")), "reason": storable(reason)}
    # A version is made by one change, so each reopening has keys of its own.
    Delivery.objects.queue(
        [
            _delivery(
                f"retro_reopened:retro {retro.pk}:version {retro.version}:{person.pk}",
                "retros.retro_reopened",
                person,
                said,
            )
            for person in sorted(people, key=lambda person: person.pk)
            if person.is_active
        ]
    )


def _delivery(key, kind, person, context):
    now = timezone.now()
    return Delivery(
        key=key,
        kind=kind,
        recipient=person,
        address=person.email,
        context=context,
        due_at=person.calendar.next_working_moment(now) or now,
    )


# --- What they say, read when they are sent


@message("retros.review_asked", in_working_hours=True)
def review_asked(delivery) -> Mail:
    """Asks somebody to read a retro and to say whether it may be published."""
    review = Review.objects.filter(pk=delivery.context["review"]).select_related("retro", "asked_by").first()
    if review is None or not review.is_open or review.retro.status != Retrospective.Status.IN_REVIEW:
        raise NoLongerTrue("Nobody asks them any more.")
    retro = _seen_by(delivery, review.retro_id)
    context = {
        **_facts(retro, delivery),
        "asker": str(review.asked_by or "Aftercare"),
        "impact": _short(retro.customer_impact),
        "due_on": retro.due_on,
    }
    return _mail("review_asked", retro, context, reason="reviewer")


@message("retros.retro_reopened", in_working_hours=True)
def retro_reopened(delivery) -> Mail:
    """Tells reviewers, and whoever published it, that it is a draft again and why."""
    retro = _seen_by(delivery, delivery.context["retro"])
    if retro.is_published:
        raise NoLongerTrue("It is published again.")
    said = delivery.context
    context = {**_facts(retro, delivery), "who": said["by"], "reason": _short(said["reason"])}
    return _mail("retro_reopened", retro, context, reason="reviewer")


def _seen_by(delivery, pk):
    """The retro, if its reader still works here and may know of it."""
    person = delivery.recipient
    if not person.is_active or delivery.address != person.email:
        raise NoLongerTrue(f"{person} does not work here any more, or has another address.")
    retro = Retrospective.objects.visible_to(person).filter(pk=pk).first()
    if retro is None or not person.has_perm("retros.view_retrospective"):
        raise NoLongerTrue(f"{person} may not see it.")
    return retro


def _facts(retro, delivery) -> dict:
    return {
        "reader": delivery.recipient,
        "reference": retro.reference,
        "title": storable(retro.title),
        "address": retro.get_review_url(),
    }


def _short(text) -> str:
    return storable(text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…")


def _mail(template, retro, context, *, reason) -> Mail:
    return Mail(
        template=template,
        context=context,
        thread=f"retro {retro.pk}",
        reason=reason,
        list_id="retrospectives",
    )
