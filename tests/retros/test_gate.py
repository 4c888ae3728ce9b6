"""A retrospective is published when it has what others learn from; what is missing is said, with where to mend it."""

import pytest
from django.core.exceptions import ValidationError

from retros import gate
from retros.models import Factor, Retrospective, Topic
from tests import pages
from tests.api import Caller, is_problem
from tests.cases import assert_refused
from tests.conftest import make_publishable
from tests.pages import verb_page

pytestmark = pytest.mark.django_db

ALL = ["customer_impact", "detection", "communication", "remediation", "factors", "actions", "approval"]


def slugs(retro):
    return [one.slug for one in gate.missing(Retrospective.objects.get(pk=retro.pk))]


def in_review(retro, ana):
    retro.send_for_review(by=ana)
    return retro


def test_an_empty_retro_lacks_everything_in_the_order_of_its_page(retro):
    assert slugs(retro) == ALL
    assert all(one.what.endswith(".") and one.where for one in gate.missing(retro))


def test_a_publishable_one_lacks_nothing(publishable):
    assert gate.missing(publishable) == []


def empty(retro, topic):
    retro.sections.filter(topic=topic).update(text="  \n")


@pytest.mark.parametrize("topic", ["detection", "communication", "remediation"])
def test_a_topic_is_answered_by_its_section_whatever_its_heading_or_by_a_finding(publishable, topic):
    empty(publishable, topic)
    assert slugs(publishable) == [topic, "approval"]
    section = publishable.sections.get(topic=topic)
    assert gate.missing(publishable)[0].pk == section.pk
    section.heading, section.text = "How it went", "Quickly."
    section.save()
    assert slugs(publishable) == ["approval"]  # of another text
    empty(publishable, topic)
    publishable.findings.create(kind=topic, text="We saw it late.")
    assert topic not in slugs(publishable)


def test_customer_impact_is_said_in_short_or_at_length(publishable):
    publishable.customer_impact = " "
    publishable.save()
    assert "customer_impact" in slugs(publishable)
    publishable.sections.filter(topic=Topic.IMPACT).update(text="Nobody could pay.")
    assert "customer_impact" not in slugs(publishable)


def test_several_factors_or_one_but_not_none(publishable):
    publishable.retro_factors.all().delete()
    assert "factors" in slugs(publishable)
    publishable.retro_factors.create(factor=Factor.objects.first())
    assert "factors" not in slugs(publishable)


@pytest.mark.parametrize(
    ("changed", "is_enough"),
    [({}, True), ({"owner": None}, False), ({"due_on": None}, False)],
    ids=["owned and dated", "nobody's", "without a day"],
)
def test_one_owned_and_dated_action_is_enough(retro, item, changed, is_enough):
    type(item).objects.update(**changed)
    assert ("actions" not in slugs(retro)) == is_enough


def test_a_dropped_action_does_not_count_and_a_reason_for_none_does(retro, item, ana):
    item.drop(by=ana, reason="The shop closes.")
    assert "actions" in slugs(retro)
    Retrospective.objects.update(no_actions_because="The shop closes next month.")
    assert "actions" not in slugs(retro)


def test_every_finding_that_asks_for_something_is_answered(publishable, item):
    finding = publishable.findings.create(kind="surprise", text="A key ends.")
    publishable.findings.create(kind="luck", text="It was Sunday.")  # asks for nothing
    assert slugs(publishable).count("findings") == 1
    item.finding = finding
    item.save()
    assert "findings" not in slugs(publishable)


def test_publishing_is_refused_with_all_that_is_missing(retro, ana):
    in_review(retro, ana)
    assert_refused(ValidationError, retro, "publish", by=ana)
    with pytest.raises(gate.NotReady) as refusal:
        retro.publish(by=ana)
    assert list(refusal.value.message_dict) == ALL
    assert [one.slug for one in refusal.value.missing] == ALL


def test_aftercare_itself_is_refused_as_well(retro, ana):
    in_review(retro, ana)
    assert_refused(ValidationError, retro, "publish", by=None)


def test_whoever_does_not_lead_it_approves_it(publishable, ana):
    review = publishable.reviews.get()
    publishable.facilitator = review.reviewer
    publishable.save()
    assert slugs(publishable) == ["approval"]


def test_where_the_template_asks_for_no_approval_none_is_needed(resolved, ana):
    from retros.models import Template

    template = Template.objects.create(name="Small ones")
    assert template.needs_approval is False
    retro = Retrospective.objects.open_for(resolved, facilitator=ana, template=template)
    make_publishable(retro)
    assert not retro.reviews.exists()
    in_review(retro, ana).publish(by=ana)


# --- On the pages


