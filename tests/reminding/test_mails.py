"""What reminders say, and that every mail program can carry it: read from the bytes a mail server was given."""

import re
from datetime import date
from html import escape
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from actions.models import ActionItem, EffectivenessCheck
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding import digests, wording
from config.reminding.chasing import Button, Entry
from config.reminding.digests import entries_of
from config.reminding.templatetags.plain import WIDTH, columns
from config.reminding.unsubscribing import unsubscribe_url
from incidents.models import Milestone
from retros.models import Retrospective
from tests.conftest import make_person
from tests.reminding.letters import (
    DAY,
    DUE,
    MINUTE,
    TUESDAY,
    Postbox,
    an_item,
    as_read,
    at,
    flat,
    one_policy,
    send,
    sweep,
    twins,
)

pytestmark = pytest.mark.django_db
EMAILS = Path(django_settings.BASE_DIR) / "templates/emails"


@pytest.fixture(autouse=True)
def _policy(db):
    one_policy()


@pytest.fixture
def box(settings):
    with Postbox() as box:
        box.use(settings)
        yield box


def the_digest(person) -> Delivery:
    return Delivery.objects.get(kind="reminding.digest", recipient=person)


@pytest.fixture
def a_full_week(retro, incident, omar, ravi, ana):
    """Something of every kind for Omar: late, moved, blocked, offered, coming up, his to lead and to check."""
    moved = an_item(omar, retro=retro, title="Alert on failed payments", due_on=DUE - 6 * DAY)
    with at(TUESDAY - 6 * DAY):
        moved.postpone(by=omar, due_on=DUE)
        blocked = an_item(omar, title="Write the runbook", due_on=DUE - DAY)
        blocked.block(by=omar, waits_for="the provider’s new interface", until=TUESDAY.date() - DAY)
        offered = an_item(omar, retro=retro, title="Retry the payment", due_on=DUE + 2 * DAY)
        offered.hand_over(by=omar, to=ravi, note="You know it better.")
        done = an_item(ravi, title="Tell customers earlier", success_measure="No complaint for 60 days.")
        done.complete(by=ravi, evidence="It was told in the drill.")
        retro.due_on = DUE
        retro.facilitator = omar
        retro.save()
        Milestone.objects.create(
            incident=incident, title="Refunds", note="Money back.", owner=omar, due_on=DUE
        )
        EffectivenessCheck.objects.filter(item=done).delete()
        EffectivenessCheck.objects.create(item=done, done_at=done.ended_at, asked_of=omar, due_on=DUE)
    return omar


# --- Headers, on real bytes


def test_a_digest_has_the_headers_that_mail_programs_expect(box, omar):
    an_item(omar)
    sweep()
    assert send() == {"sent": 1}
    [letter], pk = box.to(omar.email), omar.pk
    assert letter["Subject"] == "Your improvement actions"
    assert letter["Message-ID"] == f"<digest-person-{pk}-2026-03-03@example.com>"
    assert letter["In-Reply-To"] == letter["References"] == f"<digest-person-{pk}@example.com>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["Precedence"] == "bulk"
    assert letter["List-Id"] == "<actions.example.com>"
    assert letter["X-Aftercare-Reason"] == "owner"


def test_a_single_mail_is_one_thread_per_thing(box, omar):
    User.objects.filter(pk=omar.pk).update(mail_style="single")
    item = an_item(omar)
    for moment in (TUESDAY, TUESDAY + DAY):
        sweep(moment)
        assert send(moment) == {"sent": 1}
    first, second = box.to(omar.email)
    assert first["Subject"] == second["Subject"] == f"[{item.reference}] Alert on failed payments"
    assert first["References"] == second["In-Reply-To"] == f"<item-{item.pk}@example.com>"
    assert first["Message-ID"] == f"<reminder-overdue-1-item-{item.pk}-{DUE}-{omar.pk}@example.com>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["X-Aftercare-Reason"] == "owner"


@pytest.mark.parametrize("style", ["digest", "single"])
def test_the_address_that_ends_these_mails_is_on_one_line_of_the_wire(box, omar, style):
    User.objects.filter(pk=omar.pk).update(mail_style=style)
    an_item(omar)
    sweep()
    send()
    head = box.raw(omar.email).partition(b"\r\n\r\n")[0] + b"\r\n"
    url = unsubscribe_url(omar, "reminders").encode()
    assert re.findall(rb"^List-Unsubscribe:(?:\r\n)? <([^>\s]+)>\r$", head, re.M) == [url]
    assert re.findall(rb"^List-Unsubscribe-Post:(?:\r\n)? (\S+)\r$", head, re.M) == [
        b"List-Unsubscribe=One-Click"
    ]


