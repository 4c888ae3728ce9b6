"""The pages and the mail of subscribers in a real browser: on a phone, for everybody, with bad texts."""

import json
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.incidents.public import Site
from tests.stack import MailSink, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SHOTS = os.environ.get("SHOTS")  # a folder, for whoever wants to see what the test saw
STORY = """
import json
from django.utils import timezone
from incidents.models import Incident, Region, Service, Severity, Subscriber
from incidents.subscribers import links

Service.objects.create(slug="payments", name="Card payments")
Service.objects.create(slug="odd", name="<img src=x onerror=alert(1)>" + "W" * 60)
Region.objects.create(slug="eu", name="Europe")
row = Subscriber(address="kim@customer.example", status="confirmed", confirmed_at=timezone.now())
row.save()
waits = Subscriber(address="lee@customer.example", asked_at=timezone.now())
waits.save()
incident = Incident.objects.declare(
    by=None, title="Card payments fail for one in five", severity=Severity.objects.get(rank=2),
    visibility="public", services=[(Service.objects.get(slug="payments"), "partial_outage")])
incident.updates.create(
    status="identified", next_update_by=timezone.now(),
    text="One of our servers refuses cards. **What to do now:** try again after a minute.\\n\\n"
    "<script>document.title = 'caught'</script> ![t](http://evil.example/track.png)").publish(by=None)
print("LINKS" + json.dumps({
    "manage": links.path(row, "manage"), "stop": links.path(row, "stop"),
    "confirm": links.path(waits, "confirm"), "incident": f"/incidents/{incident.public_id}/"}))
"""
SMALL = """() => [...document.querySelectorAll("main button, main input:not([type=hidden])")]
    .map(element => element.closest("label") || element)
    .filter(element => element.getBoundingClientRect().height < 44)
    .map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    with MailSink() as sink:
        site = Site(tmp_path_factory.mktemp("subscribers") / "var", EMAIL_URL=sink.url)
        site.migrate()
        links = json.loads(site.shell(STORY).rpartition("LINKS")[2])
        with site.serving():
            site.manage("deliver")
            yield site, links, sink


def shot(page, name):
    if SHOTS:
        Path(SHOTS).mkdir(exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def well(page, name):
    """Nobody is kept out, everything fits, and a thumb hits it."""
    shot(page, name)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(SMALL) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_and_the_road_through_them(story, width):
    site, links, sink = story
    with sync_playwright() as playwright, browser_page(playwright, width=width, height=844) as page:
        page.goto(f"{site.url}/")
        page.get_by_role("link", name="Get updates").first.click()
        page.get_by_label("Your e-mail address").fill("not an address")
        page.get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text("Enter one e-mail address")
        well(page, f"refused-{width}")
        page.get_by_label("Your e-mail address").fill(f"new{width}@customer.example")
        page.get_by_text("Card payments").click()
        page.get_by_role("button").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
        well(page, f"asked-{width}")
        for name in ("confirm", "manage", "stop", "incident"):
            page.goto(site.url + links[name])
            well(page, f"{name}-{width}")
        site.manage("deliver")
        [letter] = sink.to(f"new{width}@customer.example")
        html = letter.get_body(("html",)).get_content()
        page.set_content(html)
        well_of_mail(page, f"mail-confirm-{width}")
        page.goto(page.get_by_role("link", name="Yes, send me updates").get_attribute("href"))
        page.get_by_role("button", name="Yes, send me updates").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You will get our updates")
        assert page.context.cookies() == []


def well_of_mail(page, name):
    shot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelectorAll('script, img, iframe, form').length") == 0


@pytest.mark.parametrize("width", [390, 600])
def test_the_mail_of_an_update_holds_no_script_and_no_picture(story, width):
    _, _, sink = story
    [letter] = sink.to("kim@customer.example")
    with sync_playwright() as playwright, browser_page(playwright, width=width, height=844) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.set_content(letter.get_body(("html",)).get_content())
            well_of_mail(page, f"mail-{width}-{scheme}")
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["id"] not in ("region", "landmark-one-main")] == []
        assert asked == []
        assert "caught" not in page.title()
