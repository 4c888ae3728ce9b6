"""The whole main job, as people live it: real browser, real worker, real scheduler, real mail server."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.stack import (
    MailSink,
    Stack,
    browser_page,
    noon_zone,
    scratch_postgres,
    scratch_redis,
    wait_for,
)

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-story"
ZONE = noon_zone()
PEOPLE = f"""
from django.contrib.auth.models import Group
from config.people.models import User
for name, *roles in [
    ("Ravi", "Responder", "Communicator"), ("Ana", "Facilitator"), ("Omar", "Action owner"), ("Aud", "Auditor"),
]:
    # It is noon where they live, and they work every day: the story is told at night and on a Sunday too.
    user = User.objects.create_user(
        name.lower() + "@example.com", {PASSWORD!r}, name=name,
        time_zone={ZONE!r}, working_days="1234567", works_from="00:00", works_until="23:59",
    )
    user.groups.add(*Group.objects.filter(name__in=roles))
"""
TITLE, ACTION = "Payments fail for one in five", "Alert when payments fail"
WHY = "Customers paid twice before we knew."
TODAY = datetime.now(ZoneInfo(ZONE)).date()
DUE = TODAY - timedelta(days=10)
# The one thing a test cannot wait for.
DAYS_PASS = f"""
from datetime import date
from actions.models import ActionItem
item = ActionItem.objects.get()
item.due_on = date.fromisoformat("{DUE}")
item.save()
"""


@pytest.fixture(params=["sqlite and files", "postgresql and redis"])
def stack(request, tmp_path):
    with MailSink() as sink:
        if request.param == "sqlite and files":
            yield from served(tmp_path, sink)
        else:
            with scratch_postgres() as database, scratch_redis() as redis:
                yield from served(tmp_path, sink, DATABASE_URL=database, REDIS_URL=redis)


def served(tmp_path, sink, **environment):
    stack = Stack(tmp_path / "var", EMAIL_URL=sink.url, **environment)
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", PEOPLE)
    with stack.up():
        stack.sink = sink
        yield stack


class Person:
    """Somebody at a browser."""

    def __init__(self, page, stack, name):
        self.page, self.base = page, stack.url
        self.go("/admin/login/")
        page.fill("#id_username", f"{name}@example.com")
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        expect(page).to_have_title(re.compile("Dashboard"))

    def go(self, path):
        self.page.goto(self.base + path)

    def save(self):
        self.page.click("button[name=_save]")
        self.page.wait_for_load_state()

    def do(self, verb, **fields):
        """Press a verb's button, answer what it asks, confirm."""
        self.page.get_by_role("link", name=verb, exact=True).first.click()
        for name, value in fields.items():
            self.page.fill(f"#id_{name}", value)
        self.page.get_by_role("button", name=verb, exact=True).click()
        self.page.wait_for_load_state()

    def choose(self, field, text):
        """Choose in a field that searches as one types."""
        self.page.locator(f"#id_{field} + .select2").click()
        self.page.locator(".select2-search__field").last.fill(text)
        self.page.locator(".select2-results__option", has_text=text).first.click()


@pytest.fixture
def person(stack):
    with sync_playwright() as playwright:
        yield lambda name: _person(playwright, stack, name)
        for leave in _leave:
            leave()
        _leave.clear()


_leave = []


def _person(playwright, stack, name):
    context = browser_page(playwright, width=1440)
    page = context.__enter__()
    _leave.append(lambda: context.__exit__(None, None, None))
    return Person(page, stack, name)


def test_from_a_declared_incident_to_a_reminded_owner(stack, person):
    ravi = person("ravi")
    declare_update_resolve(ravi)
    ana = person("ana")
    retro = wait_for(lambda: opened_retro(ana), seconds=100, why="no retro was opened by the sweep")
    add_action(ana, retro)
    stack.manage("shell", "--no-imports", "-c", DAYS_PASS)
    mail = wait_for(lambda: stack.sink.to("omar@example.com"), seconds=130, why="Omar was not reminded")[0]
    link = check_mail(mail, stack)
    complete(person("omar"), link)
    audit(person("aud"), retro)
    assert len(stack.sink.to("omar@example.com")) == 1


def declare_update_resolve(ravi):
    ravi.go("/admin/incidents/incident/add/")
    ravi.page.fill("#id_title", TITLE)
    ravi.page.select_option("#id_severity", label="SEV1")
    ravi.save()
    ravi.go("/admin/incidents/incident/1/change/")
    ravi.do("Acknowledge")
    ravi.go("/admin/incidents/customerupdate/add/?incident=1")
    ravi.page.fill("#id_text", "One in five payments fails. Please do not pay again; we look into it.")
    ravi.save()
    ravi.go("/admin/incidents/customerupdate/1/change/")
    ravi.do("Publish")
    ravi.go("/admin/incidents/incident/1/change/")
    ravi.do("Resolve", note="Rolled back the release.")
    expect(ravi.page.locator("body")).to_contain_text("Resolved")


def opened_retro(ana):
    ana.go("/admin/retros/retrospective/?q=Payments")
    found = ana.page.locator("#result_list a[href*='/change/']", has_text="RETRO-")
    return re.search(r"/(\d+)/change/", found.first.get_attribute("href"))[1] if found.count() else None


def add_action(ana, retro):
    ana.go(f"/admin/actions/actionitem/add/?retro={retro}")
    ana.page.fill("#id_title", ACTION)
    ana.page.fill("#id_why", WHY)
    ana.choose("owner", "Omar")
    ana.page.fill("#id_due_on", (TODAY + timedelta(days=7)).isoformat())
    ana.page.press("#id_due_on", "Escape")
    ana.save()
    expect(ana.page.locator("body")).to_contain_text("ACT-0001")


def check_mail(mail, stack):
    """Both twins say everything; returns the link."""
    link = f"{stack.url}/admin/actions/actionitem/1/change/"
    for kind in ("plain", "html"):
        text = mail.get_body([kind]).get_content()
        for fact in ("ACT-0001", ACTION, WHY, f"{DUE.day} {DUE:%B %Y}", link):
            assert fact in text, f"{kind} twin does not say {fact}"
    assert mail["Message-ID"]
    assert mail["Auto-Submitted"] == "auto-generated"
    return link


def complete(omar, link):
    omar.page.goto(link)
    omar.do("Complete", evidence="The alert fired in the drill this morning.")
    expect(omar.page.locator("body")).to_contain_text("Done")


def audit(aud, retro):
    """Every step is in the history, with whoever took it."""
    for path, names in {
        "/admin/incidents/incident/1/history/": ["Ravi"],
        f"/admin/retros/retrospective/{retro}/history/": ["open required retros"],
        "/admin/actions/actionitem/1/history/": ["Ana", "Omar"],
    }.items():
        aud.go(path)
        for name in names:
            expect(aud.page.locator("main")).to_contain_text(name)
    assert aud.page.locator("button[name=_save]").count() == 0
