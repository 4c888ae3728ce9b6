"""The work on a retro goes along in its file: checklist, meeting, reviews, comments, and what customers may read.

None of it is doubled, none of it changes what people said here, and nothing becomes public or is mailed by a file.
"""

import json
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.outbox.models import Delivery
from incidents.models import Incident
from retros import reviewing
from retros.exchange import to_json, to_markdown
from retros.exchange.telling import tell_all
from retros.models import Edition, Learning, Meeting, Retrospective, Review
from retros.sweeps import ask_for_impressions, tell_of_meetings
from tests.conftest import make_person
from tests.incidents.pages import history_rows
from tests.retros.asked import invite, schedule, take_part
from tests.retros.files import all_as_text, export, load
from tests.retros.learnings import corrected, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def worked(retro, resolved, ana, omar, lena):
    """A retro on which everything was done once."""
    kim = take_part(retro)
    retro.participants.create(user=omar, hat="product")
    _plan(retro, ana, omar)
    _meet(retro, ana, omar, kim)
    _review(retro, ana, omar, lena)
    learning = published(retro, writer=ana, reviewer=lena)
    corrected(learning, writer=ana, reviewer=lena, what_we_do="We test, and we look.")
    return retro


def _plan(retro, ana, omar):
    retro.steps.get(kind="perspectives").leave_out(by=ana, reason="Nobody was\nthere.")
    retro.steps.filter(kind="moments").update(owner=omar)


def _meet(retro, ana, omar, kim):
    meeting = schedule(retro, by=ana, minutes=50)
    meeting.start(by=ana)
    meeting.note(by=ana, kind="note", text="Kim begins.")
    meeting.next_part(by=ana)
    meeting.note(by=omar, kind="decision", text="- The page\n\nchanges first.")
    meeting.end(by=ana)
    ask_for_impressions()
    meeting.impressions.get(participant=kim).give(by=None, learned="yes", would_attend="partly", words="Hm.")


def _review(retro, ana, omar, lena):
    retro.send_for_review(by=ana, reviewers=[omar, lena])
    retro.reviews.get(reviewer=omar).approve(by=omar, words="I agree.\n\n<!-- end -->")
    section = retro.sections.get(heading="Detection")
    first = reviewing.comment(retro, by=omar, text="Who\nlooked?", section=section)
    reviewing.comment(retro, by=ana, text="Nobody.", parent=first)
    first.resolve(by=ana)
    reviewing.comment(retro, by=lena, text="The customers’ part first: yes.")


@pytest.fixture
def told(worked, tmp_path):
    export(tmp_path)
    return next(tmp_path.rglob("*.md"))


def gone():
    Retrospective.objects.all().delete()
    Incident.objects.all().delete()


def change(path, old, new):
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new))


def refused(path):
    before = history_rows()
    with pytest.raises(CommandError) as refusal:
        load(path)
    assert history_rows() == before
    said = str(refusal.value)
    assert "\n" not in said
    assert len(said) < 600
    return said


def without_numbers(text):
    """The history knows the numbers of what is gone, so it has others now."""
    return re.sub(r"(INC|RETRO)-\d+", r"\1", text)


# --- It reads well, and comes back


def test_a_person_reads_it_with_sense(worked):
    text, today = to_markdown(worked), f"{timezone.now():%Y-%m-}"
    assert "\n## Checklist\n\n- [" in text
    assert "] Perspectives asked for: not doing, because Nobody was there. (Ana, " + today in text
    assert "Key moments marked (Omar, due " in text
    assert "\n## The meeting\n\nOver: " in text
    assert "\n1. Why we are here, and how we talk: what made sense at the time? (4 min, from " in text
    assert "\nDecided:\n\n- - The page changes first.\n" in text
    assert "1 of 2 people said how they found it. Learned something: yes 1, partly 0, no 0." in text
    assert '"about": 2, "by": "omar@example.com"}: - The page\n\n  changes first.' in text
    assert '"this_text": true}: I agree.\n\n  <!-- end -->\n' in text
    assert 'reply {"by": "ana@example.com"}: Nobody.' in text
    assert "\n## What customers may read\n\nPublished, at /learnings/" in text
    assert ": It was one in four, not in five.\n" in text
    assert "\n## Edition 2 for customers: what we do about it\n\nWe test, and we look.\n" in text


