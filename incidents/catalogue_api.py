"""What is decided beforehand, in the API: who may publish at which severity, and what is checked before “resolved”."""

from django_filters.rest_framework import FilterSet
from rest_framework import serializers

from config.api.fields import ByName, StrictModel
from config.api.filters import Named, OneOf, YesNo
from config.api.resources import Creates, Edits, Numbered
from config.transitions import NotPermitted
from incidents.models import PublishingRight, Severity, ValidationCheck

WHO = PublishingRight._meta.get_field("who").flatchoices


class PublishingRightRow(StrictModel):
    """Whoever may publish at a severity. Where a severity has no such row, whoever has the permission may."""

    severity = serializers.CharField(source="severity.name")

    class Meta:
        model = PublishingRight
        fields = ("id", "severity", "who", "version")
        read_only_fields = fields


class PublishingRightCreate(StrictModel):
    """Everybody with this role, or whoever holds this one in the incident, may publish at the severity."""

    severity = ByName(Severity.objects.all())

    class Meta:
        model = PublishingRight
        fields = ("severity", "who")
        validators = ()


class PublishingRightEdit(StrictModel):
    """Somebody else may, at the same severity."""

    class Meta:
        model = PublishingRight
        fields = ("who",)


class PublishingRightFilters(FilterSet):
    """By severity, and by whom."""

    severity = Named(Severity, field_name="severity")
    who = OneOf(WHO)


class PublishingRights(Creates, Edits, Numbered):
    """Who may speak to customers at which severity, by number. Kept by whoever keeps severities, with which they go."""

    model = PublishingRight
    serializer_class = PublishingRightRow
    filterset_class = PublishingRightFilters
    inputs = {"create": PublishingRightCreate, "partial_update": PublishingRightEdit}
    is_checked_whole = True

    def visible(self):
        return PublishingRight.objects.all()

    def with_shown(self, queryset):
        return queryset.select_related("severity")

    def make(self, data):
        self._refuse_others()
        row = PublishingRight(**data)
        row.full_clean()
        row.save()
        return row

    def lock(self, row):
        self._refuse_others()
        super().lock(row)

    def _refuse_others(self):
        # In the workspace they are lines on the page of their severity, which has to be open to whoever edits them.
        if not self.request.user.has_perm("incidents.change_severity"):
            raise NotPermitted("You may not change severities, and so not who publishes at them.")


class ValidationCheckRow(StrictModel):
    """One thing to look at before an incident is called over."""

    class Meta:
        model = ValidationCheck
        fields = ("id", "name", "how", "position", "is_active", "version")
        read_only_fields = fields


class ValidationCheckInput(StrictModel):
    """What may be written of a check. The row itself says which name is taken, in the words of its form."""

    class Meta:
        model = ValidationCheck
        fields = ("name", "how", "position", "is_active")
        extra_kwargs = {"name": {"validators": ()}}


class ValidationCheckFilters(FilterSet):
    """By whether they are asked for now."""

    active = YesNo(field_name="is_active")


class ValidationChecks(Creates, Edits, Numbered):
    """What is looked at before “resolved”, by number. `resolve` of an incident takes those that were made, by name."""

    model = ValidationCheck
    serializer_class = ValidationCheckRow
    filterset_class = ValidationCheckFilters
    inputs = {"create": ValidationCheckInput, "partial_update": ValidationCheckInput}
    orderings = ("position", "-position", "reference", "-reference")

    def visible(self):
        return ValidationCheck.objects.all()

    def make(self, data):
        row = ValidationCheck(**data)
        row.full_clean()
        row.save()
        return row


ROUTES = [
    ("publishing-rights", PublishingRights, "publishing-rights"),
    ("validation-checks", ValidationChecks, "validation-checks"),
]
