"""The auditor's five minutes, as Aud lives them: a real browser, at a desk and on a phone."""

import re
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect, sync_playwright

from config.audit.explorer.search import quarters
from tests.stack import Stack, browser_page

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "aftercare-auditor"
TODAY = timezone.now().date()
_, FIRST, LAST = next(period for period in quarters(TODAY) if period[0] == "Last quarter")
THEN = FIRST + timedelta(days=40)  # when it happened; the last day of that quarter is what Aud asks about
STORY = f"""
from datetime import date, timedelta
from django.contrib.auth.models import Group
from django.db import connection
from config.audit import triggers
from config.audit.actor import MAIL_LINK, WEB, acting
from config.people.models import User
from incidents.models import Incident, Severity
from actions.models import ActionItem
from retros.models import Retrospective

people = {{}}
for name, *roles in [("Ravi", "Responder"), ("Ana", "Facilitator"), ("Omar", "Action owner"), ("Aud", "Auditor")]:
    people[name] = user = User.objects.create_user(name.lower() + "@example.com", {PASSWORD!r}, name=name)
    user.groups.add(*Group.objects.filter(name__in=roles))
with acting(people["Ravi"], kind=WEB):
    incident = Incident.objects.declare(
        by=people["Ravi"], title="Payments fail for one in five", severity=Severity.objects.get(rank=1),
        summary="Some customers could not pay by card on Monday morning, and some of them paid twice.",
    )
with acting(people["Ravi"], kind=WEB):
    incident.acknowledge(by=people["Ravi"])
with acting(people["Ravi"], kind=WEB, reason="The provider told us."):
    incident.summary = incident.summary.replace("Monday", "Tuesday")
    incident.customers_affected = 312
    incident.save()
    incident.assignments.create(user=people["Ravi"], role="commander")
    incident.assignments.create(user=people["Ana"], role="scribe")
with acting(people["Ana"], kind=WEB):
    retro = Retrospective.objects.open_for(incident, facilitator=people["Ana"])
    finding = retro.findings.create(kind="luck", text="It was a quiet day.")
    item = ActionItem.objects.create(
        title="Alert when payments fail", why="Customers paid twice.", owner=people["Omar"], retro=retro,
        due_on=date({THEN.year}, {THEN.month}, {THEN.day}) + timedelta(days=14),
    )
with acting(people["Omar"], kind=MAIL_LINK):
    item.postpone(by=people["Omar"], due_on=item.due_on + timedelta(days=7), reason="Waiting for the provider.")
# All of it was weeks ago: time cannot be waited for, and nothing but a trigger may write history.
triggers.drop()
with connection.cursor() as cursor:
    for tracked in triggers.tracked_models():
        table = tracked.history_table
        cursor.execute(
            f"UPDATE {{table}} SET history_date = strftime('%Y-%m-%d %H:%M:%f', history_date, ?)".replace("?", "%s")
            .replace("'%Y-%m-%d %H:%M:%f'", "'%%Y-%%m-%%d %%H:%%M:%%f'"),
            ["-{(TODAY - THEN).days} days"],
        )
triggers.install()
with acting(people["Ana"], kind=WEB, reason="Said twice."):
    finding.delete()
with acting(people["Omar"], kind=WEB):
    item.complete(by=people["Omar"], evidence="It rang in the drill.")
incident.title = "Renamed since"
incident.save()
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = Stack(tmp_path_factory.mktemp("audit") / "var")
    stack.migrate()
    stack.manage("shell", "--no-imports", "-c", STORY)
    with stack.up():
        yield stack


class Aud:
    """The auditor at a browser; every page is looked at with axe and for its width."""

    def __init__(self, page, stack):
        self.page, self.base = page, stack.url
        self.go("/admin/login/")
        page.fill("#id_username", "aud@example.com")
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        expect(page).to_have_title(re.compile("Dashboard"))

    @property
    def main(self):
        return self.page.locator("main")

    def go(self, path):
        self.page.goto(self.base + path)

    def look(self):
        """No serious barrier on this page, nothing wider than the screen."""
        self.page.wait_for_load_state()
        found = Axe().run(self.page).response["violations"]
        grave = [(one["id"], [node["target"] for node in one["nodes"]]) for one in found if is_grave(one)]
        assert grave == [], self.page.url
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), self.page.url

    def unfold(self, name):
        """Open one of the boxes by keyboard."""
        self.page.locator("summary", has_text=re.compile(f"^{name}")).first.focus()
        self.page.keyboard.press("Enter")


def is_grave(violation) -> bool:
    return violation["impact"] in ("serious", "critical")


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["at a desk", "on a phone"])
def aud(stack, request):
    width, height = request.param
    with sync_playwright() as playwright, browser_page(playwright, width=width, height=height) as page:
        yield Aud(page, stack)


def test_the_five_minutes_of_an_auditor(aud):
    deadlines_moved_last_quarter(aud)
    what_was_said_word_by_word(aud)
    what_one_click_did(aud)
    the_record_as_it_stood(aud)
    what_was_deleted(aud)
    versions_side_by_side(aud)
    an_export_on_record(aud)
    the_whole_of_it_verified(aud)
    evidence_that_checks_itself(aud)


def deadlines_moved_last_quarter(aud):
    aud.go("/admin/history/")
    aud.look()
    aud.page.get_by_role("link", name="Last quarter").click()
    aud.unfold("Filter")
    form = aud.page.get_by_role("search", name="Filter the history")
    form.get_by_label("Models").select_option(label="Action items")
    form.get_by_label("Person").fill("omar")
    form.get_by_label("Field that changed").fill("due_on")
    aud.look()
    form.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(aud.main.locator(".aftercare-change")).to_have_count(1)
    expect(aud.main).to_contain_text("ACT-0001 Alert when payments fail")
    expect(aud.main).to_contain_text("By e-mail link")
    expect(aud.main).to_contain_text("“Waiting for the provider.”")
    assert {"from", "to", "model", "who", "field"} <= set(re.findall(r"(\w+)=", aud.page.url))
    aud.look()


def what_was_said_word_by_word(aud):
    aud.go("/admin/history/?model=incidents.incident&field=summary")
    expect(aud.main.locator("del", has_text="Monday")).to_be_visible()
    expect(aud.main.locator("ins", has_text="Tuesday")).to_be_visible()


def what_one_click_did(aud):
    aud.page.locator("a", has_text="request").first.click()
    aud.page.wait_for_load_state()
    expect(aud.main.locator(".audit-click")).to_have_count(1)
    expect(aud.main.locator(".aftercare-change")).to_have_count(3)
    expect(aud.main).to_contain_text("3 changes of one request")
    expect(aud.main).to_contain_text("Ana, Scribe to INC-0001")
    aud.look()


def the_record_as_it_stood(aud):
    aud.page.get_by_role("link", name="As of a moment").click()
    aud.look()
    form = aud.page.get_by_role("search", name="Which object, at which moment")
    form.get_by_label("Object").fill("INC-0001")
    form.get_by_label("As of").fill(LAST.isoformat())
    aud.page.keyboard.press("Enter")
    for said in ("Payments fail for one in five", "It was a quiet day.", "Alert when payments fail", "Open"):
        expect(aud.main).to_contain_text(said)
    expect(aud.main).not_to_contain_text("Renamed since")
    expect(aud.main).not_to_contain_text("It rang in the drill.")
    aud.look()


def what_was_deleted(aud):
    aud.page.get_by_role("link", name="Deleted objects").click()
    expect(aud.main.locator(".aftercare-change")).to_have_count(1)
    expect(aud.main).to_contain_text("It was a quiet day.")
    expect(aud.main).to_contain_text("“Said twice.”")
    aud.look()


def versions_side_by_side(aud):
    aud.go("/admin/incidents/incident/1/history/")
    aud.look()
    aud.page.locator("input[name=one]").first.check()
    aud.page.locator("input[name=with]").last.check()
    aud.page.get_by_role("button", name="Compare A with B").click()
    expect(aud.main.locator("ins", has_text="Renamed since")).to_be_visible()
    aud.look()
    aud.page.get_by_role("link", name=re.compile("^Older version")).click()
    expect(aud.main).to_contain_text("read-only")
    aud.look()


def an_export_on_record(aud):
    aud.go("/admin/history/?model=incidents.incident")
    aud.unfold("Export")
    with aud.page.expect_download() as download:
        aud.page.get_by_role("button", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("at,model,object,name,change,field,old,new,who")
    assert any("Renamed since" in line for line in lines)
    expect(aud.main.locator("[role=status]")).to_contain_text("The export is on record.")
    aud.look()


def the_whole_of_it_verified(aud):
    aud.page.get_by_role("link", name="Verify").click()
    aud.page.get_by_role("button", name="Verify now").press("Enter")
    expect(aud.main).to_contain_text("Everything is as it was sealed")
    expect(aud.main).to_contain_text(re.compile(r"[1-9]\d+ rows checked, asked by Aud"))
    aud.look()


def evidence_that_checks_itself(aud):
    aud.go("/admin/incidents/incident/1/history/")
    aud.page.get_by_role("link", name="Evidence pack").click()
    aud.look()
    with aud.page.expect_download() as download:
        aud.page.get_by_role("button", name="Make the incident's pack").click()
    pack = download.value.path()
    with zipfile.ZipFile(pack) as zipped:
        verifier = pack.with_suffix(".py")
        verifier.write_bytes(zipped.read("verify.py"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", verifier, pack], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"[1-9]\d* ", done.stdout)


def test_it_reads_well_in_the_dark(aud):
    aud.page.emulate_media(color_scheme="dark")
    for path in (
        "/admin/history/",
        "/admin/history/deleted/",
        "/admin/history/as-of/?object=INC-0001",
        "/admin/history/verify/",
    ):
        aud.go(path)
        aud.page.evaluate("document.documentElement.classList.add('dark')")
        aud.look()


def test_a_filter_is_kept_and_found_again(aud):
    aud.go("/admin/history/?change=deleted")
    aud.unfold("Saved filters")
    name = f"Deleted, seen at {aud.page.viewport_size['width']}"
    aud.page.get_by_label("Save this filter as").fill(name)
    aud.page.get_by_role("button", name="Save filter").click()
    aud.page.wait_for_load_state()
    aud.unfold("Saved filters")
    aud.look()
    aud.page.get_by_role("link", name=name).click()
    assert aud.page.url.endswith("?change=deleted")
