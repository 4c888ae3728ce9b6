"""The facilitator's five minutes: a real browser, a server that is killed while she writes, two who write at once."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import expect, sync_playwright

from tests.stack import Stack, browser_page, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-story"
CAST = f"""
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from config.people.models import User
from incidents.models import Incident, Service, Severity
from retros.models import Retrospective

people = {{}}
for name, role in [("Ana", "Facilitator"), ("Nina", "Facilitator"), ("Omar", "Action owner"),
                   ("Ravi", "Responder"), ("Lena", "Communicator")]:
    people[name] = user = User.objects.create_user(name.lower() + "@example.com", {PASSWORD!r}, name=name)
    user.groups.add(Group.objects.get(name=role))
began = timezone.now() - timedelta(hours=5)
checkout = Service.objects.create(slug="checkout", name="Checkout", tier=1)
incident = Incident.objects.declare(
    by=people["Ravi"], title="Checkout fails for one in five", at=began,
    severity=Severity.objects.get(rank=1), services=[checkout],
)
incident.acknowledge(by=people["Ravi"], at=began + timedelta(minutes=4))
for n in range(10):
    kind = "alert" if n % 3 == 0 else "note"
    incident.log(kind, f"Error rate {{10 + n}} %", by=people["Ravi"], at=began + timedelta(minutes=5 + 2 * n))
for minutes, text in [(25, "Paying fails for some of you."), (72, "We found it.")]:
    incident.updates.create(text=text).publish(by=people["Lena"], at=began + timedelta(minutes=minutes))
incident.resolve(by=people["Ravi"], at=began + timedelta(minutes=90), note="Rolled back.")
Retrospective.objects.open_for(incident, facilitator=people["Ana"])
search = Incident.objects.declare(by=people["Ravi"], title="Search is slow", severity=incident.severity)
Retrospective.objects.open_for(search, facilitator=people["Ana"])
"""
STORED = """
from actions.models import ActionItem
from retros.models import Retrospective
retro = Retrospective.objects.get(pk=1)
marks = [m.kind or "star" for m in retro.marks.order_by("entry__at", "entry")]
item = ActionItem.objects.get()
print(retro.status, ",".join(marks), item.owner, item.due_on is not None, sep="|")
print(retro.customer_impact)
print(retro.sections.get(topic="detection").text)
"""


class Server:
    """The web server alone, on a port and data of its own, so that it can be killed and come back."""

    def __init__(self, stack):
        self.stack, self.process = stack, None

    def start(self):
        with self.stack.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "config.wsgi", "--workers", "1", "--threads", "4"),
                    *("--bind", f"127.0.0.1:{self.stack.port}"),
                ],
                cwd=settings.BASE_DIR,
                env=self.stack.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(self.stack.is_up, seconds=90, why="the server does not answer")

    def kill(self):
        """As `kill -9` does: nothing is finished, nobody is told."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("facilitator") / "var")
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", CAST)
    server = Server(stack)
    server.start()
    yield server
    server.kill()


@contextmanager
def opened(server, playwright, name, retro="RETRO-0001", **size):
    """A browser in which somebody has signed in and stands on the dashboard."""
    with browser_page(playwright, **size) as page:
        page.goto(f"{server.stack.url}/admin/login/?next=/admin/")
        page.fill("#id_username", f"{name}@example.com")
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        page.get_by_role("link", name=re.compile(retro)).first.click()
        expect(page.locator("#workspace")).to_be_visible()
        yield page


def text(page, heading):
    return page.locator(".ws-text", has=page.get_by_role("heading", name=heading, exact=True))


def area(page, heading):
    return text(page, heading).locator("textarea")


def saved(page, heading):
    expect(text(page, heading).locator("[data-state]")).to_have_text(re.compile(r"^Saved \d\d:\d\d:\d\d$"))


def step(page, words):
    return page.locator(".ws-checklist li", has_text=words)


def done(page, words):
    expect(step(page, words)).to_have_attribute("data-state", "done")


