"""Incidents in the API, with their timeline and what customers are told."""

from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django_filters import filters
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.response import Response

from config.api.fields import JSONRows
from config.api.filters import Day, Moment, Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Part, Resource, with_verbs
from config.people.models import User
from config.transitions import NotPermitted
from incidents import catalogue_api, maintenance_api, templates_api
from incidents.feedback import figures
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
    ExposedRow,
    IncidentDeclare,
    IncidentEdit,
    IncidentRow,
    MilestoneInput,
    MilestoneRow,
    NoteCreate,
    OneMoreTicket,
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
from incidents.subscribers import api as subscribers_api
from incidents.updates.carrying import plan_of
from incidents.updates.marking import marks_of


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
    tells_more = ("feedback", "tickets")

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

    @extend_schema(responses=figures.FeedbackFigures)
    @action(detail=True, methods=["get"])
    def feedback(self, request, **kwargs):
        """What customers said of it in figures, as the workspace shows them; none of fewer than five answers."""
        self._refuse_unless("incidents.view_feedback", "You may not see what customers said.")
        return Response(figures.feedback_of(self.get_object()))

    @extend_schema(responses=figures.TicketFigures)
    @action(detail=True, methods=["get"])
    def tickets(self, request, **kwargs):
        """How many tickets it made, by whom counted, and how many are linked."""
        self._refuse_unless("incidents.view_ticketcount", "You may not see what it cost support.")
        return Response(figures.tickets_on(self.get_object()))

    def _refuse_unless(self, permission, told):
        if not self.request.user.has_perm(permission):
            raise NotPermitted(told)


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

    @extend_schema(responses=ExposedRow(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def check(self, request, **kwargs):
        """What the redaction check marks in it; `publish` asks why it stays."""
        return Response(ExposedRow(marks_of(self.get_object().text), many=True).data)

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


class MilestoneFilters(FilterSet):
    """By what is missing, by when, and whose it is."""

    status = OneOf(Milestone.Status.choices)
    owner = Named(User, field_name="owner")
    overdue = YesNo(method="is_overdue", label="Planned, and due before today in UTC.")
    due_after = Day(field_name="due_on", lookup_expr="gte", label="On this day or later.")
    due_before = Day(field_name="due_on", lookup_expr="lt", label="Before this day.")

    def is_overdue(self, queryset, name, value):
        overdue = Milestone.objects.overdue().values("pk")
        return queryset.filter(pk__in=overdue) if value else queryset.exclude(pk__in=overdue)


@with_verbs
class Milestones(Creates, Edits, Part):
    """What remains to be done until customers are whole again, step by step."""

    model = Milestone
    parent_model, parent_name = Incident, "incident"
    serializer_class = MilestoneRow
    filterset_class = MilestoneFilters
    inputs = {"create": MilestoneInput, "partial_update": MilestoneInput}
    orderings = ("-reference", "reference", "due_on", "-due_on")

    def with_shown(self, queryset):
        return queryset.select_related("owner", "reached_by")

    def make(self, data):
        row = Milestone(incident=self.parent, **data)
        row.full_clean()
        row.save()
        return row


class SourceFilters(FilterSet):
    """By the desk or tool that it comes from."""

    source = filters.CharFilter(field_name="source", max_length=100)


class TicketCounts(Creates, Part):
    """How many tickets support had, as each source counts them; counted again, never edited."""

    model = TicketCount
    parent_model, parent_name = Incident, "incident"
    serializer_class = TicketCountRow
    filterset_class = SourceFilters
    inputs = {"create": TicketCountEntry, "add_one": OneMoreTicket}
    orderings = ("-reference", "reference", "-counted_at", "counted_at")

    def with_shown(self, queryset):
        return queryset.select_related("entered_by")

    def make(self, data):
        at = data.pop("counted_at", None)
        return TicketCount.objects.enter(self.parent, by=self.request.user, at=at, **data)

    @extend_schema(responses={201: TicketCountRow})
    @action(detail=False, methods=["post"])
    def add_one(self, request, **kwargs):
        """One ticket more, as the button of the support page counts it. Sent twice, it counts two."""
        self.read(OneMoreTicket)
        return self.answer_anew(TicketCount.objects.add_one(self.parent, by=request.user), status=201)


class SupportTickets(Creates, Part):
    """The tickets that were about an incident, by what they are called in the tool of support."""

    model = SupportTicket
    parent_model, parent_name = Incident, "incident"
    serializer_class = SupportTicketRow
    filterset_class = SourceFilters
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
    *catalogue_api.ROUTES,
    *templates_api.ROUTES,
    *maintenance_api.ROUTES,
    *subscribers_api.ROUTES,
]
