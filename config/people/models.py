import re
from datetime import time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from simple_history import register

from config.audit.models import History, TrackedModel, VersionedModel
from config.fields import Line
from config.people.calendar import EVERY_WEEKDAY, WorkCalendar, countries, zone_of
from config.people.tokens import digest_of, new_secret


def validate_zone(name: str) -> None:
    """Refuse what is not a zone of the time zone database."""
    if name not in available_timezones():
        raise ValidationError(f"{name} is not a time zone; write one such as Europe/Berlin.")


def validate_working_days(days: str) -> None:
    """Working days are ISO weekday digits in order, each once: 12345 is Monday to Friday."""
    if not re.fullmatch("1?2?3?4?5?6?7?", days) or not days:
        raise ValidationError("Name the working days as digits in order, Monday is 1: 12345.")


class UserManager(BaseUserManager):
    """Makes people; their e-mail address is their login, whatever its case."""

    def create_user(self, email, password=None, **fields):
        """Add a person, with no usable password if none is given."""
        user = self.model(email=self.model.normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        """Add a person who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email=self.model.normalise(email))


class User(AbstractBaseUser, PermissionsMixin, VersionedModel):
    """A person: signs in by e-mail, works on days and hours of their own, may be away."""

    class MailStyle(models.TextChoices):
        DIGEST = "digest", "One mail a day"
        SINGLE = "single", "One mail for each thing"

    # A hash tells an auditor nothing and a thief something; that it changed is password_changed_at.
    untracked_fields = ("password", "last_login")

    email = models.EmailField("e-mail address", unique=True)
    name = Line(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    working_days = models.CharField(
        max_length=7,
        default=EVERY_WEEKDAY,
        validators=[validate_working_days],
        help_text="Digits in order, Monday is 1: 12345 is Monday to Friday.",
    )
    works_from = models.TimeField("works from", default=time(9))
    works_until = models.TimeField("works until", default=time(17))
    quiet_from = models.TimeField(
        null=True, blank=True, help_text="Within these hours, nothing is sent, such as over lunch."
    )
    quiet_until = models.TimeField("quiet until", null=True, blank=True)
    country = models.CharField(
        max_length=2,
        blank=True,
        help_text="Two letters, such as DE: its public holidays are no working days.",
    )
    subdivision = models.CharField(
        max_length=10,
        blank=True,
        help_text="The state or region, such as BY, for the holidays it has of its own.",
    )
    away_from = models.DateField(null=True, blank=True)
    away_until = models.DateField("away until", null=True, blank=True, help_text="The last day away.")
    manager = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="reports"
    )
    mail_style = models.CharField(
        "reminders come as", max_length=8, choices=MailStyle, default=MailStyle.DIGEST
    )
    wants_reminders = models.BooleanField("reminders by mail", default=True)
    wants_summary = models.BooleanField("weekly summary", default=True)
    is_staff = models.BooleanField("may enter the workspace", default=True)
    is_active = models.BooleanField(default=True, help_text="Switch off instead of deleting a person.")
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    password_changed_at = models.DateTimeField(null=True, editable=False)
    groups = models.ManyToManyField(
        Group, through="Membership", related_name="user_set", related_query_name="user", verbose_name="roles"
    )
    # Roles are the only way to a permission, so that reading config/people/roles.py tells who may do what.
    user_permissions = None

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email"),
            models.CheckConstraint(
                name="away_from_and_until_together",
                condition=Q(away_from=None, away_until=None)
                | Q(away_from__isnull=False, away_until__isnull=False, away_until__gte=F("away_from")),
                violation_error_message="Say both the first and the last day away, in that order.",
            ),
            models.CheckConstraint(
                name="works_until_after_works_from",
                condition=Q(works_until__gt=F("works_from")),
                violation_error_message="Working hours end after they begin, on the same day.",
            ),
            models.CheckConstraint(
                name="quiet_from_and_until_together",
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False, quiet_until__gt=F("quiet_from")),
                violation_error_message="Say when quiet hours begin and when they end, in that order.",
            ),
        ]

    def __str__(self):
        return self.name or self.email

    @staticmethod
    def normalise(email: str) -> str:
        """Addresses are one person's whatever their case."""
        return (email or "").strip().lower()

    def clean(self):
        self.email = self.normalise(self.email)
        self.country, self.subdivision = self.country.strip().upper(), self.subdivision.strip()
        errors = {**self._wrong_place(), **self._no_time_left()}
        if errors:
            raise ValidationError(errors)

    def _wrong_place(self):
        """What is wrong with the country and its part, by field; a country that is known may be left."""
        if not self.country:
            return {"subdivision": "Name the country it is part of."} if self.subdivision else {}
        parts = countries().get(self.country)
        if parts is None:
            return {"country": "No holidays are known for this country; write two letters such as DE or US."}
        if not self.subdivision or self.subdivision in parts:
            return {}
        if not parts:
            return {"subdivision": f"{self.country} has the same holidays everywhere; leave this empty."}
        return {"subdivision": f"{self.country} has the parts {', '.join(parts)}."}

    def _no_time_left(self):
        """What is wrong with quiet hours: they may not take all of the working ones."""
        hours = self.works_from, self.works_until, self.quiet_from, self.quiet_until
        if None in hours or not self.quiet_from <= self.works_from < self.works_until <= self.quiet_until:
            return {}
        return {"quiet_from": "Quiet hours must leave some of the working hours."}

    def save(self, *args, **kwargs):
        self.email = self.normalise(self.email)  # on every road, or who is stored as ANA@ could not sign in
        super().save(*args, **kwargs)

    def set_password(self, raw_password):
        super().set_password(raw_password)
        self.password_changed_at = timezone.now()

    @property
    def zone(self) -> ZoneInfo:
        """The person's time zone; UTC if the stored name has left the database of zones."""
        return zone_of(self.time_zone)

    @property
    def calendar(self) -> WorkCalendar:
        """When this person works, for whoever counts their days."""
        return WorkCalendar(
            zone=self.time_zone,
            working_days=self.working_days,
            country=self.country,
            subdivision=self.subdivision,
            away_from=self.away_from,
            away_until=self.away_until,
            works_from=self.works_from,
            works_until=self.works_until,
            quiet_from=self.quiet_from,
            quiet_until=self.quiet_until,
        )

    def today(self, at=None):
        """The date where this person is."""
        return (at or timezone.now()).astimezone(self.zone).date()

    def is_working_day(self, day) -> bool:
        """Whether this person works on `day`: a working day of theirs, no holiday, and not away."""
        return self.calendar.is_working_day(day)

    def get_full_name(self):
        return self.name

    def get_short_name(self):
        return self.name.split(" ")[0] if self.name else self.email


class Membership(TrackedModel):
    """A person has a role. An explicit model, so that granting and taking it away are history."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="memberships", verbose_name="role"
    )

    class Meta:
        verbose_name = "role of a person"
        verbose_name_plural = "roles of people"
        ordering = ["group__name"]
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="role_once_per_person")]

    def __str__(self):
        return f"{self.user}: {self.group}"


class TokenQuerySet(models.QuerySet):
    """Tokens, by what they are still good for."""

    def usable(self, at=None):
        """Neither revoked nor expired, of somebody who may still sign in."""
        return self.filter(revoked_at=None, expires_at__gt=at or timezone.now(), user__is_active=True)


class ApiToken(TrackedModel):
    """A personal key to the API. Only its digest is kept; the token itself is shown once."""

    class Scope(models.TextChoices):
        READ = "read", "Read"
        WRITE = "write", "Read and write"

    untracked_fields = ("digest", "last_used_at")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = Line(max_length=100, help_text="What it is for, such as “pager integration”.")
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.READ)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField("starts with", max_length=16, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="token_expires_after_it_is_made", condition=Q(expires_at__gt=F("created_at"))
            )
        ]

    def __str__(self):
        return f"{self.name} ({self.hint}…)"

    @classmethod
    def issue(cls, user, name, *, scope=Scope.READ, days=90) -> tuple["ApiToken", str]:
        """Make a token good for `days`; returns the row and, this once, the secret."""
        secret = new_secret()
        token = cls.objects.create(
            user=user,
            name=name,
            scope=scope,
            digest=digest_of(secret),
            hint=secret[:8],
            expires_at=timezone.now() + timedelta(days=days),
        )
        return token, secret

    def revoke(self, *, at=None):
        """End the token now; it stays listed so that its history can be read."""
        self.revoked_at = self.revoked_at or at or timezone.now()
        self.save(update_fields=["revoked_at"])


class PrivateName(VersionedModel):
    """Somebody or some company, such as a customer, whose name must be in nothing that is public."""

    name = Line(max_length=200, unique=True, help_text="As it is written: the check finds it in any case.")
    note = Line(max_length=500, blank=True, default="", help_text="Why, if it is not plain.")

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


register(Group, app="config.people", records_class=History)
register(Group.permissions.through, app="config.people", records_class=History)
