"""What the verb tests of every app share: one table row per verb, and what each verb must keep to."""

from dataclasses import dataclass, field

import pytest
from django.apps import apps

from config.audit.models import StaleVersion
from config.transitions import WrongState, state_of, verbs_of
from tests.faults import snapshot


@dataclass(frozen=True)
class Case:
    """How to try a verb: from which state, asked what, setting which columns, saying what on the timeline."""

    start: str
    sets: dict
    ask: dict = field(default_factory=dict)
    says: str | None = None
    # How a second time is refused; a verb that stays in its state has its own reason.
    twice: type[Exception] = WrongState


def each_verb(tables):
    """One parameter per verb of `tables` (model → name → Case), named as people would say it."""
    return [
        pytest.param(model, name, case, id=f"{model._meta.model_name}-{name}")
        for model, cases in tables.items()
        for name, case in cases.items()
    ]


def verbs_in(app):
    """The names of the verbs of an app, by model."""
    found = {model: set(verbs_of(model)) for model in apps.get_app_config(app).get_models()}
    return {model: names for model, names in found.items() if names}


def columns(row):
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if f.name != "version"}


def changes_of(row, act):
    """What `act` changed in the stored row by column; the version moves on by one."""
    row.refresh_from_db()
    before, version = columns(row), getattr(row, "version", None)
    act()
    row.refresh_from_db()
    assert getattr(row, "version", None) == (version and version + 1)
    return {name: value for name, value in columns(row).items() if value != before[name]}


def assert_recorded(row, *, by, reason=""):
    """The newest history entry is the row as it stands, signed, with the reason."""
    entry = row.history.first()
    bookkept = {f.attname for f in row._meta.concrete_fields if f.name in row.bookkeeping()}
    kept = {name: value for name, value in columns(row).items() if name not in bookkept}
    assert {name: getattr(entry, name) for name in kept} == kept
    assert (entry.history_type, entry.history_user_id, entry.history_user_name) == ("~", by.pk, str(by))
    assert entry.history_change_reason == reason


def assert_refused(error, row, verb, *models, **asked):
    """The verb is refused with `error`, and every row and all history stay untouched."""
    before = snapshot(type(row), *models)
    with pytest.raises(error):
        getattr(row, verb)(**asked)
    assert snapshot(type(row), *models) == before


def assert_refused_in_other_states(make, model, verb, *models, **asked):
    """The verb is refused in every state its class does not allow it in."""
    about = verbs_of(model)[verb]
    states = [value for value, _ in model._meta.get_field(getattr(model, "state_field", "status")).choices]
    for state in set(states) - set(about.allowed):
        row = make(model, state)
        assert state_of(row) == state
        assert_refused(WrongState, row, verb, *models, **asked)


def assert_refused_when_stale(row, verb, *models, **asked):
    """The verb is refused to whoever looked at an older version."""
    looked_at = row.version
    row.save()
    assert_refused(StaleVersion, row, verb, *models, version=looked_at, **asked)
