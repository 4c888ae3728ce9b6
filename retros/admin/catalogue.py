"""Templates and contributing factors: what every retrospective starts from."""

from django.contrib import admin
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from config.admin import (
    WorkspaceAdmin,
    WorkspaceStackedInline,
)
from retros.models import (
    Factor,
    Retrospective,
    StepRule,
    Template,
    TemplateSection,
)


class TemplateSectionInline(WorkspaceStackedInline):
    model = TemplateSection
    fields = ("heading", "topic", "guidance", "position")
    tab = False


@admin.register(Template)
class TemplateAdmin(WorkspaceAdmin):
    list_display = ("name", "is_default", "sections_count")
    search_fields = ("name",)
    fields = ("name", "is_default", "needs_approval")
    inlines = (TemplateSectionInline,)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(sections_count=Count("sections"))

    @display(description="sections", ordering="sections_count")
    def sections_count(self, row):
        return row.sections_count


@admin.register(TemplateSection)
class TemplateSectionAdmin(WorkspaceAdmin):
    list_display = ("heading", "template", "position")
    list_select_related = ("template",)
    search_fields = ("heading", "guidance")
    autocomplete_fields = ("template",)
    fields = ("template", "heading", "topic", "guidance", "position")


@admin.register(Factor)
class FactorAdmin(WorkspaceAdmin):
    list_display = ("name", "slug", "used")
    search_fields = ("name", "slug", "description")
    prepopulated_fields = {"slug": ("name",)}
    fields = ("name", "slug", "description", "where")
    readonly_fields = ("where",)

    def get_queryset(self, request):
        seen = Retrospective.objects.visible_to(request.user)
        return super().get_queryset(request).annotate(used=Count("uses", filter=Q(uses__retro__in=seen)))

    @display(description="retrospectives", ordering="used")
    def used(self, row):
        return row.used

    @display(description="where it contributed")
    def where(self, row):
        if not row.pk:
            return "–"
        url = reverse("admin:retros_retrospective_changelist")
        return format_html(
            '<a class="aftercare-link" href="{}?factors__id__exact={}">{} retrospectives</a>',
            url,
            row.pk,
            row.used,
        )


@admin.register(StepRule)
class StepRuleAdmin(WorkspaceAdmin):
    """Which retros are asked for which step. A new rule reaches the open ones within a minute."""

    list_display = ("kind", "least_severe_rank", "within_days", "who", "position")
    fields = ("kind", "least_severe_rank", "within_days", "who", "position")

    def get_readonly_fields(self, request, obj=None):
        return ("kind",) if obj else ()
