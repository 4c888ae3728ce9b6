"""The status page in a real browser: hostile texts do nothing, nobody is kept out, answers are on the first screen."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.incidents.public import Site
from tests.stack import browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HOSTILE = [
    "<script>document.title = 'caught'</script>",
    "<img src=x onerror=\"document.title = 'caught'\">",
    "[x](javascript:document.title='caught') [x](JaVaScRiPt&#58;alert(1)) [x](data:text/html;base64,PHA+)",
    '![x](x"onerror=alert(1)) ![t](http://evil.example/track.png) [x](//evil.example) ![t](//evil.example/t.png)',
    "<svg><animate onbegin=alert(1)> <math><mtext></p><style><img src=http://evil.example/i>",
    "[x][1] <form action=//evil.example><button>Go</button></form>\n\n[1]: javascript:alert(1)",
    "[" * 4000,
    "> " * 300 + "deep",
]
STORY = """
from datetime import timedelta
from django.utils import timezone
from incidents.models import Incident, Maintenance, Region, Service, Severity

hostile = {hostile!r}
now = timezone.now()
europe = Region.objects.create(slug="eu", name="Europe" + hostile[0][:100])
payments = Service.objects.create(slug="payments", name="Card payments")
odd = Service.objects.create(slug="odd", name=hostile[1][:200], description=hostile[0], group=hostile[0][:100])
rank = Severity.objects.get(rank=2)
plain = Incident.objects.declare(
    by=None, title="Card payments fail for one in five", severity=rank, visibility="public",
    at=now - timedelta(minutes=40), services=[(payments, "partial_outage")])
plain.updates.create(
    status="identified", next_update_by=now + timedelta(minutes=20),
    text="One of our servers refuses cards. **What to do now:** try again after a minute.").publish(by=None)
plain.updates.get().correct(
    by=None, reason="It is one server, not two.",
    text="One server of ours refuses cards. **What to do now:** try again after a minute.")
plain.milestones.create(title="Half of all cards are taken again", is_public=True, expected_at=now)
for number in range({more}):
    text = hostile[number % len(hostile)]
    incident = Incident.objects.declare(
        by=None, title=("Bad " + text)[:250], severity=rank, visibility="public", services=[odd, payments])
    incident.region_impacts.create(region=europe)
    incident.updates.create(text=text).publish(by=None)
    incident.milestones.create(title=("Step " + text)[:250], note=text, is_public=True)
    row = Maintenance.objects.create(
        title=("Work " + text)[:250], text=text,
        scheduled_for=now, scheduled_until=now + timedelta(hours=1))
    row.service_links.create(service=odd)
    row.announce(by=None)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("base") / "var")
    site.migrate()
    return site


def prepared(site, more):
    site.shell(STORY.format(hostile=HOSTILE, more=more))
    return site


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("hostile") / "var")
    site.migrate()
    with prepared(site, len(HOSTILE)).serving():
        yield site


@pytest.fixture(scope="module")
def calm(base):
    with prepared(base, 0).serving():
        yield base


def of_each_kind(page, site):
    """The first page, incidents, a maintenance, the history and a month of it, learnings, and what is not there."""
    incidents = every_page(page, site)
    page.goto(site.url + "/history/")
    months = page.eval_on_selector_all(".months a", "links => links.map(link => link.href)")
    page.goto(site.url)
    work = page.eval_on_selector_all("article.window a", "links => links.map(link => link.href)")
    return [*incidents[:5], *work[:1], *incidents[-2:], *months[:1], site.url + "/learnings/"]


def every_page(page, site):
    page.goto(site.url)
    links = page.eval_on_selector_all("a[href*='incidents/']", "links => links.map(link => link.href)")
    return [
        site.url + "/",
        *dict.fromkeys(links),
        site.url + "/history/",
        site.url + "/incidents/aaaaaaaaaaaa/",
    ]


def test_hostile_texts_run_nothing_and_ask_no_other_host(hostile):
    asked, said = [], []
    with sync_playwright() as playwright, browser_page(playwright) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: said.append(str(error)))
        pages = every_page(page, hostile)
        assert len(pages) > 2 * len(HOSTILE)
        for address in pages:
            page.goto(address)
            assert page.title() != "caught"
            assert page.locator("main img, main form, main style, main script, main math").count() == 0
            links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.protocol)")
            assert set(links) <= {"http:", "https:", "mailto:"}
        assert said == []
        assert {url for url in asked if not url.startswith(hostile.url + "/")} == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nobody_is_kept_out_of_any_page(hostile, scheme, width):
    with sync_playwright() as playwright, browser_page(playwright, width=width) as page:
        page.emulate_media(color_scheme=scheme)
        pages = of_each_kind(page, hostile)
        assert len(set(pages)) == len(pages) == 10
        for address in pages:
            page.goto(address)
            for summary in page.locator("summary").all():
                summary.click()
            found = [
                (v["id"], [n["target"] for n in v["nodes"]]) for v in Axe().run(page).response["violations"]
            ]
            assert found == [], address
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


@pytest.mark.parametrize("is_of_one", [False, True], ids=["first-page", "incident"])
@pytest.mark.parametrize("with_script", [True, False])
def test_on_a_phone_the_three_answers_are_on_the_first_screen(calm, with_script, is_of_one):
    with sync_playwright() as playwright, browser_page(playwright, width=390, height=844) as first:
        context = first.context.browser.new_context(
            viewport={"width": 390, "height": 844}, java_script_enabled=with_script
        )
        page = context.new_page()
        page.goto(calm.url)
        if is_of_one:
            page.get_by_role("link", name="Card payments fail").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Card payments fail")
        for words in ("Card payments", "try again after a minute", "Next update by"):
            box = page.get_by_text(words).first.bounding_box()
            assert box["y"] + box["height"] <= 844, words
        page.emulate_media(media="print")
        assert page.get_by_text("Next update by").first.is_visible()