def test_a_mail_that_is_tried_again_keeps_its_message_id_and_its_links(box, omar):
    an_item(omar)
    sweep()
    box.answers = ["451 not now"]
    assert send() == {"retried": 1}
    assert send(TUESDAY + MINUTE) == {"sent": 1}
    sent = (box.refused[0], box.raw(omar.email))
    found = [re.findall(rb"^Message-ID: (\S+)|(http\S+/(?:go|u)/\S+)", raw, re.M) for raw in sent]
    assert found[0] == found[1] != []


def test_whoever_is_told_of_anothers_is_told_why(box, omar, ravi):
    one_policy(manager_after=1)
    User.objects.filter(pk=omar.pk).update(manager=ravi)
    item = an_item(omar)
    sweep()
    assert send() == {"sent": 2}
    [own], [told] = box.to(omar.email), box.to(ravi.email)
    assert (own["X-Aftercare-Reason"], told["X-Aftercare-Reason"]) == ("owner", "escalation")
    for body in map(flat, (twins(told)[0], as_read(twins(told)[1]))):
        assert "You are told because it is one working day overdue and you are Omar’s manager." in body
        assert "owned by Omar" in body
        assert f"Open {item.reference}" in body
        assert "/go/" not in body
    for body in twins(own):
        assert "You are told because" not in body


def test_whoever_is_told_of_anothers_and_of_their_own_is_no_less_an_owner(box, omar, ravi):
    one_policy(manager_after=1)
    User.objects.filter(pk=omar.pk).update(manager=ravi)
    an_item(omar)
    an_item(ravi)
    sweep()
    send()
    assert [letter["X-Aftercare-Reason"] for letter in box.to(ravi.email)] == ["owner"]


# --- What the twins say


def test_both_twins_carry_every_fact_of_every_entry(box, a_full_week):
    sweep()
    with at(TUESDAY):
        entries = entries_of(the_digest(a_full_week))
    send()
    [letter] = box.to(a_full_week.email)
    text, html = twins(letter)
    kinds = {entry.reference[:4] for entry in entries}
    assert kinds == {"ACT-", "RETR", ""}
    assert len(entries) == 6
    for body in (flat(text), as_read(html)):
        lowered = body.lower()
        for entry in entries:
            for fact in (entry.title, entry.reference, entry.group, entry.why, entry.question, entry.because):
                assert flat(fact) in body
            for fact in entry.facts:
                assert flat(fact).lower() in lowered
            for button in entry.buttons:
                assert button.label in body
                assert button.url in body
            assert wording.due_in_words(entry.due_on, TUESDAY.date()) in body
            assert entry.url in body
        for link in ("/my/actions/", "/my/preferences/", unsubscribe_url(a_full_week, "reminders")):
            assert link in body
        assert "When a promise slips, the owner’s manager and the facilitator are still told." in body
    assert sum(len(entry.buttons) for entry in entries) >= 9


def test_what_is_late_comes_first_and_what_came_from_one_retro_stands_together(box, omar, retro):
    late = ["Late, alone", "Latest, of the retro", "Late, of the retro"]
    an_item(omar, title=late[0], due_on=DUE - 2 * DAY)
    an_item(omar, title=late[1], due_on=DUE - 9 * DAY, retro=retro)
    an_item(omar, title=late[2], due_on=DUE, retro=retro)
    an_item(omar, title="Coming up", due_on=DUE + 2 * DAY, retro=retro)
    sweep()
    send()
    for body in twins(box.to(omar.email)[0]):
        order = sorted([*late, "Coming up"], key=body.index)
        assert order == [late[1], late[2], late[0], "Coming up"]
        assert body.count(str(retro)) == 2
    assert "4 things" not in body
    assert "3 things are overdue, 1 is coming up." in body


def test_the_subject_of_a_digest_is_the_same_whatever_is_in_it(box, omar):
    for number in range(3):
        an_item(omar, title=f"Item {number}", due_on=DUE + (number - 2) * DAY)
        sweep(TUESDAY + number * DAY)
        send(TUESDAY + number * DAY)
    assert {letter["Subject"] for letter in box.to(omar.email)} == {"Your improvement actions"}


def test_what_is_too_much_for_one_mail_is_counted(box, omar, monkeypatch):
    monkeypatch.setattr(digests, "SHOWN", 4)
    for number in range(7):
        an_item(omar, title=f"Item {number}")
    sweep()
    send()
    for body in twins(box.to(omar.email)[0]):
        assert "4 things are overdue, 3 more wait." in body
        assert "And 3 more" in body
        assert len(set(re.findall(r"Item \d", body))) == 4


