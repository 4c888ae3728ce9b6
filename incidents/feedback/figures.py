"""What customers answered and what it cost support, as the API tells it: the figures of the workspace.

They come from numbers.py and are hidden where showing.py says that they are too few: also how few, then.
"""

from rest_framework import serializers

from incidents.feedback.numbers import Heard, Scale, Tally, heard_of, latest_counts, tickets_of
from incidents.models.feedback import SCALES


def _hidden(field, **kwargs):
    return field(allow_null=True, help_text="null under five answers.", **kwargs)


class Known(serializers.Serializer):
    """Whether customers knew what they needed to know, from one road of answers."""

    is_hidden = serializers.BooleanField(
        help_text="Whether fewer than five answered, or it would tell of fewer than five others: figures are null."
    )
    answers = _hidden(serializers.IntegerField)
    yes = _hidden(serializers.IntegerField)
    partly = _hidden(serializers.IntegerField)
    no = _hidden(serializers.IntegerField)
    share = _hidden(serializers.FloatField, min_value=0, max_value=1)
    low = serializers.FloatField(
        allow_null=True, help_text="Where the true share lies from, with 95 % (Wilson)."
    )
    high = serializers.FloatField(allow_null=True, help_text="And up to where.")


class KnownByMail(Known):
    """The same of those who were asked by mail."""

    asked = serializers.IntegerField(help_text="How many were asked by mail.")
    rate = serializers.FloatField(
        allow_null=True, help_text="What share of them answered; null under five, and where nobody was asked."
    )


class OneToFive(serializers.Serializer):
    """A question answered from 1 to 5."""

    is_hidden = serializers.BooleanField(help_text="Whether fewer than five answered it.")
    answers = _hidden(serializers.IntegerField)
    mean = _hidden(serializers.FloatField)
    counts = serializers.ListField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="How often 1 was chosen, how often 2, and so on.",
    )


class Afterwards(serializers.Serializer):
    """What customers said when it was over, from one road of answers."""

    is_hidden = serializers.BooleanField(help_text="Whether fewer than five answered.")
    answers = _hidden(serializers.IntegerField)
    sentiment = OneToFive(help_text="How they feel about us.")
    support = OneToFive(help_text="Satisfied with support; it may be left out.")
    transparency = OneToFive(help_text="How open we were.")


class AfterwardsByMail(Afterwards):
    """The same of those who were asked by mail."""

    asked = serializers.IntegerField(help_text="How many were asked by mail.")
    rate = serializers.FloatField(
        allow_null=True, help_text="What share of them answered; null under five, and where nobody was asked."
    )


class KnownOfUpdate(Known):
    """The same of one update, by mail."""

    update = serializers.IntegerField()


class FeedbackFigures(serializers.Serializer):
    """What customers said of an incident. Those from the page that is open to everybody are counted apart."""

    updates = KnownByMail()
    updates_from_page = Known()
    afterwards = AfterwardsByMail()
    afterwards_from_page = Afterwards()
    by_update = KnownOfUpdate(many=True, help_text="Where more than one was asked about.")


def feedback_of(incident) -> dict:
    """What customers said of it in figures."""
    heard = heard_of([incident]).get(incident.pk, Heard())
    apart = heard.by_update if len(heard.by_update) > 1 else {}
    found = {
        "updates": _known(heard.updates) | _asked(heard.updates),
        "updates_from_page": _known(heard.updates_page),
        "afterwards": _afterwards(heard.after) | _asked(heard.after),
        "afterwards_from_page": _afterwards(heard.after_page),
        "by_update": [{"update": pk} | _known(mail) for pk, (mail, _) in apart.items()],
    }
    return FeedbackFigures(found).data


def _asked(tally: Tally) -> dict:
    return {"asked": tally.asked, "rate": None if tally.is_hidden else tally.rate}


def _known(tally: Tally) -> dict:
    if tally.is_hidden:
        names = ("answers", "yes", "partly", "no", "share", "low", "high")
        return {"is_hidden": True} | dict.fromkeys(names)
    yes, partly, no = tally.known
    low, high = tally.interval
    said = {"answers": tally.answers, "yes": yes, "partly": partly, "no": no}
    return {"is_hidden": False} | said | {"share": tally.share, "low": low, "high": high}


def _afterwards(tally: Tally) -> dict:
    answers = None if tally.is_hidden else tally.answers
    scales = {name: _one_to_five(tally.scales[name]) for name in SCALES}
    return {"is_hidden": tally.is_hidden, "answers": answers} | scales


def _one_to_five(scale: Scale) -> dict:
    if scale.is_hidden:
        return {"is_hidden": True, "answers": None, "mean": None, "counts": None}
    return {"is_hidden": False, "answers": scale.total, "mean": scale.mean, "counts": scale.counts}


# --- Tickets -----------------------------------------------------------------------------------------------


class SourceCount(serializers.Serializer):
    """The newest count of one source."""

    source = serializers.CharField(help_text="Empty where it was counted by hand.")
    count = serializers.IntegerField()
    counted_at = serializers.DateTimeField()


class TicketFigures(serializers.Serializer):
    """What an incident cost support."""

    total = serializers.IntegerField(allow_null=True, help_text="In all; null while nobody has counted.")
    linked = serializers.IntegerField(help_text="How many are linked; of each source, the larger one counts.")
    by_source = SourceCount(many=True)


def tickets_on(incident) -> dict:
    """How many tickets it made, of each source the newest count."""
    found = {
        "total": tickets_of([incident]).get(incident.pk),
        "linked": incident.support_tickets.count(),
        "by_source": latest_counts([incident]),
    }
    return TicketFigures(found).data
