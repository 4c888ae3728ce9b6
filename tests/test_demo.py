"""What everybody sees first: the demo is rich, true to the rules of the product, and never in the way."""

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase
from django.utils import timezone

from actions.models import ActionItem, EffectivenessCheck
from actions.sweeps import ask_about_recurrences
from config.audit.triggers import tracked_models
from config.demo import teller
from config.demo.guard import check_machine, is_loopback, is_told
from config.demo.people import PASSWORD, PEOPLE
from config.demo.teller import LENGTH, tell
from config.demo.voices import CUSTOMERS, SUBSCRIBERS
from config.outbox import sending
from config.people.models import User
from config.reminding.sweeps import remind
from incidents.models import (
    Assignment,
    Customer,
    CustomerUpdate,
    Feedback,
    Incident,
    Severity,
    Subscriber,
    TicketCount,
    TimelineEntry,
)
from retros.checklist import checklist
from retros.models import (
    Comment,
    Finding,
    Impression,
    Learning,
    Meeting,
    MeetingNote,
    Participant,
    Perspective,
    Retrospective,
    Review,
    Step,
    TimelineMark,
)
from retros.sweeps import incidents_without_retro, open_required_retros
from tests.conftest import make_person
from tests.faults import snapshot

DAYS_THAT_ARE_ODD = {
    "Saturday at three in the morning": datetime(2026, 8, 29, 3, tzinfo=UTC),
    "New Year, one minute in": datetime(2027, 1, 1, 0, 1, tzinfo=UTC),
    "29 February": datetime(2028, 2, 29, 12, tzinfo=UTC),
    "clocks go forward": datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    "clocks go back": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
}
SIGN_IN = [person for person in PEOPLE if person.looks_at]


@pytest.fixture
def told(db):
    assert tell() is True


@pytest.fixture
def mail(settings, tmp_path):
    settings.EMAIL_BACKEND = "config.outbox.backends.MailFileBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return settings.EMAIL_FILE_PATH


@pytest.fixture
def loopback(settings):
    settings.SITE_URL = "http://127.0.0.1:8000"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]


def everything():
    """Every row of every tracked table, and all their history."""
    return snapshot(*(tracked.model for tracked in tracked_models()))


def everybody_is_reminded():
    remind()
    sending.deliver()


def mails_to(address, folder):
    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in Path(folder).glob("*.eml")
    ]
    return [mail for mail in mails if mail["To"] == address]


def prepare():
    output = StringIO()
    # What a test's one transaction holds back, a command at a prompt would have committed.
    connection.check_constraints()
    call_command("demo", prepare=True, stdout=output)
    return output.getvalue()


# --- It is told once


def test_a_second_telling_adds_and_changes_nothing(told):
    before = everything()
    assert tell() is False
    assert everything() == before


@pytest.mark.usefixtures("loopback", "db")
def test_the_command_run_again_days_later_adds_and_changes_nothing():
    output = prepare()
    assert "has just been told" in output
    it_says_where_to_look_and_who_can_sign_in(output)
    before = everything()
    with time_machine.travel(timezone.now() + timedelta(days=37)):
        assert "was told before; nothing was changed" in prepare()
    assert everything() == before


def it_says_where_to_look_and_who_can_sign_in(output):
    for path in ("/admin/", "/mailbox/", "/api/v1/docs/"):
        assert f"http://127.0.0.1:8000{path}" in output
    for person in SIGN_IN:
        assert person.email in output
    assert PASSWORD in output


@pytest.mark.usefixtures("loopback", "told")
def test_what_a_visitor_edited_stays_edited():
    item = ActionItem.objects.first()
    item.title = "What a visitor wrote"
    item.save()
    Incident.objects.declare(by=None, title="A visitor’s", severity=Severity.objects.first())
    assert Participant.objects.first().delete()[0] == 1
    before = everything()
    prepare()
    assert everything() == before


def test_it_is_not_told_again_when_a_visitor_has_deleted_its_incidents(told):
    ActionItem.objects.all().delete()
    Retrospective.objects.all().delete()
    Incident.objects.all().delete()
    assert is_told()
    assert tell() is False


@pytest.mark.django_db
def test_a_story_that_is_interrupted_has_never_begun():
    before = everything()
    parts = iter(range(LENGTH))

    def stop_in_the_middle():
        if next(parts) == LENGTH // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(stop_in_the_middle)
    assert everything() == before
    steps = []
    assert tell(lambda: steps.append(1)) is True
    assert len(steps) == LENGTH


# --- It is worth looking at

