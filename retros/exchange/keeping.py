"""One import under way: whom and what it knows, which rows are the ones a file speaks of, and what became of them."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.core.exceptions import ValidationError
from django.utils import timezone

from config.people.models import User
from incidents.imports.shape import Refused
from incidents.models import Service, Severity
from retros.exchange.identity import everything_by_uuid
from retros.exchange.plain import is_person


@dataclass
class Tally:
    """What became of the files."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    people: int = 0  # made, because nobody here had their address
    kept: int = 0  # rows of which the files know nothing, and which stay
    passed_over: int = 0  # rows of the files about an incident that is not here

    def __str__(self):
        told = f"{self.created} created, {self.changed} changed, {self.unchanged} unchanged"
        if self.people:
            told += f"; {self.people} people added, who cannot sign in until somebody lets them"
        if self.passed_over:
            told += f"; {self.passed_over} rows left out, as they are about incidents that are not here"
        return told + (f"; {self.kept} rows kept of which the files say nothing" if self.kept else "")


@dataclass
class Keeping:
    """One import under way: whom and what it knows, and whether the retro at hand changed."""

    where: str = ""
    names: dict = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    has_changed: bool = False
    now: datetime = field(default_factory=timezone.now)  # one moment for all that it brings
    entries: list = field(default_factory=list)  # of the retro at hand: (what the file says, our row)
    number: int = 0  # of the file at hand
    later: list = field(default_factory=list)  # what waits for the incidents of all files
    _people: dict = field(default_factory=dict)
    _found: dict = field(default_factory=dict)
    _new: set = field(default_factory=set)

    def held(self, children) -> list:
        """The rows of a relation; of a row that is new there are none, and nothing to ask the database."""
        return [] if children.instance in self._new else list(children.all())

    def person(self, email):
        """The primary key of whoever has the address; made, without a way to sign in, if nobody has."""
        if not email:
            return None
        if email not in self._people:
            user = User.objects.filter(email=email).first() or self._make(email)
            self._people[email] = user.pk
        return self._people[email]

    def _make(self, email):
        self.tally.people += 1
        name = self.names["people"].get(email, email.partition("@")[0])
        return User.objects.create_user(email, name=name, is_active=False, is_staff=False)

    def named(self, model, kind, slug):
        """Something of the catalogue; made if it is not there yet."""
        key = (model, slug)
        if key not in self._found:
            name = self.names[kind].get(slug) or slug
            # Nothing stands on the public page because a file says so.
            more = {"is_public": False} if model is Service else {}
            row, _ = model.objects.get_or_create(slug=slug, defaults={"name": name, **more})
            self._found[key] = row.pk
        return self._found[key]

    def afterwards(self, finish) -> None:
        """Call `finish` once all files are stored; what it changes is a change by the file at hand."""
        self.later.append((self.number, finish))

    @cached_property
    def incidents(self) -> dict:
        """The primary key of every incident here by its UUID; asked once everything is stored."""
        return everything_by_uuid()

    def severity(self, name):
        """The severity of that name; what it means cannot be guessed, so it is not made."""
        if (Severity, name) not in self._found:
            pk = Severity.objects.filter(name=name).values_list("pk", flat=True).first()
            if pk is None:
                raise Refused(f"{self.where}: there is no severity {name!r} here; add it first")
            self._found[Severity, name] = pk
        return self._found[Severity, name]

    def columns(self, model, values) -> dict:
        """Checked values as the columns hold them."""
        return {
            (f"{name}_id" if is_person(model._meta.get_field(name)) else name): (
                self.person(value) if is_person(model._meta.get_field(name)) else value
            )
            for name, value in values.items()
        }

    def put(self, row, values) -> None:
        """Store `values` in the row, if any differs; a new row always."""
        news = {
            name: value for name, value in values.items() if row.pk is None or getattr(row, name) != value
        }
        for name, value in news.items():
            setattr(row, name, value)
        if news or row._state.adding:
            self._save(row, news)

    def _save(self, row, news):
        self.has_changed = True
        is_new = row._state.adding
        try:
            row.clean()
        except ValidationError as error:
            raise Refused(f"{self.where}: {row}: {' '.join(error.messages)}") from error
        row.save(force_insert=True) if is_new else row.save(update_fields=list(news))
        if is_new:
            self._new.add(row)

    def remove(self, rows) -> None:
        """Take away what the file no longer has."""
        for row in rows:
            self.has_changed = True
            row.delete()


def match(held, wanted, *keys):
    """For each of `wanted` the row that is it, or None, and the rows left over; `keys`, strictest first."""
    found, free = [None] * len(wanted), list(held)
    for key in keys:
        waiting = defaultdict(deque)
        for row in free:
            waiting[key(vars(row))].append(row)
        for number, values in enumerate(wanted):
            if found[number] is None and (rows := waiting[key(values)]):
                found[number] = rows.popleft()
        taken = {id(row) for row in found}
        free = [row for row in free if id(row) not in taken]
    return found, free


def by(*names):
    """The key that these columns are."""
    return lambda values: tuple(values[name] for name in names)
