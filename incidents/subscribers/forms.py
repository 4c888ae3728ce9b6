"""What the public pages ask: an address, and what to hear of."""

from django import forms
from django.core.exceptions import ValidationError

from incidents.models import Region, Service
from incidents.models.subscriber import clean_address


class Choices(forms.Form):
    """Services and regions by their public names; none chosen means all of them."""

    services = forms.MultipleChoiceField(required=False)
    regions = forms.MultipleChoiceField(required=False)

    def __init__(self, *args, subscriber=None, **kwargs):
        super().__init__(*args, **kwargs)
        # Looked up here, not by the field: what is sent by anybody must not become a query.
        self.rows = {
            "services": {row.slug: row for row in Service.objects.filter(is_public=True)},
            "regions": {row.slug: row for row in Region.objects.all()},
        }
        for name, rows in self.rows.items():
            self.fields[name].choices = [(slug, row.name) for slug, row in rows.items()]
            if subscriber is not None:
                self.initial[name] = [row.slug for row in getattr(subscriber, name).all()]

    def lists(self):
        """The two lists of boxes: name, heading, and for each box its value, its words and whether it is ticked."""
        for name, heading in (("services", "Services"), ("regions", "Regions")):
            chosen = set(self.data.getlist(name)) if self.is_bound else set(self.initial.get(name, ()))
            boxes = [(slug, row.name, slug in chosen) for slug, row in self.rows[name].items()]
            if boxes:
                yield name, heading, boxes

    def chosen(self) -> dict:
        """The rows that were chosen, as `Subscriber.choose` takes them."""
        return {name: [rows[slug] for slug in self.cleaned_data[name]] for name, rows in self.rows.items()}


class Subscribe(Choices):
    """An address besides."""

    address = forms.CharField(
        max_length=254,
        strip=True,
        error_messages={"required": "Enter your e-mail address."},
    )

    def clean_address(self):
        try:
            return clean_address(self.cleaned_data["address"])
        except ValidationError as error:
            raise ValidationError(error.messages) from error
