"""What is usually said to customers, written beforehand and in calm."""

from django.contrib import admin

from config.admin import Card, WorkspaceAdmin
from config.changelist import ChoiceFilter, RelatedFilter
from config.coach import CUSTOMERS
from incidents.models import MessageTemplate
from incidents.updates.placeholders import KNOWN


@admin.register(MessageTemplate)
class MessageTemplateAdmin(WorkspaceAdmin):
    list_display = ["name", "phase", "audience", "severity", "service", "locale"]
    list_select_related = ["severity", "service"]
    list_filter = [
        ("phase", ChoiceFilter),
        ("audience", ChoiceFilter),
        ("severity", RelatedFilter),
        ("service", RelatedFilter),
    ]
    search_fields = ["name", "text"]
    autocomplete_fields = ["service"]
    fields = ["name", "phase", "audience", "severity", "service", "locale", "text"]
    coached = {"text": CUSTOMERS}

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        if field := form.base_fields.get("text"):
            names = ", ".join(f"{{{{ {name} }}}} ({one.means})" for name, one in KNOWN.items())
            field.help_text = f"In Markdown. Placeholders are filled from the incident: {names}."
        return form

    def cards(self, request, row):
        return [Card("When it is taken", [("", _when(row))])]


def _when(row):
    where = [str(part) for part in (row.service, row.severity) if part]
    about = f"only for {' and '.join(where)}, before those for all" if where else "where no narrower one fits"
    return f"For “{row.get_phase_display()}”, {about}."
