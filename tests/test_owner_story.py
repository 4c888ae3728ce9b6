"""The action owner's five minutes, on his phone: real browser, real worker, real scheduler, real mail server."""

import re
import urllib.request
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.stack import MailSink, Stack, browser_page, noon_zone, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-story"
ZONE = noon_zone()
TODAY = datetime.now(ZoneInfo(ZONE)).date()
LATE, LATER = TODAY - timedelta(days=9), TODAY + timedelta(days=20)
CAST = f"""
from datetime import date
from django.contrib.auth.models import Group
from actions.models import ActionItem
from config.people.models import User
for name, role in [("Omar", "Action owner"), ("Ravi", "Responder"), ("Ana", "Facilitator")]:
    # It is noon where they live, and they work every day: the story is told at night and on a Sunday too.
    user = User.objects.create_user(
        name.lower() + "@example.com", {PASSWORD!r}, name=name,
        time_zone={ZONE!r}, working_days="1234567", works_from="00:00", works_until="23:59",
    )
    user.groups.add(Group.objects.get(name=role))
omar = User.objects.get(name="Omar")
for title, why, due in [
    ("Alert when payments fail", "Customers paid twice before we knew.", "{LATE}"),
    ("Say what to do on the error page", "Customers did not know whether to try again.", "{LATE}"),
    ("Rehearse the failover", "Customers waited forty minutes for it.", "{LATER}"),
]:
    ActionItem.objects.create(title=title, why=why, owner=omar, due_on=date.fromisoformat(due))
"""
HISTORY = """
from actions.models import ActionItem
for item in ActionItem.objects.order_by("pk"):
    last = item.history.exclude(history_user_name="").first()
    print(item.pk, item.status, item.slips, item.offered_to, last and last.history_user_name,
          last and last.history_actor_kind, sep="|")
"""


@pytest.fixture
def stack(tmp_path):
    with MailSink() as sink:
        stack = Stack(tmp_path / "var", EMAIL_URL=sink.url)
        stack.migrate()
        stack.manage("shell", "--no-imports", "-c", CAST)
        with stack.up():
            stack.sink = sink
            yield stack


@pytest.fixture
def phone():
    with sync_playwright() as playwright, browser_page(playwright, width=390, height=844) as page:
        yield page


def test_omars_five_minutes(stack, phone):
    mail = wait_for(lambda: stack.sink.to("omar@example.com"), seconds=130, why="Omar was not written to")[0]
    html = mail.get_body(["html"]).get_content()
    for fact in ("Alert when payments fail", "Customers paid twice before we knew.", "9 days"):
        assert fact in html
    phone.set_content(html)
    assert fits(phone)

    answer_done_in_two_taps(phone)
    answer_new_date_in_two_taps(phone)
    hand_over_in_my_actions(phone, stack)
    address = subscribe_to_the_calendar(phone, stack)
    with urllib.request.urlopen(address, timeout=5) as answer:
        feed = answer.read().decode()
    assert "Rehearse the failover" in feed
    be_quiet_at_lunch(phone, stack)
    unsubscribe_as_a_mail_program_does(mail)

    told = stack.manage("shell", "--no-imports", "-c", HISTORY).stdout.split()
    assert told == [
        "1|done|0|None|Omar|mail",
        "link",
        "2|open|1|None|Omar|mail",
        "link",
        "3|open|0|Ravi|Omar|web",
    ]
    offer = wait_for(lambda: stack.sink.to("ravi@example.com"), seconds=60, why="Ravi was not asked")[0]
    assert "Rehearse the failover" in offer.get_body(["plain"]).get_content()
    assert len(stack.sink.to("omar@example.com")) == 1


def fits(page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def answer_done_in_two_taps(page):
    page.get_by_role("link", name="Done").first.click()
    expect(page.get_by_role("heading", name="Alert when payments fail")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Customers paid twice before we knew.")
    assert fits(page)
    expect(page.locator("#id_evidence")).to_be_focused()
    page.keyboard.type("It rang in this morning's drill.")
    page.locator("form button.go").click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def answer_new_date_in_two_taps(page):
    """From the page that said thanks: the next overdue item, with the first day chosen already."""
    expect(page.locator("main")).to_contain_text("Say what to do on the error page")
    page.get_by_role("link", name="New date").click()
    expect(page.locator("input[name=pick]:checked")).to_have_count(1)
    assert fits(page)
    page.locator("form button.go").click()
    expect(page.get_by_role("status")).to_be_visible()


def hand_over_in_my_actions(page, stack):
    page.goto(f"{stack.url}/my/actions/")
    page.fill("#id_username", "omar@example.com")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    expect(page).to_have_title(re.compile("My actions"))
    assert fits(page)
    page.locator("li", has_text="Rehearse the failover").get_by_role("link", name="Hand over").click()
    page.select_option("[name=to]", label="Ravi")
    page.fill("[name=note]", "You built it.")
    page.locator("form button.go").click()
    expect(page.locator("section", has_text="Waiting on others")).to_contain_text("Rehearse the failover")


def subscribe_to_the_calendar(page, stack) -> str:
    page.goto(f"{stack.url}/my/preferences/")
    page.get_by_role("button", name="Make an address").click()
    return page.locator("#address").input_value()


def be_quiet_at_lunch(page, stack):
    page.goto(f"{stack.url}/my/preferences/")
    page.fill("[name=quiet_from]", "12:00")
    page.fill("[name=quiet_until]", "13:00")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[name=quiet_from]")).to_have_value("12:00")
    assert fits(page)


def unsubscribe_as_a_mail_program_does(mail):
    """One plain POST: no cookie, no token, no page before."""
    url = re.search("<(https?://[^>]+)>", mail["List-Unsubscribe"])[1]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with urllib.request.urlopen(url, data=b"List-Unsubscribe=One-Click", timeout=5) as answer:
        assert answer.status == 200
        assert "manager" in answer.read().decode()
