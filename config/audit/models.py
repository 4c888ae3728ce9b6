"""The base of every domain model's history. The rows are written by the database: see triggers.py."""

import copy

from django.db import models
from simple_history.models import HistoricalRecords

from config.audit.actor import KINDS
from config.audit.ledger import (  # noqa: F401  Django looks for an app's models here
    Anchor,
    EvidencePack,
    Redaction,
    Seal,
    SealedRow,
    Shape,
    Verification,
)


class HistoryEntry(models.Model):
    """What every history row carries beside the copy: who did it, by which road, in which request."""

    # The name outlives the account, so it is text; the id has no foreign key, so nothing can blank it.
    history_user_name = models.TextField("who", default="", editable=False)
    history_actor_kind = models.CharField("how", max_length=16, choices=KINDS, default="", editable=False)
    history_request_id = models.CharField("request", max_length=64, default="", editable=False)

    class Meta:
        abstract = True


class History(HistoricalRecords):
    """simple-history's records with our actor fields, our indexes, and each model's own exclusions."""

    def __init__(self, **options):
        super().__init__(
            bases=[HistoryEntry],
            history_id_field=models.BigAutoField(primary_key=True),
            history_user_id_field=models.BigIntegerField(null=True, editable=False),
            **options,
        )

    def create_history_model(self, model, inherited):
        records = copy.copy(self)
        records.excluded_fields = sorted(model.bookkeeping()) if hasattr(model, "bookkeeping") else []
        return HistoricalRecords.create_history_model(records, model, inherited)

    def copy_fields(self, model):
        fields = super().copy_fields(model)
        for field in fields.values():  # history is read by object, person and time; copied indexes only cost
            field.db_index = False
        return fields

    def get_meta_options(self, model):
        options = super().get_meta_options(model)
        # By number, never by date: the clock may be set back, the sequence not.
        options["ordering"] = ["-history_id"]
        options["indexes"] = [
            models.Index(fields=[model._meta.pk.name, "-history_id"]),
            models.Index(fields=["-history_date", "-history_id"]),
            # A page's history shows what belongs to it, so parts are found by whole.
            *(models.Index(fields=[part.name, "-history_id"]) for part in _parts_of(model)),
        ]
        options["default_permissions"] = ["view"]
        return options

    def _get_history_user_fields(self):
        # One field object cannot serve two models; simple-history hands out the same one.
        fields = super()._get_history_user_fields()
        return fields | {"history_user_id": self.user_id_field.clone()}


def _parts_of(model):
    """The foreign keys to what a row goes with when it is deleted."""
    return [field for field in model._meta.fields if _deletes_with(field)]


def _deletes_with(field) -> bool:
    return bool(field.remote_field) and field.remote_field.on_delete is models.CASCADE


class TrackedModel(models.Model):
    """A model whose every change is kept. Name bookkeeping columns in `untracked_fields`; bases' are added."""

    untracked_fields: tuple[str, ...] = ()

    history = History(inherit=True)

    class Meta:
        abstract = True

    @classmethod
    def bookkeeping(cls) -> set[str]:
        """The names of the columns whose changes are not kept."""
        return {name for base in cls.__mro__ for name in vars(base).get("untracked_fields", ())}


class StaleVersion(Exception):
    """Somebody else saved the row since it was read; nothing was changed."""


class VersionedModel(TrackedModel):
    """A tracked model people edit: a save based on an old version is refused instead of overwriting."""

    # Not history: a save that changes nothing else leaves no row.
    untracked_fields = ("version",)

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    def save(self, *args, update_fields=None, **kwargs):
        # Bookkeeping alone is no edit: two sign-ins at once must not refuse each other over `last_login`.
        if update_fields and not self.bookkeeping().issuperset(update_fields):
            update_fields = {*update_fields, "version"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def _do_update(self, base_qs, using, pk_val, values, update_fields, forced_update):
        # Django's own seam between "compute the values" and "send the UPDATE": the check costs no query.
        if not any(field.attname == "version" for field, _, _ in values):
            return super()._do_update(base_qs, using, pk_val, values, update_fields, forced_update)
        read = self.version
        values = [(f, m, read + 1 if f.attname == "version" else value) for f, m, value in values]
        if super()._do_update(
            base_qs.filter(version=read), using, pk_val, values, update_fields, forced_update
        ):
            self.version = read + 1
            return True
        if base_qs.filter(pk=pk_val).exists():
            raise StaleVersion(f"{self} was changed by somebody else meanwhile.")
        return False


# --- What auditors keep ------------------------------------------------------------------------------------

# Last: a saved filter is tracked, so its module needs the bases above.
from config.audit.filters import AuditExport, SavedFilter  # noqa: E402, F401  Django looks for them here
