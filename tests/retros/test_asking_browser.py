"""In a real browser: a customer tells on a phone how it was, and Ana leads the meeting on her laptop."""

import json
import re
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.stack import Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-ana"
STORY = f"""
import json
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from config.people.models import User
from incidents.models import Incident, Severity
from retros import links
from retros.models import Meeting, Perspective, Question, Retrospective

ana = User.objects.create_user("ana@example.com", {PASSWORD!r}, name="Ana")
ana.groups.add(Group.objects.get(name="Facilitator"))
ravi = User.objects.create_user("ravi@example.com", name="Ravi")
ravi.groups.add(Group.objects.get(name="Responder"))
incident = Incident.objects.declare(by=ravi, title="Checkout fails for one in five", severity=Severity.objects.first())
incident.acknowledge(by=ravi)
incident.resolve(by=ravi, note="Rolled back.")
retro = Retrospective.objects.open_for(incident, facilitator=ana)
today, questions = timezone.now().date(), [q for q in Question.objects.all() if q.for_customer][:4]

def ask(name, hat, email):
    participant = retro.participants.create(name=name, hat=hat, email=email)
    text = "On Monday paying did not work, and you told us so. Please tell us how it was: we want to learn from it."
    day = today + timedelta(days=5)
    [row] = Perspective.objects.invite(retro, [participant], questions, by=ana, due_on=day, text=text)
    return row

kim, lee = ask("Kim of Acme", "customer", "kim@acme.example"), ask("Lee", "customer", "lee@acme.example")
sue = ask("Sue", "support", "sue@example.com")
sue.submit(by=None, answer_1="Twelve calls in the first minute, and I had nothing to tell them. " * 4)
retro.participants.create(name="W" * 120, hat="support", email="w@example.com")
starts = timezone.now() + timedelta(hours=1)
Meeting.objects.schedule(retro, by=ana, starts_at=starts, minutes=60, place="https://meet.example/" + "r" * 80)
found = {{name: links.url_for("perspective", row) for name, row in [("kim", kim), ("lee", lee)]}}
print("LINKS" + json.dumps(found | {{"retro": retro.pk}}))
"""
SMALL = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")]
    .map(element => element.closest("label.chip") || element)
    .filter(element => { const box = element.getBoundingClientRect(); return box.width < 44 || box.height < 44 })
    .map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("asking") / "var")
    stack.migrate()
    told = stack.manage("shell", "--no-imports", "-c", STORY).stdout
    stack.links = json.loads(told.partition("LINKS")[2])
    with stack.up():
        yield stack


@pytest.fixture
def opened():
    """Opens a browser of a given width; no script of ours is stopped in it."""
    errors = []

    def open_one(width, height):
        page = browsers.enter_context(browser_page(playwright, width=width, height=height))
        page.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
        return page

    with sync_playwright() as playwright, ExitStack() as browsers:
        yield open_one
    assert errors == []


def look(page):
    """No serious barrier, and nothing wider than the screen."""
    page.wait_for_load_state()
    found = Axe().run(page).response["violations"]
    grave = [
        (v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert grave == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_customer_tells_on_a_phone_how_it_was(stack, opened, scheme):
    phone = opened(390, 844)
    phone.emulate_media(color_scheme=scheme)
    phone.goto(stack.links["kim" if scheme == "light" else "lee"])
    look(phone)
    assert phone.evaluate(SMALL) == []
    first = phone.get_by_role("textbox").first
    first.fill("The page stayed white, and nobody answered the phone.")
    expect(phone.get_by_role("status").last).to_contain_text("Saved at", timeout=10_000)
    phone.reload()
    expect(phone.get_by_role("textbox").first).to_have_value(
        "The page stayed white, and nobody answered the phone."
    )
    phone.get_by_text("Show my name", exact=True).click()
    phone.get_by_role("button", name="Send in").click()
    expect(phone.get_by_role("status").first).to_contain_text("Sent in. Thank you")
    look(phone)
    phone.goto(stack.links["kim"][:-9] + "/")
    expect(phone.get_by_role("heading", level=1)).to_have_text("This link is not complete")
    look(phone)


def test_without_a_script_it_is_saved_by_a_button(stack, opened):
    page = opened(390, 844)
    bare = page.context.browser.new_context(java_script_enabled=False).new_page()
    bare.goto(stack.links["kim"])
    bare.get_by_role("textbox").nth(1).fill("We paid by hand.")
    bare.get_by_role("button", name="Save for later").click()
    expect(bare.get_by_role("status").first).to_contain_text("Saved.")
    assert bare.context.cookies() == []


def sign_in(page, stack, path):
    page.goto(stack.url + path)
    page.fill("#id_username", "ana@example.com")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(re.compile(re.escape(urlsplit(path).path)))


def test_ana_reads_what_they_said_and_leads_the_meeting(stack, opened):
    page = opened(1280, 900)
    base = f"/admin/retros/retrospective/{stack.links['retro']}"
    sign_in(page, stack, f"{base}/perspectives/")
    expect(page.get_by_role("figure").filter(has_text="Twelve calls")).to_contain_text(
        "somebody from support"
    )
    look(page)
    page.set_viewport_size({"width": 390, "height": 844})
    look(page)
    page.set_viewport_size({"width": 1280, "height": 900})

    page.goto(f"{stack.url}{base}/meeting/")
    look(page)
    page.get_by_role("button", name="Start the meeting").click()
    expect(page.locator(".aftercare-clock")).to_have_text(re.compile(r"^[45]:\d\d left$"))
    page.get_by_label("Write it down").fill("Support had nothing to tell.")
    page.get_by_role("button", name="Keep as a decision").click()
    expect(page.get_by_text("Support had nothing to tell.")).to_be_visible()
    page.get_by_label("What we found out").fill("Customers knew before we did.")
    page.get_by_role("button", name="Add a finding").click()
    expect(page.get_by_role("link", name="Detection: Customers knew before we did.")).to_be_visible()
    page.get_by_role("button", name="Next part").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("What it was like for customers")
    page.reload()
    expect(page.locator("[aria-current=step]")).to_contain_text("What it was like for customers")
    look(page)
    page.set_viewport_size({"width": 390, "height": 844})
    look(page)
    page.get_by_role("button", name="End the meeting").click()
    expect(page.get_by_role("heading", name=re.compile("^Over: "))).to_be_visible()
    look(page)
