"""The meeting: when, where, about what and for how long; what was noted; and whether it was worth it."""

import secrets
from collections import Counter
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from config.audit.models import TrackedModel, VersionedModel
from config.fields import Line, Prose
from config.transitions import NotPermitted, WrongState, signed, verb
from retros.models.retrospective import FACILITATE, Participant, Retrospective

SHORTEST, LONGEST = 15, 480  # minutes
A_MOMENT = timedelta(seconds=20)  # in which the same words of the same person are one click too many
# What a meeting is about unless somebody says otherwise, and how many of sixty minutes each part has.
AGENDA = [
    ("Why we are here, and how we talk: what made sense at the time?", 5),
    ("What it was like for customers", 10),
    ("What happened, told by those who were there", 25),
    ("What surprised us, and what we learnt", 10),
    ("What we do about it: who, and by when", 10),
]


def shared_out(parts, minutes: int) -> list[tuple[str, int]]:
    """The same parts, each with its share of `minutes`, which they use up: what is short stays a minute."""
    total = sum(share for _, share in parts)
    parts = [(title, max(1, minutes * share // total)) for title, share in parts]
    longest = max(range(len(parts)), key=lambda number: parts[number][1])
    # What rounding leaves goes to the part that has most to tell.
    title, had = parts[longest]
    parts[longest] = title, had + minutes - sum(part for _, part in parts)
    return parts


class MeetingManager(models.Manager):
    """Where meetings begin."""

    def schedule(self, retro, *, by, starts_at, minutes, place="", agenda=None):
        """Set a day and an hour; everybody who takes part is told, with a file for their calendar."""
        if by is not None and not by.has_perm(FACILITATE):
            raise NotPermitted(f"{by} may not schedule the meeting.")
        with transaction.atomic(), signed(by):
            retro.refresh_from_db(from_queryset=Retrospective._base_manager.select_for_update(of=("self",)))
            retro.refuse_edit()
            if self.filter(retro=retro).exists():
                raise WrongState("The meeting is scheduled already: move it instead.")
            meeting = self.model(retro=retro, starts_at=starts_at, minutes=minutes, place=place)
            meeting.full_clean()
            meeting.save()
            meeting.set_agenda(agenda or shared_out(AGENDA, minutes))
            meeting.tell()
        return meeting


def _uid() -> str:
    return secrets.token_hex(16)


class Meeting(VersionedModel):
    """The one meeting of a retro: planned, held, over; or cancelled, until it is moved to another day."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Running"
        ENDED = "ended", "Over"
        CANCELLED = "cancelled", "Cancelled"

    retro = models.OneToOneField(Retrospective, on_delete=models.CASCADE, related_name="meeting")
    status = models.CharField(max_length=12, choices=Status, default=Status.PLANNED, editable=False)
    starts_at = models.DateTimeField("begins")
    minutes = models.PositiveSmallIntegerField(
        default=60, validators=[MinValueValidator(SHORTEST), MaxValueValidator(LONGEST)]
    )
    place = Line("place or link", max_length=500, blank=True, default="")
    # By these two calendars know that it is the same meeting, and which of two files is the newer.
    uid = models.CharField(max_length=40, unique=True, default=_uid, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Brought by an import: nobody is told of it or asked about it before somebody here moves it on.
    is_imported = models.BooleanField(default=False, editable=False)
    as_imported = models.JSONField(
        default=dict, blank=True, editable=False
    )  # how people there found it, counted

    objects = MeetingManager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [models.Index(fields=["ended_at"], name="meeting_ended")]
        constraints = [
            models.CheckConstraint(
                name="meeting_runs_with_moments",
                condition=Q(status__in=["planned", "cancelled"], started_at=None, ended_at=None)
                | Q(status="running", started_at__isnull=False, ended_at=None)
                | Q(status="ended", started_at__isnull=False, ended_at__isnull=False),
            )
        ]

    def __str__(self):
        return f"Meeting of {self.retro.reference}"

    @property
    def ends_at(self):
        """When it is planned to be over."""
        return self.starts_at + timedelta(minutes=self.minutes)

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:retros_retrospective_meeting", args=[self.retro_id])

    def clean(self):
        if self.starts_at is None or self.status != self.Status.PLANNED:
            return
        if not 1970 <= self.starts_at.year < 2200:
            raise ValidationError({"starts_at": "That is not a day anybody means."}, code="moment")

    def parts(self) -> list[tuple[str, int]]:
        """The agenda as pairs of title and minutes."""
        return [(item.title, item.minutes) for item in self.agenda.all()]

    def set_agenda(self, parts):
        """Replace the agenda by pairs of title and minutes."""
        self.agenda.all().delete()
        for position, (title, minutes) in enumerate(parts, start=1):
            item = AgendaItem(meeting=self, position=position, title=title, minutes=minutes)
            item.full_clean()
            item.save()

    def tally(self) -> dict:
        """How many were asked, answered and said what of it; of an imported one, where it was held."""
        rows = list(self.impressions.all())
        if not rows:
            return self.as_imported.get("impressions", {})
        said = [row for row in rows if row.status == Impression.Status.ANSWERED]
        told = {"asked": len(rows), "answered": len(said)}
        for name in ("learned", "would_attend"):
            told[name] = dict(Counter(str(getattr(row, name)) for row in said))
        return told

    def current_item(self):
        """The part that is being talked about now, or None."""
        if self.status != self.Status.RUNNING:
            return None
        return self.agenda.exclude(started_at=None).order_by("-started_at", "-position").first()

    def may_note(self, user) -> bool:
        """Whether the person writes down what is said: whoever leads retrospectives, and who takes part."""
        return user.has_perm(FACILITATE) or self.retro.participants.filter(user=user.pk).exists()

    def note(self, *, by, kind, text, at=None):
        """Add a note to what is being talked about; what was sent twice is one note."""
        if by is not None and not self.may_note(by):
            raise NotPermitted(f"{by} does not take part in this meeting.")
        at = at or timezone.now()
        with transaction.atomic(), signed(by):
            # Locked: two who press at once are written one after the other, and a second click finds the first.
            self.refresh_from_db(from_queryset=Meeting._base_manager.select_for_update(of=("self",)))
            self.retro.refuse_edit()
            if self.status == self.Status.CANCELLED:
                raise WrongState("The meeting is cancelled.")
            about = {"author": by, "kind": kind, "text": text, "item": self.current_item()}
            twin = self.notes.filter(**about, at__gt=at - A_MOMENT).first()
            if twin is not None:
                return twin
            row = MeetingNote(meeting=self, at=at, **about)
            row.full_clean()
            row.save()
        return row

    def tell(self):
        """Queue the mails with the calendar file, in the transaction of whoever schedules."""
        from retros.emails import queue_meeting

        queue_meeting(self)

    # --- Verbs

    @verb(
        "Move",
        Status.PLANNED,
        Status.CANCELLED,
        permission=FACILITATE,
        form="retros.meeting_forms.When",
    )
    def move(self, *, by, starts_at=None, minutes=None, place=None, agenda=None, reason=""):
        """Another day, hour, place or agenda; a cancelled meeting takes place after all."""
        self.retro.refuse_edit()
        before = self.status, self.starts_at, self.minutes, self.place, self.parts()
        self.starts_at = starts_at or self.starts_at
        self.place = self.place if place is None else place
        if agenda is None and minutes not in (None, self.minutes):
            agenda = shared_out(self.parts(), minutes)
        self.minutes = minutes or self.minutes
        self.status, self.is_imported = self.Status.PLANNED, False
        agenda = self.parts() if agenda is None else list(agenda)
        if before == (self.status, self.starts_at, self.minutes, self.place, agenda):
            raise WrongState("The meeting is planned like that already.")
        self.full_clean(exclude=["retro"])
        if agenda != before[-1]:
            self.set_agenda(agenda)
        self.sequence += 1
        self.tell()

    @verb("Cancel the meeting", Status.PLANNED, permission=FACILITATE, form="config.forms.OptionalReason")
    def cancel(self, *, by, reason=""):
        """It does not take place, and everybody is told."""
        self.status, self.is_imported = self.Status.CANCELLED, False
        self.sequence += 1
        self.tell()

    @verb("Start the meeting", Status.PLANNED, permission=FACILITATE)
    def start(self, *, by, reason="", at=None):
        """Everybody is here: the clock of the first part runs."""
        self.started_at = at or timezone.now()
        self.status, self.is_imported = self.Status.RUNNING, False
        if first := self.agenda.first():
            first.begin(at=self.started_at)

    @verb("Next part", Status.RUNNING, permission=FACILITATE)
    def next_part(self, *, by, reason="", at=None):
        """On to the next part of the agenda."""
        current = self.current_item()
        following = self.agenda.filter(position__gt=current.position).first() if current else None
        if following is None:
            raise WrongState("That was the last part of the agenda: end the meeting.")
        following.begin(at=at or timezone.now())

    @verb("End the meeting", Status.RUNNING, permission=FACILITATE)
    def end(self, *, by, reason="", at=None):
        """It is over; everybody who takes part is asked two questions about it."""
        self.ended_at = at or timezone.now()
        self.status, self.is_imported = self.Status.ENDED, False


class AgendaItem(TrackedModel):
    """One part of the agenda, and how long it may take."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="agenda")
    position = models.PositiveIntegerField()
    title = Line(max_length=200)
    minutes = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(LONGEST)])
    started_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self):
        return self.title

    def begin(self, *, at):
        """Its clock runs from now on."""
        self.started_at = at
        self.save()


