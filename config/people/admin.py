"""People, their roles and their API tokens. Nobody is deleted, and nobody gives away more than they may do."""

from collections import defaultdict

from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Prefetch
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from config.admin import Card, WorkspaceAdmin, WorkspaceInline, badge, link, links, moment
from config.dashboard import list_url
from config.people.dialogs import Dialog, DialogAdmin
from config.people.forms import PersonForm, SetPassword, TokenForm, days_in_words
from config.people.models import ApiToken, Membership, PrivateName, User

WORK = (
    ("works_from", "works_until"),
    ("quiet_from", "quiet_until"),
    ("country", "subdivision"),
    ("away_from", "away_until"),
)
VERBS = {"view": "see", "add": "add", "change": "change", "delete": "delete"}

admin.site.unregister(Group)


def roles_to_give(user):
    """The roles `user` may give: none that may do more than `user`."""
    if user.is_superuser:
        return Group.objects.all()
    may = user.get_all_permissions()
    groups = Group.objects.prefetch_related("permissions__content_type")
    return Group.objects.filter(pk__in=[group.pk for group in groups if _permissions_of(group) <= may])


def _permissions_of(group) -> set[str]:
    return {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}


class _RolesToGive:
    """Only roles the giver outranks can be chosen; the autocomplete of roles would show all."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name == "group":
            kwargs["queryset"] = roles_to_give(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class RoleInline(_RolesToGive, WorkspaceInline):
    model = Membership
    fields = ("group",)
    verbose_name, verbose_name_plural = "role", "roles"
    tab = False
    show_change_link = False

    def has_change_permission(self, request, obj=None):
        return False  # a role is given or taken away; that is two rows of history, not one that changed


class ActiveFilter(DropdownFilter):
    title = "whether they work here"
    parameter_name = "active"

    def lookups(self, request, model_admin):
        return [("yes", "Active"), ("no", "Switched off")]

    def queryset(self, request, queryset):
        return queryset.filter(is_active=self.value() == "yes") if self.value() in ("yes", "no") else queryset


def may_set_password(request, person) -> bool:
    """Others' passwords only, and no superuser's unless one is one: that would be a way to become one."""
    user = request.user
    if person.pk == user.pk or not user.has_perm("people.change_user"):
        return False
    return user.is_superuser or not person.is_superuser


def _set_password(request, person, form):
    form.save()
    return f"{person} has a new password. Tell them in person, and ask them to change it."


@admin.register(User)
class PersonAdmin(DialogAdmin):
    """People. Whoever may change people edits all but superusers; everybody edits how they work themselves."""

    form = PersonForm
    list_display = ("name", "email", "roles", "time_zone", "away", "active")
    list_display_links = ("name", "email")
    list_filter = (("groups", RelatedDropdownFilter), ActiveFilter)
    search_fields = ("name", "email")
    search_help_text = "Name or e-mail address"
    autocomplete_fields = ("manager",)
    ordering = ("name", "pk")
    dialogs = (
        Dialog("set-password", "Set password", may=may_set_password, do=_set_password, ask=SetPassword),
    )

    def get_queryset(self, request):
        roles = Prefetch("memberships", Membership.objects.select_related("group"))
        return super().get_queryset(request).prefetch_related(roles)

    def get_inlines(self, request, obj):
        return [RoleInline]

    def get_fieldsets(self, request, obj=None):
        days = "working_days" if self._may_edit(request, obj) else "days"
        may_do = ["is_active", "is_staff", *(["is_superuser"] if request.user.is_superuser else [])]
        return [
            (None, {"fields": ("name", "email", "manager")}),
            ("When they work", {"fields": ("time_zone", days, *WORK)}),
            ("What they are sent", {"fields": ("mail_style", "wants_reminders", "wants_summary")}),
            ("What they may do", {"fields": may_do}),
        ]

    def get_readonly_fields(self, request, obj=None):
        if obj is None or request.user.has_perm("people.change_user"):
            return ("days",)
        return ("days", "email", "manager", "is_active", "is_staff")

    def cards(self, request, row):
        account = [
            ("Roles", self.may_do(row)),
            ("Joined", moment(row.joined_at)),
            ("Last signed in", moment(row.last_login, "never")),
            ("Password set", moment(row.password_changed_at, "Not yet: this person cannot sign in.")),
        ]
        theirs = (
            [Card("What is theirs", [("Lists", lists)])] if (lists := self._lists_of(request, row)) else []
        )
        return [Card("Their account", account), *theirs]

    def _lists_of(self, request, person):
        """The lists of what points at a person, as the relations say it: what they own, lead and take part in."""
        pairs = []
        for relation in User._meta.related_objects:
            model = relation.related_model
            if relation.hidden or model is Membership or not admin.site.is_registered(model):
                continue
            if admin.site.get_model_admin(model).has_view_permission(request):
                words = f"{model._meta.verbose_name_plural} ({relation.field.verbose_name})"
                url = list_url(model._meta.label, f"{relation.field.name}__id__exact={person.pk}")
                pairs.append((url, words[:1].upper() + words[1:]))
        return format_html_join("", '<div><a class="aftercare-link" href="{}">{}</a></div>', pairs)

    def _may_edit(self, request, obj):
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) or (obj is not None and obj.pk == request.user.pk)

    def has_change_permission(self, request, obj=None):
        if obj is None:
            return super().has_change_permission(request)
        if obj.pk == request.user.pk:
            return True
        return super().has_change_permission(request, obj) and (
            request.user.is_superuser or not obj.is_superuser
        )

    def has_delete_permission(self, request, obj=None):
        return False  # switched off instead: what they did keeps its author

    def save_model(self, request, obj, form, change):
        if not change:
            obj.set_unusable_password()
            obj.password_changed_at = None
        super().save_model(request, obj, form, change)

    def response_add(self, request, obj, post_url_continue=None):
        self.message_user(request, f"{obj} cannot sign in before they have a password: set one next.")
        return super().response_add(request, obj, post_url_continue)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        if object_id == str(request.user.pk):
            extra_context = {"title": "My profile", **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra_context)

    def verb_links(self, request, row):
        own = {"label": "Change password", "url": reverse("admin:password_change"), "look": "plain"}
        return [*super().verb_links(request, row), *([own] if row.pk == request.user.pk else [])]

    @display(description="roles")
    def roles(self, row):
        return ", ".join(str(membership.group) for membership in row.memberships.all()) or "–"

    def may_do(self, row):
        everything = ["May do everything"] if row.is_superuser else []
        return ", ".join(everything + [str(m.group) for m in row.memberships.all()]) or "None yet"

    @display(description="away")
    def away(self, row):
        if not row.away_from or row.away_until < row.today():
            return "–"
        return f"{row.away_from:%d %b} to {row.away_until:%d %b %Y}"

    @display(description="works here", ordering="is_active")
    def active(self, row):
        return badge("Active", "success") if row.is_active else badge("Switched off")

    @display(description="working days")
    def days(self, row):
        return days_in_words(row.working_days)


@admin.register(Membership)
class MembershipAdmin(_RolesToGive, WorkspaceAdmin):
    """Who has which role; given and taken away, never changed."""

    list_display = ("person", "group")
    list_filter = (("group", RelatedDropdownFilter),)
    list_select_related = ("user", "group")
    search_fields = ("user__name", "user__email", "group__name")
    autocomplete_fields = ("user",)
    fields = ("user", "group")

    def has_change_permission(self, request, obj=None):
        return False

    @display(description="person", ordering="user__name")
    def person(self, row):
        return str(row.user)


@admin.register(Group)
class RoleAdmin(WorkspaceAdmin):
    """What each role may do, to be read: roles are written in code, so nobody can widen their own."""

    list_display = ("name", "holders")
    search_fields = ("name",)
    fields = ("name", "may", "people")
    readonly_fields = ("may", "people")

    def get_queryset(self, request):
        people = Prefetch("memberships", Membership.objects.select_related("user").order_by("user__name"))
        may = Prefetch("permissions", Permission.objects.select_related("content_type").order_by("pk"))
        return super().get_queryset(request).prefetch_related(people, may)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @display(description="people")
    def holders(self, row):
        return len(row.memberships.all())

    @display(description="people")
    def people(self, row):
        return links([membership.user for membership in row.memberships.all()], "Nobody yet")

    @display(description="may")
    def may(self, row):
        return format_html_join("", "<div>{}</div>", ((line,) for line in _in_words(row))) or "–"


def _in_words(group):
    """What a role may do, a line for each kind of thing: “Retrospectives: see, add, change”."""
    may = defaultdict(list)
    for permission in sorted(group.permissions.all(), key=_by_verb):
        verb = VERBS.get(permission.codename.partition("_")[0], permission.name.lower())
        model = permission.content_type.model_class()
        what = str(model._meta.verbose_name_plural) if model else permission.content_type.name
        may[what].append(verb)
    return [f"{what[:1].upper()}{what[1:]}: {', '.join(verbs)}" for what, verbs in sorted(may.items())]


def _by_verb(permission):
    verb = permission.codename.partition("_")[0]
    return list(VERBS).index(verb) if verb in VERBS else len(VERBS), permission.codename


class UsableFilter(DropdownFilter):
    title = "whether it still works"
    parameter_name = "usable"

    def lookups(self, request, model_admin):
        return [("yes", "Works"), ("no", "Revoked or expired")]

    def queryset(self, request, queryset):
        usable = ApiToken.objects.usable()
        if self.value() == "yes":
            return queryset.filter(pk__in=usable)
        return queryset.exclude(pk__in=usable) if self.value() == "no" else queryset


def _revoke(request, token, form):
    token.revoke()
    return f"{token} no longer works."


def may_revoke(request, token) -> bool:
    """Everybody their own; whoever may delete tokens, all."""
    mine = token.user_id == request.user.pk
    return token.revoked_at is None and (mine or request.user.has_perm("people.delete_apitoken"))


@admin.register(ApiToken)
class TokenAdmin(DialogAdmin):
    """Everybody's own keys to the API; the secret is shown once, when it is made, and kept nowhere."""

    list_display = ("name", "person", "scope", "works", "expires", "used")
    list_filter = (UsableFilter, ("scope", ChoicesDropdownFilter))
    list_select_related = ("user",)
    search_fields = ("name", "hint", "user__name", "user__email")
    fields = ("name", "person", "scope", "hint", "works", "made", "expires", "used")
    readonly_fields = fields
    dialogs = (Dialog("revoke", "Revoke", may=may_revoke, do=_revoke, is_grave=True),)

    def get_queryset(self, request):
        tokens = super().get_queryset(request).select_related("user")
        return tokens if super().has_view_permission(request) else tokens.filter(user=request.user)

    def has_module_permission(self, request):
        return True

    def has_view_permission(self, request, obj=None):
        return obj is None or obj.user_id == request.user.pk or super().has_view_permission(request, obj)

    def has_add_permission(self, request):
        return True  # for oneself: the form does not ask for whom

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False  # revoked instead: its history stays readable

    def add_view(self, request, form_url="", extra_context=None):
        form = TokenForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            context = {"title": "New API token", "form": form}
            return self._page(request, "people/token_form.html", None, context)
        token, secret = ApiToken.issue(request.user, **form.cleaned_data)
        context = {"title": f"New API token: {token}", "token": token, "secret": secret}
        return self._page(request, "people/token_made.html", token, context)

    @display(description="person", ordering="user__name")
    def person(self, row):
        return link(row.user)

    @display(description="works")
    def works(self, row):
        if row.revoked_at:
            return badge("Revoked")
        return badge("Expired") if row.expires_at <= timezone.now() else badge("Works", "success")

    @display(description="made", ordering="created_at")
    def made(self, row):
        return moment(row.created_at)

    @display(description="expires", ordering="expires_at")
    def expires(self, row):
        return moment(row.expires_at)

    @display(description="last used", ordering="last_used_at")
    def used(self, row):
        return moment(row.last_used_at, "never")


@admin.register(PrivateName)
class PrivateNameAdmin(WorkspaceAdmin):
    """Names that must be in nothing that is public, such as those of customers."""

    list_display = ("name", "note")
    search_fields = ("name", "note")
    fields = ("name", "note")