def look(page):
    """No serious barrier, nothing wider than the screen."""
    found = Axe().run(page).response["violations"]
    grave = [
        (v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert grave == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_anas_five_minutes(server):
    with sync_playwright() as playwright, opened(server, playwright, "ana") as page:
        done(page, "Timeline imported")
        look(page)
        mark_what_matters(page)
        expect(page.locator(".ws-gap", has_text="47 min without a customer update")).to_be_visible()
        write_while_the_server_dies(page, server)
        with opened(server, playwright, "nina", width=390, height=844) as other:
            look(other)
            write_the_same_section(page, other)
        add_an_action(page)
        look(page)
        send_for_review(page)
    told = server.stack.manage("shell", "--no-imports", "-c", STORED).stdout
    first, impact, *detection = told.rstrip("\n").split("\n")
    assert first == "in_review|star,detection,diagnosis,repair,key|Omar|True"
    assert impact == "One in five could not pay. Typed while nobody answered. And after."
    assert "\n".join(detection) == "Nina: the pager rang first.\n\nAna: a customer called first."


def mark_what_matters(page):
    """By keyboard alone: the sheet, then J and a letter, five times."""
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("key moment")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    for number, key in enumerate("sdgrm", start=1):
        page.keyboard.press("j")
        entry = page.locator("[data-entry]").nth(number - 1)
        expect(entry).to_be_focused()
        page.keyboard.press(key)
        expect(entry.locator(f"[data-key={key}]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#starred")).to_have_text("1")
    page.keyboard.press("k")
    expect(page.locator("[data-entry]").nth(3)).to_be_focused()
    done(page, "Key moments marked")


def write_while_the_server_dies(page, server):
    words = "In short: what was it like for customers?"
    page.locator("#write-impact").click()
    page.keyboard.type("One in five could not pay.")
    saved(page, words)
    done(page, "Customer impact written")
    server.kill()
    page.keyboard.type(" Typed while nobody answered.")
    state = text(page, words).locator("[data-state]")
    expect(state).to_contain_text("kept in this browser")
    server.start()
    saved(page, words)
    # Once more, and this time the page is gone, too, before the server is back.
    server.kill()
    page.keyboard.type(" And after.")
    expect(state).to_contain_text("kept in this browser")
    address = page.url
    page.goto("about:blank")
    server.start()
    page.goto(address)
    expect(page.locator("#write-impact")).to_have_value(
        "One in five could not pay. Typed while nobody answered. And after."
    )
    saved(page, words)


def write_the_same_section(page, other):
    """Nina is quicker; Ana is shown both texts, and keeps both."""
    area(page, "Detection").click()
    area(other, "Detection").fill("Nina: the pager rang first.")
    saved(other, "Detection")
    page.keyboard.type("Ana: a customer called first.")
    panel = text(page, "Detection").locator("[data-conflict]")
    expect(panel).to_be_visible()
    for words in ("Nina: the pager rang first.", "Ana: a customer called first.", "Nina saved this at"):
        expect(panel).to_contain_text(words)
    look(page)
    panel.get_by_role("button", name="Keep both").click()
    saved(page, "Detection")


def add_an_action(page):
    page.get_by_text("Add an action", exact=True).first.click()
    form = page.locator("#add-action form")
    expect(form.locator("[name=action-due_on]")).not_to_have_value("")
    expect(form.locator("[name=action-why]")).to_have_value(re.compile("^One in five could not pay."))
    form.locator("[name=action-title]").fill("Alert on failed payments")
    form.locator("[name=action-why]").fill("Customers told us before we knew.")
    form.locator(".select2-selection").click()
    page.locator(".select2-search__field").last.press_sequentially("Omar")
    page.locator(".select2-results__option", has_text="Omar").click()
    form.get_by_role("button", name="Add an action").click()
    expect(page.locator("#card-action li")).to_contain_text("Alert on failed payments")
    done(page, "Action added")


def send_for_review(page):
    page.get_by_role("link", name="Send for review").click()
    page.locator("main form button").click()
    expect(page.locator(".ws-meta")).to_contain_text("In review")
    done(page, "Sent for review")


def test_without_script_the_page_does_all_it_does(server):
    with sync_playwright() as playwright, opened(server, playwright, "ana", "RETRO-0002") as page:
        address, cookies = page.url, page.context.cookies()
        plain = page.context.browser.new_context(java_script_enabled=False)
        plain.add_cookies(cookies)
        page = plain.new_page()
        page.goto(address)
        area(page, "Detection").fill("A customer called first.")
        text(page, "Detection").get_by_role("button", name="Save").click()
        expect(area(page, "Detection")).to_have_value("A customer called first.")
        page.locator("[data-entry]").first.locator("button", has_text="Star").click()
        expect(page.locator("#starred")).to_have_text("1")
        page.get_by_role("link", name="Starred only").click()
        expect(page.locator("[data-entry]")).to_have_count(1)
