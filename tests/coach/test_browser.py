"""Ana writes a section of a retro: the coach proposes under the field, and never stands in her way."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.stack import Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-ana"
STORY = f"""
from django.contrib.auth.models import Group
from config.people.models import User
from incidents.models import Incident, Severity
from retros.models import Retrospective

ana = User.objects.create_user("ana@example.com", {PASSWORD!r}, name="Ana")
User.objects.create_user("omar@example.com", {PASSWORD!r}, name="Omar")
ana.groups.add(Group.objects.get(name="Facilitator"))
incident = Incident.objects.declare(by=None, title="Checkout fails", severity=Severity.objects.get(rank=1))
Retrospective.objects.open_for(incident, facilitator=ana)
"""
WRITTEN = "🙂 At 09:12 Omar paged Ana.\nIt happened because of Omar. The root cause was a missing index."


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("coach") / "var")
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", STORY)
    with stack.up():
        yield stack


@pytest.fixture(params=[1280, 390])
def section(stack, request):
    with sync_playwright() as playwright, browser_page(playwright, width=request.param, height=900) as page:
        page.goto(f"{stack.url}/admin/retros/section/1/change/")
        page.fill("#id_username", "ana@example.com")
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        expect(page.locator("#id_text")).to_be_visible()
        yield page


def selected(page):
    return page.eval_on_selector(
        "#id_text", "field => field.value.slice(field.selectionStart, field.selectionEnd)"
    )


def test_ana_is_shown_what_to_reword_and_saves_as_she_likes(section):
    section.fill("#id_text", WRITTEN)
    lines = section.locator(".coach-marks > li")
    expect(lines).to_have_count(2)
    expect(section.locator(".coach-said")).to_contain_text("2 wordings")
    lines.nth(0).get_by_role("button").click()
    assert selected(section) == "because of Omar"
    lines.nth(1).get_by_role("button").click()
    assert selected(section) == "root cause"
    lines.nth(1).get_by_text("Why?").click()
    expect(lines.nth(1)).to_contain_text("several conditions")
    found = Axe().run(section).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert section.evaluate("document.documentElement.scrollWidth <= innerWidth")
    section.get_by_role("button", name="Save", exact=True).click()
    expect(section.get_by_text("was changed successfully")).to_be_visible()


def test_when_the_site_does_not_answer_the_form_stays_as_it_is(section):
    section.route("**/admin/coach/", lambda route: route.abort())
    with section.expect_request("**/admin/coach/"):
        section.fill("#id_text", WRITTEN)
    expect(section.locator("#id_text")).to_have_value(WRITTEN)
    expect(section.locator(".coach-marks > li")).to_have_count(0)
    section.unroute("**/admin/coach/")
    section.locator("#id_text").press_sequentially(" ")
    expect(section.locator(".coach-marks > li")).to_have_count(2)