def test_what_people_wrote_of_the_meeting_is_counted_and_not_told(worked):
    assert "Hm." not in to_markdown(worked)
    assert json.loads(to_json(worked))["meeting"]["impressions"] == {
        "asked": 2,
        "answered": 1,
        "learned": {"yes": 1},
        "would_attend": {"partly": 1},
    }


@pytest.mark.parametrize("form", ["md", "json"])
def test_it_comes_into_an_empty_house_with_everything(worked, tmp_path, form):
    [before] = all_as_text(form).values()
    export(tmp_path, format=form)
    gone()
    assert "1 created" in load(tmp_path)
    [after] = all_as_text(form).values()
    assert without_numbers(after) == without_numbers(before)
    rows = history_rows()
    assert "(0 created, 0 changed, 1 unchanged)" in load(tmp_path)
    assert history_rows() == rows


def test_it_changes_nothing_where_it_is_from(told):
    rows = sum(history_rows().values())
    change(told, "\n# Checkout fails", "\n# Checkout failed")
    change(told, "\ntitle: Checkout fails", "\ntitle: Checkout failed")
    assert "(0 created, 1 changed, 0 unchanged)" in load(told)
    assert sum(history_rows().values()) == rows + 1


def test_people_who_were_asked_and_said_nothing_are_told_of_and_not_named(retro, tmp_path):
    invite(retro, take_part(retro))
    assert "- [x] Perspectives asked for" in to_markdown(retro)
    export(tmp_path)
    text = without_numbers(to_markdown(retro))
    gone()
    load(tmp_path)
    assert without_numbers(to_markdown(Retrospective.objects.get())) == text


# --- Nothing is public, mailed or approved because a file says so


def test_nothing_is_public_before_somebody_publishes_it(worked, client, ana, lena, tmp_path):
    export(tmp_path)
    [slug] = Learning.objects.values_list("slug", flat=True)
    assert client.get(f"/learnings/{slug}/").status_code == 200
    gone()
    load(tmp_path)
    learning = Learning.objects.get()
    assert (learning.status, learning.slug, learning.published_at) == ("draft", slug, None)
    assert not Edition.objects.exists()
    assert client.get(f"/learnings/{slug}/").status_code == 404
    assert b"one in five" not in client.get("/learnings/").content
    assert b"one in five" not in client.get("/learnings/feed.atom").content
    client.force_login(ana)
    assert (
        "Published; nothing of it is public here" in client.get(learning.get_absolute_url()).content.decode()
    )
    client.logout()
    learning.send_for_review(by=ana)
    learning.publish(by=lena)
    assert client.get(f"/learnings/{slug}/").status_code == 200
    assert client.get(f"/learnings/{slug}/earlier/1/").status_code == 404
    told = json.loads(to_json(learning.retro))["learning"]
    assert [one["published_by"] for one in told["editions"]] == ["lena@example.com"]
    assert told["published_at"] > f"{timezone.now() - timedelta(hours=1):%Y-%m-%dT%H:%M}"


def test_once_somebody_writes_on_the_file_tells_what_is_here(told):
    gone()
    load(told)
    learning = Learning.objects.get()
    learning.what_we_do = "Something else."
    learning.save()
    document = json.loads(to_json(learning.retro))["learning"]
    assert (document["status"], document["what_we_do"]) == ("draft", "Something else.")
    assert "editions" not in document
    rows = history_rows()
    load(told)
    assert history_rows() == rows


def test_what_was_published_here_no_file_changes(told, worked):
    rows = history_rows()
    change(told, "We test, and we look.", "We do nothing.")
    assert "(0 created, 0 changed, 1 unchanged)" in load(told)
    assert history_rows() == rows
    assert worked.learning.editions.get(number=2).what_we_do == "We test, and we look."


def test_an_address_that_is_taken_is_not_taken_away(told, severity, ana):
    gone()
    incident = Incident.objects.create(title="Another", severity=severity, visibility="public")
    other = Learning.objects.draft_from(Retrospective.objects.open_for(incident), by=ana)
    slug = re.search(r"slug: (\S+)", told.read_text())[1]
    Learning.objects.filter(pk=other.pk).update(slug=slug)
    load(told)
    new = Learning.objects.exclude(pk=other.pk).get()
    assert new.slug != slug
    assert f"slug: {slug}\n" in to_markdown(new.retro)


def test_nobody_is_told_of_a_meeting_or_asked_about_one_by_a_file(worked, omar, tmp_path):
    export(tmp_path)
    gone()
    Delivery.objects.all().delete()
    load(tmp_path)
    assert Retrospective.objects.get().participants.filter(user=omar).exists()
    assert (tell_of_meetings(), ask_for_impressions(), Delivery.objects.count()) == (0, 0, 0)