def test_sixty_entries_with_their_links_stay_below_what_a_mail_program_cuts(box, omar, retro):
    for number in range(60):
        an_item(
            omar, title=f"{number}: {'alert on failed payments ' * 3}", retro=retro if number % 2 else None
        )
    sweep()
    send()
    text, html = twins(box.to(omar.email)[0])
    assert len(html.encode()) < 100_000
    assert html.count("ACT-") >= 60
    for body in (flat(text), as_read(html)):
        assert all(f"{number}: alert" in body for number in range(60))
        assert body.count("/go/") == 3 * wording.IN_FULL
        assert body.count("/admin/actions/actionitem/") == 60


def test_restricted_titles_stay_out_of_the_mail_of_an_owner_who_may_not_see_them(box, omar, retro, resolved):
    type(resolved).objects.filter(pk=resolved.pk).update(visibility="restricted")
    an_item(omar, retro=retro)
    sweep()
    send()
    for body in twins(box.to(omar.email)[0]):
        assert "Alert on failed payments" in body
        assert retro.title not in body
        assert retro.reference not in body


def test_nothing_in_a_mail_is_asked_of_another_host(box, a_full_week, settings):
    sweep()
    send()
    _, html = twins(box.to(a_full_week.email)[0])
    assert not re.search(r"<(?:img|link|script|iframe|object|video|form)\b|\bsrc=|url\(|@import", html)
    links = re.findall(r'href="([^"]+)"', html)
    assert links
    assert all(link.startswith(f"{settings.SITE_URL}/") for link in links)
    assert '<html lang="en">' in html


def test_the_first_words_a_list_of_mails_shows_say_how_much_there_is(box, a_full_week):
    sweep()
    send()
    _, html = twins(box.to(a_full_week.email)[0])
    assert as_read(html).startswith(re.search(r"<div style=\"display:none[^>]*>([^<]+)<", html)[1])
    assert re.search(r">\d+ things are overdue, 1 wants an answer, 1 is coming up\.<", html)


# --- Whatever a title holds

HOSTILE = {
    "a line break": "x\r\nBcc: spy@example.com",
    "a dot on its own line": "x\r\n.\r\nMAIL FROM:<spy@example.com>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>\"'</td></table>",
    "a template": "{{ delivery.key }}{% include 'x' %}",
    "direction marks": "safe\u202egpj.exe \u2066hidden\u2069",
    "right to left": "إعادة المحاولة עברית",
    "accents": "e" + "\u0301" * 250,
    "one long word": "x" * 255,
    "separators": "a\u2028b\x85c\x0bd\x0ce",
    "nothing to see": "\u200b",
    "nothing": "",
    "a null": "x\x00y",
}


def storable_here(text):
    return connection.vendor != "postgresql" or "\x00" not in text


@pytest.mark.parametrize("style", ["digest", "single"])
@pytest.mark.parametrize("poison", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_title_is_harmless_and_stops_no_other_mail(box, omar, ravi, style, poison):
    if not storable_here(poison):
        pytest.skip("PostgreSQL keeps no nulls")
    User.objects.filter(pk=omar.pk).update(mail_style=style)
    items = [an_item(owner) for owner in (omar, ravi)]
    ActionItem.objects.filter(pk=items[0].pk).update(title=poison, why=f"{poison}\n\n{poison}")
    sweep()
    assert send() == {"sent": 2}
    letter = box.to(omar.email)[0]
    assert_harmless(letter)
    assert items[0].reference in twins(letter)[0]
    assert len(box.to(ravi.email)) == 1


def assert_harmless(letter):
    text, html = twins(letter)
    assert letter["Bcc"] is None
    assert letter["Subject"].isprintable()
    for body in (text, html):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069\ud800-\udfff]", body
        )
    assert not re.search(r"<(?:script|img)\b", html)
    assert html.count("<table") == html.count("</table>")


def test_ten_megabytes_of_reasons_become_one_paragraph(box, omar, ravi):
    items = [an_item(owner) for owner in (omar, ravi)]
    ActionItem.objects.filter(pk=items[0].pk).update(why="Baskets are lost. " * 600_000)
    sweep()
    assert send() == {"sent": 2}
    assert len(box.raw(omar.email)) < 30_000


def test_a_customer_impact_of_pages_becomes_one_paragraph(box, ana, retro):
    with at(TUESDAY - 7 * DAY):
        Retrospective.objects.filter(pk=retro.pk).update(
            due_on=DUE, customer_impact="They could not pay. " * 900
        )
        Retrospective.objects.get(pk=retro.pk).save()
    sweep()
    send()
    text, _ = twins(box.to(ana.email)[0])
    assert 10 < text.count("They could not pay.") < 30


