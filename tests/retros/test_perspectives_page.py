"""The page on which a facilitator asks and reads: who was asked, what they said, and never who wants no name."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from config.audit.explorer.sight import tables_for
from incidents.models import Incident
from retros.models import Finding, Perspective, Question
from tests import pages
from tests.faults import every_row
from tests.pages import add_page, page
from tests.retros.asked import TEXT, invite, questions, take_part

pytestmark = pytest.mark.django_db


def where(retro):
    return reverse("admin:retros_retrospective_perspectives", args=[retro.pk])


@pytest.fixture
def kim(retro):
    return take_part(retro)


@pytest.fixture
def sue(retro):
    return take_part(retro, "Sue", "support", "sue@example.com")


def form(*people, count=3, **changes):
    day = timezone.now().date() + timedelta(days=5)
    return {
        "do": "invite",
        "participants": [one.pk for one in people],
        "questions": [one.pk for one in questions(count)],
        "text": TEXT,
        "due_on": day.isoformat(),
        **changes,
    }


def say(row, text, *, named=False):
    row.submit(by=row.participant.user, is_attributed=named, answer_1=text)


# --- Who sees it


def test_facilitators_and_auditors_see_it_and_nobody_else(
    client, retro, ana, aud, omar, ravi, lena, stranger
):
    assert client.get(where(retro)).status_code == 302
    for person, status in ((ana, 200), (aud, 200), (omar, 403), (ravi, 403), (lena, 403), (stranger, 302)):
        client.force_login(person)
        assert client.get(where(retro)).status_code in (status, 403 if status == 302 else status)
        if status != 200:
            assert client.post(where(retro), form()).status_code in (302, 403)
    assert not Perspective.objects.exists()


def test_of_a_restricted_incident_it_is_not_there(client, retro, kim, ana, aud):
    type(retro).objects.update(facilitator=None, title="A key was public")
    invite(retro, kim)
    Incident.objects.update(visibility="restricted", declared_by=None)
    client.force_login(ana)
    for response in (client.get(where(retro)), client.post(where(retro), form(kim))):
        assert response.status_code == 302
        assert b"A key was public" not in response.content
    client.force_login(aud)
    assert client.get(where(retro)).status_code == 200


def test_looking_changes_nothing(client, retro, kim, ana):
    say(invite(retro, kim), "It was slow.")
    client.force_login(ana)
    client.get(where(retro))
    before = every_row()
    assert client.get(where(retro)).status_code == 200
    assert every_row() == before


# --- Asking


def test_several_people_are_asked_the_chosen_questions_as_they_stand(client, retro, kim, sue, ana):
    client.force_login(ana)
    response = client.post(where(retro), form(kim, sue))
    assert response.status_code == 302
    assert {row.participant for row in retro.perspectives.all()} == {kim, sue}
    chosen = [one.text for one in questions()]
    one = Question.objects.get(text=chosen[0])
    one.text = "How is it now?"
    one.save()
    for row in retro.perspectives.all():
        assert [answer.asked for answer in row.answers.all()] == chosen
    assert "2 asked." in client.get(where(retro)).content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"participants": []}, "required"),
        ({"participants": ["x"]}, "Choose among what is listed"),
        ({"participants": ["9" * 30]}, "Choose among what is listed"),
        ({"text": ""}, "required"),
        ({"text": "\x00"}, "Null characters"),
        ({"due_on": "2020-01-01"}, "has not passed"),
        ({"due_on": "soon"}, "valid date"),
    ],
)
def test_what_is_not_right_is_refused_in_words(client, retro, kim, ana, changes, said):
    client.force_login(ana)
    response = client.post(where(retro), form(kim, **changes))
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not Perspective.objects.exists()


@pytest.mark.parametrize("count", [2, 6])
def test_three_to_five_questions_are_asked(client, retro, kim, ana, count):
    client.force_login(ana)
    response = client.post(where(retro), form(kim, count=count))
    assert response.status_code == 400
    assert "Choose 3 to 5 questions" in response.content.decode()


def test_whoever_has_no_address_is_named(client, retro, ana):
    lee = retro.participants.create(name="Lee", hat="customer")
    client.force_login(ana)
    response = client.post(where(retro), form(lee))
    assert "Write down an e-mail address first: Lee" in response.content.decode()
    assert response.status_code == 400


def test_nobody_is_asked_twice_or_of_another_retro(client, retro, kim, ana, severity):
    invite(retro, kim)
    other = type(retro).objects.open_for(Incident.objects.create(title="Other", severity=severity))
    client.force_login(ana)
    for one in (kim, take_part(other, email="lee@example.com")):
        assert client.post(where(retro), form(one)).status_code == 400
    assert Perspective.objects.count() == 1


def test_once_the_review_begins_nobody_is_asked(client, retro, kim, ana):
    client.force_login(ana)
    retro.send_for_review(by=ana)
    response = client.post(where(retro), form(kim))
    assert response.status_code == 409
    assert "too late for perspectives" in response.content.decode()


def test_the_auditor_reads_and_asks_nobody(client, retro, kim, aud):
    row = invite(retro, kim)
    client.force_login(aud)
    assert "Ask them" not in client.get(where(retro)).content.decode()
    other = take_part(retro, "Sue", "support", "sue@example.com")
    assert client.post(where(retro), form(other)).status_code == 403
    assert client.post(where(retro), {"do": "withdraw", "perspective": row.pk}).status_code == 403
    row.refresh_from_db()
    assert row.status == "invited"


def test_an_invitation_is_withdrawn_once(client, retro, kim, ana):
    row = invite(retro, kim)
    client.force_login(ana)
    sent = {"do": "withdraw", "perspective": row.pk}
    assert client.post(where(retro), sent).status_code == 302
    assert client.post(where(retro), sent).status_code == 409
    for number in ("", "x", "0", "9" * 40, "²"):
        assert client.post(where(retro), sent | {"perspective": number}).status_code == 404


# --- Reading


def test_answers_stand_side_by_side_by_question(client, retro, kim, sue, ana):
    rows = invite(retro, kim, sue)
    say(rows[0], "The page stayed white.", named=True)
    say(rows[1], "Twelve calls in a minute.")
    client.force_login(ana)
    [asked] = client.get(where(retro)).context["questions"]
    assert asked.question == questions()[0].text
    assert [(one.perspective.speaker, one.text) for one in asked.said] == [
        ("Kim of Acme (Customer)", "The page stayed white."),
        ("somebody from support", "Twelve calls in a minute."),
    ]


def test_drafts_declined_and_withdrawn_ones_are_not_read(client, retro, kim, sue, ana):
    rows = invite(retro, kim, sue)
    rows[0].write(by=None, answer_1="Only a draft")
    say(rows[1], "Taken back")
    rows[1].decline(by=None)
    client.force_login(ana)
    text = client.get(where(retro)).content.decode()
    assert "Only a draft" not in text
    assert "Taken back" not in text


def test_who_wants_no_name_is_named_nowhere_but_in_the_history_for_auditors(
    client, retro, ana, aud, omar, sue
):
    ravi_like = retro.participants.create(user=omar, hat="product")
    rows = invite(retro, sue, ravi_like)
    for number, row in enumerate(rows):
        say(row, f"CANARY-{number}")
    client.force_login(ana)
    text = client.get(where(retro)).content.decode()
    for figure in text.split("<figure")[1:]:
        figure = figure.partition("</figure>")[0]
        assert "Sue" not in figure
        assert "Omar" not in figure
    for row in (retro, sue, ravi_like):
        assert "CANARY" not in client.get(page(row, "history")).content.decode()
    assert "retros.answer" not in {table.label for table in tables_for(ana)}
    assert {"retros.answer", "retros.perspective"} <= {table.label for table in tables_for(aud)}
    assert rows[0].answers.first().history.first().text == "CANARY-0"


def test_their_order_does_not_tell_who_was_asked_first(retro, client, ana):
    people = [take_part(retro, f"Guest {n}", "support", f"g{n}@example.com") for n in range(5)]
    for number, row in enumerate(invite(retro, *people)):
        say(row, str(number))
    client.force_login(ana)
    response = client.get(where(retro))
    [asked] = response.context["questions"]
    assert sorted(one.mark for one in asked.said) == [one.mark for one in asked.said]
    text = response.content.decode()
    for answer in asked.said:
        assert f'answer={answer.pk}"' not in text


def test_the_page_of_the_retro_counts_and_leads_there(client, retro, kim, sue, ana, omar):
    rows = invite(retro, kim, sue)
    say(rows[0], "It was slow.")
    client.force_login(ana)
    text = client.get(page(retro)).content.decode()
    assert where(retro) in text
    client.force_login(omar)
    text = client.get(page(retro)).content.decode()
    assert "Perspectives" in text
    assert where(retro) not in text


def test_hostile_answers_stay_text(client, retro, kim, ana):
    say(invite(retro, kim), "<script>alert(1)</script>")
    client.force_login(ana)
    assert "<script>alert(1)" not in client.get(where(retro)).content.decode()


def test_it_costs_the_same_however_many_have_answered(client, retro, ana):
    def fill(count):
        people = [
            take_part(retro, f"G {count} {n}", "support", f"g{count}.{n}@example.com") for n in range(count)
        ]
        for row in invite(retro, *people):
            say(row, "It was slow.")
        return len(pages.queries_of(client, where(retro)))

    client.force_login(ana)
    client.get(where(retro))
    assert fill(2) == fill(9)


# --- A finding from an answer


def test_a_finding_is_drafted_from_an_answer_in_its_words_without_a_name(client, retro, kim, ana):
    row = invite(retro, kim)
    say(row, "The page stayed white.", named=True)
    client.force_login(ana)
    text = client.get(where(retro)).content.decode()
    address = f"{add_page(Finding)}?retro={retro.pk}&amp;answer={row.answers.first().mark}"
    assert address in text
    form = client.get(address.replace("&amp;", "&")).context["adminform"].form
    assert form["text"].value() == "The page stayed white."
    assert form["kind"].value() == "detection"
    assert not Finding.objects.exists()


def test_nobody_else_reads_an_answer_by_its_address(client, retro, kim, ravi, ana, admin_user):
    row = invite(retro, kim)
    row.write(by=None, answer_1="Only a draft")
    client.force_login(ana)
    address = f"{add_page(Finding)}?retro={retro.pk}&answer={row.answers.first().mark}"
    assert "Only a draft" not in client.get(address).content.decode()
    for hostile in ("retro=x&answer=x", "retro=²&answer=1", f"retro={'9' * 40}&answer=%00", "answer=x"):
        assert client.get(f"{add_page(Finding)}?{hostile}").status_code == 200


# --- The bank


def test_the_bank_has_questions_for_everybody():
    for hat in ("on_call", "product", "support", "customer"):
        assert len(questions(9, hat)) >= 5
    assert {one.topic for one in Question.objects.all()} >= {"detection", "communication", "remediation"}


@pytest.mark.parametrize("text", ["Why did you not look?", "who did it?", "  “Whose change was it?"])
def test_a_question_that_asks_for_a_person_or_a_defence_is_refused_kindly(client, ana, text):
    client.force_login(ana)
    response = client.post(add_page(Question), {"text": text, "topic": "other", "position": 1})
    assert "invites people to defend themselves" in response.content.decode()
    assert not Question.objects.filter(text=text.strip()).exists()


def test_a_question_in_how_or_what_form_joins_the_bank(client, ana):
    client.force_login(ana)
    sent = {"text": "How did the hand-over go?", "topic": "sequence", "position": 3, "for_on_call": "on"}
    assert client.post(add_page(Question), {**sent, "is_active": "on"}).status_code == 302
    assert Question.objects.get(text=sent["text"]).is_for("on_call")