def test_a_planned_meeting_is_told_of_once_somebody_here_moves_it(retro, ana, omar, tmp_path):
    retro.participants.create(user=omar, hat="product")
    meeting = schedule(retro, by=ana)
    export(tmp_path)
    gone()
    Delivery.objects.all().delete()
    load(tmp_path)
    assert (tell_of_meetings(), Delivery.objects.count()) == (0, 0)
    again = Meeting.objects.get()
    assert (again.starts_at, again.is_imported) == (meeting.starts_at, True)
    again.move(by=ana, starts_at=again.starts_at + timedelta(days=1))
    assert Delivery.objects.count() == 1
    assert not again.is_imported


@pytest.mark.parametrize("verb", ["cancel", "start"])
def test_whoever_moves_an_imported_meeting_on_makes_it_one_of_here(retro, ana, tmp_path, verb):
    schedule(retro, by=ana)
    export(tmp_path)
    gone()
    load(tmp_path)
    meeting = Meeting.objects.get()
    getattr(meeting, verb)(by=ana)
    assert not meeting.is_imported
    if verb == "start":
        Meeting.objects.update(is_imported=True)
        meeting.end(by=ana)
        assert not Meeting.objects.get().is_imported


def test_whom_a_file_brings_is_not_invited_to_a_meeting_of_here(retro, ana, omar, tmp_path):
    schedule(retro, by=ana)
    retro.participants.create(user=omar, hat="product")
    export(tmp_path)
    retro.participants.all().delete()
    load(tmp_path)
    assert retro.participants.get().user == omar
    assert tell_of_meetings() == 0
    meeting = retro.meeting
    meeting.start(by=ana)
    meeting.end(by=ana)
    retro.participants.all().delete()
    load(tmp_path)
    assert ask_for_impressions() == 0
    retro.participants.create(user=ana, hat="product")
    assert ask_for_impressions() == 1


def test_who_was_there_is_asked_though_a_file_once_brought_them(retro, ana, omar, tmp_path):
    retro.participants.create(user=omar, hat="product")
    export(tmp_path)
    gone()
    load(tmp_path)
    meeting = schedule(Retrospective.objects.get(), by=ana)
    meeting.start(by=ana)
    meeting.end(by=ana)
    assert ask_for_impressions() == 1


def test_an_approval_from_elsewhere_does_not_count_here(worked, ana, omar, lena, tmp_path, client):
    Retrospective.objects.update(needs_approval=True)
    export(tmp_path)
    gone()
    load(tmp_path)
    retro = Retrospective.objects.get()
    assert retro.needs_approval
    assert not retro.reviews.approving(retro).exists()
    assert not retro.reviews.current().exists()
    assert not Review.objects.waiting_for(lena).exists()
    client.force_login(ana)
    shown = client.get(retro.get_review_url()).content.decode()
    assert "Said where it was imported from" in shown
    assert "I agree." in shown
    before = to_markdown(retro)
    [review] = reviewing.ask(retro, [omar], by=ana)
    review.approve(by=omar)
    assert retro.reviews.approving(retro).exists()
    assert before != to_markdown(retro)


def test_no_file_does_away_with_an_approval_that_is_wanted_here(told, retro):
    Retrospective.objects.update(needs_approval=True)
    load(told)
    retro.refresh_from_db()
    assert retro.needs_approval


def test_the_counts_of_a_meeting_elsewhere_are_shown_here(told, client, ana):
    gone()
    load(told)
    client.force_login(ana)
    shown = client.get(Meeting.objects.get().get_absolute_url()).content.decode()
    assert "<dd>1 of 2</dd>" in shown
    assert "<dd>yes 1, partly 0, no 0</dd>" in shown


# --- An import follows its source until a person here changes something


@pytest.fixture
def brought(told):
    """The same retro as an import brought it, and the file it follows."""
    gone()
    load(told)
    told.write_text(to_markdown(Retrospective.objects.get()))
    return told


