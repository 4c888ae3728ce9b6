"""The learning of a retro: written beside what the retro knows, checked meanwhile, previewed as readers see it."""

from csp.decorators import csp
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from config.admin import Card, badge, link, moment
from config.audit.changes import word_diff
from config.dashboard import row_url
from config.editing import WorkspaceForm
from config.markdown import to_html
from config.transitions import NotPermitted, WrongState
from retros import public
from retros.admin.locking import LockedWhenPublished
from retros.drafting import KINDS, draft, in_full, material_of
from retros.models import Edition, Learning
from retros.models.digest import PUBLISH, refuse_unless_public
from retros.models.edition import TEXTS
from retros.redacting import PUBLIC, suspects

TONES = {"draft": "", "in_review": "info", "published": "success", "withdrawn": "danger"}
LONGEST = 100_000  # characters of one text that are looked at while somebody writes


class LearningForm(WorkspaceForm):
    """The texts; the coach looks at them as words for customers."""

    class Meta:
        model = Learning
        fields = (*TEXTS, "slug")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in TEXTS[1:]:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"rows": 12, "data-coach": "customers"}


@admin.register(Learning)
class LearningAdmin(LockedWhenPublished):
    form = LearningForm
    list_display = ("title", "state", "retro_link", "first_published")
    list_filter = (("status", ChoicesDropdownFilter),)
    list_select_related = ("retro",)
    search_fields = ("title", "slug")
    search_help_text = "Title, address, or a reference such as LRN-0007 or RETRO-0012"
    references = {"LRN": "pk", "RETRO": "retro"}
    fields = (*TEXTS, "slug")
    change_form_template = "admin/retros/learning.html"

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("retro", "published_by", "withdrawn_by")

    def _is_locked(self, row):
        return row is not None and row.status != Learning.Status.DRAFT

    def has_add_permission(self, request):
        return False  # drafted on the page of its retro

    def has_delete_permission(self, request, obj=None):
        return False  # what customers could read stays, at least as a line that says it was withdrawn

    def get_urls(self):
        admin_view = self.admin_site.admin_view
        return [
            path(
                "<path:object_id>/preview/",
                admin_view(require_safe(self.preview)),
                name="retros_learning_preview",
            ),
            path(
                "<path:object_id>/check/",
                admin_view(require_POST(self.check_view)),
                name="retros_learning_check",
            ),
            *super().get_urls(),
        ]

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None:
            context |= {
                "suspects": _sorted(suspects(obj)),
                "may_confirm": request.user.has_perm(PUBLISH) and obj.status in ("draft", "in_review"),
                "confirm_url": self.verb_url(obj, "confirm"),
                "material": material_of(obj.retro),
                "kinds": KINDS,
                "reviews": list(_reviews(obj)),
                "sections": obj.retro.sections.exclude(text=""),
                "preview_url": reverse("admin:retros_learning_preview", args=[obj.pk]),
                "check_url": reverse("admin:retros_learning_check", args=[obj.pk]),
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def cards(self, request, row):
        stands = [("Status", self.state(row)), ("Retrospective", link(row.retro))]
        if row.published_at:
            stands += [("First published", moment(row.published_at)), ("By", str(row.published_by))]
            stands += [("Public page", _public_link(row))]
        elif row.as_imported:
            state = Learning.Status(row.as_imported["status"]).label
            stands += [("Where it was imported from", f"{state}; nothing of it is public here")]
        if row.is_correcting:
            stands += [("Correction", row.correction)]
        if row.withdrawn_at:
            stands += [("Withdrawn", moment(row.withdrawn_at)), ("Readers are told", row.withdrawal)]
        cards = [Card("Where it stands", stands)]
        if editions := [(f"Edition {one.number}", _edition_in_words(one)) for one in row.editions.all()]:
            cards.append(Card("What readers could read", editions))
        return cards

    def _row(self, request, object_id):
        row = self.get_object(request, unquote(object_id))
        if row is not None and not self.has_view_permission(request, row):
            raise PermissionDenied
        return row

    def preview(self, request, object_id):
        """The page as readers would see it, made by what makes theirs."""
        row = self._row(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return _preview(request, row)

    def check_view(self, request, object_id):
        """What the check finds in texts as they are being written; stores nothing."""
        row = self._row(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._checked(request, row)

    def _checked(self, request, row):
        texts = {name: request.POST[name][:LONGEST] for name in PUBLIC if name in request.POST}
        texts = {name: text.replace("\r\n", "\n") for name, text in texts.items()}
        context = {"suspects": _sorted(suspects(row, texts)), "is_live": True}
        return TemplateResponse(request, "admin/retros/_suspects.html", context)

    @display(description="status", ordering="status")
    def state(self, row):
        return badge(row.get_status_display(), TONES[row.status])

    @display(description="retrospective", ordering="retro")
    def retro_link(self, row):
        return str(row.retro)

    @display(description="first published", ordering="published_at")
    def first_published(self, row):
        return moment(row.published_at)


def _sorted(found):
    """Those that wait for somebody first; what can never be public before the others."""
    return sorted(found, key=lambda one: (one.confirmed is not None, one.can_be_confirmed))


def _public_link(row):
    return format_html('<a class="aftercare-link" href="{0}">{0}</a>', reverse("learning", args=[row.slug]))


def _edition_in_words(one):
    return format_html(
        "{} by {}{}", moment(one.published_at), one.published_by, f": {one.note}" if one.note else ""
    )


def _reviews(row):
    """What a reviewer compares: the text with its first draft, and with what readers see now."""
    last = row.editions.order_by("number").last()
    now = in_full(row.texts())
    if last is not None and (published := in_full(last.texts())) != now:
        yield "Changed since it was published", list(word_diff(published, now))
    if row.drafted and row.drafted != now:
        yield "Changed since it was drafted from the retro", list(word_diff(row.drafted, now))


@csp(public.POLICY)
def _preview(request, row):
    now = timezone.now()
    edition = Edition(learning=row, number=row.editions.count() + 1, note=row.correction, published_at=now)
    for name, text in row.texts().items():
        setattr(edition, name, text)
    editions = list(row.editions.order_by("-number"))
    if row.hides_earlier:
        for one in editions:
            one.is_shown = False
    shown = editions if row.is_published else [edition, *editions]
    return public.shown(row, shown, is_preview=True)


# --- On the page of the retro


def learning_link(request, retro) -> list[dict]:
    """The way from a retro to its learning, or to its draft."""
    learning = Learning.objects.filter(retro=retro).first()
    if learning is not None:
        return [{"label": "Public learning", "url": row_url(learning), "look": "plain"}]
    if not request.user.has_perm("retros.add_learning"):
        return []
    url = reverse("admin:retros_retrospective_learning", args=[retro.pk])
    return [{"label": "Draft the learning", "url": url, "look": "plain"}]


def _parts(texts):
    """What customers would read below the title, each part under what its field is called."""
    fields = [Learning._meta.get_field(name) for name in TEXTS if name != "title"]
    return [(str(field.verbose_name).capitalize(), to_html(texts[field.name])) for field in fields]


class DraftsLearning:
    """What the page of a retro has besides: GET shows the draft its learning would begin with, POST makes it."""

    def get_urls(self):
        view = self.admin_site.admin_view(self.learning_view)
        return [
            path("<path:object_id>/learning/", view, name="retros_retrospective_learning"),
            *super().get_urls(),
        ]

    def verb_links(self, request, row):
        return [*super().verb_links(request, row), *learning_link(request, row)]

    def learning_view(self, request, object_id):
        """Draft the learning of this retro."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not request.user.has_perm("retros.add_learning"):
            raise NotPermitted(f"{request.user} may not draft a learning.")
        if (known := Learning.objects.filter(retro=row).first()) is not None:
            return HttpResponseRedirect(row_url(known))
        return self._draft(request, row) if request.method == "POST" else self._ask_draft(request, row)

    def _draft(self, request, row):
        try:
            learning = Learning.objects.draft_from(row, by=request.user)
        except WrongState as error:
            return self._ask_draft(request, row, str(error), status=409)
        messages.success(
            request, f"Drafted from {row}. Read it as a customer would, and change what you like."
        )
        return HttpResponseRedirect(row_url(learning))

    def _ask_draft(self, request, row, problem="", status=200):
        try:
            refuse_unless_public(row)
        except WrongState as error:
            problem = problem or str(error)
        drafted = None if problem else draft(row)
        context = {
            "title": f"Draft the learning: {row}",
            "problem": problem,
            "draft": drafted,
            "parts": _parts(drafted.texts) if drafted else [],
        }
        return self._page(request, "admin/retros/draft_learning.html", row, context, status)
