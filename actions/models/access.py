"""What gets somebody to their items without signing in: the calendar feed, and links in mails once used."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from actions.models.item import ActionItem
from config.audit.models import TrackedModel
from config.people.tokens import digest_of, new_secret


class CalendarFeed(TrackedModel):
    """A secret address at which a calendar program reads what is due. Only its digest is kept."""

    untracked_fields = ("digest",)

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feeds"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(revoked_at=None), name="one_calendar_feed_per_person"
            )
        ]

    def __str__(self):
        return f"Calendar of {self.user}"

    @classmethod
    def issue(cls, user, *, at=None) -> tuple["CalendarFeed", str]:
        """Make the person's address, which ends the one before; returns the row and, this once, the secret."""
        at = at or timezone.now()
        for feed in cls.objects.filter(user=user, revoked_at=None):
            feed.revoke(at=at)
        secret = new_secret()
        return cls.objects.create(user=user, digest=digest_of(secret), created_at=at), secret

    def revoke(self, *, at=None):
        """End the address now."""
        self.revoked_at = self.revoked_at or at or timezone.now()
        self.save(update_fields=["revoked_at"])


class UsedLink(TrackedModel):
    """A link of a mail was used: it does not work again."""

    nonce = models.CharField(max_length=64, unique=True, editable=False)
    purpose = models.CharField(max_length=20, editable=False)
    item = models.ForeignKey(ActionItem, on_delete=models.CASCADE, related_name="used_links", editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="used_links", editable=False
    )
    used_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-used_at"]

    def __str__(self):
        return f"{self.user}: {self.purpose} {self.item}"