def test_no_database_keeps_a_lone_surrogate_and_no_mail_would_say_it():
    hostile = "x\ud800\x00\r\ny\u202e"
    buttons = [Button(hostile, "/go/x/")]
    entry = Entry(
        title=hostile, url="/x/", reference="ACT-1", group=hostile, why=hostile * 10_000, question=hostile,
        facts=[hostile, f"evidence: {hostile}"], because=hostile, buttons=buttons,
    )  # fmt: skip
    told = wording.told(entry, DUE)
    said = [told.title, told.group, told.why, told.question, *told.traits, *told.notes, told.because]
    said += [button.label for button in told.buttons]
    for text in said:
        assert text.isprintable()
        text.encode()
    assert len(told.why) == wording.PARAGRAPH


def test_a_row_that_cannot_be_told_stops_no_other_persons_mail(box, omar, ravi, monkeypatch):
    for owner in (omar, ravi):
        an_item(owner)
    sweep()
    real = wording.told

    def told(entry, *args, **options):
        if "/go/" in entry.buttons[0].url and entry.title == "Poison":
            raise RuntimeError("cannot be told")
        return real(entry, *args, **options)

    monkeypatch.setattr(wording, "told", told)
    ActionItem.objects.filter(owner=omar).update(title="Poison")
    assert send() == {"retried": 1, "sent": 1}
    assert len(box.to(ravi.email)) == 1


# --- Words


@pytest.mark.parametrize(
    ("due_on", "words"),
    [
        (None, ""),
        (date(2026, 2, 26), "Due Thursday 26 February 2026, 5 days ago"),
        (date(2026, 3, 2), "Due yesterday, Monday 2 March 2026"),
        (date(2026, 3, 3), "Due today, Tuesday 3 March 2026"),
        (date(2026, 3, 4), "Due tomorrow, Wednesday 4 March 2026"),
        (date(2026, 3, 9), "Due Monday 9 March 2026, in 6 days"),
        (date(2020, 1, 1), "Due Wednesday 1 January 2020, 2,253 days ago"),
    ],
)
def test_a_due_day_in_words(due_on, words):
    assert wording.due_in_words(due_on, TUESDAY.date()) == words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 0, 0), "1 thing is overdue."),
        ((2, 1, 0), "2 things are overdue, 1 wants an answer."),
        ((0, 2, 3), "2 things want an answer, 3 are coming up."),
        ((0, 0, 1), "1 thing is coming up."),
        ((60, 0, 0, 1), "60 things are overdue, 1 more waits."),
    ],
)
def test_how_much_there_is_in_words(counts, words):
    assert wording.in_short(*counts) == words


def test_an_entry_without_answers_can_be_opened_and_one_without_a_page_cannot():
    one = wording.told(Entry(title="x", url="/x/", reference="ACT-0007"), DUE)
    assert [(button.label, button.url) for button in one.buttons] == [
        ("Open ACT-0007", f"{django_settings.SITE_URL}/x/")
    ]
    assert wording.told(Entry(title="x", url=""), DUE).buttons == []


def test_text_is_read_at_72_columns_and_no_address_is_broken(box, a_full_week):
    sweep()
    send()
    text, html = twins(box.to(a_full_week.email)[0])
    for line in text.splitlines():
        assert len(line) <= WIDTH or re.fullmatch(r" *http\S+", line), line
    urls = set(re.findall(r'href="([^"]+)"', html))
    assert urls <= set(text.split())
    assert not re.search(r"\n{3,}| \n", text)


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("* " + "word " * 20, "* " + "word " * 13 + "word\n  word word word word word word"),
        ("  " + "word " * 20, "  " + "word " * 13 + "word\n  word word word word word word"),
        ("Done: https://example.com/" + "x" * 80, "Done:\nhttps://example.com/" + "x" * 80),
        ("https://example.com/" + "a-b" * 40, "https://example.com/" + "a-b" * 40),
        ("a\n\n\n\nb", "a\n\nb"),
        ("", ""),
    ],
)
def test_long_lines_go_on_under_their_own_beginning(text, wrapped):
    assert columns(text) == wrapped


def facts_of(name):
    return set(re.findall(r"\b(?:entry|part|number|named|button)\.\w+", (EMAILS / name).read_text()))


def test_the_fragments_of_both_twins_use_the_same_facts():
    html = facts_of("_entry.html") | facts_of("_button.html")
    # That a day is past, the text says in words alone.
    assert facts_of("_entry.txt") - {"entry.opens"} == html - {"entry.is_late"}
    # A brief one has no answers, and shows nothing that the others do not.
    assert html - facts_of("_brief.html") == {"entry.buttons", "button.label", "button.url"}
    assert facts_of("_brief.html") <= html
    assert facts_of("_part.html") == facts_of("_part.txt")


def test_the_name_of_a_person_is_theirs_and_harmless(box):
    person = make_person("mallory@example.com", "Action owner", name="<b>Mallory</b> & Co")
    an_item(person)
    sweep()
    send()
    text, html = twins(box.to(person.email)[0])
    assert "Hello <b>Mallory</b>," in text
    assert f"Hello {escape('<b>Mallory</b>')}," in html
