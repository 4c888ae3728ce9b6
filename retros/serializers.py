"""What the API shows of retrospectives, and what may be written, field by field."""

from rest_framework import serializers

from config.api.fields import ByName, DayField, LineField, Person, Strict, StrictModel
from config.people.models import User
from incidents.models import Incident
from retros.models import (
    Edition,
    Factor,
    Finding,
    Learning,
    Participant,
    RetroFactor,
    Retrospective,
    Section,
    Template,
)
from retros.models.edition import TEXTS


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
    sponsor = Person(allow_null=True)
    incidents = IncidentOfRetro(many=True, source="incident_list")
    is_overdue = serializers.BooleanField()
    published_by = Person(allow_null=True)
    facilitator_appears = serializers.BooleanField(
        help_text="Whether who leads it was part of what it is about; then somebody else confirms it."
    )
    neutrality_confirmed_by = Person(allow_null=True)

    class Meta:
        model = Retrospective
        fields = (
            *("id", "reference", "title", "status", "facilitator", "sponsor", "incidents"),
            *("customer_impact", "no_actions_because", "needs_approval", "marks_because"),
            *("facilitator_appears", "neutrality_because"),
            *("neutrality_confirmed_at", "neutrality_confirmed_by"),
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
    sponsor = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)

    class Meta:
        model = Retrospective
        fields = ("title", "facilitator", "sponsor", "customer_impact", "no_actions_because", "due_on")


class SectionRow(StrictModel):
    """One part of the narrative, in Markdown."""

    class Meta:
        model = Section
        fields = ("id", "position", "heading", "topic", "guidance", "text", "version")
        read_only_fields = fields


class SectionInput(StrictModel):
    """What may be written of a section."""

    class Meta:
        model = Section
        fields = ("position", "heading", "topic", "text")


class EvidenceOfFinding(serializers.Serializer):
    """An entry of the timeline that shows it, and that you may see."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    text = serializers.CharField()


class FindingRow(StrictModel):
    """One thing we found out, what shows it, and whether something follows from it."""

    evidence = EvidenceOfFinding(many=True, source="evidence_list")
    is_answered = serializers.SerializerMethodField()

    class Meta:
        model = Finding
        fields = (
            *("id", "kind", "text", "position", "evidence", "accepted_because", "is_answered", "version"),
        )
        read_only_fields = fields

    def get_is_answered(self, row) -> bool:
        return bool(row.accepted_because.strip()) or row.has_actions


class FindingInput(StrictModel):
    """What may be written of a finding; `evidence` are entries of the timeline of its retrospective’s incidents."""

    evidence = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), required=False, max_length=200
    )

    class Meta:
        model = Finding
        fields = ("kind", "text", "position", "evidence", "accepted_because")

    def validate_evidence(self, value):
        view = self.context["view"]
        entries = {one.pk: one for one in view.entries().filter(pk__in=value)}
        if strange := [number for number in value if number not in entries]:
            raise serializers.ValidationError(
                f"No entry of the timeline of this retrospective’s incidents: {strange[0]}."
            )
        return list(entries.values())


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
    """A person here, or the name of somebody without an account, and where to write to them."""

    user = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)

    class Meta:
        model = Participant
        fields = ("user", "name", "email", "hat")


class EditionRow(StrictModel):
    """What everybody could read of it, from when on, and what it corrected."""

    published_by = Person()

    class Meta:
        model = Edition
        fields = ("number", *TEXTS, "note", "is_shown", "published_at", "published_by")
        read_only_fields = fields


class LearningRow(StrictModel):
    """The public digest of a retrospective: the text that is being written, and each edition that was published."""

    reference = serializers.CharField()
    retro = serializers.CharField(source="retro.reference")
    published_by = Person(allow_null=True)
    withdrawn_by = Person(allow_null=True)
    is_public = serializers.BooleanField(help_text="Whether everybody can read it now.")
    editions = EditionRow(many=True)

    class Meta:
        model = Learning
        fields = (
            *("id", "reference", "retro", "status", "is_public", *TEXTS, "slug", "correction"),
            *("published_at", "published_by", "withdrawn_at", "withdrawn_by", "withdrawal"),
            *("editions", "version"),
        )
        read_only_fields = fields


class LearningCreate(Strict):
    """Drafted from its retrospective; what is written afterwards is an edit."""

    retro = ByName(Retrospective.objects.all())


class LearningEdit(StrictModel):
    """What may be written while it is a draft."""

    class Meta:
        model = Learning
        fields = (*TEXTS, "slug")


class SuspectRow(serializers.Serializer):
    """Something the redaction check finds in it."""

    mark = serializers.CharField(help_text="What `confirm` takes as `found`.")
    field = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    why = serializers.CharField()
    can_be_confirmed = serializers.BooleanField()
    is_confirmed = serializers.SerializerMethodField()

    def get_is_confirmed(self, row) -> bool:
        return row.confirmed is not None
