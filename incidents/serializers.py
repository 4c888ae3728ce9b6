"""What the API shows of incidents, and what may be written, field by field."""

from rest_framework import serializers

from config.api.fields import (
    ByName,
    CountField,
    LineField,
    LinkField,
    PastMomentField,
    Person,
    Strict,
    StrictModel,
    TextField,
    YesNoField,
)
from config.forms import validate_due_day
from config.people.models import User
from incidents.models import (
    Audience,
    CustomerUpdate,
    Impact,
    Incident,
    Milestone,
    Region,
    Service,
    Severity,
    SupportTicket,
    TicketCount,
    TimelineEntry,
    UpdateCorrection,
    ValidationCheck,
)

_EDITABLE = (
    "title",
    "summary",
    "visibility",
    "is_drill",
    "customers_affected",
    "customers_affected_note",
    "data_safety",
    "detection",
)
_MOMENTS = (
    "started_at",
    "detected_at",
    "declared_at",
    "acknowledged_at",
    "mitigated_at",
    "resolved_at",
    "closed_at",
)


class ServiceRow(StrictModel):
    """A service."""

    class Meta:
        model = Service
        fields = (
            *("id", "slug", "name", "description", "is_public", "tier"),
            *("group", "position", "showcase", "version"),
        )


class ServiceCreate(StrictModel):
    """A new service."""

    class Meta:
        model = Service
        fields = ("slug", "name", "description", "is_public", "tier", "group", "position", "showcase")


class ServiceEdit(StrictModel):
    """What may change of a service; its slug is its address and stays."""

    class Meta:
        model = Service
        fields = ("name", "description", "is_public", "tier", "group", "position", "showcase")


class RegionRow(StrictModel):
    """A region."""

    class Meta:
        model = Region
        fields = ("id", "slug", "name", "version")


class SeverityRow(StrictModel):
    """A severity and what it promises."""

    class Meta:
        model = Severity
        fields = (
            "id",
            "rank",
            "name",
            "meaning",
            "acknowledge_minutes",
            "restore_minutes",
            "first_update_minutes",
            "update_every_minutes",
            "are_checks_required",
            "is_retro_required",
            "retro_within_days",
            "version",
        )


class ImpactOnService(serializers.Serializer):
    """How badly a service was affected."""

    service = serializers.CharField(help_text="Its slug.")
    name = serializers.CharField()
    impact = serializers.ChoiceField(Impact.choices)


class ImpactOnRegion(serializers.Serializer):
    """How badly a region was affected."""

    region = serializers.CharField(help_text="Its slug.")
    name = serializers.CharField()
    impact = serializers.ChoiceField(Impact.choices)


class IncidentRow(StrictModel):
    """An incident."""

    reference = serializers.CharField()
    severity = serializers.CharField(source="severity.name")
    declared_by = Person(allow_null=True)
    source_url = serializers.CharField(help_text="Empty if there is none.")
    services = ImpactOnService(many=True, source="service_list")
    regions = ImpactOnRegion(many=True, source="region_list")

    class Meta:
        model = Incident
        fields = (
            *("id", "reference", "status", "severity"),
            *_EDITABLE,
            *("workaround", "workaround_is_public"),
            *("services", "regions"),
            *_MOMENTS,
            *("declared_by", "source", "source_url", "version"),
        )
        read_only_fields = fields


class ServiceAffected(Strict):
    """A service, and how badly."""

    service = ByName(Service.objects.all())
    impact = serializers.ChoiceField(Impact.choices, default=Impact.DEGRADED)


class RegionAffected(Strict):
    """A region, and how badly."""

    region = ByName(Region.objects.all())
    impact = serializers.ChoiceField(Impact.choices, default=Impact.DEGRADED)


class _Affected(StrictModel):
    """What is affected: when given, the list replaces the one there is."""

    services = ServiceAffected(many=True, required=False, max_length=200)
    regions = RegionAffected(many=True, required=False, max_length=200)

    def validate_services(self, value):
        return _once_each("service", value)

    def validate_regions(self, value):
        return _once_each("region", value)


def _once_each(name, value):
    if len({affected[name].pk for affected in value}) < len(value):
        raise serializers.ValidationError(f"Name each {name} once.")
    return value


class IncidentDeclare(_Affected):
    """A new incident, as of now; when it started and was noticed may lie earlier."""

    severity = ByName(Severity.objects.all())
    started_at = PastMomentField(required=False, allow_null=True)
    detected_at = PastMomentField(required=False, allow_null=True)

    class Meta:
        model = Incident
        fields = ("severity", *_EDITABLE, "started_at", "detected_at", "services", "regions")


class IncidentEdit(_Affected):
    """What may be edited. State, severity and moments change by their verbs, which say so on the timeline."""

    class Meta:
        model = Incident
        fields = (*_EDITABLE, "services", "regions")


class TimelineRow(StrictModel):
    """One thing that happened."""

    author = Person(allow_null=True)

    class Meta:
        model = TimelineEntry
        fields = ("id", "at", "kind", "text", "source", "is_key", "author")
        read_only_fields = fields


