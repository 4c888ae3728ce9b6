"""One answer for many items: each through its own verb and in its own transaction, each with its own result."""

import logging
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError

from actions.models import ActionItem
from config.audit.models import StaleVersion
from config.editing import numbers
from config.transitions import WrongState

logger = logging.getLogger(__name__)
MOST = 500  # items that one click answers for
TOLD = 20  # refusals that are told one by one
NEVER = -1  # no row has this version


@dataclass(frozen=True)
class Outcome:
    """What became of one item; `problem` is empty if it was done."""

    item: ActionItem
    problem: str = ""


def chosen_of(values) -> dict[int, int]:
    """The items named as `pk:version`, with the version each was looked at; what is no number is left out."""
    pairs = [str(value).partition(":")[::2] for value in values]
    return {
        int(pk): int(version) if numbers([version]) else NEVER
        for pk, version in pairs[: MOST + 1]
        if numbers([pk])
    }


def do_together(items, versions, verb, *, by, **asked) -> list[Outcome]:
    """Do one verb to each of `items` as it was looked at; one that is refused keeps no other from being done."""
    return [Outcome(item, _do(item, versions.get(item.pk, NEVER), verb, by, asked)) for item in items]


def _do(item, version, verb, by, asked) -> str:
    try:
        getattr(item, verb)(by=by, version=version, **asked)
    except ValidationError as error:
        return " ".join(error.messages)
    except (WrongState, PermissionDenied, StaleVersion) as error:
        return str(error)
    except ActionItem.DoesNotExist:
        return "It is gone."
    except DatabaseError:
        logger.exception("%s of %s failed", verb, item.reference)
        return "The database did not take it. Try again."
    return ""


def tell(request, label, outcomes) -> None:
    """Say what was done, and of each item that was refused, why."""
    done = [outcome.item for outcome in outcomes if not outcome.problem]
    refused = [outcome for outcome in outcomes if outcome.problem]
    if done:
        messages.success(request, f"{label}: {in_words(done)}")
    for outcome in refused[:TOLD]:
        messages.error(request, f"Not done: {outcome.item}. {outcome.problem}")
    if len(refused) > TOLD:
        messages.error(request, f"Not done: {len(refused) - TOLD} more.")


def in_words(items) -> str:
    """One item by its name, more by their number and the first references."""
    if len(items) == 1:
        return str(items[0])
    named = ", ".join(item.reference for item in items[:5])
    return f"{len(items)} items, {named}" + (" and more" if len(items) > 5 else "")
