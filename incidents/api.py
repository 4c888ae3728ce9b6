"""Incidents in the API, with their timeline and what customers are told."""

from django.db.models import Exists, OuterRef, Subquery
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
    Milestone,
    Region,
    Service,
    Severity,
    SupportTicket,
    TicketCount,
    TimelineEntry,
    UpdateCorrection,
)
from incidents.serializers import (
    IncidentDeclare,
    IncidentEdit,
    IncidentRow,
    MilestoneInput,
    MilestoneRow,
    NoteCreate,
    RegionRow,
    ServiceCreate,
    ServiceEdit,
    ServiceRow,
    SeverityRow,
    SupportTicketLink,
    SupportTicketRow,
    TicketCountEntry,
    TicketCountRow,
    TimelineRow,
    UpdateDetail,
    UpdateDraft,
    UpdateRow,
)
from incidents.updates.carrying import plan_of


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
    serializer_class = UpdateDetail
    inputs = {"create": UpdateDraft, "partial_update": UpdateDraft}

    def get_serializer_class(self):
        return UpdateRow if self.action == "list" else UpdateDetail

    def with_shown(self, queryset):
        latest = UpdateCorrection.objects.filter(update=OuterRef("pk")).order_by("-corrected_at")
        rows = queryset.select_related("published_by", "submitted_by")
        rows = rows.annotate(corrected_at=Subquery(latest.values("corrected_at")[:1]))
        return rows if self.action == "list" else rows.prefetch_related("corrections__corrected_by")

    def make(self, data):
        return self.parent.updates.create(**_planned(data))

    def edit(self, row, data):
        super().edit(row, _planned(data))


def _planned(data):
    """The body with its plan as it is kept."""
    if (plan := data.pop("plan", None)) is not None:
        for name in ("service", "region"):
            if f"{name}s" in plan:
                plan[f"{name}s"] = {one[name]: one["impact"] for one in plan[f"{name}s"]}
        data["plan"] = plan_of(**plan)
    return data


@with_verbs
class Milestones(Creates, Edits, Part):
    """What remains to be done until customers are whole again, step by step."""

    model = Milestone
    parent_model, parent_name = Incident, "incident"
    serializer_class = MilestoneRow
    inputs = {"create": MilestoneInput, "partial_update": MilestoneInput}

    def with_shown(self, queryset):
        return queryset.select_related("owner", "reached_by")

    def make(self, data):
        row = Milestone(incident=self.parent, **data)
        row.full_clean()
        row.save()
        return row


class TicketCounts(Creates, Part):
    """How many tickets support had, as each source counts them; counted again, never edited."""

    model = TicketCount
    parent_model, parent_name = Incident, "incident"
    serializer_class = TicketCountRow
    inputs = {"create": TicketCountEntry}

    def with_shown(self, queryset):
        return queryset.select_related("entered_by")

    def make(self, data):
        at = data.pop("counted_at", None)
        return TicketCount.objects.enter(self.parent, by=self.request.user, at=at, **data)


class SupportTickets(Creates, Part):
    """The tickets that were about an incident, by what they are called in the tool of support."""

    model = SupportTicket
    parent_model, parent_name = Incident, "incident"
    serializer_class = SupportTicketRow
    inputs = {"create": SupportTicketLink}

    def with_shown(self, queryset):
        return queryset.select_related("entered_by")

    def make(self, data):
        return SupportTicket.objects.link(self.parent, by=self.request.user, **data)


ROUTES = [
    ("services", Services, "services"),
    ("regions", Regions, "regions"),
    ("severities", Severities, "severities"),
    ("incidents", Incidents, "incidents"),
    (r"incidents/(?P<incident>[^/]+)/timeline", Timeline, "timeline"),
    (r"incidents/(?P<incident>[^/]+)/updates", Updates, "updates"),
    (r"incidents/(?P<incident>[^/]+)/milestones", Milestones, "milestones"),
    (r"incidents/(?P<incident>[^/]+)/ticket-counts", TicketCounts, "ticket-counts"),
    (r"incidents/(?P<incident>[^/]+)/support-tickets", SupportTickets, "support-tickets"),
]
