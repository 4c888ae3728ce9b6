"""Subscribers and webhooks: who is told, who is not any more and why, and lists of them taken over from elsewhere."""

from django import forms
from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods
from unfold.widgets import CHECKBOX_CLASSES

from config.admin import Card, WorkspaceAdmin, WorkspaceForm, WorkspaceInline, badge, link, moment
from config.changelist import ChoiceFilter, PeriodFilter
from config.editing import dress
from incidents.imports.following import importing
from incidents.imports.shape import Refused
from incidents.imports.subscribers import LARGEST, read, store
from incidents.models import Subscriber, SubscriberRegion, SubscriberService
from incidents.subscribers import asking

TONES = {"pending": "warning", "confirmed": "success", "stopped": "danger"}
DELIVERED = {"sent": "success", "dead": "danger"}
SHOWN = 10  # messages on the page of a subscriber


class ServiceInline(WorkspaceInline):
    model = SubscriberService
    autocomplete_fields = ["service"]
    fields = ["service"]
    show_change_link = False


class RegionInline(WorkspaceInline):
    model = SubscriberRegion
    autocomplete_fields = ["region"]
    fields = ["region"]
    show_change_link = False


class SubscriberForm(WorkspaceForm):
    """A new address is one that is not known, under whatever name it was typed."""

    def clean(self):
        data = super().clean()
        if self.instance.pk is None and data.get("address"):
            address = data["address"].strip().lower() if data.get("channel") == "email" else data["address"]
            if Subscriber.objects.known_as(data.get("channel"), address.strip()).exists():
                raise ValidationError({"address": "This address is known already, or has unsubscribed."})
        return data


class ImportForm(forms.Form):
    """A list of subscribers as another status page gives it."""

    file = forms.FileField(
        label="List of subscribers",
        help_text="CSV with a heading (such as email, mode, endpoint, components), or Statuspage’s JSON.",
    )
    is_dry = forms.BooleanField(label="Only tell me what would be done", required=False)


def state_badge(row):
    """The state in words and colour."""
    return badge(row.get_status_display(), TONES.get(row.status, ""))


@admin.register(Subscriber)
class SubscriberAdmin(WorkspaceAdmin):
    form = SubscriberForm
    list_display = ["who", "channel", "state", "chosen", "bounces", "since", "source"]
    list_filter = [("status", ChoiceFilter), ("channel", ChoiceFilter), ("created_at", PeriodFilter)]
    search_fields = ["address", "public_id"]
    search_help_text = "An address, or a part of it"
    list_prefetch_related = ["services", "regions"]
    sortable_by = []
    ordering = ["-pk"]
    inlines = [ServiceInline, RegionInline]
    fields = ["channel", "address"]
    change_list_template = "admin/incidents/subscriber_list.html"

    def get_readonly_fields(self, request, obj=None):
        # Another address is another subscriber, who has to confirm it.
        return [*self.readonly_fields, "channel", "address"] if obj else self.readonly_fields

    def has_delete_permission(self, request, obj=None):
        return (
            False  # unsubscribed instead, which forgets the address and keeps imports from bringing it back
        )

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if change:
            return
        type(obj).objects.filter(pk=obj.pk).update(source="added by hand")
        if obj.is_webhook:
            obj.confirm(by=None)  # a system reads no mail that could ask it
        else:
            asking.invite(obj)
            self.message_user(
                request, "A mail asks whether they want it; until they confirm, nothing is sent."
            )

    # --- The list

    def changelist_view(self, request, extra_context=None):
        counts = dict(Subscriber.objects.order_by().values_list("status").annotate(Count("pk")))
        labels = [(counts.get(status.value, 0), status.label.lower()) for status in Subscriber.Status]
        more = {"counts": labels, "may_import": self.has_add_permission(request)}
        return super().changelist_view(request, more | (extra_context or {}))

    @display(description="Who")
    def who(self, row):
        return row.address or "forgotten"

    @display(description="State")
    def state(self, row):
        return state_badge(row)

    @display(description="Hears of")
    def chosen(self, row):
        names = [one.name for one in (*row.services.all(), *row.regions.all())]
        return ", ".join(names) or "everything"

    @display(description="Since")
    def since(self, row):
        return moment(row.confirmed_at)

    # --- The page of one

    def cards(self, request, row):
        stands = [("State", state_badge(row)), ("Came by", row.source or "–")]
        stands += [(name, moment(at)) for name, at in self._moments(row) if at]
        stands += [("Why", row.stopped_because)] if row.stopped_because else []
        stands += [("Refused in a row", row.bounces)] if row.bounces else []
        if row.is_webhook and row.secret and request.user.has_perm("incidents.change_subscriber"):
            stands.append(("Signed with", row.secret))
            if len(row.signing_secrets) > 1:
                stands.append(("And with the former until", moment(row.former_until)))
        return [Card("Where it stands", stands), Card("What it was sent", self._sent(request, row))]

    def _moments(self, row):
        return [
            ("Added", row.created_at),
            ("Confirmed", row.confirmed_at),
            ("Unsubscribed", row.unsubscribed_at),
            ("Stopped", row.stopped_at),
            ("Nothing arrives since", row.failing_since),
        ]

    def _sent(self, request, row):
        may_open = request.user.has_perm("outbox.view_delivery")
        found = []
        for one in row.deliveries().order_by("-pk")[:SHOWN]:
            name = one.subject or "not written yet"
            what = link(one, name) if may_open else name
            state = badge(one.get_state_display(), DELIVERED.get(one.state, "info"))
            found += [(moment(one.created_at), what), ("", state)]
            found += [("", one.error[:200])] if one.error else []
        return found or [("", "Nothing yet.")]

    # --- Lists from elsewhere

    def get_urls(self):
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.import_view))
        return [path("import/", view, name="incidents_subscriber_import"), *super().get_urls()]

    def import_view(self, request):
        """GET asks for the file and changes nothing; POST takes over all of it or nothing."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = dress(ImportForm(request.POST or None, request.FILES or None), self, request)
        form.fields["is_dry"].widget.attrs["class"] = " ".join(CHECKBOX_CLASSES)
        if request.method == "POST" and form.is_valid():
            try:
                tally = self._import(form.cleaned_data)
            except Refused as error:
                form.add_error("file", f"Nothing imported: {error}")
            else:
                self.message_user(request, tally)
                return HttpResponseRedirect(reverse("admin:incidents_subscriber_changelist"))
        context = {"title": "Import subscribers", "form": form}
        template = "admin/incidents/subscriber_import.html"
        return self._page(request, template, None, context, 400 if form.is_bound else 200)

    def _import(self, asked):
        file = asked["file"]
        if file.size > LARGEST:
            raise Refused(f"it is larger than {LARGEST // 1_000_000} MB")
        found = read(file.read(), file.name)
        with importing(file.name):
            return store(found, is_dry=asked["is_dry"])
