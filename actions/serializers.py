"""What the API shows of action items, and what may be written, field by field."""

from rest_framework import serializers

from actions.models import ActionItem
from config.api.fields import ByName, CountField, Person, StrictModel
from config.forms import validate_due_day
from config.people.models import User
from retros.models import Finding, Retrospective

_TEXTS = ("title", "why", "kind", "priority", "external_url", "success_measure", "check_on")
_PROMISED = ("promised_on", "slips", "snoozed_until", "waits_for")
_OFFERED = ("offered_to", "offered_at", "offered_by", "offer_note")


class ItemRow(StrictModel):
    """An action item."""

    reference = serializers.CharField()
    priority = serializers.ChoiceField(ActionItem.Priority.choices)
    owner = Person(allow_null=True)
    is_overdue = serializers.BooleanField(help_text="Whether the due day is over where the owner is.")
    retro = serializers.SerializerMethodField()
    finding = serializers.IntegerField(source="finding_id", allow_null=True)
    ended_by = Person(allow_null=True)
    slips = serializers.IntegerField(help_text="How often its due day was moved.")
    waits_for = serializers.CharField(help_text="Empty if nothing blocks it.")
    offered_to = Person(allow_null=True, help_text="Whoever was asked to take it and has not answered.")
    offered_by = Person(allow_null=True)
    external_url = serializers.CharField(help_text="Empty if there is none.")

    class Meta:
        model = ActionItem
        fields = (
            *("id", "reference", "status", *_TEXTS, "owner", "due_on", "is_overdue"),
            *(*_PROMISED, *_OFFERED),
            *("retro", "finding", "created_at", "ended_at", "ended_by", "evidence", "drop_reason", "version"),
        )
        read_only_fields = fields

    def get_retro(self, item) -> str | None:
        return Retrospective(pk=item.retro_id).reference if item.retro_id else None


class _Item(StrictModel):
    """What may be written of every item."""

    retro = ByName(Retrospective.objects.all(), required=False, allow_null=True)
    finding = CountField(
        required=False, allow_null=True, max_value=2**63 - 1, help_text="One of its retro's."
    )

    class Meta:
        model = ActionItem
        fields = (*_TEXTS, "due_on", "retro", "finding")

    def validate_due_on(self, day):
        if day:
            validate_due_day(day)
        return day

    def validate(self, data):
        if data.get("finding") is None:
            return data
        retro = data.get("retro", self.instance.retro if self.instance else None)
        data["finding"] = Finding.objects.filter(pk=data["finding"], retro=retro).first()
        if data["finding"] is None or retro is None:
            raise serializers.ValidationError({"finding": "This is not a finding of its retrospective."})
        return data


class ItemCreate(_Item):
    """A new item, with its owner and due day."""

    owner = ByName(User.objects.filter(is_active=True), required=False, allow_null=True)

    class Meta(_Item.Meta):
        fields = (*_Item.Meta.fields, "owner")


class ItemEdit(_Item):
    """What may be edited. Owner and a later due day change by `reassign` and `postpone`, which ask why."""

    def validate_due_on(self, day):
        there = self.instance.due_on
        if there and (day is None or day > there):
            raise serializers.ValidationError("Postpone it instead, and say why.")
        return day if day == there else super().validate_due_on(day)
