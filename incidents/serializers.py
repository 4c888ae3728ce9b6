"""What the API shows of incidents, and what may be written, field by field."""

from rest_framework import serializers

from config.api.fields import (
    ByName,
    LineField,
    PastMomentField,
    Person,
    Strict,
    StrictModel,
    TextField,
    YesNoField,
)
from incidents.models import (
    CustomerUpdate,
    Impact,
    Incident,
    Region,
    Service,
    Severity,
    TimelineEntry,
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
        fields = ("id", "slug", "name", "description", "is_public", "tier", "position", "version")


class ServiceCreate(StrictModel):
    """A new service."""

    class Meta:
        model = Service
        fields = ("slug", "name", "description", "is_public", "tier", "position")


class ServiceEdit(StrictModel):
    """What may change of a service; its slug is its address and stays."""

    class Meta:
        model = Service
        fields = ("name", "description", "is_public", "tier", "position")


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


class UpdateRow(StrictModel):
    """What customers are told, or will be."""

    published_by = Person(allow_null=True)

    class Meta:
        model = CustomerUpdate
        fields = ("id", "status", "text", "state", "published_at", "published_by", "version")
        read_only_fields = fields


class UpdateDraft(StrictModel):
    """A draft: customers read it when somebody publishes it."""

    class Meta:
        model = CustomerUpdate
        fields = ("status", "text")
