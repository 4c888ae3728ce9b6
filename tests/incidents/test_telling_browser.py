"""Lena on her phone: from declaring an incident to customers who know when they hear next, in five interactions."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.incidents.public import Site
from tests.stack import BROWSER_TIMEOUT, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-lena"
STORY = f"""
from django.contrib.auth.models import Group
from config.people.models import User
from incidents.models import Region, Service

for name, roles in [("Lena", ["Communicator", "Responder"]), ("Ravi", ["Responder"])]:
    user = User.objects.create_user(name.lower() + "@example.com", {PASSWORD!r}, name=name)
    user.groups.add(*Group.objects.filter(name__in=roles))
for slug, name in [("checkout", "Checkout"), ("search", "Search"), ("mail", "Order mails")]:
    Service.objects.create(slug=slug, name=name)
Region.objects.create(slug="eu", name="Europe")
"""


class Hands:
    """Every tap and every field that is filled is one interaction."""

    def __init__(self, page):
        self.page, self.used = page, 0

    def tap(self, locator):
        self.used += 1
        locator.click()

    def write(self, locator, text):
        self.used += 1
        locator.fill(text)

    def choose(self, locator, label):
        self.used += 1
        locator.select_option(label=label)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("telling") / "var")
    site.migrate()
    site.shell(STORY)
    with site.serving():
        yield site


def signed_in(page, site, address, who="lena"):
    page.goto(f"{site.url}{address}")
    page.fill("#id_username", f"{who}@example.com")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")


@pytest.fixture(params=[True, False], ids=["with-script", "without-script"])
def phone(site, request):
    with sync_playwright() as playwright, browser_page(playwright, width=390, height=844) as first:
        signed_in(first, site, "/admin/incidents/incident/add/")
        expect(first.locator("#id_title")).to_be_visible()
        context = first.context.browser.new_context(
            viewport={"width": 390, "height": 844},
            java_script_enabled=request.param,
            storage_state=first.context.storage_state(),
        )
        page = context.new_page()
        page.set_default_timeout(BROWSER_TIMEOUT)
        page.goto(f"{site.url}/admin/incidents/incident/add/")
        yield page


def test_lena_declares_and_tells_customers_in_five_interactions(site, phone):
    hands = Hands(phone)
    hands.write(phone.locator("#id_title"), "Checkout fails for one in five")
    hands.choose(phone.locator("#id_severity"), "SEV1")
    hands.tap(phone.get_by_label("Checkout", exact=True))
    hands.tap(phone.get_by_role("button", name="Save", exact=True))
    assert "Checkout fails for one in five. This affects Checkout" in phone.input_value("#id_text")
    hands.tap(phone.get_by_role("button", name="Publish", exact=True))
    expect(phone.get_by_text("Customers read it now")).to_be_visible()
    assert hands.used <= 5

    phone.goto(site.url)
    newest = phone.locator("article.open").first
    expect(newest).to_contain_text("This affects Checkout")
    promised = newest.locator(".next time").get_attribute("datetime")
    due = datetime.fromisoformat(promised)
    assert timedelta(minutes=25) < due - datetime.now(UTC) <= timedelta(minutes=30)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_keeps_nobody_out_and_shows_what_customers_will_see(site, width):
    with sync_playwright() as playwright, browser_page(playwright, width=width, height=900) as page:
        signed_in(page, site, "/admin/incidents/incident/add/")
        page.fill("#id_title", "Search is slow")
        page.select_option("#id_severity", label="SEV2")
        page.get_by_label("Search", exact=True).check()
        page.get_by_role("button", name="Save", exact=True).click()
        seen = page.frame_locator("iframe[name=tell-seen]")
        expect(seen.get_by_text("This affects Search")).to_be_visible()
        page.fill("#id_text", "Finding products takes longer. It happened because of Ravi.")
        expect(seen.locator("p", has_text="Finding products takes longer.")).to_be_visible()
        expect(seen.locator("q", has_text="Ravi")).to_be_visible()
        expect(page.locator(".coach-marks > li").first).to_be_visible()
        page.get_by_label("Identified", exact=True).check()
        expect(seen.get_by_text("Identified").first).to_be_visible()
        found = [
            (v["id"], [n["target"] for n in v["nodes"]])
            for v in Axe().run(page).response["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert found == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Fill in the template again").click()
        expect(page.locator("#id_text")).to_have_value(
            "**What we know:** We have found what is wrong with Search, and are working on putting it right.\n\n"
            "**What to do now:** There is nothing you need to change. If something fails, please try again after"
            " our next update."
        )


def test_ravi_submits_and_lena_sees_it_before_she_approves(site):
    with sync_playwright() as playwright:
        with browser_page(playwright, width=390, height=844) as page:
            signed_in(page, site, "/admin/incidents/incident/add/", who="ravi")
            page.fill("#id_title", "Order mails are late")
            page.select_option("#id_severity", label="SEV3")
            page.get_by_label("Order mails", exact=True).check()
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_role("link", name="Tell customers").click()
            page.get_by_role("button", name="Submit for approval").click()
            expect(page.get_by_text("whoever may publish it was asked to")).to_be_visible()
        with browser_page(playwright, width=390, height=844) as page:
            signed_in(page, site, "/admin/incidents/customerupdate/?state__exact=submitted", who="lena")
            page.get_by_role("link", name=re.compile("Order mails are late")).first.click()
            page.get_by_role("link", name="Publish", exact=True).click()
            seen = page.frame_locator("iframe")
            expect(seen.get_by_text("This affects Order mails")).to_be_visible()
            page.get_by_role("button", name="Publish", exact=True).click()
            expect(page.get_by_text("Publish: Investigating")).to_be_visible()
        with browser_page(playwright, width=390, height=844) as page:
            page.goto(site.url)
            expect(page.get_by_text("This affects Order mails")).to_be_visible()
