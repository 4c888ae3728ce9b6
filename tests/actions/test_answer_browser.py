"""Answering on a phone, in a real browser: two taps, dark and light, and without any script."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.stack import Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STORY = """
import json
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from actions import answers
from actions.models import ActionItem
from config.outbox.models import Delivery
from config.people.models import User
from config.reminding.unsubscribing import unsubscribe_url

people = {}
for name, role in [("Omar", "Action owner"), ("Ravi", "Responder"), ("Ana", "Facilitator")]:
    people[name] = User.objects.create_user(name.lower() + "@example.com", name=name)
    people[name].groups.add(Group.objects.get(name=role))
omar, ravi, ana = people.values()
day = timezone.now().date() - timedelta(days=9)

def an_item(title, **fields):
    why = "Customers lost their baskets. " * 5
    return ActionItem.objects.create(title=title, why=why, owner=omar, due_on=day, **fields)

def links(row, person, kind, purposes):
    buttons = answers._buttons(kind, row, person, Delivery(key="mail %s %s" % (kind, row.pk)), purposes)
    return {purpose: button.url for purpose, button in zip(purposes, buttons)}

found = {}
first = an_item("Alert on failed payments within a minute")
second = an_item("W" * 200)
found["first"] = links(first, omar, "item", [*answers.OF_OWNER, "more"])
found["second"] = links(second, omar, "item", [*answers.OF_OWNER, "more"])
third = an_item("Rehearse the roll-back")
found["third"] = links(third, omar, "item", [*answers.OF_OWNER, "more"])
offered = an_item("Write the runbook")
offered.hand_over(by=omar, to=ravi, note="You know it best.")
found["offered"] = links(offered, ravi, "item", answers.OF_ASKED)
done = an_item("Raise the limit", success_measure="No complaint for a month.")
done.complete(by=omar, evidence="https://ci.example.com/run/" + "7" * 120)
check = done.checks.get()
check.asked_of = ana
check.save()
found["check"] = links(check, ana, "check", answers.OF_CHECK)
found["other"] = {
    "unsubscribe": unsubscribe_url(omar, "reminders"),
    "summary": unsubscribe_url(omar, "summary"),
    "ended": links(done, omar, "item", ["done"])["done"],
    "forged": found["first"]["done"][:-9] + "/",
}
print("LINKS" + json.dumps(found))
"""
SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
    .map(element => element.closest("label.chip") || element)
    .filter(element => { const box = element.getBoundingClientRect(); return box.width < 44 || box.height < 44 })
    .map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("answers") / "var")
    stack.migrate()
    told = stack.manage("shell", "--no-imports", "-c", STORY).stdout
    stack.links = json.loads(told.partition("LINKS")[2])
    with stack.up():
        yield stack


@pytest.fixture
def phone(stack):
    with sync_playwright() as playwright, browser_page(playwright, width=390, height=844) as page:
        yield page


def look(page):
    """No serious barrier, nothing wider than the screen, nothing too small for a thumb."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    grave = [
        (one["id"], [node["target"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert grave == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert page.evaluate(SMALL) == [], page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_shuts_nobody_out(stack, phone, scheme):
    phone.emulate_media(color_scheme=scheme)
    grounds, errors = set(), []
    phone.on(
        "console", lambda message: errors.append(message.text) if "Content Security" in message.text else None
    )
    for links in stack.links.values():
        for url in links.values():
            phone.goto(url)
            look(phone)
            grounds.add(phone.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(244, 245, 247)" if scheme == "light" else "rgb(21, 23, 28)"}
    assert errors == []


def test_two_taps_undo_and_the_next(stack, phone):
    phone.goto(stack.links["first"]["date"])  # the first tap: the button of the mail
    expect(phone.get_by_role("radio").first).to_be_checked()
    phone.get_by_role("button", name="Confirm the new date").click()  # the second
    expect(phone.get_by_role("status")).to_contain_text("Its new due day is")
    look(phone)
    phone.reload()
    expect(phone.get_by_role("status")).to_contain_text("Its new due day is")
    phone.get_by_role("button", name="Undo").click()
    expect(phone.get_by_role("status")).to_have_text("Undone: it is as it was before.")
    look(phone)
    phone.get_by_role("link", name="Done", exact=True).click()
    expect(phone.get_by_label("What shows that it is done?")).to_be_focused()
    phone.get_by_role("button", name="Confirm: it is done").click()
    expect(phone.locator(".errorlist")).to_have_text("This field is required.")
    look(phone)
    phone.get_by_label("What shows that it is done?").fill("It rang in the drill.")
    phone.get_by_role("button", name="Confirm: it is done").click()
    expect(phone.get_by_role("status")).to_have_text("It is done. Thank you.")
    expect(phone.get_by_role("heading", name="Next: ACT-")).to_be_visible()
    look(phone)
    phone.goto(stack.links["first"]["date"])
    expect(phone.get_by_role("heading", level=1)).to_have_text("You have answered this already")
    look(phone)


def test_it_all_works_without_a_script_and_without_cookies(stack, phone):
    bare = phone.context.browser.new_context(
        java_script_enabled=False, viewport={"width": 390, "height": 844}
    ).new_page()
    bare.goto(stack.links["third"]["more"])
    bare.get_by_role("link", name="Hand over").click()
    bare.get_by_label("To whom?").fill("Ravi")
    bare.get_by_role("button", name="Ask them").click()
    expect(bare.get_by_role("status")).to_have_text("Ravi is asked. Until they accept, it stays yours.")
    bare.get_by_role("button", name="Undo").click()
    bare.get_by_role("link", name="Snooze").click()
    bare.get_by_role("button", name="Confirm: quiet until then").click()
    expect(bare.get_by_role("status")).to_contain_text("You are not reminded of it before")
    bare.goto(stack.links["other"]["summary"])
    bare.get_by_role("button", name="Stop the weekly summary").click()
    expect(bare.get_by_role("status")).to_contain_text("Done.")
    bare.get_by_role("button", name="Send me the weekly summary again").click()
    expect(bare.get_by_role("heading", level=1)).to_have_text("You get the weekly summary again")
    assert bare.context.cookies() == []
