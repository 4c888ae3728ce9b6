"""A big retro on paper, by a real browser: several numbered pages, nothing cut, on A4 as on Letter."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from tests.retros.big import ENTRIES, LAST_WORDS
from tests.stack import Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-ana"
STORY = f"""
from django.contrib.auth.models import Group
from config.people.models import User
from incidents.models import Incident, Severity
from retros.models import Retrospective
from tests.retros.big import make_big

ana = User.objects.create_user("ana@example.com", {PASSWORD!r}, name="Ana")
ana.groups.add(Group.objects.get(name="Facilitator"))
incident = Incident.objects.declare(by=None, title="Checkout", severity=Severity.objects.get(rank=1))
make_big(Retrospective.objects.open_for(incident, facilitator=ana), ana)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("print") / "var")
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", STORY)
    with stack.up():
        yield stack


@pytest.fixture
def sheet(stack):
    with sync_playwright() as playwright, browser_page(playwright) as page:
        page.goto(f"{stack.url}/retros/1/print/")
        page.fill("#id_username", "ana@example.com")
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        expect(page).to_have_title(re.compile("^RETRO-0001 "))
        yield page


def words_of(pdf: Path) -> str:
    """The text of a PDF without its line breaks; skips where nothing here reads PDF."""
    if (program := shutil.which("pdftotext")) is None:
        pytest.skip("pdftotext is not installed")
    found = subprocess.run([program, str(pdf), "-"], capture_output=True, text=True, check=True, timeout=60)
    return found.stdout


def test_a_big_retro_is_a_document_of_many_pages_with_nothing_cut(sheet, tmp_path):
    sheet.emulate_media(media="print")
    assert sheet.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert sheet.evaluate("[...document.querySelectorAll('main *')].every(e => e.scrollWidth <= innerWidth)")
    expect(sheet.get_by_role("button")).to_have_count(0)
    for paper in ("A4", "Letter"):
        pdf = tmp_path / f"{paper}.pdf"
        sheet.pdf(path=pdf, format=paper)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) > 10
        words = words_of(pdf)
        pages = words.count("\f")
        assert f"{pages} / {pages}" in words
        assert LAST_WORDS in " ".join(words.split())
        assert words.count("payments" * 3) > 10
        assert all(f"Entry {number:03d} of the story" in words for number in range(ENTRIES))


def test_on_a_screen_it_is_a_page_for_everybody(sheet):
    found = Axe().run(sheet).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    expect(sheet.get_by_role("button", name="Print or save as PDF")).to_be_visible()
    sheet.set_viewport_size({"width": 390, "height": 844})
    assert sheet.evaluate("document.documentElement.scrollWidth <= innerWidth")
