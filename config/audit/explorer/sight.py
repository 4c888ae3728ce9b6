"""Which history a person may read: asked once, and put into every statement of the explorer."""

from dataclasses import dataclass, field
from functools import cache

from django.contrib import admin
from django.core.exceptions import EmptyResultSet
from django.http import Http404

from config.audit import belonging
from config.audit.explorer import sql
from config.audit.triggers import tracked_models
from config.visibility import sees_all, visible

OPEN = "audit.view_history"


@dataclass(frozen=True)
class Table:
    """The history of one model, and the part of it that one person may read."""

    model: type
    conditions: tuple = field(default=(), compare=False)

    @property
    def label(self) -> str:
        """The model as addresses name it: incidents.incident."""
        return self.model._meta.label_lower

    @property
    def history(self) -> type:
        """The model of its history rows."""
        return sql.history_of(self.model)

    @property
    def name(self) -> str:
        """The table of its history."""
        return self.history._meta.db_table

    @property
    def pk(self) -> str:
        """The column of the object's key."""
        return self.model._meta.pk.column

    def seen(self, alias) -> tuple[str, list]:
        """The condition under which the person may read a row; empty when they may read all."""
        texts = [text.replace("{h}", alias) for text, _ in self.conditions]
        return " AND ".join(texts), [param for _, params in self.conditions for param in params]


def tables_for(user) -> list[Table]:
    """The tables a person may read, in the order in which rows of the same moment are shown.

    Who sees every row reads everything, deleted objects included. Everybody else reads of what exists and is
    seen now, and nothing of what ever was kept back or belonged to that: stricter than an object's own page.
    """
    kept_back = list(_kept_back_from(user))
    return [
        Table(model, tuple(_conditions(model, user, kept_back)))
        for model in _tracked()
        if may_read(user, model)
    ]


@cache
def _tracked() -> list[type]:
    return sorted((one.model for one in tracked_models()), key=lambda model: model._meta.label_lower)


def table_of(tables, label) -> Table:
    """The table of this label; 404 for what there is no history of, or none that the reader may see."""
    table = next((table for table in tables if table.label == label), None)
    if table is None:
        raise Http404("There is no such history.")
    return table


def may_explore(user) -> bool:
    """Whether the person may open the audit explorer."""
    return user.has_perm(OPEN)


def may_read(user, model) -> bool:
    """Whether the person may see rows of this kind at all."""
    opts = (model._meta.auto_created or model)._meta  # who may see a group may see what it may do
    return user.has_perm(f"{opts.app_label}.view_{opts.model_name}")


def _through(model) -> str:
    registered = admin.site.is_registered(model) and admin.site.get_model_admin(model)
    return getattr(registered, "visible_through", "")


def _conditions(model, user, kept_back):
    through = _through(model)
    if not sees_all(model, user, through):
        yield _exists_and_is_seen(visible(model._default_manager.all(), user, through))
    for root, state, story in kept_back:
        if model is root:
            was = " AND ".join(f'{{h}}."{model._meta.get_field(name).column}" = %s' for name in state)
            yield f"NOT ({was})", list(state.values())
        elif keys := story.get(model):
            listed, params = sql.one_of(f'{{h}}."{model._meta.pk.column}"', keys)
            yield f"NOT ({listed})", params


def _kept_back_from(user):
    """For each model with something to keep back from `user`: it, the state, and all that belonged to such rows."""
    for root, state in belonging.kept_back().items():
        if sees_all(root, user, _through(root)):
            continue
        history = sql.history_of(root)
        ever = history._default_manager.filter(**state).values_list(root._meta.pk.name, flat=True)
        yield root, state, dict(belonging.stories_of(root, set(ever)))


def _exists_and_is_seen(rows):
    try:
        text, params = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return "1 = 0", []
    return f'{{h}}."{rows.model._meta.pk.column}" IN ({text})', list(params)
