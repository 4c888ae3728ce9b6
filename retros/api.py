"""Retrospectives in the API, with what was written, found and learnt."""

from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django_filters.rest_framework import FilterSet

from config.api.fields import JSONRows
from config.api.filters import Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Part, Resource, with_verbs
from config.people.models import User
from config.transitions import WrongState
from incidents.models import Incident
from retros.models import (
    Factor,
    Finding,
    Participant,
    RetroFactor,
    Retrospective,
    RetrospectiveIncident,
    Section,
)
from retros.serializers import (
    FactorRow,
    FindingInput,
    FindingRow,
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
)


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
    orderings = ("-opened_at", "opened_at", "due_on", "-due_on", "-reference", "reference")

    def with_shown(self, queryset):
        about = Incident.objects.visible_to(self.request.user).filter(retro_links__retro=OuterRef("pk"))
        return queryset.select_related("facilitator", "published_by").annotate(
            incident_list=JSONRows(about.order_by("pk").values(item=JSONObject(id="pk", title="title")))
        )

    def make(self, data):
        incidents = data.pop("incidents")
        links = RetrospectiveIncident.objects.filter(incident__in=incidents).select_related("incident")
        if taken := links.first():
            raise WrongState(f"{taken.incident} has a retrospective already.")
        return Retrospective.objects.open_for(*incidents, **data)


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


ROUTES = [
    ("factors", Factors, "factors"),
    ("retros", Retros, "retros"),
    (r"retros/(?P<retro>[^/]+)/sections", Sections, "sections"),
    (r"retros/(?P<retro>[^/]+)/findings", Findings, "findings"),
    (r"retros/(?P<retro>[^/]+)/factors", RetroFactors, "retro-factors"),
    (r"retros/(?P<retro>[^/]+)/participants", Participants, "participants"),
]
