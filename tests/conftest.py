"""The cast of every test, and what each of them starts from."""

from itertools import groupby

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.test import TransactionTestCase
from playwright.sync_api import expect

from config.audit import triggers
from config.outbox import troubles
from config.people import roles
from config.people.models import User
from tests.stack import BROWSER_TIMEOUT

PASSWORD = "aftercare-test"


def pytest_configure():
    expect.set_options(timeout=BROWSER_TIMEOUT)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_addoption(parser):
    parser.addoption(
        "--cases",
        type=int,
        default=0,
        help="run so many cases of each test that has a table of them, spread over the table; 0 for all",
    )


def pytest_collection_modifyitems(config, items):
    if most := config.getoption("--cases"):
        kept = list(_some_of_each(items, most))
        config.hook.pytest_deselected(items=list(set(items) - set(kept)))
        items[:] = kept
    # The stories wait for the schedule's minutes: begun first, one a core, they wait while others work.
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    middle = len(quick) // 2
    items[:] = [*slow[::2], *quick[:middle], *slow[1::2], *quick[middle:]]


def _some_of_each(items, most):
    for _, cases in groupby(items, lambda item: item.nodeid.partition("[")[0]):
        cases = list(cases)
        step = max(1, -(-len(cases) // most))
        yield from cases[::step]


@pytest.fixture(autouse=True, scope="session")
def _let_transactional_tests_empty_the_tables():
    """Between such tests Django empties every table, which the append-only history rightly refuses."""
    empty = TransactionTestCase._fixture_teardown

    def drop_and_empty(self):
        triggers.drop()
        empty(self)  # ends with post_migrate, which puts the triggers back

    TransactionTestCase._fixture_teardown = drop_and_empty
    yield
    TransactionTestCase._fixture_teardown = empty


@pytest.fixture(autouse=True)
def _anchors_of_its_own(settings, tmp_path):
    """Each test has a history of its own; the anchors of another would not fit it."""
    settings.AUDIT_ANCHORS = tmp_path / "anchors.log"


@pytest.fixture(autouse=True)
def _the_banner_is_asked_for_by_its_own_tests(monkeypatch):
    """Its one query every few seconds would make the cost of a page depend on the clock."""
    monkeypatch.setattr(troubles._Remembered, "found", [])
    monkeypatch.setattr(troubles._Remembered, "until", float("inf"))


@pytest.fixture(autouse=True)
def _a_status_page_of_its_own(settings, tmp_path):
    """Each test writes its own pages, when it asks for them: a thread would look past the test's transaction."""
    settings.STATUS_FOLLOW = 0
    settings.STATUS_DIR = tmp_path / "public"


def make_person(email, *role_names, name="", **fields):
    user = User.objects.create_user(email, PASSWORD, name=name or email.partition("@")[0].title(), **fields)
    user.groups.add(*Group.objects.filter(name__in=role_names))
    return user


def make_role(name, *codenames):
    """A role of a company's own, which may just this."""
    role = Group.objects.create(name=name)
    role.permissions.add(*Permission.objects.filter(codename__in=codenames))
    return role


@pytest.fixture
def ana(db):
    """The facilitator."""
    return make_person("ana@example.com", roles.FACILITATOR)


@pytest.fixture
def omar(db):
    """The action owner."""
    return make_person("omar@example.com", roles.ACTION_OWNER)


@pytest.fixture
def aud(db):
    """The auditor, who reads everything and changes nothing."""
    return make_person("aud@example.com", roles.AUDITOR)


@pytest.fixture
def ravi(db):
    """The responder."""
    return make_person("ravi@example.com", roles.RESPONDER)


@pytest.fixture
def lena(db):
    """The communicator."""
    return make_person("lena@example.com", roles.COMMUNICATOR)


@pytest.fixture
def stranger(db):
    """Somebody signed in without any role."""
    return make_person("stranger@example.com")


@pytest.fixture
def admin_user(db):
    """Named as pytest-django names it, so that its admin_client is ours."""
    return User.objects.create_superuser("admin@example.com", PASSWORD, name="Admin")


@pytest.fixture
def severity(db):
    """The worst one: it requires a retro within five working days."""
    from incidents.models import Severity

    return Severity.objects.get(rank=1)


@pytest.fixture
def service(db):
    from incidents.models import Service

    return Service.objects.create(slug="checkout", name="Checkout", tier=1)


@pytest.fixture
def incident(ravi, severity, service):
    """Declared by Ravi, nobody cares for it yet."""
    from incidents.models import Incident

    return Incident.objects.declare(
        by=ravi, title="Checkout fails for one in five", severity=severity, services=[service]
    )


@pytest.fixture
def resolved(incident, ravi):
    """The same incident, over."""
    incident.acknowledge(by=ravi)
    incident.resolve(by=ravi, note="Rolled back.")
    return incident


@pytest.fixture
def retro(resolved, ana):
    """A draft led by Ana."""
    from retros.models import Retrospective

    return Retrospective.objects.open_for(resolved, facilitator=ana)


def make_publishable(retro, by=None):
    """Give a retro all that publishing it asks for; `by`, who does not lead it, approves what it says."""
    from django.utils import timezone

    from retros.models import Factor, Review

    type(retro).objects.filter(pk=retro.pk, customer_impact="").update(
        customer_impact="One in five could not pay."
    )
    type(retro).objects.filter(pk=retro.pk).update(no_actions_because="The shop closes next month.")
    retro.refresh_from_db()
    for kind in ("detection", "communication", "remediation"):
        if not retro.sections.filter(topic=kind).update(text=f"What we learnt about {kind}."):
            retro.findings.create(kind=kind, text=f"What we learnt about {kind}.")
    retro.retro_factors.get_or_create(factor=Factor.objects.last())
    for finding in retro.findings.all():
        finding.accepted_because = "The shop closes next month."
        finding.save()
    if retro.needs_approval:
        by = by or make_person(f"reviewer{retro.pk}@example.com", roles.FACILITATOR)
        retro.reviews.filter(reviewer=by).end()
        decided = {"status": Review.Status.APPROVED, "decided_at": timezone.now()}
        retro.reviews.create(reviewer=by, asked_by=None, fingerprint=retro.fingerprint(), **decided)
    return retro


@pytest.fixture
def publishable(retro):
    """Ana's draft, with all that publishing it asks for."""
    return make_publishable(retro)


@pytest.fixture
def item(retro, omar):
    """Omar's, due in a week."""
    from datetime import timedelta

    from django.utils import timezone

    from actions.models import ActionItem

    return ActionItem.objects.create(
        title="Alert on failed payments",
        why="Customers lost their baskets without our knowing.",
        owner=omar,
        due_on=timezone.now().date() + timedelta(days=7),
        retro=retro,
    )
