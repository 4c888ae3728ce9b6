"""Maintenance in the API: planned as a draft, announced and told about by its verbs; what customers were told of it."""

from django.db.models import Exists, OuterRef
from django.db.models.functions import JSONObject
from django_filters.rest_framework import FilterSet
from rest_framework import serializers

from config.api.fields import ByName, JSONRows, Person, StrictModel
from config.api.filters import Moment, Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Part, with_verbs
from config.transitions import NotPermitted
from incidents.models import (
    Maintenance,
    MaintenanceRegion,
    MaintenanceService,
    MaintenanceUpdate,
    Region,
    Service,
)

_PLANNED = ("title", "text", "scheduled_for", "scheduled_until")
_ENDS = ("announced", "begun", "completed", "cancelled")


class ServiceNamed(serializers.Serializer):
    """A service by its slug and name."""

    service = serializers.CharField(help_text="Its slug.")
    name = serializers.CharField()


class RegionNamed(serializers.Serializer):
    """A region by its slug and name."""

    region = serializers.CharField(help_text="Its slug.")
    name = serializers.CharField()


class MaintenanceRow(StrictModel):
    """A window of maintenance. Customers read of it from `announced_at` on; before, it is a draft."""

    services = ServiceNamed(many=True, source="service_list")
    regions = RegionNamed(many=True, source="region_list")
    announced_by = Person(allow_null=True)
    begun_by = Person(allow_null=True)
    completed_by = Person(allow_null=True)
    cancelled_by = Person(allow_null=True)

    class Meta:
        model = Maintenance
        fields = (
            *("id", "public_id", "status", *_PLANNED, "services", "regions"),
            *(f"{end}_{what}" for end in _ENDS for what in ("at", "by")),
            *("source", "version"),
        )
        read_only_fields = fields


class MaintenanceInput(StrictModel):
    """What may be written of a window; its state changes by its verbs. A list given replaces the one there is."""

    services = serializers.ListField(
        child=ByName(Service.objects.all()), required=False, max_length=200, help_text="What is worked on."
    )
    regions = serializers.ListField(
        child=ByName(Region.objects.all()), required=False, max_length=200, help_text="Where it is noticed."
    )

    class Meta:
        model = Maintenance
        fields = (*_PLANNED, "services", "regions")
        validators = ()
        extra_kwargs = {"text": {"required": True}}

    def validate_services(self, value):
        return _once_each("service", value)

    def validate_regions(self, value):
        return _once_each("region", value)


def _once_each(name, rows):
    if len(set(rows)) < len(rows):
        raise serializers.ValidationError(f"Name each {name} once.")
    return rows


class MaintenanceUpdateRow(StrictModel):
    """What customers were told of a window. Never changed."""

    author = Person(allow_null=True)

    class Meta:
        model = MaintenanceUpdate
        fields = ("id", "status", "text", "published_at", "author")
        read_only_fields = fields


class MaintenanceFilters(FilterSet):
    """By how far it is, when it is, and what it is about."""

    status = OneOf(Maintenance.Status.choices)
    service = Named(Service, method="about")
    region = Named(Region, method="about")
    announced = YesNo(field_name="announced_at", lookup_expr="isnull", exclude=True)
    begins_after = Moment(field_name="scheduled_for", lookup_expr="gte", label="At this moment or later.")
    begins_before = Moment(field_name="scheduled_for", lookup_expr="lt", label="Before this moment.")

    def about(self, queryset, name, by):
        links = {"service": MaintenanceService, "region": MaintenanceRegion}[name]
        by = {f"{name}__{key}": value for key, value in by.items()}
        return queryset.filter(Exists(links.objects.filter(maintenance=OuterRef("pk"), **by)))


@with_verbs
class Maintenances(Creates, Edits):
    """Windows of maintenance, by number."""

    model = Maintenance
    serializer_class = MaintenanceRow
    filterset_class = MaintenanceFilters
    inputs = {"create": MaintenanceInput, "partial_update": MaintenanceInput}
    orderings = ("-scheduled_for", "scheduled_for", "-reference", "reference")
    is_checked_whole = True  # it ends after it begins, whichever of the two is edited

    def visible(self):
        return Maintenance.objects.all()

    def with_shown(self, queryset):
        return queryset.select_related(*(f"{end}_by" for end in _ENDS)).annotate(
            service_list=_names(MaintenanceService, "service"),
            region_list=_names(MaintenanceRegion, "region"),
        )

    def make(self, data):
        lists = _lists_in(data)
        row = Maintenance(**data)
        row.full_clean()
        row.save()
        self._set_lists(row, lists)
        return row

    def edit(self, row, data):
        self._set_lists(row, _lists_in(data))
        super().edit(row, data)

    def _set_lists(self, row, lists):
        for name, wanted in lists.items():
            self._set_list(getattr(row, f"{name}_links"), name, {one.pk: one for one in wanted})

    def _set_list(self, links, name, wanted):
        """Touch only what differs, so that the history tells what was changed."""
        there = {getattr(link, f"{name}_id"): link for link in links.all()}
        gone, new = there.keys() - wanted.keys(), wanted.keys() - there.keys()
        for doing, what in (("delete", gone), ("add", new)):
            if what and not self.request.user.has_perm(f"incidents.{doing}_maintenance{name}"):
                raise NotPermitted(f"You may not say which {name}s are concerned.")
        for pk in gone:
            there[pk].delete()
        for pk in new:
            links.create(**{name: wanted[pk]})


def _lists_in(data):
    """What is concerned, taken out of the body; a list that is not in it is left as it is."""
    return {name: data.pop(f"{name}s") for name in ("service", "region") if f"{name}s" in data}


def _names(model, name):
    item = JSONObject(**{name: f"{name}__slug", "name": f"{name}__name"})
    return JSONRows(model.objects.filter(maintenance=OuterRef("pk")).values(item=item))


class MaintenanceUpdates(Part):
    """What customers were told of a window, by number. Written by its verbs alone."""

    model = MaintenanceUpdate
    parent_model, parent_name = Maintenance, "maintenance"
    serializer_class = MaintenanceUpdateRow
    orderings = ("-published_at", "published_at", "-reference", "reference")

    def parents(self):
        return Maintenance.objects.all()

    def with_shown(self, queryset):
        return queryset.select_related("author")


ROUTES = [
    ("maintenances", Maintenances, "maintenances"),
    (r"maintenances/(?P<maintenance>[^/]+)/updates", MaintenanceUpdates, "maintenance-updates"),
]
