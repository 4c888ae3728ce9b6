"""Retrospectives in the API, with what was written, found and learnt."""

from django.db.models import Exists, OuterRef, Prefetch
from django.db.models.functions import JSONObject
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from config.api.fields import JSONRows
from config.api.filters import Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Part, Resource, with_verbs
from config.people.models import User
from config.transitions import WrongState
from incidents.models import Incident, TimelineEntry
from retros import neutrality, reviews_api, workspace_api
from retros.exchange import FORMATS
from retros.exchange.views import attachment
from retros.models import (
    Edition,
    Factor,
    Finding,
    Learning,
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
)
from retros.redacting import suspects
from retros.serializers import (
    FactorRow,
    FindingInput,
    FindingRow,
    LearningCreate,
    LearningEdit,
    LearningRow,
    ParticipantCreate,
    ParticipantRow,
    RetroCreate,
    RetroEdit,
    RetroFactorCreate,
    RetroFactorEdit,
    RetroFactorRow,
    RetroRow,
    SectionInput,
    SectionRow,
    SuspectRow,
)

EXPORT_AS = OpenApiParameter("as", str, enum=list(FORMATS), description="As what; `md` if left out.")
EXPORTED = {(200, FORMATS["md"].partition(";")[0]): str, (200, FORMATS["json"]): dict}


class RetroFilters(FilterSet):
    """By what facilitators ask for."""

    status = OneOf(Retrospective.Status.choices)
    facilitator = Named(User, field_name="facilitator")
    incident = Named(Incident, method="about")
    overdue = YesNo(method="is_overdue")

    def about(self, queryset, name, by):
        # Through what this person may see: a hidden incident must not be found by asking for its retro.
        seen = Incident.objects.visible_to(self.request.user).filter(**by)
        return queryset.filter(pk__in=RetrospectiveIncident.objects.filter(incident__in=seen).values("retro"))

    def is_overdue(self, queryset, name, value):
        overdue = Retrospective.objects.overdue().values("pk")
        return queryset.filter(pk__in=overdue) if value else queryset.exclude(pk__in=overdue)


@with_verbs
class Retros(Creates, Edits):
    """Retrospectives, by reference (`RETRO-0012`) or number."""

    model = Retrospective
    serializer_class = RetroRow
    filterset_class = RetroFilters
    inputs = {"create": RetroCreate, "partial_update": RetroEdit}
    takes = {"export": {"as"}}
    tells_more = ("gate", "export")
    orderings = ("-opened_at", "opened_at", "due_on", "-due_on", "-reference", "reference")

    def with_shown(self, queryset):
        about = Incident.objects.visible_to(self.request.user).filter(retro_links__retro=OuterRef("pk"))
        people = ("facilitator", "sponsor", "published_by", "neutrality_confirmed_by")
        shown = neutrality.with_involved(queryset.select_related(*people))
        return shown.annotate(
            incident_list=JSONRows(about.order_by("pk").values(item=JSONObject(id="pk", title="title")))
        )

    def make(self, data):
        incidents = data.pop("incidents")
        links = RetrospectiveIncident.objects.filter(incident__in=incidents).select_related("incident")
        if taken := links.first():
            raise WrongState(f"{taken.incident} has a retrospective already.")
        return Retrospective.objects.open_for(*incidents, **data)

    @extend_schema(responses=reviews_api.GateRow)
    @action(detail=True, methods=["get"])
    def gate(self, request, **kwargs):
        """What it still lacks before it can be published, and what the language coach marked."""
        return Response(reviews_api.gate_of(self.get_object()))

    @extend_schema(parameters=[EXPORT_AS], responses=EXPORTED)
    @action(detail=True, methods=["get"])
    def export(self, request, **kwargs):
        """All of it that you may see as one file; Markdown unless you say otherwise."""
        form = request.query_params.get("as", "md")
        if form not in FORMATS:
            raise ValidationError({"as": [f"Choose one of {', '.join(FORMATS)}."]})
        return attachment(self.get_object(), request.user, form)


class Factors(Resource):
    """The kinds of contributing factors there are."""

    model = Factor
    serializer_class = FactorRow
    orderings = ("name", "-name")

    def visible(self):
        return Factor.objects.all()


