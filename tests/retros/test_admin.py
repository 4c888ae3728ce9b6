"""The pages of retrospectives: led by whoever may, locked once published, closed to who may not see them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from config.outbox import troubles
from config.transitions import verbs_of
from incidents.models import Incident
from retros.models import Factor, Finding, Participant, RetroFactor, Retrospective, Section, Template
from tests import pages
from tests.conftest import make_publishable
from tests.pages import add_page, list_of, page

# Two change other rows or need a facilitator who was part of it: test_review_page.py, test_neutrality.py.
VERBS = [name for name in verbs_of(Retrospective) if name not in ("ask_reviewers", "confirm_facilitator")]
ROADS = {"draft": [], "in_review": ["send_for_review"], "published": ["send_for_review", "publish"]}
REASON = {"reason": "The timeline was not complete"}


def bring(retro, state):
    make_publishable(retro)
    for verb in ROADS[state]:
        getattr(retro, verb)(by=None)
    return retro


def open_for(retro, verb):
    return bring(retro, verbs_of(Retrospective)[verb].allowed[0])


def asked(retro):
    return {"version": retro.version, **REASON}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_offered_where_it_can_be_done(client, retro, ana, verb):
    client.force_login(ana)
    pages.assert_offered(client, open_for(retro, verb), verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_not_offered_to_the_wrong_role(client, retro, ravi, verb):
    client.force_login(ravi)
    pages.assert_not_offered(client, open_for(retro, verb), verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_not_offered_in_another_state(client, retro, ana, verb):
    allowed = verbs_of(Retrospective)[verb].allowed
    client.force_login(ana)
    pages.assert_not_offered(
        client, bring(retro, next(state for state in ROADS if state not in allowed)), verb
    )


@pytest.mark.parametrize("verb", VERBS)
def test_asking_for_a_verb_changes_nothing(client, retro, ana, verb):
    client.force_login(ana)
    pages.assert_asking_changes_nothing(client, open_for(retro, verb), verb)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_done_on_post_and_signed_with_its_reason(client, retro, ana, verb):
    open_for(retro, verb)
    client.force_login(ana)
    pages.assert_done(client, retro, verb, asked(retro), by=ana)


@pytest.mark.parametrize("verb", VERBS)
def test_the_wrong_role_is_refused(client, retro, ravi, aud, verb):
    open_for(retro, verb)
    for person in (ravi, aud):
        client.force_login(person)
        pages.assert_refused(client, retro, verb, asked(retro), 403)


@pytest.mark.parametrize("verb", VERBS)
def test_the_wrong_state_is_refused(client, retro, ana, verb):
    allowed = verbs_of(Retrospective)[verb].allowed
    bring(retro, next(state for state in ROADS if state not in allowed))
    client.force_login(ana)
    pages.assert_refused(client, retro, verb, asked(retro), 409)


@pytest.mark.parametrize("verb", VERBS)
def test_pressing_twice_does_it_once(client, retro, ana, verb):
    open_for(retro, verb)
    client.force_login(ana)
    pages.assert_done_once(client, retro, verb, asked(retro))


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_that_is_out_of_date_is_refused(client, retro, ana, verb):
    open_for(retro, verb)
    client.force_login(ana)
    pages.assert_refused_when_stale(client, retro, verb, REASON)


# --- Opening, writing, locking


def test_opening_one_brings_the_sections_of_the_template(client, resolved, ana):
    client.force_login(ana)
    response = client.post(add_page(Retrospective), {"incidents": [resolved.pk], "facilitator": ana.pk})
    retro = Retrospective.objects.get()
    assert response.url == retro.workspace_url
    assert (retro.title, retro.facilitator) == (resolved.title, ana)
    assert list(retro.incidents.all()) == [resolved]
    headings = Template.objects.get(is_default=True).sections.values_list("heading", flat=True)
    assert list(retro.sections.values_list("heading", flat=True)) == list(headings)


def test_the_incident_chosen_first_leads(client, resolved, ana, severity):
    later = Incident.objects.declare(by=None, title="Sign-in too", severity=severity)
    client.force_login(ana)
    client.post(add_page(Retrospective), {"incidents": [later.pk, resolved.pk]})
    assert Retrospective.objects.get().title == "Sign-in too"


def test_nobody_who_has_left_is_asked_to_lead(client, resolved, ana, omar):
    type(omar).objects.filter(pk=omar.pk).update(is_active=False)
    client.force_login(ana)
    response = client.post(add_page(Retrospective), {"incidents": [resolved.pk], "facilitator": omar.pk})
    assert "Omar does not work here any more." in response.content.decode()
    assert not Retrospective.objects.exists()


def test_an_incident_has_one_retro(client, retro, resolved, ana):
    client.force_login(ana)
    response = client.post(add_page(Retrospective), {"incidents": [resolved.pk]})
    assert f"has a retrospective already: {retro.reference}" in response.content.decode()
    assert Retrospective.objects.count() == 1


@pytest.mark.parametrize("numbers", [["x"], ["9" * 30], ["-1"], ["0", "1e3"], ["\x00"]])
def test_incidents_that_do_not_exist_are_refused_in_words(client, ana, numbers):
    client.force_login(ana)
    assert client.get(add_page(Retrospective), {"incidents": ",".join(numbers)}).status_code == 200
    assert client.post(add_page(Retrospective), {"incidents": numbers}).status_code == 200
    assert not Retrospective.objects.exists()


def test_nobody_opens_one_of_an_incident_hidden_from_them(client, resolved, ana):
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ana)
    response = client.post(add_page(Retrospective), {"incidents": [resolved.pk]})
    assert response.status_code == 200
    assert resolved.title not in response.content.decode()
    assert not Retrospective.objects.exists()


def test_sections_are_written_on_its_page_with_their_questions_beside_them(client, retro, ana):
    client.force_login(ana)
    response = client.get(page(retro))
    section = retro.sections.first()
    assert section.guidance[:30] in response.content.decode()
    sent = pages.sent_back(response, **{"sections-0-text": "Nobody could *pay*."})
    assert client.post(page(retro), sent).status_code == 302
    section.refresh_from_db()
    assert section.text == "Nobody could *pay*."
    assert section.history.first().history_user_name == "Ana"


def test_saving_what_is_unchanged_leaves_no_history(client, retro, ana):
    client.force_login(ana)
    before = retro.history.count(), Section.history.count()
    assert client.post(page(retro), pages.sent_back(client.get(page(retro)))).status_code == 302
    assert (retro.history.count(), Section.history.count()) == before


def test_a_published_one_is_read_only_until_it_is_reopened(client, retro, ana, admin_user):
    sent = pages.sent_back(_page_of(client, retro, ana), title="Rewritten")
    bring(retro, "published")
    for person in (ana, admin_user):
        assert pages.fields_of(_page_of(client, retro, person)) == set()
        assert client.post(page(retro), sent).status_code == 409
        assert "Rewritten" in client.post(page(retro), sent).content.decode()
    retro.refresh_from_db()
    assert retro.title != "Rewritten"
    retro.reopen(by=ana, reason="Something was missing")
    assert "title" in pages.fields_of(_page_of(client, retro, ana))


@pytest.fixture
def parts(retro, ravi):
    """One part of each kind."""
    return [
        retro.sections.first(),
        retro.findings.create(kind="luck", text="A colleague was awake."),
        retro.participants.create(user=ravi, hat="on_call"),
        retro.retro_factors.create(factor=Factor.objects.first(), note="No canary."),
        retro.incident_links.first(),
    ]


def test_the_parts_of_a_published_one_are_as_locked_as_itself(client, retro, parts, ana):
    bring(retro, "published")
    client.force_login(ana)
    for part in parts:
        before = pages.stored(part)
        assert pages.fields_of(client.get(page(part))) == set()
        assert client.post(page(part), {"text": "x", "note": "x", "name": "x"}).status_code in (403, 409)
        assert client.post(page(part, "delete"), {"post": "yes"}).status_code == 403
        assert pages.stored(part) == before


def test_nothing_can_be_added_to_a_published_one(client, retro, ana):
    bring(retro, "published")
    client.force_login(ana)
    sent = {"retro": retro.pk, "kind": "luck", "text": "Late thought", "position": 0}
    assert client.post(add_page(Finding), sent).status_code == 200
    assert not Finding.objects.exists()


def test_a_stale_page_becomes_a_conflict_instead_of_an_overwrite(client, retro, ana):
    sent = pages.sent_back(_page_of(client, retro, ana), title="Mine")
    Retrospective.objects.get(pk=retro.pk).save()
    response = client.post(page(retro), sent)
    assert response.status_code == 409
    assert "Mine" in response.content.decode()
    retro.refresh_from_db()
    assert retro.title != "Mine"


def test_only_facilitators_write(client, retro, ravi, lena, omar, aud):
    for person in (ravi, lena, omar, aud):
        assert pages.fields_of(_page_of(client, retro, person)) == set()
        assert client.post(page(retro), {"title": "x"}).status_code == 403
        assert client.get(add_page(Retrospective)).status_code == 403


def test_nobody_deletes_a_retro(client, retro, admin_user):
    client.force_login(admin_user)
    assert client.post(page(retro, "delete"), {"post": "yes"}).status_code == 403


# --- Finding one's way


def test_its_page_links_to_incidents_actions_and_a_new_action(client, retro, resolved, item, ana):
    text = _page_of(client, retro, ana).content.decode()
    assert page(resolved) in text
    assert page(item) in text
    assert f"{add_page(type(item))}?retro={retro.pk}" in text


def test_a_finding_links_to_a_new_action_that_knows_it(client, retro, item, parts, ana):
    finding = parts[1]
    text = _page_of(client, finding, ana).content.decode()
    assert f"{add_page(type(item))}?retro={retro.pk}&amp;finding={finding.pk}" in text


def test_it_is_found_by_its_reference(client, retro, ana, severity):
    other = Retrospective.objects.open_for(_incident("Another", severity))
    client.force_login(ana)
    found = client.get(list_of(Retrospective), {"q": retro.reference.lower()}).context["cl"].queryset
    assert list(found) == [retro]
    assert other not in found


def test_the_list_is_filtered_by_stage_leader_period_and_factor(client, retro, ana, parts, severity):
    today = timezone.now().date()
    late = Retrospective.objects.open_for(_incident("Late", severity), due_on=today - timedelta(days=9))
    done = bring(Retrospective.objects.open_for(_incident("Done", severity), due_on=today), "published")
    client.force_login(ana)

    def found(**query):
        return set(client.get(list_of(Retrospective), query).context["cl"].queryset)

    assert found(stage="open") == {retro, late}
    assert found(stage="overdue") == {late}
    assert found(stage="published") == {done}
    assert found(led="me") == {retro}
    assert found(led="nobody") == {late, done}
    assert found(facilitator__id__exact=ana.pk) == {retro}
    assert found(due_on_from=str(today), due_on_to=str(today)) == {done}
    assert found(factors__id__exact=parts[3].factor_id) == {retro}
    assert found(stage="nonsense") == {retro, late, done}


def test_overdue_is_said_in_words(client, retro, ana):
    Retrospective.objects.update(due_on=timezone.now().date() - timedelta(days=2))
    client.force_login(ana)
    assert "Overdue by 2 days" in client.get(list_of(Retrospective)).content.decode()
    bring(Retrospective.objects.get(), "published")
    assert "Overdue by" not in client.get(list_of(Retrospective)).content.decode()


@pytest.mark.parametrize("size", [5, 60])
def test_every_list_costs_the_same_however_long_it_is(client, aud, ana, severity, size):
    for number in range(size):
        retro = Retrospective.objects.open_for(_incident(f"Outage {number}", severity), facilitator=ana)
        retro.findings.create(kind="luck", text="A colleague was awake.")
        retro.participants.create(user=ana, hat="support")
        retro.retro_factors.create(factor=Factor.objects.first())
    client.force_login(aud)
    for model in (Retrospective, Section, Finding, Participant, RetroFactor, Factor, Template):
        pages.assert_cheap(client, list_of(model))


def test_the_page_of_a_retro_costs_the_same_however_much_is_on_it(client, retro, ana):
    def fill(count):
        for number in range(count):
            retro.findings.create(kind="luck", text=f"Finding {number}")
            retro.participants.create(name=f"Guest {number}", hat="customer")
        troubles.forget()  # the banner asks anew every few seconds
        return len(pages.queries_of(client, page(retro)))

    client.force_login(ana)
    client.get(page(retro))  # a process asks for the kind of page once
    assert fill(2) == fill(20)


# --- What is hidden stays hidden


def test_a_retro_of_a_hidden_incident_is_not_found_anywhere(client, retro, parts, lena, aud):
    Incident.objects.update(visibility="restricted", declared_by=None)
    for row in (retro, *parts):
        assert _page_of(client, row, aud).status_code == 200
        assert _page_of(client, row, lena).status_code == 302
        assert client.get(list_of(row)).context["cl"].queryset.count() == 0
        assert client.get(page(row, "history")).status_code in (302, 404)
    assert client.get(pages.verb_page(retro, "publish")).status_code == 302


def test_its_facilitator_sees_it_without_the_incident_that_is_hidden_from_them(client, retro, ana):
    Incident.objects.update(visibility="restricted", declared_by=None, title="Keys were leaked")
    text = _page_of(client, retro, ana).content.decode()
    assert retro.reference in text
    assert "Keys were leaked" not in text
    client.force_login(ana)
    assert "Keys were leaked" not in client.get(list_of(Retrospective)).content.decode()


def _page_of(client, row, person):
    client.force_login(person)
    return client.get(page(row))


def _incident(title, severity):
    return Incident.objects.declare(by=None, title=title, severity=severity)
