"""Message templates in the API, and one filled for an incident as the form fills it on which customers are told."""

from django.core.exceptions import ValidationError
from django_filters import filters
from django_filters.rest_framework import FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from config.api.fields import ByName, Strict, StrictModel
from config.api.filters import Named, OneOf
from config.api.resources import Creates, Edits, Numbered
from config.transitions import NotPermitted
from incidents.models import Audience, CustomerUpdate, Incident, MessageTemplate, Service, Severity
from incidents.updates.form import TellForm
from incidents.updates.placeholders import KNOWN, LATER, missing_in, names_in

_FIELDS = ("name", "phase", "audience", "severity", "service", "locale", "text")
FOR_INCIDENT = OpenApiParameter("incident", str, required=True, description="Its reference or number.")


class TemplateRow(StrictModel):
    """The words for one phase; one for a service or a severity wins over one for all."""

    severity = serializers.CharField(
        source="severity.name", default=None, allow_null=True, help_text="null: for every severity."
    )
    service = serializers.CharField(
        source="service.slug", default=None, allow_null=True, help_text="null: for every service."
    )

    class Meta:
        model = MessageTemplate
        fields = ("id", *_FIELDS, "version")
        read_only_fields = fields


class TemplateInput(StrictModel):
    """What may be written of a template. The row itself says what is there already, in the words of its form."""

    severity = ByName(Severity.objects.all(), required=False, allow_null=True)
    service = ByName(Service.objects.all(), required=False, allow_null=True)

    class Meta:
        model = MessageTemplate
        fields = _FIELDS
        validators = ()
        extra_kwargs = {"name": {"validators": ()}, "text": {"required": True}}


class MissingPlaceholder(serializers.Serializer):
    """A placeholder that the incident cannot fill yet, and what to do about it."""

    name = serializers.CharField()
    means = serializers.CharField()
    what_to_do = serializers.CharField()


class FilledTemplate(serializers.Serializer):
    """A template with the facts of an incident in it, as they are now. Nothing is stored, and nobody is told."""

    template = serializers.IntegerField()
    incident = serializers.CharField()
    text = serializers.CharField(help_text="Empty while something is missing.")
    problem = serializers.CharField(help_text="What the form says while something is missing; else empty.")
    missing = MissingPlaceholder(many=True)
    left = serializers.ListField(
        child=serializers.CharField(), help_text="Placeholders that are filled when it is published."
    )


class FillFor(Strict):
    """What a template is filled for."""

    incident = ByName(Incident.objects.select_related("severity"))


def filled(template, incident, by) -> dict:
    """What the form would offer `by` of this template for `incident`, or what it says is missing."""
    form = TellForm(None, incident=incident, by=by)
    try:
        text, problem = form.written(template), ""
    except ValidationError as error:
        text, problem = "", " ".join(error.messages)
    missing = missing_in(template.text, form.facts(), leave=LATER)
    about = {
        "template": template.pk,
        "incident": incident.reference,
        "text": text,
        "problem": problem,
        "missing": [
            {"name": name, "means": KNOWN[name].means, "what_to_do": KNOWN[name].missing} for name in missing
        ],
        "left": [name for name in names_in(template.text) if name in LATER],
    }
    return FilledTemplate(about).data


class TemplateFilters(FilterSet):
    """By what the form chooses by."""

    phase = OneOf(CustomerUpdate.Status.choices)
    audience = OneOf(Audience.choices)
    severity = Named(Severity, field_name="severity")
    service = Named(Service, field_name="service")
    locale = filters.CharFilter(field_name="locale", max_length=10)


class Templates(Creates, Edits, Numbered):
    """What is usually said to customers, by number."""

    model = MessageTemplate
    serializer_class = TemplateRow
    filterset_class = TemplateFilters
    inputs = {"create": TemplateInput, "partial_update": TemplateInput}
    takes = {"filled": {"incident"}}
    tells_more = ("filled",)
    is_checked_whole = True  # there is one for each combination of what it is for

    def visible(self):
        return MessageTemplate.objects.all()

    def with_shown(self, queryset):
        return queryset.select_related("severity", "service")

    def make(self, data):
        row = MessageTemplate(**data)
        row.full_clean()
        row.save()
        return row

    @extend_schema(parameters=[FOR_INCIDENT], responses=FilledTemplate)
    @action(detail=True, methods=["get"])
    def filled(self, request, **kwargs):
        """The words of it for one incident as it is now, and which placeholders that cannot fill yet."""
        if not request.user.has_perm("incidents.view_incident"):
            raise NotPermitted("You may not see incidents.")
        template = self.get_object()
        asked = FillFor(data=request.query_params.dict(), context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        return Response(filled(template, asked.validated_data["incident"], request.user))


ROUTES = [("message-templates", Templates, "message-templates")]
