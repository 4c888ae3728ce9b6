"""Action items in the API."""

from django_filters.rest_framework import FilterSet

from actions import checks_api
from actions.models import ActionItem
from actions.serializers import ItemCreate, ItemEdit, ItemRow
from config.api.filters import Day, Named, OneOf, YesNo
from config.api.resources import Creates, Edits, with_verbs
from config.people.models import User
from config.transitions import NotPermitted
from retros.models import Retrospective


class ItemFilters(FilterSet):
    """By what owners and facilitators ask for."""

    status = OneOf(ActionItem.Status.choices)
    kind = OneOf(ActionItem.Kind.choices)
    priority = OneOf(ActionItem.Priority.choices)
    owner = Named(User, field_name="owner")
    retro = Named(Retrospective, field_name="retro")
    overdue = YesNo(method="is_overdue", label="By the day in UTC.")
    due_after = Day(field_name="due_on", lookup_expr="gte", label="On this day or later.")
    due_before = Day(field_name="due_on", lookup_expr="lt", label="Before this day.")

    def is_overdue(self, queryset, name, value):
        overdue = ActionItem.objects.overdue().values("pk")
        return queryset.filter(pk__in=overdue) if value else queryset.exclude(pk__in=overdue)


@with_verbs
class Items(Creates, Edits):
    """Improvement actions, by reference (`ACT-0007`) or number."""

    model = ActionItem
    serializer_class = ItemRow
    filterset_class = ItemFilters
    inputs = {"create": ItemCreate, "partial_update": ItemEdit}
    orderings = (
        "due_on",
        "-due_on",
        "priority",
        "-priority",
        "-created_at",
        "created_at",
        "-reference",
        "reference",
    )

    def with_shown(self, queryset):
        return queryset.select_related("owner", "ended_by", "offered_to", "offered_by")

    def make(self, data):
        item = ActionItem(**data)
        item.full_clean()
        item.save()
        return item

    def lock(self, row):
        super().lock(row)
        if not row.can_be_edited_by(self.request.user):
            raise NotPermitted("Its owner, or whoever manages actions, may edit it.")


ROUTES = [("action-items", Items, "action-items"), *checks_api.ROUTES]