def test_what_an_import_brought_follows_its_file(brought):
    place = re.search(r"place: (.*)\n", brought.read_text())[1]
    text = brought.read_text()
    text = text.replace(place, "https://meet.example/other").replace("Kim begins.", "Kim began.")
    text = text.replace("because: |-\n    Nobody was\n    there.", "because: Not now")
    text = text.replace("Nobody was there.", "Not now").replace("The customers’ part first: yes.", "Yes.")
    text = text.replace("}: I agree.", "}: I agree, twice.")
    brought.write_text(text)
    rows = sum(history_rows().values())
    assert "(0 created, 1 changed, 0 unchanged)" in load(brought)
    assert to_markdown(Retrospective.objects.get()) == text
    assert sum(history_rows().values()) == rows + 5
    assert "(0 created, 0 changed, 1 unchanged)" in load(brought)


def test_what_somebody_changed_here_stays_and_the_rest_follows(brought, ana):
    retro = Retrospective.objects.get()
    meeting = retro.meeting
    meeting.place = "Here"
    meeting.save()
    retro.steps.get(kind="perspectives").take_up(by=ana)
    comment = retro.comments.get(section__heading="Detection", parent=None)
    comment.reopen(by=ana)
    text = brought.read_text()
    text = text.replace("minutes: 50", "minutes: 45")
    brought.write_text(re.sub(r", 50 minutes, ", ", 45 minutes, ", text))
    load(brought)
    meeting.refresh_from_db()
    assert meeting.place == "Here"
    assert retro.steps.get(kind="perspectives").status == "planned"
    comment.refresh_from_db()
    assert comment.status == "open"
    rows = history_rows()
    load(brought)
    assert history_rows() == rows


def test_what_people_said_here_stays_whatever_a_file_says(told, worked):
    rows = history_rows()
    for old, new in (
        ("Kim begins.", "Kim lies."),
        ("}: I agree.", "}: I do not."),
        ("The customers’ part first: yes.", "No."),
        ("}: Nobody.", "}: Somebody."),
    ):
        change(told, old, new)
    assert "(0 created, 0 changed, 1 unchanged)" in load(told)
    assert history_rows() == rows


def test_what_the_file_does_not_know_stays(told, worked, ana, omar, lena):
    worked.comments.filter(author=lena).delete()
    reviewing.comment(worked, by=omar, text="Said since.")
    worked.meeting.note(by=ana, kind="note", text="Noted since.")
    assert "rows kept of which the files say nothing" in load(told)
    assert {"Said since.", "The customers’ part first: yes."} <= set(
        worked.comments.values_list("text", flat=True)
    )
    assert worked.meeting.notes.filter(text="Noted since.").exists()


def test_an_agenda_that_somebody_planned_here_stays_and_notes_find_their_part(brought, ana):
    meeting = Meeting.objects.get()
    second = meeting.agenda.all()[1].title
    meeting.set_agenda([("Something before", 5), (second, 10)])
    meeting.notes.all().delete()
    load(brought)
    assert [part.title for part in meeting.agenda.all()] == ["Something before", second]
    assert meeting.notes.get(kind="decision").item.title == second
    assert meeting.notes.get(kind="note").item is None


def test_an_agenda_follows_its_file(brought):
    change(brought, "What it was like for customers", "What customers lived through")
    load(brought)
    titles = [part.title for part in Meeting.objects.get().agenda.all()]
    assert titles[1] == "What customers lived through"
    assert to_markdown(Retrospective.objects.get()) == brought.read_text()


# --- Files of before, and who may read


def as_of_format_2(document):
    """As the second format had it, which knew nothing of all this."""
    new = ("checklist", "meeting", "reviews", "comments", "learning", "no_actions_because", "needs_approval")
    return {key: value for key, value in document.items() if key not in new} | {"aftercare": 2}


def test_an_older_file_is_read_and_takes_nothing_away(worked, tmp_path):
    Retrospective.objects.update(no_actions_because="Nothing to do.", needs_approval=True)
    path = tmp_path / "old.json"
    path.write_text(json.dumps(as_of_format_2(json.loads(to_json(worked)))))
    rows, text = history_rows(), to_markdown(Retrospective.objects.get())
    assert "(0 created, 0 changed, 1 unchanged" in load(path)
    assert history_rows() == rows
    assert to_markdown(Retrospective.objects.get()) == text


def test_whoever_may_not_read_a_part_does_not_get_it(worked, stranger):
    document = json.loads(to_json(worked, stranger))
    parts = {"checklist", "meeting", "reviews", "comments", "learning"}
    assert parts <= set(document["left_out"])
    assert not parts & document.keys()


def test_a_reader_who_sees_no_people_gets_no_names(worked, ana, monkeypatch):
    monkeypatch.setattr("retros.exchange.telling.SEE_PEOPLE", "people.nobody_has_this")
    text = to_markdown(worked, ana)
    assert "I agree." in text
    assert "@example.com" not in text
    assert "Omar" not in text


