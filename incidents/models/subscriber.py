"""Who wants to hear what customers are told: people by mail, customers' systems by webhook."""

import base64
import re
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line
from config.forms import validate_text
from config.outbox.models import Delivery
from config.transitions import verb
from incidents.models.catalogue import Region, Service
from incidents.public_ids import new_id

MANAGE = "incidents.change_subscriber"
BOTH_SIGN = timedelta(hours=24)  # after a change of secrets, messages carry the signatures of both
# Nobody has a mailbox with quotes, comments or controls in its name; programs that read them as headers exist.
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[^\s@<>\"'(),:;\\\[\]]{1,190}")


def clean_address(text: str) -> str:
    """A mail address as we keep it; ValidationError for what no mail may go to."""
    validate_text(text)
    address = text.strip(" ").lower()
    if len(address) > 254 or not _MAILBOX.fullmatch(address) or not address.isprintable():
        raise ValidationError("Enter one e-mail address, such as you@example.com.", code="invalid")
    validate_email(address)
    return address


def clean_endpoint(text: str) -> str:
    """The address of a customer's system; ValidationError for what no webhook may go to."""
    validate_text(text)
    url = text.strip(" ")
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or len(url) > 1_000 or not url.isascii() or not url.isprintable() or " " in url:
        raise ValidationError(
            "Enter the address of an endpoint, such as https://example.com/hook.", code="invalid"
        )
    if "@" in parts.netloc or parts.fragment:
        raise ValidationError(
            "An endpoint has neither a user name nor a fragment in its address.", code="invalid"
        )
    return url


def fingerprint_of(channel: str, address: str) -> str:
    """What is kept of an address that is forgotten: enough to know it again, not enough to write to it."""
    return salted_hmac("aftercare.subscriber", f"{channel} {address}", algorithm="sha256").hexdigest()


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _may_manage_webhook(subscriber, user) -> bool:
    return subscriber.channel == Subscriber.Channel.WEBHOOK and user.has_perm(MANAGE)


def _nobody_else(subscriber, user) -> bool:
    """Only whoever reads the mail can say that it is theirs and wanted."""
    return False


class SubscriberQuerySet(models.QuerySet):
    """Subscribers, by what somebody wants of them."""

    def confirmed(self):
        """Who is told."""
        return self.filter(status=Subscriber.Status.CONFIRMED)

    def known_as(self, channel, address):
        """Whoever has this address, or had it before it was forgotten."""
        known = Q(address=address) | Q(fingerprint=fingerprint_of(channel, address))
        return self.filter(known, channel=channel)