CHOICES = [
    (Incident, ["status", "visibility"]),
    (Retrospective, ["status"]),
    (ActionItem, ["status", "kind", "priority"]),
    (CustomerUpdate, ["status", "state"]),
    (Assignment, ["role"]),
    (Participant, ["hat"]),
    (Finding, ["kind"]),
    (TimelineMark, ["kind"]),
    (MeetingNote, ["kind"]),
    (Step, ["status", "kind"]),
]


class TestTheStory(TestCase):
    """Told once for all of these: they only read, or are taken back."""

    @classmethod
    def setUpTestData(cls):
        tell()

    @pytest.fixture(autouse=True)
    def _use_mail(self, mail):
        self.mail = mail

    def test_there_is_one_of_everything(self):
        for model, fields in CHOICES:
            for field in fields:
                choices = {value for value, _ in model._meta.get_field(field).choices}
                assert set(model.objects.values_list(field, flat=True)) - {""} == choices, (
                    f"{model.__name__}.{field}"
                )

    def test_it_covers_half_a_year(self):
        incidents = Incident.objects.real()
        assert 12 <= incidents.count() <= 18
        assert Incident.objects.filter(is_drill=True).count() == 2
        oldest = incidents.order_by("started_at").first()
        assert timedelta(days=150) < timezone.now() - oldest.started_at < timedelta(days=200)

    def test_retros_are_in_every_condition(self):
        retros = Retrospective.objects.all()
        assert retros.overdue().count() == 1
        assert sum(retro.incidents.count() == 2 for retro in retros) == 1
        reopened = [r for r in retros.open() if r.history.filter(status="published").exists()]
        assert len(reopened) == 1
        assert Participant.objects.filter(user=None, hat=Participant.Hat.CUSTOMER).count() >= 4

    def test_people_were_heard_with_their_names_and_without(self):
        answered = Perspective.objects.answered()
        assert {row.is_attributed for row in answered} == {True, False}
        assert answered.filter(participant__user=None).count() >= 2
        assert Perspective.objects.waiting().get().participant.user is None  # by a link in the mailbox
        assert Perspective.objects.filter(status=Perspective.Status.DECLINED).exists()
        for row in answered.exclude(is_attributed=True):
            asked = row.retro.perspectives.filter(participant__hat=row.participant.hat)
            assert asked.count() > 1, "that there is only one of them names them"

    def test_meetings_were_held_and_one_is_to_come(self):
        held = Meeting.objects.filter(status=Meeting.Status.ENDED)
        assert held.count() == 2
        for meeting in held:
            assert set(meeting.notes.values_list("kind", flat=True)) == {"note", "decision"}
            assert meeting.impressions.filter(status=Impression.Status.ANSWERED).count() >= 3
        assert Meeting.objects.get(status=Meeting.Status.PLANNED).starts_at > timezone.now()

    def test_one_is_being_reviewed_with_a_word_for_and_one_against(self):
        retro = Retrospective.objects.get(status=Retrospective.Status.IN_REVIEW)
        said = set(retro.reviews.current().values_list("status", flat=True))
        assert said == {Review.Status.ASKED, Review.Status.APPROVED, Review.Status.CHANGES_REQUESTED}
        assert Comment.objects.filter(retro=retro, parent=None).count() >= 2

    def test_a_learning_is_public_and_was_corrected_where_everybody_sees_it(self):
        learning = Learning.objects.public().get()
        assert learning.editions.count() == 2
        page = self.client.get(f"/learnings/{learning.slug}/").content.decode()
        assert "Corrected on" in page
        assert learning.editions.get(number=2).note in page
        assert Learning.objects.filter(status=Learning.Status.DRAFT).count() == 1

    def test_a_checklist_waits_and_those_of_published_retros_do_not(self):
        today = timezone.now().date()
        late = {
            retro.pk: [line.step.kind for line in checklist(retro, today) if line.is_open]
            for retro in Retrospective.objects.all()
        }
        published = Retrospective.objects.filter(status="published").values_list("pk", flat=True)
        assert not any(late[pk] for pk in published)
        assert len(late[Retrospective.objects.overdue().get().pk]) >= 4

    def test_customers_are_known_heard_and_told(self):
        assert Customer.objects.count() == len(CUSTOMERS)
        counts = [
            Feedback.objects.filter(incident=incident).count()
            for incident in Incident.objects.filter(feedback__isnull=False).distinct()
        ]
        assert min(counts) < 5 <= max(counts), "one whose figures are shown, and one whose are not yet"
        assert {row.purpose for row in Feedback.objects.all()} == {"update", "after"}
        assert not Feedback.objects.filter(given_at__gt=timezone.now()).exists()
        assert TicketCount.objects.filter(entered_by__email="sofia@example.com").exists()
        assert Incident.objects.open().exclude(workaround="").filter(workaround_is_public=True).exists()
        assert Subscriber.objects.confirmed().count() == len(SUBSCRIBERS)

    def test_the_sweep_opens_the_one_that_is_missing(self):
        missing = incidents_without_retro().get()
        assert open_required_retros() == 1
        assert missing.retros.get().sections.count() == 8
        assert open_required_retros() == 0

    def test_improvements_have_been_worked_on(self):
        items = ActionItem.objects
        assert 28 <= items.count() <= 40
        assert items.overdue().count() >= 5
        assert ActionItem.history.filter(history_change_reason__contains="two more weeks").exists()
        assert {item.owner_id for item in items.overdue()} > {User.objects.get(email="omar@example.com").pk}
        for ended in items.exclude(status__in=ActionItem.OPEN):
            assert ended.evidence or ended.drop_reason
        reassigned = [item for item in items.all() if len({h.owner_id for h in item.history.all()}) > 1]
        assert len(reassigned) >= 2

    def test_it_tells_what_worked_and_asks_what_is_due(self):
        checks = EffectivenessCheck.objects
        assert {status for status, _ in EffectivenessCheck.Status.choices} - {"not_effective"} == set(
            checks.values_list("status", flat=True)
        )
        ana = User.objects.get(email="ana@example.com")
        due, again = checks.waiting_for(ana).order_by("due_on")
        assert due.item.success_measure
        assert (due.incident, again.incident is None) == (None, False)
        assert not any(check.answered_by == check.item.owner for check in checks.exclude(answered_by=None))
        for check in checks.exclude(answered_at=None):
            assert check.item.ended_at <= check.created_at < check.answered_at

    def test_what_happened_again_has_been_asked_about(self):
        before = snapshot(EffectivenessCheck)
        assert ask_about_recurrences() == 0
        assert snapshot(EffectivenessCheck) == before

    def test_the_history_shows_people_at_work(self):
        rows = [row for tracked in tracked_models() for row in tracked.model.history.all()]
        by_people = [row for row in rows if row.history_actor_kind in ("web", "api", "mail link")]
        assert len(by_people) >= 400
        assert {row.history_user_name for row in by_people} >= {
            *("Ana Ferreira", "Omar Haddad", "Ravi Menon", "Lena Brandt", "Mei Tanaka", "Jonas Weber")
        }
        assert len({row.history_request_id for row in by_people}) >= 300
        assert {row.history_actor_kind for row in rows} >= {"web", "api", "mail link", "task"}
        assert all(row.history_request_id for row in by_people)

    def test_texts_have_been_edited(self):
        edited = [
            entry
            for model in (TimelineEntry, CustomerUpdate, Incident, Retrospective, ActionItem, Finding)
            for entry in model.objects.all()
            if entry.history.count() > 1
        ]
        assert len(edited) >= 50

    def test_a_moment_has_been_corrected_and_a_severity_changed(self):
        corrected = TimelineEntry.objects.get(kind=TimelineEntry.Kind.CORRECTION).incident
        assert len({row.started_at for row in corrected.history.all()}) == 2
        assert len({row.severity_id for row in corrected.history.all()}) == 2

    def test_an_incident_was_reopened_and_a_role_handed_over(self):
        assert TimelineEntry.objects.filter(text__startswith="Reopened:").exists()
        assert Assignment.objects.exclude(until_at=None).filter(role="commander").exists()

    def test_omar_reads_what_is_overdue_why_it_matters_and_where_in_both_twins(self):
        omar = User.objects.get(email="omar@example.com")
        everybody_is_reminded()
        (received,) = mails_to("omar@example.com", self.mail)
        overdue = [item for item in ActionItem.objects.open_for(omar) if item.is_overdue()]
        assert len(overdue) >= 2
        for kind in ("plain", "html"):
            body = " ".join(received.get_body((kind,)).get_content().split())
            for item in overdue:
                assert item.title in body
                assert item.why in body
                assert f"{item.due_on:%B %Y}" in body
                assert django_settings.SITE_URL + item.get_absolute_url() in body

    def test_a_second_sweep_sends_nothing_more_that_day(self):
        everybody_is_reminded()
        before = len(list(self.mail.iterdir()))
        everybody_is_reminded()
        assert len(list(self.mail.iterdir())) == before > 0

    def test_everybody_who_is_named_can_sign_in(self):
        for person in SIGN_IN:
            assert self.client.login(username=person.email, password=PASSWORD)
            assert self.client.get("/admin/", follow=True).status_code == 200

    def test_nobody_else_can(self):
        others = User.objects.exclude(email__in=[person.email for person in SIGN_IN])
        assert others.count() >= 4
        assert not any(user.has_usable_password() for user in others)

    def test_the_password_is_kept_as_every_password_is(self):
        for person in SIGN_IN:
            assert PASSWORD not in User.objects.get(email=person.email).password

    def test_nobody_is_named_in_what_we_learnt(self):
        first_names = {person.name.split()[0] for person in PEOPLE} - {"Mei", "Ana"}
        for retro in Retrospective.objects.filter(status="published"):
            written = [retro.customer_impact, *retro.sections.values_list("text", flat=True)]
            written += retro.findings.values_list("text", flat=True)
            written += retro.retro_factors.values_list("note", flat=True)
            assert not first_names & set(re.findall(r"\w+", " ".join(written)))


