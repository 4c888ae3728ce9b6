"""The questions whether done items worked, in the API."""

from django.db.models import Prefetch
from django_filters.rest_framework import FilterSet
from rest_framework import serializers

from actions.models import ActionItem, EffectivenessCheck
from config.api.fields import Person, StrictModel
from config.api.filters import Day, Named, OneOf
from config.api.resources import Resource, with_verbs
from config.people.models import User
from incidents.models import Incident


class CheckRow(StrictModel):
    """Whether a done item worked: of whom we ask it, and what they said."""

    item = serializers.SerializerMethodField()
    asked_of = Person(allow_null=True)
    answered_by = Person(allow_null=True)
    incident = serializers.SerializerMethodField(
        help_text="The later incident that made us ask; null also if you may not see it."
    )

    class Meta:
        model = EffectivenessCheck
        fields = (
            *("id", "item", "status", "asked_of", "due_on", "incident", "done_at", "created_at"),
            *("answered_at", "answered_by", "note", "version"),
        )
        read_only_fields = fields

    def get_item(self, check) -> str:
        return ActionItem(pk=check.item_id).reference

    def get_incident(self, check) -> str | None:
        return check.incident and check.incident.reference


class CheckFilters(FilterSet):
    """By what is still to be said, and by whom."""

    status = OneOf(EffectivenessCheck.Status.choices)
    item = Named(ActionItem, field_name="item")
    asked_of = Named(User, field_name="asked_of")
    due_after = Day(field_name="due_on", lookup_expr="gte", label="On this day or later.")
    due_before = Day(field_name="due_on", lookup_expr="lt", label="Before this day.")


@with_verbs
class Checks(Resource):
    """Questions whether a done item worked, by number. They are asked by Aftercare; `answer` answers them."""

    model = EffectivenessCheck
    serializer_class = CheckRow
    filterset_class = CheckFilters
    orderings = ("due_on", "-due_on", "-created_at", "created_at", "-reference", "reference")

    def with_shown(self, queryset):
        seen = Incident.objects.visible_to(self.request.user)
        return queryset.select_related("asked_of", "answered_by").prefetch_related(Prefetch("incident", seen))


ROUTES = [("effectiveness-checks", Checks, "effectiveness-checks")]
