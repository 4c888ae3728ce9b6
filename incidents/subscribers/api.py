"""Subscribers in the API: seen and changed by whoever may in the workspace; secrets by nobody here."""

from django.db.models import Exists, OuterRef
from django.db.models.functions import JSONObject
from django_filters.rest_framework import FilterSet

from config.api.fields import JSONRows, StrictModel
from config.api.filters import Moment, Named, OneOf, YesNo
from config.api.resources import Resource, with_verbs
from incidents.maintenance_api import RegionNamed, ServiceNamed
from incidents.models import Region, Service, Subscriber, SubscriberRegion, SubscriberService


class SubscriberRow(StrictModel):
    """Somebody who is told, or a customer's system. Nothing chosen means everything; a secret is never shown."""

    services = ServiceNamed(many=True, source="service_list")
    regions = RegionNamed(many=True, source="region_list")

    class Meta:
        model = Subscriber
        fields = (
            *("id", "public_id", "channel", "address", "status", "services", "regions", "source"),
            *("created_at", "confirmed_at", "unsubscribed_at", "stopped_at", "stopped_because"),
            *("bounces", "failing_since", "version"),
        )
        read_only_fields = fields
        extra_kwargs = {
            "address": {"help_text": "Empty once it unsubscribed: it is forgotten."},
            "bounces": {"help_text": "How often it was refused in a row; `resume` sets it back."},
        }


class SubscriberFilters(FilterSet):
    """By whether they are told, and of what. Not by address: those of an inquiry stand in logs."""

    status = OneOf(Subscriber.Status.choices)
    channel = OneOf(Subscriber.Channel.choices)
    service = Named(Service, method="chose", label="Who chose it; not those who chose nothing.")
    region = Named(Region, method="chose", label="Who chose it; not those who chose nothing.")
    failing = YesNo(field_name="failing_since", lookup_expr="isnull", exclude=True)
    created_after = Moment(field_name="created_at", lookup_expr="gte", label="At this moment or later.")
    created_before = Moment(field_name="created_at", lookup_expr="lt", label="Before this moment.")

    def chose(self, queryset, name, by):
        links = {"service": SubscriberService, "region": SubscriberRegion}[name]
        by = {f"{name}__{key}": value for key, value in by.items()}
        return queryset.filter(Exists(links.objects.filter(subscriber=OuterRef("pk"), **by)))


@with_verbs
class Subscribers(Resource):
    """Who hears what customers are told, by number. Whether a mailbox wants it, only who reads its mail can say."""

    model = Subscriber
    serializer_class = SubscriberRow
    filterset_class = SubscriberFilters
    orderings = ("-reference", "reference", "-created_at", "created_at")
    not_for_people = ("ask", "confirm")

    def visible(self):
        return Subscriber.objects.all()

    def with_shown(self, queryset):
        return queryset.annotate(
            service_list=_names(SubscriberService, "service"), region_list=_names(SubscriberRegion, "region")
        )


def _names(model, name):
    item = JSONObject(**{name: f"{name}__slug", "name": f"{name}__name"})
    return JSONRows(model.objects.filter(subscriber=OuterRef("pk")).values(item=item))


ROUTES = [("subscribers", Subscribers, "subscribers")]
