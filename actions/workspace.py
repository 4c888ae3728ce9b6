"""Action items on the workspace of a retro: what there is, and one more without leaving the page."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.html import format_html

from actions.admin.item import due_badge
from actions.models import ActionItem
from config.display import link
from config.editing import KnownSelect, dress, numbers
from config.forms import validate_due_day
from config.people.models import User
from config.visibility import visible
from retros.workspace.adding import Adder, adder

SUGGESTED_DAYS = 10  # working days, of whoever writes
WHY = 300  # characters of the customer impact that begin the reason


class OwnerField(forms.ModelChoiceField):
    """Somebody who works here; what is no number is refused before the database is asked."""

    def clean(self, value):
        if value and not numbers([value]):
            raise ValidationError("Choose one of the people.")
        return super().clean(value)


class NewAction(forms.ModelForm):
    """One improvement: what, who, by when. By script the owner is found by typing; without, by e-mail address."""

    owner = OwnerField(User.objects.filter(is_active=True), required=False)
    owner_email = forms.EmailField(label="Owner’s e-mail address", required=False)

    class Meta:
        model = ActionItem
        fields = ("title", "owner", "owner_email", "due_on", "kind", "why")
        widgets = {
            "due_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            "why": forms.Textarea({"rows": 2, "data-coach": "team"}),
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        dress(self)
        owner = self.fields["owner"]
        owner.widget = KnownSelect(ActionItem._meta.get_field("owner"), admin.site)
        owner.widget.choices = owner.choices

    def clean_due_on(self):
        day = self.cleaned_data["due_on"]
        if day:
            validate_due_day(day)
        return day

    def clean(self):
        data = super().clean()
        if data.get("owner_email") and not data.get("owner"):
            data["owner"] = User.objects.filter(
                email=User.normalise(data["owner_email"]), is_active=True
            ).first()
            if data["owner"] is None:
                self.add_error("owner_email", "Nobody here has this address.")
        return data


def _form(request, retro, data=None):
    initial = {
        "due_on": request.user.calendar.add_ordinary(request.user.today(), SUGGESTED_DAYS),
        "why": retro.customer_impact[:WHY],
    }
    return NewAction(data, instance=ActionItem(retro=retro), initial=initial, prefix="action")


def _save(form, retro, by):
    form.instance.owner = form.cleaned_data["owner"]
    return form.save()


def _rows(request, retro):
    items = visible(retro.action_items.all(), request.user).select_related("owner")
    for item in items.order_by("due_on", "pk"):
        owner = item.owner or "nobody owns it yet"
        yield format_html("{} <span>{}, {}</span>", link(item), owner, due_badge(item))


adder(
    Adder(
        "action",
        "Actions",
        "Add an action",
        "actions.add_actionitem",
        _form,
        _save,
        _rows,
        "What do we do so that customers do not go through it again?",
        30,
    )
)
