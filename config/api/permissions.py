"""Who may ask: nobody without signing in, and nobody without the permission on the model."""

from rest_framework.permissions import BasePermission

_NEEDED = {"create": "add", "partial_update": "change"}


class HasModelPermission(BasePermission):
    """Reading needs `view`, creating `add`, editing `change`; a verb needs `view` and then asks its own rule."""

    def has_permission(self, request, view):
        if not request.user.is_authenticated:
            return False
        verb = _NEEDED.get(view.action, "view")
        needed = {(view.model, "view"), (view.model, verb)}
        if (parent := getattr(view, "parent_model", None)) is not None:
            needed.add((parent, "view"))
        return all(
            request.user.has_perm(f"{model._meta.app_label}.{verb}_{model._meta.model_name}")
            for model, verb in needed
        )