class _OfRetro(Creates, Part):
    """A part of a retrospective: as fixed as it once it is published."""

    parent_model, parent_name = Retrospective, "retro"
    orderings = ("reference", "-reference")

    def hold_retro(self):
        """Lock it, so that it is not published under our hands, and refuse a published one."""
        rows = Retrospective._base_manager.select_for_update(of=("self",))
        self.parent.refresh_from_db(from_queryset=rows)
        self.parent.refuse_edit()

    def make(self, data):
        self.hold_retro()
        row = self.model(retro=self.parent, **data)
        row.full_clean()
        row.save()
        return row

    def lock(self, row):
        self.hold_retro()
        super().lock(row)


class Sections(_OfRetro, Edits):
    """The narrative, part by part."""

    model = Section
    serializer_class = SectionRow
    inputs = {"create": SectionInput, "partial_update": SectionInput}
    orderings = ("position", "-position")


class Findings(_OfRetro, Edits):
    """What we found out."""

    model = Finding
    serializer_class = FindingRow
    inputs = {"create": FindingInput, "partial_update": FindingInput}
    orderings = ("position", "-position")

    def entries(self):
        """The entries of the timeline that this person may name as evidence."""
        seen = Incident.objects.visible_to(self.request.user).filter(retro_links__retro=self.parent)
        return TimelineEntry.objects.filter(incident__in=seen)

    def with_shown(self, queryset):
        named = self.entries().filter(evidence_for__finding=OuterRef("pk")).order_by("at", "pk")
        items = Finding._meta.get_field("action_items").related_model.objects
        return queryset.annotate(
            evidence_list=JSONRows(named.values(item=JSONObject(id="pk", kind="kind", text="text"))),
            has_actions=Exists(items.filter(finding=OuterRef("pk"))),
        )

    def make(self, data):
        evidence = data.pop("evidence", [])
        row = super().make(data)
        row.show_by(evidence, among=self.entries())
        return row

    def edit(self, row, data):
        evidence = data.pop("evidence", None)
        super().edit(row, data)
        if evidence is not None:
            row.show_by(evidence, among=self.entries())


class RetroFactors(_OfRetro, Edits):
    """What contributed, and how."""

    model = RetroFactor
    serializer_class = RetroFactorRow
    inputs = {"create": RetroFactorCreate, "partial_update": RetroFactorEdit}

    def with_shown(self, queryset):
        return queryset.select_related("factor")


class Participants(_OfRetro):
    """Who takes part."""

    model = Participant
    serializer_class = ParticipantRow
    inputs = {"create": ParticipantCreate}

    def with_shown(self, queryset):
        return queryset.select_related("user")


class LearningFilters(FilterSet):
    """By how far it is, and of which retro it is."""

    status = OneOf(Learning.Status.choices)
    retro = Named(Retrospective, method="of")

    def of(self, queryset, name, by):
        seen = Retrospective.objects.visible_to(self.request.user).filter(**by)
        return queryset.filter(retro__in=seen)


@with_verbs
class Learnings(Creates, Edits):
    """Public learnings, by reference (`LRN-0007`) or number, whoever may read them already."""

    model = Learning
    serializer_class = LearningRow
    filterset_class = LearningFilters
    inputs = {"create": LearningCreate, "partial_update": LearningEdit}
    tells_more = ("check",)
    orderings = ("-reference", "reference", "-published_at", "published_at")

    def with_shown(self, queryset):
        public = Learning.objects.public().filter(pk=OuterRef("pk"))
        return (
            queryset.select_related("retro", "published_by", "withdrawn_by")
            .prefetch_related(Prefetch("editions", Edition.objects.select_related("published_by")))
            .annotate(is_public=Exists(public))
        )

    def make(self, data):
        return Learning.objects.draft_from(data["retro"], by=self.request.user)

    @extend_schema(responses=SuspectRow(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def check(self, request, **kwargs):
        """What the redaction check finds in it as it is stored."""
        return Response(SuspectRow(suspects(self.get_object()), many=True).data)


ROUTES = [
    ("factors", Factors, "factors"),
    ("learnings", Learnings, "learnings"),
    ("retros", Retros, "retros"),
    (r"retros/(?P<retro>[^/]+)/sections", Sections, "sections"),
    (r"retros/(?P<retro>[^/]+)/findings", Findings, "findings"),
    (r"retros/(?P<retro>[^/]+)/factors", RetroFactors, "retro-factors"),
    (r"retros/(?P<retro>[^/]+)/participants", Participants, "participants"),
    *reviews_api.ROUTES,
    *workspace_api.ROUTES,
]
