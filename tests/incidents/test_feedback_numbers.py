"""What customers said, in figures: the same as a computation that shares no line with it."""

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from django.utils import timezone

from config.people import roles
from incidents.feedback import Purpose, link_for
from incidents.feedback.numbers import NOTHING, Scale, by_period, heard_of, seen_by, tickets_of, wilson
from incidents.feedback.showing import TOO_FEW, facts_of, impact_facts
from incidents.models import Feedback, Incident, SupportTicket, TicketCount
from incidents.models.ticket import DESK
from retros.models import Retrospective
from tests.api import Caller, is_problem
from tests.conftest import make_person
from tests.incidents.public import say, told
from tests.pages import page, queries_of

pytestmark = pytest.mark.django_db


SCALES = ("sentiment", "support", "transparency")
PERIODS = {"month": lambda at: (at.year, at.month), "quarter": lambda at: (at.year, (at.month + 2) // 3)}


@pytest.fixture
def public(severity):
    return told(severity)


def vote(incident, update=None, *, source="mail", asked=True, **said):
    purpose = Purpose.UPDATE if update else Purpose.AFTER
    key = f"{incident.pk} {update and update.pk} {random.random()}"
    if asked and source == "mail":
        link_for(incident, key, purpose, update)
    return Feedback.objects.give(incident, purpose, key, source=source, update=update, **said)


def declared(incident, at):
    Incident.objects.filter(pk=incident.pk).update(declared_at=at, started_at=None, detected_at=None)


def votes(incident, update, **counts):
    for known, count in counts.items():
        for _ in range(count):
            vote(incident, update, known=known)


# --- The interval


def bounds_by_trial(hits, of):
    """Wilson's bounds from what they mean: the shares that lie exactly z standard errors away from the one seen."""
    seen, z = Fraction(hits, of), 1.959963984540054

    def is_within(share):
        return float(seen - share) ** 2 <= z * z * float(share) * (1 - float(share)) / of

    def edge(inside, outside):
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_within(Fraction(middle)) else (inside, middle)
        return inside

    at = float(seen)
    return edge(at, 0.0), edge(at, 1.0)


@pytest.mark.parametrize(
    ("hits", "of"), [(1, 5), (3, 5), (7, 10), (45, 50), (1, 1000), (999, 1000), (50, 100)]
)
def test_the_interval_is_wilsons(hits, of):
    assert wilson(hits, of) == pytest.approx(bounds_by_trial(hits, of), abs=1e-9)


def test_the_interval_has_sense_at_its_ends():
    low, high = wilson(0, 5)
    assert (low, round(high, 4)) == (0.0, 0.4345)
    low, high = wilson(5, 5)
    assert (round(low, 4), high) == (0.5655, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)


# --- Against a computation by hand


def by_hand(rows, purpose, source):
    """Plain loops over plain rows."""
    mine = [row for row in rows if row["purpose"] == purpose and row["source"] == source]
    known = tuple(len([row for row in mine if row["known"] == said]) for said in ("yes", "partly", "no"))
    means = {}
    for name in ("sentiment", "support", "transparency"):
        given = [row[name] for row in mine if row[name] is not None]
        means[name] = (len(given), sum(given) / len(given) if given else None)
    return len(mine), known, means


def test_the_index_equals_a_computation_by_hand(severity):
    chance = random.Random(20261125)
    moments = [
        datetime(2026, month, day, 22, 30, tzinfo=UTC) for month in (1, 3, 4, 9, 12) for day in (1, 30)
    ]
    for at in moments:
        incident = told(severity)
        declared(incident, at)
        for update in (say(incident), say(incident, "More.", ago=10)):
            for number in range(chance.randrange(12)):
                link_for(incident, f"unanswered {number}", Purpose.UPDATE, update)
            for _ in range(chance.randrange(9)):
                said = chance.choice(["yes", "yes", "partly", "no"])
                vote(incident, update, source=chance.choice(["mail", "mail", "page"]), known=said)
        for _ in range(chance.randrange(14)):
            score = {n: chance.randint(1, 5) for n in ("sentiment", "transparency")}
            score["support"] = chance.choice([None, 1, 2, 3, 4, 5])
            vote(incident, source=chance.choice(["mail", "page"]), **score)
    rows = list(Feedback.objects.values("incident__declared_at", "purpose", "source", "known", *SCALES))
    for kind, period in PERIODS.items():
        found = by_period(kind, Incident.objects.all())
        assert [day for day, _ in found] == sorted((day for day, _ in found), reverse=True)
        for day, heard in found:
            here = [row for row in rows if period(row["incident__declared_at"]) == period(day)]
            for purpose, source, tally in (
                ("update", "mail", heard.updates),
                ("update", "page", heard.updates_page),
                ("after", "mail", heard.after),
                ("after", "page", heard.after_page),
            ):
                answers, known, means = by_hand(here, purpose, source)
                assert (tally.answers, tally.known) == (answers, known)
                assert tally.share == (known[0] / answers if answers and purpose == "update" else None)
                for name, (total, mean) in means.items():
                    assert tally.scales[name].total == total
                    assert tally.scales[name].mean == (pytest.approx(mean) if mean is not None else None)
    assert len(by_period("quarter", Incident.objects.all())) == 4


def test_the_rate_holds_answers_against_mails(public):
    update = say(public)
    for number in range(20):
        link_for(public, f"mail {number}", Purpose.UPDATE, update)
        link_for(public, f"mail {number}", Purpose.UPDATE, update)  # written twice, asked once
    for _ in range(5):
        vote(public, update, asked=False, known="yes")
    vote(public, update, source="page", known="no")
    heard = heard_of([public])[public.pk]
    assert (heard.updates.asked, heard.updates.answers, heard.updates.rate) == (20, 5, 0.25)
    assert (heard.updates_page.asked, heard.updates_page.answers, heard.updates_page.rate) == (0, 1, None)
    mail, open_page = heard.by_update[update.pk]
    assert (mail, open_page) == (heard.updates, heard.updates_page)


def test_under_five_answers_no_figure_is_told(public):
    update = say(public)
    votes(public, update, yes=3, no=1)
    heard = heard_of([public])[public.pk]
    assert heard.updates.is_hidden
    told_so = dict(facts_of(heard))
    assert told_so["Knew what they needed to know"] == TOO_FEW
    assert told_so["Answered, updates"] == f"{TOO_FEW}, of 4 asked"
    votes(public, update, partly=1)
    told_so = dict(facts_of(heard_of([public])[public.pk]))
    assert told_so["Knew what they needed to know"] == "60 % yes (95 %: 23 % to 88 %); 3 yes, 1 partly, 1 no"
    assert told_so["Answered, updates"] == "100 % (5 of 5 asked)"


def test_a_scale_few_answered_is_hidden_beside_one_that_many_did(public):
    for number in range(6):
        vote(public, sentiment=number % 5 + 1, transparency=4, support=3 if number < 2 else None)
    told_so = dict(facts_of(heard_of([public])[public.pk]))
    assert told_so["Satisfied with support"] == TOO_FEW
    assert told_so["How open we were"] == "4.0 of 5 (1: 0, 2: 0, 3: 0, 4: 6, 5: 0)"
    assert told_so["How they feel about us"] == "2.7 of 5 (1: 2, 2: 1, 3: 1, 4: 1, 5: 1)"


def test_single_answers_tell_no_more_than_the_figures(client, ana, aud, public):
    update = say(public)
    votes(public, update, partly=4)
    row = vote(public, update, source="page", known="no", words="Until when?")
    client.force_login(ana)
    for address in ("/admin/incidents/feedback/", page(row)):
        shown = client.get(address).content.decode()
        assert TOO_FEW in shown
        assert "Partly" not in shown
    assert "Until when?" in client.get(page(row)).content.decode()
    assert ">no<" not in client.get(page(row, "history")).content.decode()
    votes(public, update, partly=1)
    assert "Partly" in client.get("/admin/incidents/feedback/").content.decode()
    client.force_login(aud)
    assert "no" in client.get(page(row, "history")).content.decode()


def test_counting_costs_the_same_however_many_there_are(public, django_assert_num_queries, severity):
    update = say(public)
    votes(public, update, yes=8)
    with django_assert_num_queries(2):
        heard_of([public])
    other = told(severity)
    votes(other, say(other), yes=3, no=9)
    with django_assert_num_queries(2):
        heard_of([public, other])
    with django_assert_num_queries(2):
        by_period("month", Incident.objects.all())
    assert NOTHING + NOTHING == NOTHING
    assert Scale().mean is None


def test_the_index_is_a_page_and_tells_no_restricted_incident(client, aud, ana, public, severity):
    votes(public, say(public), yes=5)
    hidden = told(severity, visibility="restricted")
    votes(hidden, say(hidden), no=5)
    client.force_login(ana)
    shown = client.get("/admin/feedback/?by=month").content.decode()
    assert "100 % yes" in shown
    client.force_login(aud)
    assert "50 % yes" in client.get("/admin/feedback/?by=nonsense").content.decode()
    assert set(seen_by(ana)) == {public}


def test_the_incident_tells_it_beside_its_form(client, ana, public):
    votes(public, say(public), yes=5)
    client.force_login(ana)
    shown = client.get(page(public)).content.decode()
    assert "What customers said" in shown
    assert "100 % yes (95 %: 57 % to 100 %)" in shown


def test_the_retro_reads_the_words_and_the_figures(client, ana, public, ravi):
    update = say(public)
    votes(public, update, yes=5)
    vote(public, update, known="no", words="<b>Nobody</b> told us when.")
    TicketCount.objects.enter(public, by=ravi, count=42, source="Zendesk")
    public.resolve(by=ravi)
    retro = Retrospective.objects.open_for(public, facilitator=ana)
    client.force_login(ana)
    shown = client.get(retro.workspace_url).content.decode()
    assert "&lt;b&gt;Nobody&lt;/b&gt; told us when." in shown
    assert "What customers said" in shown
    assert dict(impact_facts([public])[public.pk])["Support tickets"] == 42
    assert "<dt>Support tickets</dt><dd>42</dd>" in shown
    before = len(queries_of(client, retro.workspace_url))
    votes(public, update, no=7)
    assert len(queries_of(client, retro.workspace_url)) == before


# --- Tickets


def test_the_newest_count_of_each_source_holds(public, ravi):
    at = timezone.now()
    TicketCount.objects.enter(public, by=ravi, count=10, source="Zendesk", at=at - timedelta(hours=2))
    TicketCount.objects.enter(public, by=ravi, count=30, source="Zendesk", at=at)
    TicketCount.objects.enter(public, by=ravi, count=12, source="Zendesk", at=at - timedelta(hours=1))
    TicketCount.objects.enter(public, by=ravi, count=5, source="Phone", at=at)
    assert tickets_of([public]) == {public.pk: 35}


def test_linked_tickets_are_counted_where_nobody_counted_more(public, ravi):
    assert tickets_of([public]) == {}
    for number in range(3):
        SupportTicket.objects.link(public, by=ravi, reference=f"#{number}", source="Zendesk")
    assert tickets_of([public]) == {public.pk: 3}
    TicketCount.objects.enter(public, by=ravi, count=2, source="Zendesk")
    assert tickets_of([public]) == {public.pk: 3}
    TicketCount.objects.enter(public, by=ravi, count=9, source="Zendesk")
    assert tickets_of([public]) == {public.pk: 9}


def test_one_more_is_one_more(public, ravi, stranger):
    for expected in (1, 2, 3):
        assert TicketCount.objects.add_one(public, by=ravi).count == expected
    assert tickets_of([public]) == {public.pk: 3}
    assert set(public.ticket_counts.values_list("source", flat=True)) == {DESK}
    assert TicketCount.history.first().history_user_name == "Ravi"


def test_tickets_come_and_go_by_the_api(public, ravi, aud):
    room = f"incidents/{public.reference}/"
    answer = Caller(ravi).post(f"{room}ticket-counts/", {"count": 7, "source": "Zendesk"})
    assert (answer.status_code, answer.json()["count"]) == (201, 7)
    link = {"reference": "#48213", "source": "Zendesk", "url": "https://desk.example.com/48213"}
    assert Caller(ravi).post(f"{room}support-tickets/", link).status_code == 201
    assert is_problem(Caller(ravi).post(f"{room}support-tickets/", link), 400)
    for wrong in (
        {"count": -1},
        {"count": "7"},
        {"count": 2**40},
        {},
        {"count": 1, "counted_at": "2199-01-01T00:00:00Z"},
    ):
        assert is_problem(Caller(ravi).post(f"{room}ticket-counts/", wrong), 400)
    for wrong in ({"reference": ""}, {"reference": "#1", "url": "javascript:alert(1)"}):
        assert is_problem(Caller(ravi).post(f"{room}support-tickets/", wrong), 400)
    assert is_problem(Caller(aud).post(f"{room}ticket-counts/", {"count": 7}), 403)
    assert [row["count"] for row in Caller(aud).get(f"{room}ticket-counts/").json()["results"]] == [7]
    assert (TicketCount.objects.count(), SupportTicket.objects.count()) == (1, 1)


def test_a_ticket_is_linked_on_its_page_once(client, ravi, public):
    client.force_login(ravi)
    sent = {"incident": public.pk, "reference": "#1", "url": "desk.example.com/1", "source": "Zendesk"}
    assert client.post("/admin/incidents/supportticket/add/", sent).status_code == 302
    again = client.post("/admin/incidents/supportticket/add/", sent)
    assert again.status_code == 200
    assert "linked to this incident already" in again.content.decode()
    ticket = SupportTicket.objects.get()
    assert (ticket.url, ticket.entered_by) == ("https://desk.example.com/1", ravi)
    assert "#1" in client.get(page(public)).content.decode()


def test_support_counts_by_its_page_alone(public):
    suki = make_person("suki@example.com", roles.SUPPORT)
    assert is_problem(Caller(suki).post(f"incidents/{public.reference}/ticket-counts/", {"count": 7}), 403)
    assert TicketCount.objects.add_one(public, by=suki).count == 1


def test_the_day_of_a_period_is_its_first(public):
    votes(public, say(public), yes=1)
    declared(public, datetime(2026, 5, 20, tzinfo=UTC))
    assert by_period("quarter", Incident.objects.all())[0][0] == date(2026, 4, 1)
    assert by_period("month", Incident.objects.all())[0][0] == date(2026, 5, 1)
