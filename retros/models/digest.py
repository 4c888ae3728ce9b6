"""The learning: what customers may read of a retrospective, in their language, checked and never changed silently."""

from itertools import product

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils import timezone
from django.utils.text import slugify

from config.audit.models import VersionedModel
from config.fields import Line, Prose
from config.transitions import NotPermitted, WrongState, signed, verb
from incidents.models import Incident
from retros.models.edition import TEXTS, Edition
from retros.models.retrospective import Retrospective, RetrospectiveIncident

WRITE = "retros.change_learning"
PUBLISH = "retros.publish_learning"
LONGEST_SLUG = 80


class LearningQuerySet(models.QuerySet):
    """Learnings, by what a reader asks for."""

    def visible_to(self, user):
        """What `user` may see in the workspace: those of the retros they may see."""
        seen = Retrospective.objects.all()
        if (visible := seen.visible_to(user)) is seen or user.has_perm("incidents.view_restricted_incident"):
            return self
        return self.filter(Exists(visible.filter(pk=OuterRef("retro"))))

    def of_public_incidents(self):
        """Those of which customers may know: each of their incidents is public now, and none is a drill."""
        links = RetrospectiveIncident.objects.filter(retro=OuterRef("retro"))
        hidden = links.filter(~Exists(Incident.objects.public().filter(pk=OuterRef("incident"))))
        return self.filter(Exists(links), ~Exists(hidden))

    def once_public(self):
        """Those that everybody could read once, of which customers may still know."""
        return self.of_public_incidents().filter(published_at__isnull=False)

    def public(self):
        """Those that everybody may read now."""
        return self.once_public().filter(withdrawn_at=None)

    def with_editions(self):
        """Together with what was published of them, newest first."""
        return self.prefetch_related(Prefetch("editions", Edition.objects.order_by("-number")))


class LearningManager(models.Manager.from_queryset(LearningQuerySet)):
    """Where learnings begin."""

    def draft_from(self, retro, *, by, **texts):
        """Write the draft of a retro's learning, from what of it customers may read."""
        from retros.drafting import draft

        if by is not None and not by.has_perm("retros.add_learning"):
            raise NotPermitted(f"{by} may not draft a learning.")
        refuse_unless_public(retro)
        with transaction.atomic(), signed(by):
            Retrospective._base_manager.select_for_update(of=("self",)).get(pk=retro.pk)
            if self.filter(retro=retro).exists():
                raise WrongState(f"{retro} has a learning already.")
            drafted = draft(retro)
            learning = self.model(retro=retro, **drafted.texts | texts)
            learning.slug = self._free_slug(learning.title)
            learning.drafted = drafted.in_full()
            learning.full_clean()
            learning.save()
        return learning

    def _free_slug(self, title):
        # Without numbers: in an address `checkout-2` looks like the name of a machine, to the check and to others.
        words = [word for word in slugify(title).split("-") if word.isalpha()]
        stem = "-".join(words)[: LONGEST_SLUG - 4].strip("-") or "learning"
        taken = set(self.filter(slug__startswith=stem).values_list("slug", flat=True))
        more = (f"{stem}-{''.join(letters)}" for letters in product("abcdefgh", repeat=3))
        return next(slug for slug in (stem, *more) if slug not in taken)


def refuse_unless_public(retro):
    """Raise WrongState unless customers may know of everything the retro is about."""
    incidents = list(retro.incidents.all())
    if not incidents:
        raise WrongState(f"{retro} is about no incident: there is nothing to tell customers.")
    for incident in incidents:
        if incident.is_drill:
            raise WrongState(f"{incident.reference} is a drill: customers felt nothing of it.")
        if incident.visibility != Incident.Visibility.PUBLIC:
            is_what = incident.get_visibility_display().lower()
            raise WrongState(f"{incident.reference} is {is_what}: customers must not read of it.")


def _was_public(row, user) -> bool:
    return row.published_at is not None and user.has_perm(PUBLISH)


def _is_public_still(row, user) -> bool:
    return row.withdrawn_at is None and _was_public(row, user)


