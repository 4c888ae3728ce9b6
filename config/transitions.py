"""The one place where a row changes state: it locks, checks, saves, and nothing else does.

    @verb("Resolve", Status.MONITORING, permission="incidents.respond_incident", form="incidents.forms.Moment")
    def resolve(self, *, by, at=None): ...

A verb is a method of the row. Admin, API, task and test call the same one, so the same is refused everywhere,
for the same reason. `by` is who does it; None means Aftercare itself, which needs no permission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.module_loading import import_string

from config.audit.actor import COMMAND, acting, because, current
from config.audit.models import StaleVersion


class WrongState(Exception):
    """The row is not in a state from which this can be done. HTTP 409."""


class NotPermitted(PermissionDenied):
    """This person may not do this to this row. HTTP 403."""


@dataclass(frozen=True)
class Verb:
    """What is known about a verb without calling it: pages, API and tests are made from it."""

    name: str
    label: str
    allowed: tuple[str, ...]
    permission: str | Callable
    form: str | None
    is_grave: bool

    def permits(self, row, user) -> bool:
        """Whether `user` may do this to `row`, whatever state it is in."""
        if callable(self.permission):
            return self.permission(row, user)
        return user.has_perm(self.permission)

    def is_open(self, row) -> bool:
        """Whether `row` is in a state from which this can be done."""
        return state_of(row) in self.allowed

    def form_class(self):
        """The form that asks for what the verb needs besides who and when."""
        return import_string(self.form or "config.forms.NothingToAsk")


def verb(label, *allowed, permission, form=None, is_grave=False):
    """Make a method a verb: run inside a transition, refused to the wrong person and in the wrong state.

    Every verb takes `by` (who), and optionally `reason` (kept in the history) and `version` (the version the
    person looked at: if the row has moved on since, StaleVersion is raised and nothing changes). A method
    whose `reason` has no default must be given one.
    """

    def decorate(method):
        about = Verb(method.__name__, label, tuple(allowed), permission, form, is_grave)
        asks_why = signature(method).parameters["reason"].default is Parameter.empty

        @wraps(method)
        def run(self, *, by, reason="", version=None, **asked):
            with transition(self, *allowed, by=by, reason=reason, version=version, about=about):
                if asks_why and not reason.strip():
                    raise ValidationError({"reason": "Say why."}, code="required")
                return method(self, by=by, reason=reason, **asked)

        run.verb = about
        return run

    return decorate


def verbs_of(model) -> dict[str, Verb]:
    """The verbs of a model by name, in the order in which its class lists them."""
    return {name: method.verb for name, method in vars(model).items() if hasattr(method, "verb")}


def verbs_for(row, user) -> list[Verb]:
    """What `user` can do to `row` now."""
    return [
        about for about in verbs_of(type(row)).values() if about.is_open(row) and about.permits(row, user)
    ]


def state_of(row) -> str:
    """The state that verbs look at: `status`, unless the model names another field as its `state_field`."""
    return getattr(row, getattr(row, "state_field", "status"))


@contextmanager
def transition(row, *allowed, by, reason="", version=None, about=None) -> Iterator[None]:
    """Lock the row, re-read it, check person, version and state; save it whole when the block ends well."""
    with transaction.atomic(), signed(by), because(reason):
        row.refresh_from_db(from_queryset=type(row)._base_manager.select_for_update(of=("self",)))
        # After the lock: whoever owned the row when the page was drawn may not own it now.
        if by is not None and about is not None and not about.permits(row, by):
            raise NotPermitted(f"{by} may not {about.label.lower()} {row}.")
        if version is not None and row.version != version:
            raise StaleVersion(f"{row} was changed by somebody else meanwhile.")
        if state_of(row) not in allowed:
            doing = about.label if about else "Change"
            raise WrongState(f"{row} is {_state_in_words(row)}: “{doing}” is not possible now.")
        yield
        row.clean()
        row.save()


def _state_in_words(row) -> str:
    field = row._meta.get_field(getattr(row, "state_field", "status"))
    return str(dict(field.flatchoices).get(state_of(row), state_of(row))).lower()


@contextmanager
def signed(by):
    """What is done outside any request or task is signed by the person it is done for."""
    if current() is not None or by is None:
        yield
        return
    with acting(by, kind=COMMAND):
        yield