def test_the_page_of_publishing_lists_what_is_missing_with_links_and_has_no_button(client, retro, ana):
    in_review(retro, ana)
    client.force_login(ana)
    before = pages.stored(retro)
    for response, status in [
        (client.get(verb_page(retro, "publish")), 200),
        (client.post(verb_page(retro, "publish"), {"version": retro.version}), 400),
    ]:
        text = response.content.decode()
        assert response.status_code == status
        for one in gate.missing(retro):
            assert one.what in text
        assert 'type="submit" class="aftercare-verb"' not in text
        for way in ("#retro_factors", "/actions/actionitem/add/?retro=", "do/ask_reviewers/"):
            assert way in text
    assert pages.stored(retro) == before


def test_whoever_sends_it_for_review_is_warned_and_not_stopped(client, retro, ana):
    client.force_login(ana)
    text = client.get(verb_page(retro, "send_for_review")).content.decode()
    assert "Name at least one contributing factor" in text
    assert "has to approve it" not in text  # that is what it is sent for
    assert client.post(verb_page(retro, "send_for_review"), {"version": retro.version}).status_code == 302


def test_nothing_missing_is_said_too(client, publishable, ana):
    in_review(publishable, ana)
    client.force_login(ana)
    assert "Nothing is missing" in client.get(verb_page(publishable, "publish")).content.decode()


# --- In the API


def test_the_api_says_what_is_missing_and_refuses_with_one_entry_a_thing(retro, ana):
    in_review(retro, ana)
    told = Caller(ana).get(f"retros/{retro.reference}/gate/").json()
    assert told["is_ready"] is False
    assert [one["slug"] for one in told["missing"]] == ALL
    assert set(told["missing"][0]) == {"slug", "what", "where"}
    answer = Caller(ana).post(f"retros/{retro.reference}/publish/")
    assert is_problem(answer, 400)
    assert answer.json()["errors"] == {one["slug"]: [one["what"]] for one in told["missing"]}


def test_the_gate_opens(publishable, ana):
    told = Caller(ana).get(f"retros/{publishable.reference}/gate/").json()
    assert (told["is_ready"], told["missing"], told["needs_approval"]) == (True, [], True)
    assert told["fingerprint"] == publishable.fingerprint()


def test_asking_for_the_gate_costs_the_same_however_long_the_retro_is(
    publishable, ana, django_assert_max_num_queries
):
    for number in range(40):
        publishable.findings.create(kind="luck", text=f"Finding {number}")
        publishable.sections.create(heading=f"More {number}", text="A text.")
    with django_assert_max_num_queries(16):
        gate.missing(publishable)


# --- What the language coach marked


@pytest.fixture
def marked(retro, ana):
    """Publishable, and with a wording that every edition of the coach marks."""
    retro.sections.filter(topic=Topic.SURPRISE).update(text="The outage was caused by human error.")
    return in_review(make_publishable(retro), ana)


def test_wordings_that_the_coach_marked_stay_for_a_reason_that_is_kept(marked, ana):
    assert_refused(ValidationError, marked, "publish", by=ana)
    assert_refused(ValidationError, marked, "publish", by=ana, reason=" ")
    marked.publish(by=ana, reason="It quotes a letter.")
    assert marked.marks_because == "It quotes a letter."
    assert marked.history.first().history_change_reason == "It quotes a letter."


def test_without_marks_no_reason_is_asked_and_none_kept(publishable, ana):
    in_review(publishable, ana).publish(by=ana, reason="Read together.")
    assert publishable.marks_because == ""


def test_reopening_forgets_why_the_wordings_stayed(marked, ana):
    marked.publish(by=ana, reason="It quotes a letter.")
    marked.reopen(by=ana, reason="A part was missing.")
    assert marked.marks_because == ""


def test_the_page_shows_the_marks_with_why_and_what_would_serve_better(client, marked, ana):
    client.force_login(ana)
    text = client.get(verb_page(marked, "publish")).content.decode()
    assert "<mark>human error</mark>" in text
    assert "Instead:" in text
    answers = {"version": marked.version, "reason": ""}
    response = client.post(verb_page(marked, "publish"), answers)
    assert response.status_code == 400
    assert "say why they stay" in response.content.decode()
    answers["reason"] = "It quotes a letter."
    assert client.post(verb_page(marked, "publish"), answers).status_code == 302
    assert "It quotes a letter." in client.get(pages.page(marked)).content.decode()


def test_the_api_asks_for_the_reason_too(marked, ana):
    caller = Caller(ana)
    marks = caller.get(f"retros/{marked.reference}/gate/").json()["marks"]
    assert set(marks[0]) == {"part", "text", "why", "instead"}
    answer = caller.post(f"retros/{marked.reference}/publish/")
    assert is_problem(answer, 400)
    assert list(answer.json()["errors"]) == ["reason"]
    told = caller.post(f"retros/{marked.reference}/publish/", {"reason": "It quotes a letter."}).json()
    assert told["marks_because"] == "It quotes a letter."