class Learning(VersionedModel):
    """The public digest of a retro. Readers see its newest edition; what is written here is the next one."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        IN_REVIEW = "in_review", "In review"
        PUBLISHED = "published", "Published"
        WITHDRAWN = "withdrawn", "Withdrawn"

    retro = models.OneToOneField(
        Retrospective, on_delete=models.CASCADE, related_name="learning", editable=False
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT, editable=False)
    title = Line(max_length=200, help_text="What customers would call it. It is the only title they see.")
    slug = models.SlugField(
        "address",
        max_length=LONGEST_SLUG,
        unique=True,
        help_text="The last part of its public address; stays as it is once published.",
    )
    what_happened = Prose("what happened to customers", max_length=20_000)
    what_we_learnt = Prose("what we learnt", max_length=20_000)
    what_we_do = Prose("what we do about it", max_length=20_000)
    drafted = Prose(editable=False, help_text="As it was drafted from the retro: reviewers see what changed.")
    correction = Prose(
        max_length=2_000,
        editable=False,
        help_text="What readers are told about the correction being written.",
    )
    hides_earlier = models.BooleanField(default=False, editable=False)
    published_at = models.DateTimeField("first published", null=True, blank=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    withdrawal = Prose(max_length=2_000, editable=False, help_text="What readers are told instead.")
    # What was public elsewhere, as the file told it: nobody reads it here before somebody here publishes it.
    as_imported = models.JSONField(default=dict, blank=True, editable=False)

    objects = LearningManager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        permissions = [("publish_learning", "Can approve, correct and withdraw public learnings")]
        indexes = [models.Index(fields=["-published_at", "slug"])]
        constraints = [
            models.CheckConstraint(
                name="learning_published_at_and_by_together",
                condition=Q(published_at=None, published_by=None, status__in=["draft", "in_review"])
                | Q(published_at__isnull=False, published_by__isnull=False),
            ),
            models.CheckConstraint(
                name="learning_withdrawn_at_and_by_together",
                condition=(Q(withdrawn_at=None, withdrawn_by=None) & ~Q(status="withdrawn"))
                | (
                    Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False, published_at__isnull=False)
                    & ~Q(status="published")
                ),
            ),
        ]

    def __str__(self):
        return self.title

    @property
    def is_published(self) -> bool:
        """Whether its text is what readers see, and so fixed."""
        return self.status == self.Status.PUBLISHED

    @property
    def is_correcting(self) -> bool:
        """Whether readers see an edition that this text will correct."""
        return self.published_at is not None and self.withdrawn_at is None and not self.is_published

    @property
    def reference(self) -> str:
        """How people name it: LRN-0007."""
        return f"LRN-{self.pk:04d}" if self.pk else "LRN-new"

    def get_absolute_url(self):
        from django.urls import reverse

        return reverse("admin:retros_learning_change", args=[self.pk])

    def texts(self) -> dict[str, str]:
        """What will be public of it, by field."""
        return {name: getattr(self, name) for name in TEXTS}

    def writers(self) -> set[int]:
        """Who wrote at this text since it was last published, by the history, which knows every road."""
        wrote, before = set(), None
        columns = (*TEXTS, "slug", "status", "history_user_id")
        for row in self.history.order_by("history_id").values(*columns):
            now = {name: row[name] for name in (*TEXTS, "slug")}
            if before is not None and row["status"] == self.Status.PUBLISHED:
                wrote = set()
            elif now != before:
                wrote.add(row["history_user_id"])
            before = now
        return wrote - {None}

    def clean(self):
        if self.published_at and self._slug_moved():
            raise ValidationError({"slug": "It was published at this address: links to it must not break."})

    def _slug_moved(self):
        return not type(self)._base_manager.filter(pk=self.pk, slug=self.slug).exists()

    def refuse_edit(self):
        """Raise WrongState unless it is being written: what readers see is corrected visibly, or not at all."""
        if self.status != self.Status.DRAFT:
            raise WrongState(f"“{self}” is {self.get_status_display().lower()}: its text is fixed.")

    # --- Verbs

    @verb("Send for review", Status.DRAFT, permission=WRITE, form="config.forms.OptionalReason")
    def send_for_review(self, *, by, reason=""):
        """The text stands; somebody else reads it now."""
        if missing := [self._meta.get_field(name) for name in TEXTS if not getattr(self, name).strip()]:
            raise ValidationError([f"Nothing is written yet: {field.verbose_name}." for field in missing])
        self.status = self.Status.IN_REVIEW

    @verb("Return to draft", Status.IN_REVIEW, permission=WRITE, form="config.forms.Reason")
    def return_to_draft(self, *, by, reason):
        """Review found something to work on."""
        self.status = self.Status.DRAFT

    @verb("Publish", Status.IN_REVIEW, permission=PUBLISH, form="config.forms.OptionalReason")
    def publish(self, *, by, reason="", at=None):
        """Somebody who did not write it lets everybody read it, once the check finds nothing."""
        from retros.redacting import refuse_findings

        if by is None or by.pk in self.writers():
            raise NotPermitted(
                f"{by or 'Aftercare'} may not publish it: somebody who did not write it reads it first."
            )
        refuse_unless_public(self.retro)
        at = at or timezone.now()
        edition = self._next_edition(at, by)
        refuse_findings(self, edition)
        if self.hides_earlier:
            for earlier in self.editions.filter(is_shown=True):
                earlier.hide()
        edition.save()
        self.status = self.Status.PUBLISHED
        self.published_at, self.published_by = self.published_at or at, self.published_by or by
        self.withdrawn_at = self.withdrawn_by = None
        self.withdrawal = self.correction = ""
        self.hides_earlier = False

    def _next_edition(self, at, by):
        number = self.editions.count() + 1
        return Edition(
            learning=self,
            number=number,
            note=self.correction if number > 1 else "",
            published_at=at,
            published_by=by,
            **self.texts(),
        )

    @verb(
        "Confirm as harmless",
        *(Status.DRAFT, Status.IN_REVIEW),
        permission=PUBLISH,
        form="retros.forms.HarmlessFinding",
    )
    def confirm(self, *, by, found, reason):
        """Something the check found may stay where it stands; never a secret, and never an e-mail address."""
        from retros.redacting import confirmable

        about = confirmable(self, found)
        self.confirmations.create(
            mark=about.mark,
            kind=about.kind,
            text=about.text,
            passage=about.passage,
            reason=reason,
            confirmed_by=by,
        )

    @verb("Correct", Status.PUBLISHED, permission=PUBLISH, form="retros.forms.Correction")
    def correct(self, *, by, note, reason="", earlier="shown"):
        """Write the next edition; readers will be told what was corrected, and see this one until then."""
        self.correction, self.hides_earlier = note, earlier == "hidden"
        self.status = self.Status.DRAFT

    @verb(
        "Leave as published",
        *(Status.DRAFT, Status.IN_REVIEW),
        permission=_is_public_still,
        form="config.forms.OptionalReason",
    )
    def leave_as_published(self, *, by, reason=""):
        """No correction after all: the text is again what readers see."""
        edition = self.editions.order_by("number").last()
        for name in TEXTS:
            setattr(self, name, getattr(edition, name))
        self.correction, self.hides_earlier = "", False
        self.status = self.Status.PUBLISHED

    @verb(
        "Withdraw",
        *(Status.DRAFT, Status.IN_REVIEW, Status.PUBLISHED),
        permission=_is_public_still,
        form="retros.forms.Withdrawal",
        is_grave=True,
    )
    def withdraw(self, *, by, reason, told, at=None):
        """Nobody reads it from now on; at its address stands that it was withdrawn, and what readers are told."""
        from retros.redacting import refuse_text

        if by is None:
            raise NotPermitted("A learning is withdrawn by somebody who answers for it.")
        refuse_text(self, "told", told)
        self.withdrawal = told
        self.withdrawn_at, self.withdrawn_by = at or timezone.now(), by
        self.correction, self.hides_earlier = "", False
        self.status = self.Status.WITHDRAWN

    @verb("Take up again", Status.WITHDRAWN, permission=PUBLISH, form="retros.forms.Correction")
    def take_up(self, *, by, note, reason="", earlier="shown"):
        """Write a text that can be published again; until then it stays withdrawn."""
        self.correction, self.hides_earlier = note, earlier == "hidden"
        self.status = self.Status.DRAFT
