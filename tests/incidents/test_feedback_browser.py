"""The question to customers, and the page for support, in a real browser: on a telephone, by keyboard, unscripted."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.conftest import PASSWORD
from tests.incidents.public import Site
from tests.stack import browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

STORY = """
from datetime import timedelta
from django.contrib.auth.models import Group
from django.utils import timezone
from config.people.models import User
from incidents.feedback import Purpose, link_for
from incidents.models import Customer, Feedback, Incident, Region, Service, Severity

evil = '<script>document.title = "caught"</script><img src=x onerror="document.title=1">'
now = timezone.now()
europe = Region.objects.create(slug="eu", name="Europe")
payments = Service.objects.create(slug="payments", name="Card payments")
rank = Severity.objects.get(rank=2)
first = Incident.objects.declare(
    by=None, title="Card payments fail for one in five", severity=rank, visibility="public",
    at=now - timedelta(minutes=40), services=[(payments, "partial_outage")])
first.region_impacts.create(region=europe, impact="partial_outage")
update = first.updates.create(
    status="identified", next_update_by=now + timedelta(minutes=20),
    text="One of our servers refuses cards. **What to do now:** try again after a minute. " + evil)
update.publish(by=None)
first.advise(by=None, workaround="Pay by transfer, which works. " + evil, workaround_is_public=True)
over = Incident.objects.declare(
    by=None, title="Mails came late " + evil, severity=rank, visibility="public", at=now - timedelta(hours=5))
over.updates.create(status="resolved", text="All mails are delivered.").publish(by=None)
over.resolve(by=None)
for name in ("Fabrikam Trading", "Contoso"):
    row = Customer.objects.create(name=name, external_id=name[:3], domain=name.split()[0].lower() + ".example")
    row.service_links.create(service=payments)
for number in range(7):
    link_for(over, f"asked {{number}}", Purpose.AFTER)
    Feedback.objects.give(over, "after", f"n{{number}}", source="mail", sentiment=number % 5 + 1, transparency=4)
    link_for(first, f"asked {{number}}", Purpose.UPDATE, update)
    Feedback.objects.give(
        first, "update", f"u{{number}}", source="mail", update=update, known=["yes", "partly"][number % 3 == 0],
        words="We did not know until when." if number == 1 else "")
suki = User.objects.create_user("suki@example.com", "{password}", name="Suki")
suki.groups.add(Group.objects.get(name="Support"))
lena = User.objects.create_user("lena@example.com", "{password}", name="Lena")
lena.groups.add(Group.objects.get(name="Communicator"))
print(link_for(first, "a mail", Purpose.UPDATE, update), link_for(over, "a mail", Purpose.AFTER),
      first.public_id, over.public_id)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("feedback") / "var")
    site.migrate()
    said = site.shell(STORY.format(password=PASSWORD)).split()
    with site.serving():
        yield site, said


def violations(page, impacts=("minor", "moderate", "serious", "critical")):
    found = Axe().run(page).response["violations"]
    return [(v["id"], [n["target"] for n in v["nodes"]]) for v in found if v["impact"] in impacts]


def grave(page):
    """What the theme of the workspace leaves beside its landmarks is no barrier of ours."""
    return violations(page, ("serious", "critical"))


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nobody_is_kept_out_of_the_public_pages(served, scheme, width):
    site, (about_update, afterwards, first, over) = served
    asked = []
    with sync_playwright() as playwright, browser_page(playwright, width=width) as page:
        page.emulate_media(color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        addresses = [
            about_update,
            afterwards,
            f"{site.url}/feedback/{first}/",
            f"{site.url}/feedback/{over}/",
        ]
        for address in [*addresses, f"{site.url}/feedback/by-link/x/", f"{site.url}/incidents/{first}/"]:
            page.goto(address)
            assert violations(page) == [], address
            assert fits(page), address
            assert page.title() not in ("caught", "1")
            assert page.locator("main img, main script").count() == 0
        page.goto(about_update)
        page.get_by_role("button", name="Send my answer").click()  # nothing chosen yet
        assert page.get_by_role("alert").is_visible()
        assert violations(page) == []
        assert page.context.cookies() == []
    assert {url for url in asked if not url.startswith(site.url + "/")} == set()


def test_it_is_answered_by_keyboard_without_script_and_counted_once(served):
    site, (_, _, first, _) = served
    with sync_playwright() as playwright, browser_page(playwright) as any_page:
        context = any_page.context.browser.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=False
        )
        page = context.new_page()
        page.goto(f"{site.url}/incidents/{first}/")
        page.get_by_role("link", name="Did you know what you needed to know?").click()
        page.get_by_label("Yes").focus()
        page.keyboard.press("ArrowRight")  # to “Partly”
        assert page.get_by_label("Partly").is_checked()
        page.get_by_label("What was missing").fill("Until when?")
        page.get_by_role("button", name="Send my answer").press("Enter")
        assert page.get_by_role("heading", name="Thank you").is_visible()
        page.reload()  # sends the same form again
        assert page.get_by_role("heading", name="you have answered").is_visible()
        assert context.cookies() == []


def signed_in(page, site, email):
    page.goto(f"{site.url}/admin/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_for_support_is_usable_on_a_telephone(served, width):
    site, _ = served
    with sync_playwright() as playwright, browser_page(playwright, width=width) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        signed_in(page, site, "suki@example.com")
        page.goto(f"{site.url}/admin/support/")
        assert grave(page) == []
        assert fits(page)
        assert page.title() != "caught"
        page.get_by_role("button", name="Copy").first.click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").startswith("One of our servers refuses cards.")
        page.get_by_role("searchbox", name="Is this customer affected?").fill("fabrikam")
        page.keyboard.press("Enter")
        page.get_by_text("their regions are not listed").wait_for()
        assert grave(page) == []
        assert fits(page)
        page.get_by_role("button", name="+1 ticket").first.click()
        page.get_by_text("Counted:").wait_for()


def test_what_customers_say_and_their_import_are_open_to_everybody_who_may(served):
    site, _ = served
    with sync_playwright() as playwright, browser_page(playwright, width=390) as page:
        signed_in(page, site, "lena@example.com")
        for path in ("feedback/", "customers/import/", "incidents/customer/", "incidents/feedback/"):
            page.goto(f"{site.url}/admin/{path}")
            assert grave(page) == [], path
            assert fits(page), path