class Subscriber(VersionedModel):
    """One mailbox or one endpoint, and what it wants to hear of: nothing chosen means everything."""

    class Channel(models.TextChoices):
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    class Status(models.TextChoices):
        PENDING = "pending", "Not confirmed"
        CONFIRMED = "confirmed", "Confirmed"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
        STOPPED = "stopped", "Stopped"

    # Addresses are personal data, and the history forgets nothing: so it never holds one. Secrets neither.
    untracked_fields = (
        *("address", "fingerprint", "secret", "former_secret", "former_until"),
        *("bounces", "failing_since", "asked_at"),
    )

    public_id = models.CharField(max_length=12, unique=True, default=new_id, editable=False)
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    address = models.CharField(
        max_length=1_000, blank=True, default="", help_text="A mail address, or the address of an endpoint."
    )
    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    services = models.ManyToManyField(Service, through="SubscriberService", related_name="subscribers")
    regions = models.ManyToManyField(Region, through="SubscriberRegion", related_name="subscribers")
    status = models.CharField(max_length=14, choices=Status, default=Status.PENDING, editable=False)
    source = Line("came by", max_length=200, blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    unsubscribed_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_because = Line(max_length=500, blank=True, default="", editable=False)
    bounces = models.PositiveIntegerField("refused in a row", default=0, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    secret = models.CharField(max_length=100, blank=True, default="", editable=False)
    former_secret = models.CharField(max_length=100, blank=True, default="", editable=False)
    former_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["status", "channel"])]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address"],
                condition=~Q(address=""),
                name="subscriber_once_per_address",
                violation_error_message="This address is there already.",
            ),
            models.CheckConstraint(
                name="subscriber_address_until_unsubscribed",
                condition=Q(status="unsubscribed", address="", secret="")
                | (~Q(status="unsubscribed") & ~Q(address="")),
            ),
            models.CheckConstraint(
                name="subscriber_confirmed_with_moment",
                condition=~Q(status="confirmed") | Q(confirmed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="subscriber_unsubscribed_with_moment",
                condition=~Q(status="unsubscribed") | Q(unsubscribed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="subscriber_stopped_with_moment",
                condition=Q(status="stopped", stopped_at__isnull=False)
                | (~Q(status="stopped") & Q(stopped_at=None)),
            ),
            models.CheckConstraint(
                name="subscriber_webhook_has_secret",
                condition=Q(channel="email", secret="")
                | Q(channel="webhook", status="unsubscribed")
                | (Q(channel="webhook") & ~Q(secret="")),
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def name(self) -> str:
        """How we speak of it where an address has no place: in the history, in messages, in logs."""
        return f"{'webhook' if self.is_webhook else 'subscriber'} {self.public_id}"

    @property
    def is_webhook(self) -> bool:
        """Whether it is a customer's system."""
        return self.channel == self.Channel.WEBHOOK

    @property
    def is_confirmed(self) -> bool:
        """Whether it is told."""
        return self.status == self.Status.CONFIRMED

    @property
    def signing_secrets(self) -> list[str]:
        """What a message is signed with now: for a day after a change, with both."""
        is_known = self.former_secret and self.former_until and self.former_until > timezone.now()
        return [self.secret, self.former_secret] if is_known else [self.secret]

    def clean(self):
        if self.status == self.Status.UNSUBSCRIBED:
            return
        cleaned = clean_endpoint if self.is_webhook else clean_address
        try:
            self.address = cleaned(self.address)
        except ValidationError as error:
            raise ValidationError({"address": error.messages}) from error
        if self.is_webhook:
            self.secret = self.secret or new_secret()

    def save(self, *args, **kwargs):
        if self.address:
            self.fingerprint = fingerprint_of(self.channel, self.address)
        super().save(*args, **kwargs)

    def choose(self, *, services, regions) -> None:
        """What it wants to hear of from now on; only what differs is touched."""
        for links, name, wanted in (
            (self.service_links, "service", services),
            (self.region_links, "region", regions),
        ):
            there = {getattr(link, f"{name}_id"): link for link in links.all()}
            wanted = {row.pk: row for row in wanted}
            for pk in there.keys() - wanted.keys():
                there[pk].delete()
            for pk in wanted.keys() - there.keys():
                links.create(**{name: wanted[pk]})

    def deliveries(self):
        """The messages it was or is to be sent."""
        return Delivery.objects.filter(key__startswith=f"news:{self.public_id}:")

    def _end_of_trouble(self):
        self.stopped_at, self.stopped_because = None, ""
        self.bounces, self.failing_since = 0, None

    # --- Verbs

    @verb(
        "Ask",
        Status.PENDING,
        Status.UNSUBSCRIBED,
        Status.STOPPED,
        permission=_nobody_else,
        form="incidents.forms.Address",
    )
    def ask(self, *, by, address, reason="", at=None):
        """Somebody has typed this address, again; it waits until whoever reads its mail says yes."""
        self.address = address
        self.status = self.Status.PENDING
        self.asked_at = at or timezone.now()
        self.unsubscribed_at = None
        self._end_of_trouble()

    @verb("Confirm", Status.PENDING, permission=_nobody_else)
    def confirm(self, *, by, reason="", at=None):
        """Whoever reads the mail wants it."""
        self.status = self.Status.CONFIRMED
        self.confirmed_at = at or timezone.now()

    @verb(
        "Unsubscribe",
        Status.PENDING,
        Status.CONFIRMED,
        Status.STOPPED,
        permission=MANAGE,
        form="config.forms.Reason",
        is_grave=True,
    )
    def unsubscribe(self, *, by, reason="", at=None):
        """No more messages. The address and the secrets are forgotten; a fingerprint keeps imports from it."""
        self.status = self.Status.UNSUBSCRIBED
        self.unsubscribed_at = at or timezone.now()
        self.address = self.secret = self.former_secret = ""
        self.former_until = None
        self._end_of_trouble()

    @verb("Stop", Status.CONFIRMED, permission=MANAGE, form="config.forms.Reason", is_grave=True)
    def stop(self, *, by, reason, at=None):
        """Nothing is sent until somebody resumes it: it cannot be reached, or must not be."""
        self.status = self.Status.STOPPED
        self.stopped_at = at or timezone.now()
        self.stopped_because = reason[:500]

    @verb("Resume", Status.STOPPED, permission=MANAGE, form="config.forms.OptionalReason")
    def resume(self, *, by, reason="", at=None):
        """It can be reached again. What was said meanwhile is not sent by itself."""
        self.status = self.Status.CONFIRMED
        self.confirmed_at = self.confirmed_at or at or timezone.now()
        self._end_of_trouble()

    @verb(
        "Change secret",
        Status.CONFIRMED,
        Status.STOPPED,
        permission=_may_manage_webhook,
        form="config.forms.OptionalReason",
    )
    def rotate(self, *, by, reason="", at=None):
        """A new secret; for a day messages are signed with the old one as well, so that none is refused."""
        self.former_secret, self.secret = self.secret, new_secret()
        self.former_until = (at or timezone.now()) + BOTH_SIGN

    @verb("Replay", Status.CONFIRMED, permission=_may_manage_webhook, form="incidents.forms.Since")
    def replay(self, *, by, since, reason=""):
        """Send again whatever was queued from this moment on, under the same ids, so that none counts twice."""
        ended = [Delivery.State.SENT, Delivery.State.DEAD, Delivery.State.CANCELLED]
        missed = self.deliveries().filter(created_at__gte=since, state__in=ended)
        again = {"state": Delivery.State.PENDING, "sent_at": None, "attempts": 0, "error": ""}
        if not missed.update(due_at=timezone.now(), **again):
            raise ValidationError({"since": "Nothing was sent since then."}, code="nothing")


class SubscriberService(TrackedModel):
    """It wants to hear of this service."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="service_links")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="subscriber_links")

    class Meta:
        verbose_name = "service chosen"
        verbose_name_plural = "services chosen"
        ordering = ["service__position", "service__name"]
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "service"], name="service_once_per_subscriber")
        ]

    def __str__(self):
        return str(self.service)


class SubscriberRegion(TrackedModel):
    """It wants to hear of this region."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="region_links")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="subscriber_links")

    class Meta:
        verbose_name = "region chosen"
        verbose_name_plural = "regions chosen"
        ordering = ["region__name"]
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "region"], name="region_once_per_subscriber")
        ]

    def __str__(self):
        return str(self.region)
