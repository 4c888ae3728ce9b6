"""Reviews and comments in the API, and what a retrospective still lacks before it can be published."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import ByName, Person, Strict, StrictModel, TextField
from config.api.resources import Creates, Part, with_verbs
from config.people.models import User
from retros import gate, reviewing, wording
from retros.models import Comment, Retrospective, Review, Section


class MissingRow(serializers.Serializer):
    """One thing that is missing, and on which part of the retro's page it is mended."""

    slug = serializers.CharField()
    what = serializers.CharField()
    where = serializers.CharField()


class MarkRow(serializers.Serializer):
    """Words the language coach marked, why, and what would serve better."""

    part = serializers.CharField()
    text = serializers.CharField(source="mark.text")
    why = serializers.CharField(source="mark.why")
    instead = serializers.CharField(source="mark.instead")


class GateRow(serializers.Serializer):
    """What stands between a retrospective and its publication. With marks, `publish` asks for a reason."""

    is_ready = serializers.BooleanField()
    needs_approval = serializers.BooleanField()
    fingerprint = serializers.CharField(help_text="Of the text as it is now; an approval is of one text.")
    missing = MissingRow(many=True)
    marks = MarkRow(many=True)


def gate_of(retro) -> dict:
    """What the gate says of `retro`; whatever is published has passed it."""
    missing = [] if retro.is_published else gate.missing(retro)
    found = {
        "is_ready": not missing,
        "needs_approval": retro.needs_approval,
        "fingerprint": retro.fingerprint(),
        "missing": missing,
        "marks": wording.open_marks(retro),
    }
    return GateRow(found).data


class ReviewRow(StrictModel):
    """Somebody is asked to read a retrospective, and what they say. It counts for the text of its fingerprint."""

    reviewer = Person()
    asked_by = Person(allow_null=True)

    class Meta:
        model = Review
        fields = (
            *("id", "reviewer", "status", "asked_at", "asked_by", "decided_at", "words"),
            *("fingerprint", "ended_at", "version"),
        )
        read_only_fields = fields


class ReviewCreate(Strict):
    """Who is asked; you yourself, if you may review without being asked."""

    reviewer = ByName(User.objects.filter(is_active=True))


class CommentRow(StrictModel):
    """What somebody says of a section, or of the whole; or their answer to that."""

    author = Person()
    resolved_by = Person(allow_null=True)
    section = serializers.SerializerMethodField(help_text="Its number; null for the whole.")
    parent = serializers.SerializerMethodField(help_text="The comment that this one answers.")

    class Meta:
        model = Comment
        fields = (
            *("id", "section", "parent", "text", "author", "written_at"),
            *("status", "resolved_at", "resolved_by", "version"),
        )
        read_only_fields = fields

    def get_section(self, comment) -> int | None:
        return comment.section_id

    def get_parent(self, comment) -> int | None:
        return comment.parent_id


@extend_schema_field({"type": "integer"})
class OfThisRetro(ByName):
    """A part of the retrospective named in the address, by its number."""

    def rows(self):
        return self.queryset.filter(retro=self.context["view"].parent)


class CommentCreate(StrictModel):
    """What you want to say, and of what."""

    text = TextField(max_length=5_000)
    section = OfThisRetro(Section.objects.all(), required=False)
    parent = OfThisRetro(Comment.objects.filter(parent=None), required=False)

    class Meta:
        model = Comment
        fields = ("text", "section", "parent")

    def validate(self, data):
        if "section" in data and "parent" in data:
            raise serializers.ValidationError({"section": "An answer is about what it answers."})
        return data


@with_verbs
class Reviews(Creates, Part):
    """Who was asked to read a retrospective, and what they say; by number."""

    model = Review
    parent_model, parent_name = Retrospective, "retro"
    serializer_class = ReviewRow
    inputs = {"create": ReviewCreate}
    orderings = ("reference", "-reference")

    def with_shown(self, queryset):
        return queryset.select_related("reviewer", "asked_by")

    def make(self, data):
        person, by = data["reviewer"], self.request.user
        if person == by:
            self.parent.refuse_edit()
            return reviewing.review_of(self.parent, by)
        self.parent.ask_reviewers(by=by, reviewers=[person])
        return self.parent.reviews.current().get(reviewer=person)


@with_verbs
class Comments(Creates, Part):
    """What is said of a retrospective while it is written and reviewed; by number."""

    model = Comment
    parent_model, parent_name = Retrospective, "retro"
    serializer_class = CommentRow
    inputs = {"create": CommentCreate}
    orderings = ("reference", "-reference")

    def with_shown(self, queryset):
        return queryset.select_related("author", "resolved_by")

    def make(self, data):
        return reviewing.comment(self.parent, by=self.request.user, **data)


ROUTES = [
    (r"retros/(?P<retro>[^/]+)/reviews", Reviews, "reviews"),
    (r"retros/(?P<retro>[^/]+)/comments", Comments, "comments"),
]
