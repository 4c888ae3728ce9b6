"""What a person may see of a model: asked in one way by lists, choices, search and history."""

from django.db.models import Exists, OuterRef, Q


def visible(queryset, user, through=""):
    """The rows of `queryset` that `user` may see.

    A queryset that has `visible_to` decides itself; else the row that the foreign key `through` names decides.
    """
    if hasattr(queryset, "visible_to"):
        return queryset.visible_to(user)
    if not through:
        return queryset
    field = queryset.model._meta.get_field(through)
    parents = field.remote_field.model._default_manager.all()
    seen = parents.visible_to(user)
    if seen is parents:  # this person sees every parent, so there is nothing to ask the database
        return queryset
    condition = Exists(seen.filter(pk=OuterRef(field.attname)))
    return queryset.filter(condition | Q(**{through: None}) if field.null else condition)


def sees_all(model, user, through="") -> bool:
    """Whether no row of `model` is hidden from `user`."""
    rows = model._default_manager.all()
    return visible(rows, user, through) is rows
