"""What subscribers are sent: the mail that asks whether they mean it, and each update, by mail and by webhook.

All of it is read when it is sent. What is not public any more by then is said to nobody.
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from config.outbox.messages import Call, Mail, NoLongerTrue, message
from config.outbox.posting import Refused
from incidents.feedback.links import Question, links_for
from incidents.models import CustomerUpdate, Publication, Subscriber
from incidents.status.board import IMPACTS, WORDS
from incidents.status.moments import said
from incidents.status.shape import moment
from incidents.subscribers import asking, fanning, links

MOST_BOUNCES = 3  # refused for good in a row: then nobody reads that mailbox
MOST_TRIES = 100  # of one webhook, which with their pauses are four days
FAILING = timedelta(days=3)  # that nothing at all has arrived at a webhook: then nobody listens there


@dataclass(frozen=True)
class News:
    """One publication, as customers may know it: the same for everybody who is told."""

    row: Publication
    title: str
    status: str
    text: str
    at: str
    next_by: str
    affected: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    when: str
    url: str
    thread: str

    @property
    def is_maintenance(self) -> bool:
        """Whether it is about work that was announced."""
        return self.row.is_maintenance


def news_of(pks) -> dict[int, News]:
    """What these publications say, by primary key; without those that are not public now."""
    rows = Publication.objects.filter(pk__in=pks).select_related(
        *("update__incident__severity", "correction__update__incident__severity"),
        "maintenance_update__maintenance",
    )
    return {row.pk: _news(row) for row in rows if row.is_public}


def _news(row) -> News:
    about, what = row.about, row.said
    is_incident = not row.is_maintenance
    links_ = about.service_impacts if is_incident else about.service_links
    places = about.region_impacts if is_incident else about.region_links
    if is_incident:
        affected = tuple(
            (one["name"], WORDS.get(one["new_status"], one["new_status"])) for one in what.affected
        )
    else:
        public = links_.select_related("service").filter(service__is_public=True)
        affected = tuple((one.service.name, "") for one in public)
    next_by = what.next_update_by if is_incident else None
    is_promised = next_by is not None and about.is_open
    return News(
        row=row,
        title=about.title,
        status=what.get_status_display(),
        text=what.text,
        at=said(what.published_at),
        next_by=said(next_by) if is_promised else "",
        affected=affected,
        regions=tuple(one.region.name for one in places.select_related("region")),
        when="" if is_incident else f"{said(about.scheduled_for)} to {said(about.scheduled_until)}",
        url=settings.SITE_URL + reverse("status-incident", args=[about.public_id]),
        thread=f"news {about.public_id}",
    )


def read(rows) -> None:
    """Give the messages of a chunk what they need: what was said, and to whom, in a handful of queries for all."""
    news = news_of({row.context.get("publication") for row in rows})
    known = Subscriber.objects.confirmed().in_bulk({row.context.get("subscriber") for row in rows})
    for row in rows:
        row.news = news.get(row.context.get("publication"))
        row.subscriber = known.get(row.context.get("subscriber"))
    _ask_back([row for row in rows if row.kind == fanning.MAIL and row.news and row.subscriber])


def _ask_back(mails):
    """Each mail about an incident asks one question: whether this update told enough, the last one how it was."""
    asking_back = [mail for mail in mails if not mail.news.is_maintenance]
    questions = [_question(mail) for mail in asking_back]
    for mail, question, url in zip(asking_back, questions, links_for(questions), strict=True):
        mail.question = {"feedback_url": url, "feedback_is_last": question.update is None}


def _question(mail) -> Question:
    update = mail.news.row.said
    if update.status == CustomerUpdate.Status.RESOLVED:
        return Question(update.incident, f"{fanning.MAIL}:{mail.subscriber.public_id}")
    return Question(update.incident, mail.key, update)


def told_to(delivery) -> tuple[News, Subscriber]:
    """What it tells and whom; NoLongerTrue if that is not public any more, or not wanted."""
    if not hasattr(delivery, "news"):
        read([delivery])
    if delivery.news is None:
        raise NoLongerTrue("It is not public.")
    if delivery.subscriber is None:
        raise NoLongerTrue("It is wanted no more.")
    delivery.kept_out = [delivery.subscriber.address]
    return delivery.news, delivery.subscriber


# --- What becomes of them ----------------------------------------------------------------------------------


def arrived(delivery) -> None:
    """It was taken, so whatever was wrong before is over."""
    subscriber = getattr(delivery, "subscriber", None)
    if subscriber is not None and (subscriber.bounces or subscriber.failing_since):
        Subscriber.objects.filter(pk=subscriber.pk).update(bounces=0, failing_since=None)


@transaction.atomic
def bounced(delivery, error) -> None:
    """A mail server refused it for good; after a few in a row it is asked no more."""
    rows = Subscriber.objects.filter(pk=delivery.context.get("subscriber"))
    rows.update(bounces=F("bounces") + 1)
    subscriber = rows.first()
    if subscriber is not None and subscriber.is_confirmed and subscriber.bounces >= MOST_BOUNCES:
        subscriber.stop(by=None, reason=f"{subscriber.bounces} mails in a row were refused: {error}"[:500])


def unheard(delivery, error) -> str:
    """A webhook did not arrive. Returns why it is given up; empty while there is hope."""
    subscriber, now = delivery.subscriber, timezone.now()
    if isinstance(error, Refused) and error.status == 410:
        _stop(subscriber, "The endpoint answered that it is gone (HTTP 410).")
        return "The endpoint is gone."
    since = subscriber.failing_since or now
    if subscriber.failing_since is None:
        Subscriber.objects.filter(pk=subscriber.pk, failing_since=None).update(failing_since=now)
    if now - since >= FAILING:
        _stop(subscriber, f"Nothing has arrived since {since:%-d %B %Y}: {error}")
        return f"Nothing arrives there any more: {error}"
    return f"It was tried {delivery.attempts} times: {error}" if delivery.attempts >= MOST_TRIES else ""


def _stop(subscriber, why):
    row = Subscriber.objects.filter(pk=subscriber.pk).first()
    if row is not None and row.is_confirmed:
        row.stop(by=None, reason=why[:500])


def told_already(delivery, error) -> None:
    """A webhook was given up; why is known to its subscriber, who is stopped, and nobody else is told."""


# --- Mails -------------------------------------------------------------------------------------------------


@message(fanning.MAIL, read=read, sent=arrived, refused=bounced)
def news(delivery) -> Mail:
    """Says what customers were told, what is affected, and when they hear more."""
    told, subscriber = told_to(delivery)
    return letter("news", told, subscriber, **getattr(delivery, "question", {}))


def letter(template, told, subscriber, **context) -> Mail:
    """A mail to a subscriber: in the thread of what it is about, and ended with one click."""
    context |= {
        "news": told,
        "manage_url": links.url(subscriber, links.MANAGE),
        "stop_url": links.url(subscriber, links.STOP),
    }
    return Mail(
        template,
        context,
        thread=told.thread,
        reason="subscriber",
        list_id="status",
        unsubscribe=links.path(subscriber, links.STOP),
        to=subscriber.address,
    )


@message(asking.ASKED, refused=told_already)
def subscribe(delivery) -> Mail:
    """Asks whether whoever reads this mail has asked to be told."""
    return _about_address(delivery, "subscribe", Subscriber.Status.PENDING, links.CONFIRM)


@message(asking.KNOWN, refused=told_already)
def subscribed(delivery) -> Mail:
    """Says to who is told already that they are, and where they change what of."""
    return _about_address(delivery, "subscribed", Subscriber.Status.CONFIRMED, links.MANAGE)


def _about_address(delivery, template, status, purpose) -> Mail:
    subscriber = Subscriber.objects.filter(pk=delivery.context.get("subscriber"), status=status).first()
    if subscriber is None:
        raise NoLongerTrue("They have decided meanwhile.")
    delivery.kept_out = [subscriber.address]
    context = {"link": links.url(subscriber, purpose), "days": links.DAYS}
    return Mail(template, context, reason="subscriber", list_id="status", to=subscriber.address)


# --- Webhooks ----------------------------------------------------------------------------------------------


@message(fanning.HOOK, read=read, sent=arrived, refused=told_already, failed=unheard)
def hook(delivery) -> Call:
    """The same for a program, in the words of the status page's API."""
    told, subscriber = told_to(delivery)
    delivery.subject = told.title[:200]  # for whoever looks at the list of messages
    return call(subscriber, body_of(told))


