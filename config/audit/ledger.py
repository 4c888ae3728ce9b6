"""The ledger: what was sealed, and what has left the database as an anchor. None of it ever changes.

The chain runs over the rows of every history table and every record of this file that is sealed with them:
each link is the SHA-256 of the link before and of what identifies the row and its content (`link_of`).
A batch's last link is keyed (`Seal`), so that somebody with the database but not the key cannot make it anew;
anchors are kept elsewhere, so that somebody with both cannot either.
"""

from django.db import models
from django.utils import timezone


class Record(models.Model):
    """A row that is written once. The database refuses to change or remove it."""

    is_sealed_with_history = False

    recorded_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        default_permissions = ["view"]

    def __str__(self):
        return f"{self._meta.verbose_name} {self.pk}"


class Shape(Record):
    """The columns a table had when rows of it were sealed: what is added later is not in their digest."""

    table = models.CharField(max_length=63)
    columns = models.JSONField(default=list)

    def __str__(self):
        return f"{self.table} ({len(self.columns)} columns)"

    def is_readable(self, columns) -> bool:
        """Whether the table, with the columns of each in `columns`, still has all that was sealed."""
        return set(self.columns) <= set(columns.get(self.table, ()))


class SealedRow(models.Model):
    """One row under seal. `history_id` is the key of the row in its table."""

    sequence = models.BigIntegerField(primary_key=True)
    shape = models.ForeignKey(Shape, on_delete=models.PROTECT, related_name="+", db_index=False)
    history_id = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)
    link = models.BinaryField(max_length=32)
    is_late = models.BooleanField(default=False, help_text="Sealed after a row with a higher number.")

    class Meta:
        default_permissions = ["view"]
        ordering = ["-sequence"]
        constraints = [models.UniqueConstraint(fields=["shape", "history_id"], name="sealed_once")]

    def __str__(self):
        return f"{self.sequence}"


class Seal(Record):
    """A batch of sealed rows. Its head, the link of the last one, is keyed."""

    first = models.BigIntegerField("first row")
    last = models.BigIntegerField("last row", unique=True)
    link = models.BinaryField(max_length=32)
    key_id = models.CharField("key", max_length=40)
    mac = models.BinaryField(max_length=32)

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]

    def __str__(self):
        return f"Rows {self.first:,} to {self.last:,}"


class Anchor(Record):
    """How far the chain had come at a moment. A copy of it outside is what makes it count."""

    class Occasion(models.TextChoices):
        HOUR = "hour", "Every hour"
        EXPORT = "export", "An export"
        CLOSED = "closed", "A closed incident"
        HAND = "hand", "By hand"

    sequence = models.BigIntegerField("row")
    link = models.BinaryField(max_length=32)
    occasion = models.CharField(max_length=10, choices=Occasion, default=Occasion.HAND)

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]

    def __str__(self):
        return self.line

    @property
    def line(self) -> str:
        """The anchor as it is written down elsewhere: moment, row, link, occasion."""
        moment = self.recorded_at.isoformat(timespec="seconds")
        return f"{moment} {self.sequence} {bytes(self.link).hex()} {self.occasion}"


class Verification(Record):
    """One look at the whole history, and what was found."""

    class Outcome(models.TextChoices):
        CLEAN = "clean", "Nothing found"
        FINDINGS = "findings", "Findings"
        IMPOSSIBLE = "impossible", "Could not check"

    outcome = models.CharField(max_length=10, choices=Outcome)
    by = models.CharField("asked by", max_length=200, blank=True, default="")
    seconds = models.FloatField()
    counts = models.JSONField(default=dict)
    findings = models.JSONField(default=list)

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]
        permissions = [("verify_history", "Can verify the history")]

    @property
    def is_clean(self) -> bool:
        """Whether everything could be checked and nothing was found."""
        return self.outcome == self.Outcome.CLEAN


class Redaction(Record):
    """A text taken out of one history row by authority: whose, why, and the digests before and after.

    Keyed like a seal, so that nobody can declare an edit authorised by writing a row here.
    """

    is_sealed_with_history = True

    table = models.CharField(max_length=63)
    row = models.BigIntegerField()
    columns = models.JSONField(default=list)
    before = models.CharField("digest before", max_length=64)
    after = models.CharField("digest after", max_length=64)
    by = models.CharField(max_length=200, blank=True, default="")
    reason = models.TextField()
    key_id = models.CharField("key", max_length=40)
    mac = models.CharField(max_length=64)

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]
        indexes = [models.Index(fields=["table", "row"], name="redaction_of")]

    def signed_text(self) -> bytes:
        """What the mac covers."""
        parts = [self.table, self.row, ",".join(self.columns), self.before, self.after]
        return "|".join(map(str, [*parts, self.by, self.reason])).encode()


class EvidencePack(Record):
    """A pack that left the house: who made it, of what, and the digest of its manifest to compare it with."""

    is_sealed_with_history = True

    by = models.CharField("made by", max_length=200, blank=True, default="")
    what = models.CharField(max_length=300)
    rows = models.PositiveBigIntegerField("history rows")
    manifest = models.CharField("SHA-256 of the manifest", max_length=64)
    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="+")

    class Meta(Record.Meta):
        abstract = False
        ordering = ["-pk"]
        permissions = [("export_evidence", "Can make an evidence pack")]

    def __str__(self):
        return self.what