def test_a_reader_of_a_brought_learning_who_sees_no_people_gets_no_names(brought, ana, monkeypatch):
    monkeypatch.setattr("retros.exchange.telling.SEE_PEOPLE", "people.nobody_has_this")
    text = to_markdown(Retrospective.objects.get(), ana)
    assert "Edition 2 for customers" in text
    assert "lena" not in text.lower()


def test_restricted_retros_stay_out_with_all_their_work(worked, tmp_path):
    Incident.objects.update(visibility="restricted")
    export(tmp_path)
    assert not list(tmp_path.rglob("*.md"))


# --- Refusals


WRONG = [
    ("checklist.1.kind", "mood", "step no. 2: kind"),
    ("checklist.1.kind", "timeline", "the step timeline is there twice"),
    ("checklist.0.is_done", "maybe", "is neither true nor false"),
    ("checklist.3.status", "forgotten", "step no. 4: status"),
    ("checklist.3.status", "planned", "says when and why"),
    ("meeting.minutes", 9, "minutes cannot be kept"),
    ("meeting.minutes", 99_999_999, "minutes cannot be kept"),
    ("meeting.minutes", 1.5, "minutes is not a whole number"),
    ("meeting.status", "over", "meeting: status"),
    ("meeting.status", "planned", "it contradicts itself"),
    ("meeting.starts_at", "2999-01-01T00:00:00Z", "is not a day anybody means"),
    ("meeting.agenda.0.minutes", None, "minutes is missing"),
    ("meeting.agenda.0.minutes", 0, "minutes cannot be kept"),
    ("meeting.impressions.asked", 0, "the numbers do not add up"),
    ("meeting.impressions.learned.yes", 2, "the numbers do not add up"),
    ("meeting.impressions.learned", {"perhaps": 1}, "'perhaps' is no key of this format"),
    ("meeting.notes.1.about", 9, "about is no part of the agenda"),
    ("meeting.notes.1.kind", "verdict", "note no. 2: kind"),
    ("reviews.0.status", "loved", "review no. 1: status"),
    ("reviews.0.status", "asked", "a review that is decided says when"),
    ("reviews.1.is_of_this_text", True, "is said of a review that is not decided"),
    ("reviews.0.reviewer", None, "reviewer is missing"),
    ("comments.0.status", "closed", "comment no. 1: status"),
    ("comments.0.status", "open", "a comment that is resolved says when"),
    ("comments.0.section", "Nothing", "there is no section 'Nothing'"),
    ("comments.0.text", "  ", "Say something"),
    ("comments.0.replies.0.author", None, "author is missing"),
    ("learning.status", "draughty", "learning: status"),
    ("learning.status", "withdrawn", "status is not what the rest of it tells"),
    ("learning.published_by", None, "or none of them"),
    ("learning.withdrawn_by", "omar@example.com", "what was withdrawn was published"),
    ("learning.editions", None, "or none of them"),
    ("learning.editions.0.published_by", None, "published_by is missing"),
    ("learning.slug", "A b", "slug cannot be kept"),
    ("learning.what_we_do", "x", "what_we_do has no title"),
]


def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_stored(worked, tmp_path):
    text, path = to_json(worked), tmp_path / "a.json"
    gone()
    for way, value, says in WRONG:
        document = json.loads(text)
        put(document, way, value)
        path.write_text(json.dumps(document))
        said = refused(path)
        assert says in said, (way, said)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("not doing, because Nobody", "not doing, because nobody", "the list under 'checklist' repeats"),
        ("- - The page changes first.", "- The page", "the list under 'meeting' repeats"),
        (", at /learnings/", ", under /learnings/", "the list under 'learning' repeats"),
        ('{"about": 2', '{"on": 2', "'on' says nothing about an entry"),
        ("<!-- part: notes -->", "<!-- part: reviews -->", "'about' says nothing about an entry"),
        ("<!-- part: notes -->", "<!-- part: notes of it -->", "tells of no meeting"),
        (" resolved {", " reply {", "an answer stands below what it answers"),
        ("edition 2 what_happened -->", "edition 9 what_happened -->", "no text for customers"),
        ("edition 2 what_happened -->", "edition 2 title -->", "no text for customers"),
        ("edition 2 what_happened -->", "edition what_happened -->", "no text for customers"),
        ("edition 2 what_happened -->", "edition  what_happened -->", "no text for customers"),
        ("edition 2 what_happened -->", "edition -->", "no text for customers"),
        ("part: edition 2 what_happened -->", "part: learning what_happened -->", "has no title"),
    ],
)
def test_a_text_that_contradicts_itself_is_refused(told, old, new, says):
    change(told, old, new)
    assert says in refused(told)


