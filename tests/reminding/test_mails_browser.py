"""A digest as it is looked at: on a phone and in a column of 600 px, dark and light, with one entry and with sixty."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from tests.reminding.letters import DAY, DUE, Postbox, an_item, one_policy, send, sweep, twins
from tests.stack import browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

THUMB = 44  # px
LATE = {"light": "rgb(179, 38, 30)", "dark": "rgb(255, 180, 168)"}


@pytest.fixture(params=[1, 8, 60])
def letter(request, settings, omar, retro):
    """The HTML twin of a digest, as a mail server was given it."""
    one_policy()
    long = (
        "Write the runbook for an outage of the provider, and rehearse it with support before the summer sale"
    )
    for number in range(request.param):
        an_item(
            omar,
            title=["Alert on failed payments", long, "إعادة المحاولة", "x" * 200][number % 4],
            retro=retro if number % 3 else None,
            due_on=DUE + (2 - number % 6) * DAY if number else DUE,
            waits_for="the provider’s new interface" if number % 2 else "",
            snoozed_until=DUE - 4 * DAY if number % 2 else None,
        )
    with Postbox() as box:
        box.use(settings)
        sweep()
        assert send() == {"sent": 1}
        return twins(box.to(omar.email)[0])[1]


@pytest.fixture(scope="module")
def looked_at():
    """Opens a letter in a fresh profile of one width, once dark and once light."""

    def look(html, width, then):
        with sync_playwright() as playwright, browser_page(playwright, width=width, height=844) as page:
            for scheme in LATE:
                page.emulate_media(color_scheme=scheme)
                page.set_content(html)
                then(page, scheme)

    return look


@pytest.mark.parametrize("width", [390, 600])
def test_a_digest_can_be_read_and_tapped(letter, looked_at, width):
    def check(page, scheme):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if is_grave(one)] == []
        assert page.locator(".late").first.evaluate("e => getComputedStyle(e).color") == LATE[scheme]
        heights = page.locator(".go, .plain").evaluate_all("all => all.map(e => e.offsetHeight)")
        assert heights
        assert min(heights) >= THUMB
        taps = page.locator(".go a, .plain a").evaluate_all("all => all.map(e => e.offsetHeight)")
        assert min(taps) >= THUMB
        widest = page.evaluate("Math.max(...[...document.querySelectorAll('.card')].map(e => e.offsetWidth))")
        assert widest <= 600

    looked_at(letter, width, check)


def is_grave(violation) -> bool:
    return violation["impact"] in ("serious", "critical")


def test_a_mail_program_that_drops_styles_shows_it_all_the_same(letter, looked_at):
    bare = letter[: letter.index("<style>")] + letter[letter.index("</style>") + len("</style>") :]

    def check(page, scheme):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator(".late").first.evaluate("e => getComputedStyle(e).color") == LATE["light"]
        assert page.locator(".go").first.evaluate("e => e.offsetHeight") >= THUMB
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if is_grave(one)] == []

    looked_at(bare, 390, check)
