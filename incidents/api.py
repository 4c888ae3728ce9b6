"""Incidents in the API, with their timeline and what customers are told."""

from django.db.models import Exists, OuterRef
from django.db.models.functions import JSONObject
from django_filters.rest_framework import FilterSet

from config.api.fields import JSONRows
from config.api.filters import Moment, Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Part, Resource, with_verbs
from config.transitions import NotPermitted
from incidents.models import (
    CustomerUpdate,
    Incident,
    IncidentRegion,
    IncidentService,
    Region,
    Service,
    Severity,
    TimelineEntry,
)
from incidents.serializers import (
    IncidentDeclare,
    IncidentEdit,
    IncidentRow,
    NoteCreate,
    RegionRow,
    ServiceCreate,
    ServiceEdit,
    ServiceRow,
    SeverityRow,
    TimelineRow,
    UpdateDraft,
    UpdateRow,
)


class _Catalogue(Resource):
    """What everybody who may read incidents may read."""

    def visible(self):
        return self.model.objects.all()


class Services(Creates, Edits, _Catalogue):
    """What customers use. Kept by administrators."""

    model = Service
    serializer_class = ServiceRow
    inputs = {"create": ServiceCreate, "partial_update": ServiceEdit}
    orderings = ("position", "-position", "name", "-name", "reference", "-reference")

    def make(self, data):
        return Service.objects.create(**data)


class Regions(_Catalogue):
    """Where customers are served from."""

    model = Region
    serializer_class = RegionRow
    orderings = ("name", "-name")


class Severities(_Catalogue):
    """How bad is how bad, and what we owe customers then."""

    model = Severity
    serializer_class = SeverityRow
    orderings = ("rank", "-rank")


class IncidentFilters(FilterSet):
    """By what responders and auditors ask for."""

    status = OneOf(Incident.Status.choices)
    visibility = OneOf(Incident.Visibility.choices)
    severity = Named(Severity, field_name="severity")
    service = Named(Service, method="affecting")
    drill = YesNo(field_name="is_drill")
    declared_after = Moment(field_name="declared_at", lookup_expr="gte", label="At this moment or later.")
    declared_before = Moment(field_name="declared_at", lookup_expr="lt", label="Before this moment.")

    def affecting(self, queryset, name, by):
        by = {f"service__{key}": value for key, value in by.items()}
        return queryset.filter(Exists(IncidentService.objects.filter(incident=OuterRef("pk"), **by)))


@with_verbs
class Incidents(Creates, Edits):
    """Incidents, by reference (`INC-0042`) or number."""

    model = Incident
    serializer_class = IncidentRow
    filterset_class = IncidentFilters
    inputs = {"create": IncidentDeclare, "partial_update": IncidentEdit}
    orderings = ("-declared_at", "declared_at", "-reference", "reference", "-resolved_at", "resolved_at")

    def with_shown(self, queryset):
        return queryset.select_related("severity", "declared_by").annotate(
            service_list=_impacts(IncidentService, "service"), region_list=_impacts(IncidentRegion, "region")
        )

    def make(self, data):
        services = [(a["service"], a["impact"]) for a in data.pop("services", ())]
        regions = data.pop("regions", ())
        incident = Incident.objects.declare(by=self.request.user, services=services, **data)
        for affected in regions:
            incident.region_impacts.create(**affected)
        return incident

    def edit(self, row, data):
        for name, impacts in (("service", row.service_impacts), ("region", row.region_impacts)):
            if (wanted := data.pop(f"{name}s", None)) is not None:
                self._replace(impacts, name, {a[name]: a["impact"] for a in wanted})
        super().edit(row, data)

    def _replace(self, impacts, name, wanted):
        """Touch only what differs, so that the history tells what was changed."""
        there = {getattr(row, name): row for row in impacts.select_related(name)}
        if {place: row.impact for place, row in there.items()} == wanted:
            return
        if not self.request.user.has_perm(f"incidents.change_{impacts.model._meta.model_name}"):
            raise NotPermitted(f"You may not say which {name}s were affected.")
        for place in there.keys() - wanted.keys():
            there[place].delete()
        for place, impact in wanted.items():
            impacts.update_or_create(**{name: place}, defaults={"impact": impact})


def _impacts(model, name):
    item = JSONObject(**{name: f"{name}__slug", "name": f"{name}__name", "impact": "impact"})
    return JSONRows(model.objects.filter(incident=OuterRef("pk")).values(item=item))


class Timeline(Creates, Part):
    """What happened, in order."""

    model = TimelineEntry
    parent_model, parent_name = Incident, "incident"
    serializer_class = TimelineRow
    inputs = {"create": NoteCreate}
    orderings = ("at", "-at")

    def with_shown(self, queryset):
        return queryset.select_related("author")

    def make(self, data):
        return self.parent.log(TimelineEntry.Kind.NOTE, by=self.request.user, **data)


@with_verbs
class Updates(Creates, Edits, Part):
    """What customers are told: drafts until they are published, then as they were said."""

    model = CustomerUpdate
    parent_model, parent_name = Incident, "incident"
    serializer_class = UpdateRow
    inputs = {"create": UpdateDraft, "partial_update": UpdateDraft}

    def with_shown(self, queryset):
        return queryset.select_related("published_by")

    def make(self, data):
        return self.parent.updates.create(**data)


ROUTES = [
    ("services", Services, "services"),
    ("regions", Regions, "regions"),
    ("severities", Severities, "severities"),
    ("incidents", Incidents, "incidents"),
    (r"incidents/(?P<incident>[^/]+)/timeline", Timeline, "timeline"),
    (r"incidents/(?P<incident>[^/]+)/updates", Updates, "updates"),
]