HOSTILE = [True, 7, "x", ["x"], {"x": 1}, [[]], "\ud800", "a\x00b", "x" * 200_001]
WAYS = [
    *(
        "checklist",
        "checklist.0",
        "checklist.0.due_on",
        "checklist.0.owner",
        "checklist.0.left_out_because",
        "checklist.0.status",
    ),
    *(
        "meeting",
        "meeting.place",
        "meeting.starts_at",
        "meeting.agenda",
        "meeting.agenda.0",
        "meeting.agenda.0.title",
        "meeting.notes",
        "meeting.notes.0",
        "meeting.notes.0.text",
        "meeting.notes.0.about",
        "meeting.impressions",
        "meeting.impressions.asked",
        "meeting.impressions.learned",
        "meeting.impressions.learned.yes",
    ),
    *(
        "reviews",
        "reviews.0",
        "reviews.0.words",
        "reviews.0.reviewer",
        "reviews.0.is_of_this_text",
    ),
    *(
        "comments",
        "comments.0",
        "comments.0.text",
        "comments.0.section",
        "comments.0.replies",
        "comments.0.replies.0",
    ),
    *(
        "learning",
        "learning.title",
        "learning.slug",
        "learning.editions",
        "learning.editions.0",
        "learning.editions.0.note",
        "learning.withdrawal",
    ),
    *("no_actions_because",),
    *("needs_approval",),
    *("neutrality_of",),
    *("neutrality_because",),
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_values_of_any_shape_are_refused_in_words(worked, tmp_path, value):
    text, rows, path = to_json(worked), history_rows(), tmp_path / "a.json"
    for way in WAYS:
        document = json.loads(text)
        put(document, way, value)
        path.write_text(json.dumps(document))
        assert "\n" not in said_of(path)
    assert history_rows() == rows


def put(document, way, value):
    *names, last = [int(name) if name.isdigit() else name for name in way.split(".")]
    for name in names:
        document = document[name]
    document[last] = value


def said_of(path):
    """What the command says; whatever else is raised is a fault."""
    try:
        return load(path, dry_run=True)
    except CommandError as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("meeting:\n", "meeting: &a\n", ""),
        ("meeting:\n", "checklists: *a\nmeeting:\n", "aliases are not read"),
        ("meeting:\n", f"x: {'[' * 5000}{']' * 5000}\nmeeting:\n", "nested too deeply"),
        ("meeting:\n", f"x: {'y' * 10_000_000}\nmeeting:\n", "the front matter is longer than"),
        ("}: Kim begins.", "}: " + "y" * 10_000_000, "text cannot be kept (It has 10,0"),
        ("}: Kim begins.", "}: \x00", "Null characters"),
        ('{"about": 2', '{"about": ' + "[" * 100_000, "is not JSON"),
        ('"by": "omar@example.com"}: - The', '"by": "\\ud800"}: - The', "lone surrogates"),
    ],
    ids=["anchor", "alias", "deep", "10 MB of front", "10 MB of text", "NUL", "deep in braces", "surrogate"],
)
def test_files_that_mean_harm_are_refused_in_one_line(told, old, new, says):
    gone()
    text = told.read_text()
    assert old in text
    told.write_text(text.replace(old, new, 1))
    if says:
        assert says in refused(told)
    else:
        assert "1 created" in load(told)


# --- Many


def test_more_work_costs_no_more_queries(worked, ana, omar):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert len(list(tell_all(list(Retrospective.objects.values_list("pk", flat=True))))) > 0
        return len(queries)

    few = cost()
    for number in range(5):
        comment = reviewing.comment(worked, by=omar, text=f"{number}")
        reviewing.comment(worked, by=ana, text="Yes.", parent=comment)
        worked.meeting.note(by=ana, kind="note", text=f"{number}")
        incident = Incident.objects.declare(
            by=None, title=f"One more {number}", severity=worked.incidents.get().severity
        )
        more = Retrospective.objects.open_for(incident)
        schedule(more, by=ana)
        published(more, writer=ana, reviewer=make_person(f"r{number}@example.com", "Communicator"))
    assert cost() <= few
