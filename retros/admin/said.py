"""Reviews and comments, to be searched across all retrospectives; they are made on the page of the retro's review."""

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter
from unfold.decorators import display

from config.admin import WorkspaceAdmin, badge, link, moment
from retros.admin.reviewing import TONES
from retros.models import Comment, Review


class _SaidAdmin(WorkspaceAdmin):
    """Said by a verb or on the review's page; nothing here is edited."""

    references = {"RETRO": "retro"}
    ordering = ("-pk",)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def verb_links(self, request, row):
        read = {"label": "Read and review", "url": row.get_absolute_url(), "look": "plain"}
        return [*super().verb_links(request, row), read]

    @display(description="retrospective", ordering="retro")
    def retro_link(self, row):
        return link(row.retro)


@admin.register(Review)
class ReviewAdmin(_SaidAdmin):
    list_display = ("reviewer", "retro_link", "state", "asked", "decided")
    list_filter = (("status", ChoicesDropdownFilter), ("reviewer", AutocompleteSelectFilter))
    list_select_related = ("retro", "reviewer", "asked_by")
    search_fields = ("retro__title", "reviewer__name", "words")
    fields = ("retro_link", "reviewer", "state", "words", "asked", "asked_by", "decided", "ended")
    readonly_fields = fields

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.list_select_related)

    @display(description="answer", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), TONES[row.status])

    @display(description="asked", ordering="asked_at")
    def asked(self, row):
        return moment(row.asked_at)

    @display(description="decided", ordering="decided_at")
    def decided(self, row):
        return moment(row.decided_at)

    @display(description="no longer counts since")
    def ended(self, row):
        return moment(row.ended_at)


@admin.register(Comment)
class CommentAdmin(_SaidAdmin):
    list_display = ("beginning", "author", "retro_link", "about", "state")
    list_filter = (("status", ChoicesDropdownFilter), ("author", AutocompleteSelectFilter))
    list_select_related = ("retro", "author", "section", "resolved_by")
    search_fields = ("text", "author__name", "retro__title")
    fields = ("retro_link", "about", "author", "text", "written", "state", "resolved", "resolved_by")
    readonly_fields = fields

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(*self.list_select_related)

    @display(description="comment")
    def beginning(self, row):
        return row.text[:120]

    @display(description="about")
    def about(self, row):
        return row.section or "The whole"

    @display(description="status", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), "info" if row.status == Comment.Status.OPEN else "success")

    @display(description="written")
    def written(self, row):
        return moment(row.written_at)

    @display(description="resolved")
    def resolved(self, row):
        return moment(row.resolved_at)