class MeetingNote(TrackedModel):
    """Something said or decided, written down as it happened; nobody overwrites what another wrote."""

    class Kind(models.TextChoices):
        NOTE = "note", "Note"
        DECISION = "decision", "Decision"

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="notes")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.NOTE)
    text = Prose(max_length=5_000, blank=False)
    item = models.ForeignKey(
        AgendaItem, null=True, blank=True, on_delete=models.SET_NULL, related_name="notes"
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.text[:80]}"


class Impression(VersionedModel):
    """What one participant says afterwards of the meeting; only the tally is shown."""

    class Status(models.TextChoices):
        ASKED = "asked", "Asked"
        ANSWERED = "answered", "Answered"

    class Verdict(models.TextChoices):
        YES = "yes", "Yes"
        PARTLY = "partly", "Partly"
        NO = "no", "No"

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="impressions")
    participant = models.ForeignKey(Participant, on_delete=models.CASCADE, related_name="impressions")
    status = models.CharField(max_length=10, choices=Status, default=Status.ASKED, editable=False)
    learned = models.CharField(max_length=8, choices=Verdict, blank=True, default="")
    would_attend = models.CharField(max_length=8, choices=Verdict, blank=True, default="")
    words = Prose(max_length=2_000)
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "participant"], name="impression_asked_once"),
            models.CheckConstraint(
                name="impression_answered_with_moment",
                condition=Q(status="answered", answered_at__isnull=False)
                & ~Q(learned="")
                & ~Q(would_attend="")
                | Q(status="asked", answered_at=None, learned="", would_attend="", words=""),
            ),
        ]

    def __str__(self):
        return f"Impression {self.pk}"  # never whose: only the tally is shown

    # --- Verbs

    @verb(
        "Send my answer",
        Status.ASKED,
        permission=lambda row, user: (
            row.participant.user_id is not None and row.participant.user_id == user.pk
        ),
        form="retros.meeting_forms.Impressions",
    )
    def give(self, *, by, learned, would_attend, words="", reason="", at=None):
        """Once: did they learn something, and would they come again?"""
        self.learned, self.would_attend, self.words = learned, would_attend, words
        self.answered_at = at or timezone.now()
        self.status = self.Status.ANSWERED
        self.full_clean(exclude=["meeting", "participant"])
