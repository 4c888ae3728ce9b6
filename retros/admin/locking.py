"""What is published is read, not edited; and the way from a retro to a new action item."""

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode

from config.admin import (
    WorkspaceAdmin,
)
from config.audit.models import VersionedModel
from retros.models import (
    Retrospective,
)


def add_action(request, **about) -> list[dict]:
    """A link to a new action item that knows where it comes from; retros know the model by its relation only."""
    items = Retrospective._meta.get_field("action_items").related_model
    if not admin.site.is_registered(items) or not admin.site.get_model_admin(items).has_add_permission(
        request
    ):
        return []
    url = reverse(f"admin:{items._meta.app_label}_{items._meta.model_name}_add")
    return [{"label": "Add an action", "url": f"{url}?{urlencode(about)}", "look": "plain"}]


def taken_along(row):
    """Links to the retro on paper and as a file."""
    roads = (("print", "Print"), ("markdown", "Markdown"), ("json", "JSON"))
    links = ((reverse(f"retro-{name}", args=[row.pk]), label) for name, label in roads)
    return format_html_join(" · ", '<a class="aftercare-link" href="{}">{}</a>', links)


class LockedWhenPublished(WorkspaceAdmin):
    """What is published is read; reopening it makes it editable again."""

    def retro_of(self, row):
        return row

    def _is_locked(self, row):
        return row is not None and self.retro_of(row).is_published

    def has_change_permission(self, request, obj=None):
        return super().has_change_permission(request, obj) and not self._is_locked(obj)

    def has_delete_permission(self, request, obj=None):
        return super().has_delete_permission(request, obj) and not self._is_locked(obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        if request.method == "POST" and object_id and super().has_change_permission(request):
            row = self.get_object(request, unquote(object_id))
            if isinstance(row, VersionedModel) and self._is_locked(row):
                # Published while somebody still wrote: their text is shown, not thrown away.
                return self._conflict(request, unquote(object_id))
        return super().changeform_view(request, object_id, form_url, extra_context)
