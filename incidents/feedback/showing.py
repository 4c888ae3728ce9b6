"""How the workspace says what customers answered: figures with how sure they are, or that they are too few."""

from django.urls import reverse
from django.utils.html import format_html, format_html_join

from config.admin import Card, moment
from incidents.feedback.numbers import NOTHING, Heard, Scale, Tally, heard_of, latest_counts, tickets_of

TOO_FEW = "fewer than five answers"
WITHHELD = "not told: it would tell of fewer than five others"
SCALE_LABELS = {
    "sentiment": "How they feel about us",
    "support": "Satisfied with support",
    "transparency": "How open we were",
}
MOST = 8  # tickets or updates on a card


def percent(share) -> str:
    """A share as people say it."""
    return f"{share * 100:.0f} %"


def share_in_words(tally: Tally) -> str:
    """How many knew what they needed to know, and how sure that is."""
    if tally.is_hidden:
        return WITHHELD if tally.is_withheld else TOO_FEW
    low, high = tally.interval
    counts = f"{tally.known[0]} yes, {tally.known[1]} partly, {tally.known[2]} no"
    return f"{percent(tally.share)} yes (95 %: {percent(low)} to {percent(high)}); {counts}"


def rate_in_words(tally: Tally) -> str:
    """How many of those asked by mail have answered; the number of few answers stays hidden, too."""
    if not tally.asked:
        return "nobody was asked by mail"
    if tally.is_hidden:
        return f"{TOO_FEW}, of {tally.asked} asked"
    return f"{percent(tally.rate)} ({tally.answers} of {tally.asked} asked)"


def scale_in_words(scale: Scale) -> str:
    """Mean and distribution of a question answered from 1 to 5."""
    if scale.is_hidden:
        return TOO_FEW
    spread = ", ".join(f"{n}: {count}" for n, count in enumerate(scale.counts, 1))
    return f"{scale.mean:.1f} of 5 ({spread})"


def facts_of(heard: Heard) -> list[tuple[str, str]]:
    """What was said of one incident or period, a line each; empty if nobody was asked and nobody answered."""
    facts = []
    for tally, page, what in (
        (heard.updates, heard.updates_page, "updates"),
        (heard.after, heard.after_page, "afterwards"),
    ):
        if tally.asked or tally.answers:
            facts.append((f"Answered, {what}", rate_in_words(tally)))
            facts += _said(tally, what)
        if page.answers:
            facts += [(f"{label}, from the open page", said) for label, said in _said(page, what)]
    return facts


def _said(tally, what):
    if what == "updates":
        return [("Knew what they needed to know", share_in_words(tally))]
    return [(label, scale_in_words(tally.scales[name])) for name, label in SCALE_LABELS.items()]


# --- Beside the form of an incident ------------------------------------------------------------------------


def feedback_card(incident) -> Card:
    """What customers said of it in figures, and the way to their words."""
    heard = heard_of([incident]).get(incident.pk, Heard())
    facts = facts_of(heard)
    if not facts:
        return Card("What customers said", [("", "Nobody was asked, and nobody has answered.")])
    if len(heard.by_update) > 1:
        updates = incident.updates.in_bulk(list(heard.by_update))
        for pk, (mail, _) in list(heard.by_update.items())[-MOST:]:
            facts.append((moment(updates[pk].published_at), share_in_words(mail)))
    address = f"{reverse('admin:incidents_feedback_changelist')}?incident__id__exact={incident.pk}"
    facts.append(("", format_html('<a class="aftercare-link" href="{}">Every answer</a>', address)))
    return Card("What customers said", facts)


def tickets_card(request, incident) -> Card:
    """How many tickets it made, by whom counted, and which are linked."""
    total = tickets_of([incident]).get(incident.pk)
    facts = [("In all", "not counted yet" if total is None else total)]
    for row in latest_counts([incident])[:MOST]:
        facts.append(
            (row.source or "Counted by hand", format_html("{} {}", row.count, moment(row.counted_at)))
        )
    linked = list(incident.support_tickets.all()[: MOST + 1])
    if linked:
        facts.append(
            ("Linked", format_html_join("", "<div>{}</div>", ((_ticket(t),) for t in linked[:MOST])))
        )
    if len(linked) > MOST:
        facts.append(("", "and more in the list"))
    facts += [("", way) for way in _ways(request.user, incident)]
    return Card("Support tickets", facts)


def _ticket(ticket):
    if not ticket.url:
        return ticket
    form = '<a class="aftercare-link" href="{}" rel="noopener noreferrer">{}</a>'
    return format_html(form, ticket.url, ticket)


def _ways(user, incident):
    for model, words in (("ticketcount", "Enter a count"), ("supportticket", "Link a ticket")):
        if user.has_perm(f"incidents.add_{model}"):
            address = f"{reverse(f'admin:incidents_{model}_add')}?incident={incident.pk}"
            yield format_html('<a class="aftercare-link" href="{}">{}</a>', address, words)


def impact_facts(incidents) -> dict[int, list[tuple[str, object]]]:
    """What a retrospective tells of each incident: tickets and answers, where there are any."""
    tickets, heard = tickets_of(incidents), heard_of(incidents)
    found = {}
    for incident in incidents:
        facts = [("Support tickets", tickets[incident.pk])] if incident.pk in tickets else []
        said = heard.get(incident.pk, Heard())
        if said.updates.answers or said.updates.asked:
            facts.append(("Knew what they needed to know", share_in_words(said.updates)))
        if said.after != NOTHING:
            facts += _said(said.after, "afterwards")
        found[incident.pk] = facts
    return found
