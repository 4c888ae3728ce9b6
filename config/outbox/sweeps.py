"""The sweeps of every app: what each looks for, and works off, is in its own sweeps.py.

@sweep
def queue_overdue_reminders() -> int: ...
"""

from collections.abc import Callable

SWEEPS: list[Callable[[], int]] = []


def sweep(function: Callable[[], int]):
    """Register a function that works off what is due and returns how much that was."""
    SWEEPS.append(function)
    return function


def name_of(function) -> str:
    """What a sweep does, in words."""
    return function.__name__.replace("_", " ")