def body_of(told) -> dict:
    """An event: what it is about, what was said, and what is affected."""
    about, what = told.row.about, told.row.said
    kind, data = ("maintenance", _window(about)) if told.is_maintenance else ("incident", _incident(about))
    return {
        "type": f"{kind}.updated",
        "timestamp": moment(what.published_at),
        "data": {
            kind: {"name": told.title, "status": what.status, "shortlink": told.url, **data},
            "update": {
                "status": what.status,
                "body": told.text,
                "display_at": moment(what.published_at),
                **({} if told.is_maintenance else _update(what)),
            },
            "services": [{"name": name} for name, _ in told.affected],
            "regions": [{"name": name} for name in told.regions],
        },
    }


def call(subscriber, body) -> Call:
    """An event for one system, signed with what it knows."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Call(subscriber.address, text.encode("utf-8", "replace"), subscriber.signing_secrets)


def _incident(incident) -> dict:
    return {
        "id": incident.public_id,
        "impact": IMPACTS.get(incident.severity.rank, "none"),
        "started_at": moment(incident.started_at or incident.declared_at),
        "resolved_at": moment(incident.resolved_at),
    }


def _update(update) -> dict:
    return {
        "id": update.public_id,
        "next_update_by": moment(update.next_update_by),
        "affected_components": update.affected,
    }


def _window(maintenance) -> dict:
    return {
        "id": maintenance.public_id,
        "scheduled_for": moment(maintenance.scheduled_for),
        "scheduled_until": moment(maintenance.scheduled_until),
    }