# --- It keeps to the rules of the product


@pytest.mark.slow
@pytest.mark.parametrize("moment", DAYS_THAT_ARE_ODD.values(), ids=DAYS_THAT_ARE_ODD)
@pytest.mark.django_db
def test_it_holds_on_odd_days_and_omar_is_reminded_at_once(moment, mail):
    with time_machine.travel(moment, tick=False):
        tell()
        for row in every_row():
            row.full_clean()
        nothing_lies_in_the_future(timezone.now())
        everybody_is_reminded()
        assert len(mails_to("omar@example.com", mail)) == 1


def every_row():
    models = [tracked.model for tracked in tracked_models()]
    # Roles are written in code and the same on every day.
    return [row for model in models if model._meta.app_label != "auth" for row in model.objects.all()]


def nothing_lies_in_the_future(now):
    for row in every_row():
        moments = [getattr(row, f.name) for f in row._meta.fields if f.name.endswith("_at")]
        moments += [row.at] if isinstance(row, TimelineEntry) else []
        plans = ("next_reminder_at", "due_at", "expected_at", "starts_at")
        planned = {getattr(row, name, None) for name in plans}
        late = [m for m in moments if m and m > now and m not in planned]
        assert late == [], f"{row!r} {late}"


def test_the_people_are_the_ones_the_readme_promises():
    addresses = {person.email for person in SIGN_IN}
    assert addresses == {f"{n}@example.com" for n in ("admin", "ana", "omar", "aud", "ravi", "lena", "sofia")}
    assert PASSWORD == "aftercare-demo"


