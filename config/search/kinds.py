"""What is searched: each app says so in its searched.py, found by itself when Django starts.

searched("learning", Learning, prefix="LEARN", reads=read_learnings)
follows(Learning, "learning")                       # a changed row is read anew
follows(Translation, "learning", of="learning_id")  # and so is the one a changed part belongs to
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.urls import reverse

from config.visibility import visible


@dataclass(frozen=True)
class Text:
    """What is searched of one row, and the moment by which the newest come first."""

    pk: int
    title: str
    body: str
    at: datetime


@dataclass(frozen=True)
class Kind:
    """One kind of thing that is searched. `needs` are the permissions of whoever may find it."""

    name: str
    model: type[models.Model]
    reads: Callable[[list[int]], Iterable[Text]]
    prefix: str
    needs: tuple[str, ...]

    @property
    def label(self) -> str:
        return _capital(self.model._meta.verbose_name)

    @property
    def plural(self) -> str:
        return _capital(self.model._meta.verbose_name_plural)

    def visible_to(self, user):
        """The rows that `user` may see."""
        return visible(self.model._default_manager.order_by(), user)

    def reference(self, pk) -> str:
        """How people name one: INC-0042."""
        return f"{self.prefix}-{pk:04d}"

    def url(self, pk) -> str:
        """The page of one in the workspace."""
        opts = self.model._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[pk])


@dataclass(frozen=True)
class Source:
    """A model whose changes concern documents of a kind: those a column names, or those `of` names for its ids."""

    model: type[models.Model]
    kind: str
    of: str | Callable[[list[int]], Iterable[int]]


KINDS: dict[str, Kind] = {}
SOURCES: list[Source] = []


def searched(name, model, *, reads, prefix, needs=()) -> None:
    """Register a kind. `reads` takes ids and yields a Text for each row that is there."""
    opts = model._meta
    view = f"{opts.app_label}.view_{opts.model_name}"
    KINDS[name] = Kind(name, model, reads, prefix, (view, *needs))


def follows(model, kind, of=None) -> None:
    """Read documents of `kind` anew when a row of `model` changed; `of` is its column that names them."""
    SOURCES.append(Source(model, kind, of or model._meta.pk.attname))


def open_to(user) -> list[Kind]:
    """The kinds that `user` may search."""
    return [kind for kind in KINDS.values() if user.has_perms(kind.needs)]


def _capital(words) -> str:
    return str(words)[:1].upper() + str(words)[1:]
