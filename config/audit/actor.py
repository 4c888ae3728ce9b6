"""Who is doing it: the actor of every change, kept beside the work instead of passed through it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

WEB, API, MAIL_LINK, TASK, COMMAND, MIGRATION, IMPORT = (
    "web",
    "api",
    "mail link",
    "task",
    "command",
    "migration",
    "import",
)
KINDS = [
    (WEB, "Web"),
    (API, "API"),
    (MAIL_LINK, "By e-mail link"),
    (TASK, "Scheduled task"),
    (COMMAND, "Command"),
    (MIGRATION, "Migration"),
    (IMPORT, "Import"),
]


@dataclass(frozen=True)
class Actor:
    """One doer. `user` may be lazy: it is only looked at when something is written."""

    user: object = None
    name: str = ""
    kind: str = ""
    reason: str = ""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def values(self) -> tuple[int | None, str, str, str, str]:
        """User id, name, kind, request id and reason, as the history keeps them."""
        user_id = getattr(self.user, "pk", None)
        name = self.name or (str(self.user) if user_id else "")
        return user_id, name, self.kind, self.request_id, self.reason


NOBODY = (None, "", "", "", "")
_current: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current() -> Actor | None:
    """The actor in force, or None: such a change is shown as unattributed, never guessed."""
    return _current.get()


@contextmanager
def acting(
    user=None, *, kind: str, name: str = "", request_id: str = "", reason: str = ""
) -> Iterator[Actor]:
    """Everything written inside is this actor's; afterwards the one before is back."""
    actor = Actor(user=user, name=name, kind=kind, reason=reason, request_id=request_id or uuid.uuid4().hex)
    token = _current.set(actor)
    try:
        yield actor
    finally:
        _current.reset(token)


@contextmanager
def because(reason: str) -> Iterator[None]:
    """Give what is written inside a reason; an empty one keeps the reason already in force."""
    actor = _current.get()
    if not reason or actor is None:
        yield
        return
    token = _current.set(replace(actor, reason=reason))
    try:
        yield
    finally:
        _current.reset(token)


def identify(user, *, name: str = "") -> None:
    """Name the actor of the request once it is known, as token authentication does after routing."""
    if (actor := _current.get()) is not None:
        _current.set(replace(actor, user=user, name=name))