def test_it_never_speaks_of_blame_or_of_one_cause():
    text = repr([tale for _, tale in teller.PARTS]).lower()
    assert re.findall(r"root.cause|\bblam|human error|careless|mistake|negligen|culprit", text) == []


# --- It stays away from real data and real networks


@pytest.mark.usefixtures("loopback")
def test_it_refuses_debug(settings):
    settings.DEBUG = True
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo", prepare=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_URL", "https://aftercare.example.com"),
        ("SITE_URL", "http://10.0.0.7:8000"),
        ("ALLOWED_HOSTS", ["127.0.0.1", "*"]),
        ("ALLOWED_HOSTS", ["status.example.com"]),
    ],
)
@pytest.mark.usefixtures("loopback", "db")
def test_it_refuses_every_address_that_others_can_reach(settings, name, value):
    setattr(settings, name, value)
    with pytest.raises(CommandError, match="this machine only"):
        call_command("demo", prepare=True)
    assert not User.objects.exists()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", "::1", "demo.localhost"])
def test_it_runs_on_this_machine(settings, host):
    assert is_loopback(host)
    settings.SITE_URL = f"http://{'[::1]' if host == '::1' else host}:8000"
    settings.ALLOWED_HOSTS = [host]
    check_machine()


@pytest.mark.usefixtures("loopback", "incident")
def test_it_refuses_a_database_with_incidents_of_somebody_else():
    before = everything()
    with pytest.raises(CommandError, match=r"incidents that are not the demo’s.*VAR_DIR"):
        call_command("demo", prepare=True)
    assert everything() == before


@pytest.mark.usefixtures("loopback", "db")
def test_it_refuses_a_database_in_which_people_have_accounts():
    make_person("somebody@company.example")
    with pytest.raises(CommandError, match="people that are not the demo’s"):
        call_command("demo", prepare=True)
    assert not User.objects.filter(email="ana@example.com").exists()
