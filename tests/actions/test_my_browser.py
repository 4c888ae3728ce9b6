"""Omar on his phone: he opens “My actions” and answers by keyboard, by tap, and for several at once."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.stack import BROWSER_TIMEOUT, Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-omar"
STORY = f"""
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from config.people.models import User
from actions.models import ActionItem

people = {{}}
for name, role in [("Omar", "Action owner"), ("Nina", "Action owner")]:
    people[name] = user = User.objects.create_user(name.lower() + "@example.com", {PASSWORD!r}, name=name)
    user.groups.add(Group.objects.get(name=role))
today = timezone.now().date()
rows = [("Alert on failed payments", -3), ("Page two people", 2), ("Tidy the runbook", 20), ("Drill it", 30)]
for title, days in rows:
    ActionItem.objects.create(
        title=title, why="Customers lost their baskets without our knowing, and told us before we knew it.",
        owner=people["Omar"], due_on=today + timedelta(days=days),
    )
long = ActionItem.objects.create(
    title="A-title-without-any-space-" * 6, why="https://example.com/" + "x" * 300, owner=people["Nina"],
    due_on=today,
)
long.hand_over(by=people["Nina"], to=people["Omar"], note="You know it best.")
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("my") / "var")
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", STORY)
    with stack.up():
        yield stack


def sign_in(page, stack):
    page.goto(f"{stack.url}/my/actions/")  # as from a bookmark: sign in, and go on there
    page.fill("#id_username", "omar@example.com")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    expect(page).to_have_title("My actions")


@pytest.fixture
def phone(stack):
    with sync_playwright() as playwright, browser_page(playwright, width=390, height=844) as page:
        sign_in(page, stack)
        yield page


def look(page):
    """No serious barrier on this page, nothing wider than the screen, no script that was stopped."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    grave = [
        (v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert grave == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def line(page, words):
    return page.locator("[data-line]", has_text=words)


def test_omar_answers_by_keyboard_by_tap_and_for_several(phone):
    stopped = []
    phone.on("console", lambda message: stopped.append(message.text) if message.type == "error" else None)
    look(phone)
    by_keyboard(phone)
    by_tap(phone)
    for_several(phone)
    with_the_help_sheet(phone)
    preferences(phone)
    assert stopped == []


def by_keyboard(page):
    """J moves, D asks for what shows it; the focus is always visible."""
    for _ in range(2):  # past the offer, to what is overdue
        page.keyboard.press("j")
    expect(line(page, "Alert on failed payments")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("d")
    expect(page).to_have_title(re.compile("^Done: ACT-"))
    look(page)
    page.get_by_label("What shows that it is done?").fill("The alert rang in the drill")
    page.get_by_role("button", name="Done", exact=True).press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Alert on failed payments")
    expect(line(page, "Alert on failed payments")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(line(page, "Alert on failed payments")).to_have_count(1)


def by_tap(page):
    """Two taps: the answer, and its confirmation."""
    line(page, "A-title-without-any-space").get_by_role("link", name="Accept").click()
    look(page)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status")).to_contain_text("Accept")
    expect(page.locator("[data-section=asked]")).to_have_count(0)


def for_several(page):
    """Chosen by X and by tap, answered once."""
    page.keyboard.press("j")
    page.locator("[data-section=later] [data-line]").first.focus()
    page.keyboard.press("x")
    line(page, "Drill it").get_by_role("checkbox").check()
    expect(page.locator("#chosen")).to_have_text("For the 2 chosen:")
    page.keyboard.press("s")
    look(page)
    until = page.get_by_label("Quiet until")
    expect(until).to_be_focused()
    until.fill(page.evaluate("new Date(Date.now() + 3 * 864e5).toISOString().slice(0, 10)"))
    page.get_by_role("button", name="Snooze for all chosen").click()
    expect(page.get_by_role("status")).to_contain_text("2 items")
    expect(page.locator("[data-section=waiting] [data-line]")).to_have_count(2)


def with_the_help_sheet(page):
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard")
    expect(sheet).to_be_visible()
    look(page)
    page.keyboard.press("j")  # not while the sheet is open
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Find", exact=True)).to_be_focused()
    page.keyboard.type("jx")  # letters, while one writes
    expect(page.get_by_label("Find", exact=True)).to_have_value("jx")
    page.get_by_label("Find", exact=True).fill("two people")
    page.keyboard.press("Enter")
    expect(page.locator("[data-line]")).to_have_count(1)


def preferences(page):
    page.get_by_role("link", name="Preferences").click()
    look(page)
    page.get_by_label("You work from").fill("08:30")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#in-words")).to_contain_text("from 08:30 on Monday to Friday")
    page.get_by_role("button", name="Make an address").click()
    address = page.get_by_label("Subscribe to this address").input_value()
    look(page)
    answer = page.request.get(address)
    assert "SUMMARY:ACT-" in answer.text()


@pytest.fixture
def plain_phone(phone):
    """The same, of somebody whose browser runs no scripts; signing in alone needs them, because of the theme."""
    browser, kept = phone.context.browser, phone.context.storage_state()
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, storage_state=kept
    )
    page = context.new_page()
    page.set_default_timeout(BROWSER_TIMEOUT)
    return page


def test_without_scripts_all_of_it_works_too(stack, plain_phone):
    page = plain_phone
    page.goto(f"{stack.url}/my/actions/")
    expect(page.get_by_role("button", name="Keyboard")).to_be_hidden()
    line(page, "Page two people").get_by_role("checkbox").check()
    bar = page.get_by_role("form", name="For all chosen")
    bar.locator("summary", has_text="Not doing").click()
    bar.get_by_label("Reason").last.fill("The service goes away")
    page.get_by_role("button", name="Not doing for all chosen").click()
    expect(page.get_by_role("status")).to_contain_text("Not doing: ACT-")
    expect(line(page, "Page two people")).to_have_count(0)
