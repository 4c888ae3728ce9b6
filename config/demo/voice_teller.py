"""Lets customers speak: through the same doors as on the public pages."""

import hashlib
from datetime import timedelta

from config.audit.actor import MAIL_LINK
from config.demo.stage import Stage, after
from config.demo.voices import CustomerTale, Said, VoicesTale
from incidents.feedback import Purpose
from incidents.models import (
    Customer,
    CustomerRegion,
    CustomerService,
    Feedback,
    FeedbackRequest,
    Subscriber,
    TicketCount,
)
from incidents.models.ticket import DESK

A_CUSTOMER, A_READER = "a customer", "a reader of the status page"


def tell_customer(stage: Stage, tale: CustomerTale) -> None:
    """Lena keeps the list of customers that support looks at."""
    row = Customer(
        external_id=tale.external_id, tier=tale.tier, domain=tale.domain, created_at=stage.ago(120, "08:30")
    )
    stage.write("lena", row, name=tale.name)
    with stage.step("lena"):
        for slug in tale.services:
            stage.save(CustomerService(customer=row, service=stage.services[slug]))
        for slug in tale.regions:
            stage.save(CustomerRegion(customer=row, region=stage.regions[slug]))


def tell_voices(stage: Stage, tale: VoicesTale) -> None:
    """What customers answered, what support counted, and what they were told to do meanwhile."""
    incident = stage.incidents[tale.incident]
    incident.refresh_from_db()
    if tale.workaround:
        with stage.step("ravi") as ravi:
            incident.advise(by=ravi, workaround=tale.workaround, workaround_is_public=True)
    start = incident.started_at
    for minutes, count in tale.tickets:
        with stage.step("sofia") as sofia:
            TicketCount.objects.enter(incident, by=sofia, count=count, source=DESK, at=after(start, minutes))
    _ask(incident, tale)
    for number, said in enumerate(tale.answers):
        _answer(stage, incident, tale, number, said)


def _about(incident, tale):
    """The update that was asked about, or none and when it was over."""
    latest = incident.updates.published().order_by("-published_at", "-pk").first()
    is_of_update = any(said.known for said in tale.answers)
    return (
        (Purpose.UPDATE, latest, latest.published_at)
        if is_of_update
        else (
            Purpose.AFTER,
            None,
            incident.resolved_at,
        )
    )


def _nonce(tale, number) -> str:
    return hashlib.sha256(f"demo {tale.incident} {number}".encode()).hexdigest()


def _ask(incident, tale):
    purpose, update, at = _about(incident, tale)
    FeedbackRequest.objects.bulk_create(
        FeedbackRequest(
            nonce=_nonce(tale, number), purpose=purpose, incident=incident, update=update, asked_at=at
        )
        for number in range(tale.asked)
    )


def _answer(stage, incident, tale, number, said: Said):
    purpose, update, at = _about(incident, tale)
    answers = {
        name: value
        for name in ("known", "sentiment", "support", "transparency", "words")
        if (value := getattr(said, name)) not in ("", None)
    }
    with stage.guest(A_CUSTOMER, MAIL_LINK):
        Feedback.objects.give(
            incident,
            purpose,
            _nonce(tale, number),
            source=Feedback.Source.MAIL,
            update=update,
            given_at=min(at + timedelta(minutes=said.minutes), stage.now),
            **answers,
        )


def tell_subscriber(stage: Stage, tale: tuple[str, tuple[str, ...]]) -> None:
    """Somebody asked to be told, and said by mail that they meant it."""
    address, slugs = tale
    asked = stage.ago(40, "07:15")
    with stage.guest(A_READER, MAIL_LINK):
        row = Subscriber(address=address, source="status page", created_at=asked, asked_at=asked)
        row.full_clean(exclude=["fingerprint"])
        row.save()
        row.choose(services=[stage.services[slug] for slug in slugs], regions=[])
    with stage.guest(row.name, MAIL_LINK):
        row.confirm(by=None, at=asked + timedelta(minutes=6))
