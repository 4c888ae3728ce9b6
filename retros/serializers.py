"""What the API shows of retrospectives, and what may be written, field by field."""

from rest_framework import serializers

from config.api.fields import ByName, DayField, LineField, Person, Strict, StrictModel
from config.people.models import User
from incidents.models import Incident
from retros.models import Factor, Finding, Participant, RetroFactor, Retrospective, Section, Template


class IncidentOfRetro(serializers.Serializer):
    """An incident it is about, and that you may see."""

    reference = serializers.SerializerMethodField()
    title = serializers.CharField()

    def get_reference(self, row) -> str:
        return Incident(pk=row["id"]).reference


class RetroRow(StrictModel):
    """A retrospective; its sections, findings and factors have addresses of their own."""

    reference = serializers.CharField()
    facilitator = Person(allow_null=True)
    incidents = IncidentOfRetro(many=True, source="incident_list")
    is_overdue = serializers.BooleanField()
    published_by = Person(allow_null=True)

    class Meta:
        model = Retrospective
        fields = (
            *("id", "reference", "title", "status", "facilitator", "incidents", "customer_impact"),
            *("due_on", "is_overdue", "opened_at", "published_at", "published_by", "version"),
        )
        read_only_fields = fields


class RetroCreate(Strict):
    """A new retrospective, with the sections of the template; what is left out follows from the incidents."""

    incidents = serializers.ListField(
        child=ByName(Incident.objects.all()), min_length=1, max_length=50, help_text="INC-0042, or numbers."
    )
    title = LineField(max_length=255, required=False)
    facilitator = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)
    template = ByName(Template.objects.all(), required=False, allow_null=True)
    due_on = DayField(required=False)

    def validate_incidents(self, value):
        if len(set(value)) < len(value):
            raise serializers.ValidationError("Name each incident once.")
        return value


class RetroEdit(StrictModel):
    """What may be edited until it is published."""

    facilitator = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)

    class Meta:
        model = Retrospective
        fields = ("title", "facilitator", "customer_impact", "due_on")


class SectionRow(StrictModel):
    """One part of the narrative, in Markdown."""

    class Meta:
        model = Section
        fields = ("id", "position", "heading", "guidance", "text", "version")
        read_only_fields = fields


class SectionInput(StrictModel):
    """What may be written of a section."""

    class Meta:
        model = Section
        fields = ("position", "heading", "text")


class FindingRow(StrictModel):
    """One thing we found out."""

    class Meta:
        model = Finding
        fields = ("id", "kind", "text", "position", "version")
        read_only_fields = fields


class FindingInput(StrictModel):
    """What may be written of a finding."""

    class Meta:
        model = Finding
        fields = ("kind", "text", "position")


class FactorRow(StrictModel):
    """A kind of contributing factor."""

    class Meta:
        model = Factor
        fields = ("id", "slug", "name", "description", "version")
        read_only_fields = fields


class RetroFactorRow(StrictModel):
    """A factor that contributed here, and how."""

    factor = serializers.CharField(source="factor.slug")
    name = serializers.CharField(source="factor.name")

    class Meta:
        model = RetroFactor
        fields = ("id", "factor", "name", "note", "version")
        read_only_fields = fields


class RetroFactorCreate(StrictModel):
    """This factor contributed."""

    factor = ByName(Factor.objects.all())

    class Meta:
        model = RetroFactor
        fields = ("factor", "note")


class RetroFactorEdit(StrictModel):
    """How it contributed."""

    class Meta:
        model = RetroFactor
        fields = ("note",)


class ParticipantRow(StrictModel):
    """Somebody who takes part, and from which side they saw it."""

    user = Person(allow_null=True)

    class Meta:
        model = Participant
        fields = ("id", "user", "name", "hat")
        read_only_fields = fields


class ParticipantCreate(StrictModel):
    """A person here, or the name of somebody without an account."""

    user = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)

    class Meta:
        model = Participant
        fields = ("user", "name", "hat")