class NoteCreate(Strict):
    """A note for the timeline; without a moment, of now."""

    at = PastMomentField(required=False)
    text = TextField(max_length=20_000)
    source = LineField(max_length=100, required=False, allow_blank=True, default="")
    is_key = YesNoField(default=False)


class CorrectionRow(StrictModel):
    """What an update said before, and why it says something else now."""

    corrected_by = Person(allow_null=True)

    class Meta:
        model = UpdateCorrection
        fields = ("before", "after", "reason", "corrected_at", "corrected_by")
        read_only_fields = fields


class UpdateRow(StrictModel):
    """What customers are told, or will be."""

    published_by = Person(allow_null=True)
    submitted_by = Person(allow_null=True)
    corrected_at = serializers.DateTimeField(allow_null=True, help_text="When it was last corrected.")

    class Meta:
        model = CustomerUpdate
        fields = (
            *("id", "status", "text", "next_update_by", "plan", "state"),
            *("submitted_at", "submitted_by", "sent_back_because", "marks_because"),
            *("published_at", "published_by", "corrected_at", "version"),
        )
        read_only_fields = fields


class UpdateDetail(UpdateRow):
    """The same with what it said before."""

    corrections = CorrectionRow(many=True)

    class Meta(UpdateRow.Meta):
        fields = (*UpdateRow.Meta.fields, "corrections")
        read_only_fields = fields


class ExposedRow(serializers.Serializer):
    """Something that should not be public."""

    kind = serializers.CharField(source="found.kind")
    text = serializers.CharField()
    why = serializers.CharField()
    may_stay = serializers.BooleanField(help_text="With a reason given to `publish`; else it has to go.")


class UpdatePlan(Strict):
    """What publishing an update does besides. What is left out stays as it is."""

    services = ServiceAffected(many=True, required=False, max_length=200)
    regions = RegionAffected(many=True, required=False, max_length=200)
    audience = serializers.ChoiceField(
        Audience.choices, required=False, help_text="For customers, the incident becomes public with it."
    )
    advance = YesNoField(default=False, help_text="Whether the incident moves on to this status as well.")
    checks = serializers.ListField(
        child=ByName(ValidationCheck.objects.in_use()),
        required=False,
        max_length=50,
        help_text="What was looked at, where it moves on to resolved.",
    )
    unchecked_because = LineField(max_length=500, required=False, allow_blank=True)

    def validate_services(self, value):
        return _once_each("service", value)

    def validate_regions(self, value):
        return _once_each("region", value)


class UpdateDraft(StrictModel):
    """A draft: customers read it when somebody publishes it, and what its plan says is done then."""

    plan = UpdatePlan(required=False)

    class Meta:
        model = CustomerUpdate
        fields = ("status", "text", "next_update_by", "plan")


class MilestoneRow(StrictModel):
    """One step of remediation."""

    owner = Person(allow_null=True)
    reached_by = Person(allow_null=True)

    class Meta:
        model = Milestone
        fields = (
            *("id", "title", "note", "owner", "due_on", "is_public", "expected_at", "status"),
            *("created_at", "reached_at", "reached_by", "version"),
        )
        read_only_fields = fields


class MilestoneInput(StrictModel):
    """What may be written of a milestone; its state changes by its verbs."""

    owner = ByName(User.objects.all(), required=False, allow_null=True)

    class Meta:
        model = Milestone
        fields = ("title", "note", "owner", "due_on", "is_public", "expected_at")

    def validate_owner(self, owner):
        is_there = self.instance and owner and owner.pk == self.instance.owner_id
        if owner and not owner.is_active and not is_there:
            raise serializers.ValidationError(f"{owner} does not work here any more.")
        return owner

    def validate_due_on(self, day):
        if day and not (self.instance and day == self.instance.due_on):
            validate_due_day(day)
        return day


class TicketCountRow(StrictModel):
    """How many tickets a source had counted at a moment, in all since the incident began."""

    entered_by = Person(allow_null=True)

    class Meta:
        model = TicketCount
        fields = ("id", "count", "source", "counted_at", "entered_by")
        read_only_fields = fields


class TicketCountEntry(Strict):
    """A new count; without a moment, of now. The newest of each source holds."""

    count = CountField()
    source = LineField(max_length=100, required=False, allow_blank=True, default="")
    counted_at = PastMomentField(required=False)


class OneMoreTicket(Strict):
    """Nothing needs to be said."""


class SupportTicketRow(StrictModel):
    """A ticket in the tool of support."""

    entered_by = Person(allow_null=True)
    url = serializers.CharField(help_text="Empty if there is none.")

    class Meta:
        model = SupportTicket
        fields = ("id", "reference", "source", "url", "linked_at", "entered_by")
        read_only_fields = fields


class SupportTicketLink(Strict):
    """A ticket that was about the incident."""

    reference = LineField(max_length=100)
    source = LineField(max_length=100, required=False, allow_blank=True, default="")
    url = LinkField(max_length=1_000, required=False, allow_blank=True, default="")
