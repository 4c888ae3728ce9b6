"""What the workspace of a retrospective does, in the API: the steps of its checklist, and marks on its timeline."""

from functools import cached_property

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from config.api.fields import Person, Strict, StrictModel, TextField, YesNoField
from config.api.resources import Creates, Part, with_verbs
from incidents.models import Incident, TimelineEntry
from retros.checklist import done_kinds
from retros.models import Retrospective, Step, TimelineMark

NOTHING_SAID = "Say whether it is starred, as what it is marked, or why it matters."


class StepRow(StrictModel):
    """One step of the checklist. Whether it is done the retrospective says; nobody ticks it."""

    title = serializers.CharField(source="get_kind_display")
    is_done = serializers.SerializerMethodField()
    is_late = serializers.SerializerMethodField(
        help_text="Neither done nor left out, and its day has passed."
    )
    responsible = Person(allow_null=True)
    left_out_by = Person(allow_null=True)

    class Meta:
        model = Step
        fields = (
            *("id", "kind", "title", "status", "is_done", "is_late", "due_on", "responsible"),
            *("left_out_because", "left_out_at", "left_out_by", "version"),
        )
        read_only_fields = fields

    def get_is_done(self, step) -> bool:
        return step.kind in self.context["view"].done

    def get_is_late(self, step) -> bool:
        is_open = not (self.get_is_done(step) or step.is_left_out)
        return is_open and step.due_on < self.context["request"].user.today()


@with_verbs
class Steps(Part):
    """The checklist of a retrospective, in its order; a step by number."""

    model = Step
    parent_model, parent_name = Retrospective, "retro"
    serializer_class = StepRow
    orderings = ("position", "-position")

    def with_shown(self, queryset):
        people = ("owner", "left_out_by", "retro__facilitator", "retro__sponsor")
        return queryset.select_related(*people)

    @cached_property
    def done(self) -> set[str]:
        """The kinds of steps that are done: one query, for as many steps as there are."""
        return done_kinds(self.parent)


class MarkedEntry(serializers.Serializer):
    """The entry of the timeline that is marked."""

    id = serializers.IntegerField()
    incident = serializers.CharField(source="incident.reference")
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField()


class TimelineMarkRow(StrictModel):
    """An entry that is starred, marked as a moment of the story, or noted. Without any of that there is no mark."""

    id = serializers.IntegerField(allow_null=True, help_text="null: there is none any more.")
    entry = MarkedEntry()
    marked_by = Person(allow_null=True)

    class Meta:
        model = TimelineMark
        fields = ("id", "entry", "is_starred", "kind", "note", "marked_at", "marked_by")
        read_only_fields = fields
        extra_kwargs = {"marked_at": {"allow_null": True}}


class MarkInput(Strict):
    """What is to be said of an entry. What is not named stays; false and empty texts take it off."""

    entry = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    is_starred = YesNoField(required=False)
    kind = serializers.ChoiceField(TimelineMark.Kind.choices, required=False, allow_blank=True)
    note = TextField(required=False, allow_blank=True, max_length=2_000)

    def validate_entry(self, value):
        entry = self.context["view"].entries().filter(pk=value).select_related("incident").first()
        if entry is None:
            raise serializers.ValidationError(
                f"No entry of the timeline of this retrospective’s incidents: {value}."
            )
        return entry

    def validate(self, data):
        if len(data) < 2:
            raise serializers.ValidationError(NOTHING_SAID)
        return data


class Marks(Creates, Part):
    """What matters on the timelines of a retrospective. POST sets and takes off: the same twice is the same once."""

    model = TimelineMark
    parent_model, parent_name = Retrospective, "retro"
    serializer_class = TimelineMarkRow
    inputs = {"create": MarkInput}
    orderings = ("reference", "-reference")

    def entries(self):
        """The entries of the timeline that this person may see."""
        seen = Incident.objects.visible_to(self.request.user).filter(retro_links__retro=self.parent)
        return TimelineEntry.objects.filter(incident__in=seen)

    def visible(self):
        return super().visible().filter(entry__in=self.entries())

    def with_shown(self, queryset):
        return queryset.select_related("entry__incident", "marked_by")

    @extend_schema(responses={200: TimelineMarkRow, 201: TimelineMarkRow})
    def create(self, request, **kwargs):
        """Mark an entry, or take that off. 201 if it had no mark; else 200, and a mark that is gone has no `id`."""
        data = self.read(MarkInput)
        entry = data.pop("entry")
        was_marked = self.parent.marks.filter(entry=entry).exists()
        mark = TimelineMark.objects.put(self.parent, entry, by=request.user, **data)
        if mark is None:
            return self.answer(TimelineMark(retro=self.parent, entry=entry, marked_at=None))
        response = self.answer_anew(mark, status=200 if was_marked else 201)
        response["Location"] = self.address(mark)
        return response


ROUTES = [
    (r"retros/(?P<retro>[^/]+)/steps", Steps, "steps"),
    (r"retros/(?P<retro>[^/]+)/marks", Marks, "marks"),
]
