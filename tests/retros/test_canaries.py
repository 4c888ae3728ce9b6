"""Five hundred things that must not be public, planted all over a retro: none gets out, and each is accounted for."""

import html
import random
import sys
from collections import Counter, defaultdict

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from actions.models import ActionItem
from config.people.models import PrivateName
from config.redaction import visible_text
from config.redaction.reading import as_seen
from incidents.models import Incident
from retros.models import Edition, Factor, Learning, Meeting, Retrospective
from retros.redacting import names_of, refuse_findings
from tests.conftest import make_person
from tests.retros.canaries import KINDS, PER_KIND, canaries
from tests.retros.files import export, load

pytestmark = pytest.mark.django_db

FIELDS = ("title", "what_happened", "what_we_learnt", "what_we_do")
SENTENCES = (
    "At ten we saw that {} was part of it.",
    "{} made it worse for you.",
    "* We asked about {}, and waited.",
    "It began with {}. Then payments failed.",
    "[see here]({}) for more, said ({}).",
    "| what | where |\n|---|---|\n| slow | {} |",
    "> “{}”, as somebody wrote",
)
BATCH = 50


@pytest.fixture
def planted(db):
    """All canaries; those that are names are known as people, participants and customers are."""
    found = canaries()
    for number, one in enumerate(found):
        if one.kind == "customer" and number % 2:
            PrivateName.objects.create(name=one.plain)
        elif one.kind == "person" and number % 2:
            make_person(f"p{number}@example.com", name=one.plain)
    return found


def retro_with(batch, severity, number, chance):
    """A published-looking retro with each canary somewhere in what the draft is made of or must not use."""
    incident = Incident.objects.create(
        title=f"Paying failed {number}", severity=severity, visibility="public"
    )
    retro = Retrospective.objects.open_for(incident)
    for one in batch:
        if one.kind in ("person", "customer"):
            hat = "customer" if one.kind == "customer" else "on_call"
            retro.participants.create(name=one.plain, hat=hat)
        text = chance.choice(SENTENCES).replace("{}", one.typed)
        # Twice where a draft looks, and once where it must not look at all.
        match chance.randrange(3):
            case 0:
                retro.findings.create(kind=chance.choice(["luck", "surprise", "detection"]), text=text)
                retro.action_items.create(title=one.plain[:200], why=text)
            case 1:
                incident.updates.create(text=text, state="published", published_at=incident.declared_at)
                incident.data_safety += f"\n\n{text}"
            case _:
                retro.customer_impact += f"\n\nIt was slow. {text} It is over."
                incident.summary += f"\n\n{text}"
        incident.log("note", text)
    texts = "\n\n".join(one.typed for one in batch)
    retro.sections.update(text=texts)
    retro.retro_factors.create(factor=Factor.objects.first(), note=texts)
    work_on(retro, batch)
    incident.title = f"Paying failed for {batch[0].typed}"[:255]
    Incident.objects.bulk_update([incident], ["title", "summary", "data_safety"])
    Retrospective.objects.bulk_update([retro], ["customer_impact"])
    retro.refresh_from_db()
    return retro


def work_on(retro, batch):
    """Each canary in what people said while they worked on it: in the meeting, the review and the checklist."""
    person = make_person(f"works{retro.pk}@example.com")
    meeting = Meeting.objects.create(retro=retro, starts_at=timezone.now(), place=batch[0].typed[:400])
    for number, one in enumerate(batch):
        meeting.notes.create(kind="decision", text=f"We decide: {one.typed}", author=person)
        meeting.agenda.create(position=number, title=f"About {one.typed}"[:200], minutes=1)
        retro.comments.create(author=person, text=f"What of {one.typed}?")
        retro.reviews.create(reviewer=person, words=f"Not {one.typed}.", ended_at=timezone.now())
    said = "\n".join(one.typed for one in batch)[:2_000]
    about = {"left_out_because": said, "left_out_at": timezone.now(), "left_out_by": person}
    retro.steps.update(status="left_out", **about)


def is_in(one, text):
    """Whether a canary can be read in `text`, as typed, as a reader sees it, or by its telling part."""
    seen = as_seen(text).casefold()
    return one.typed in text or one.plain in text or as_seen(one.plain).casefold() in seen


def everything_public(client, learnings):
    """Each page and feed for everybody, as bytes say it and as a browser shows it."""
    paths = ["/learnings/", "/learnings/feed.atom", "/learnings/feed.rss", "/learnings/feed.json"]
    for row in learnings:
        paths += [f"/learnings/{row.slug}/", f"/learnings/{row.slug}/earlier/1/"]
    answers = [client.get(path).content.decode() for path in paths]
    return "\n".join([*answers, *(visible_text(html.unescape(text)) for text in answers)])


@pytest.mark.slow
def test_none_of_five_hundred_gets_out_and_each_was_taken_out_or_stopped(
    client, planted, severity, ana, lena, capsys
):
    chance = random.Random(4)
    shuffled = chance.sample(planted, len(planted))
    batches = [shuffled[at : at + BATCH] for at in range(0, len(shuffled), BATCH)]
    removed, stopped, escaped = Counter(), Counter(), defaultdict(list)
    learnings = []
    for number, batch in enumerate(batches):
        row = Learning.objects.draft_from(retro_with(batch, severity, number, chance), by=ana)
        drafted = "\n".join([*(getattr(row, name) for name in FIELDS), row.slug])
        removed.update(one.kind for one in batch if not is_in(one, drafted))
        # Whoever writes on puts each of them back, in some field and some sentence; publishing is refused.
        names = names_of(row.retro)
        for one in batch:
            if is_stopped(row, one, chance, names):
                stopped[one.kind] += 1
            else:
                escaped[one.kind].append(one)
        refused_whole(row, batch, chance, ana, lena)
        row.send_for_review(by=ana)
        row.publish(by=lena)
        learnings.append(row)
    public = everything_public(client, learnings)
    hits = Counter(one.kind for one in planted if is_in(one, public))
    with capsys.disabled():
        sys.stdout.write("\nkind        planted  out of the draft  stopped by the check  in public\n")
        for kind in KINDS:
            sys.stdout.write(
                f"{kind:10} {PER_KIND:8} {removed[kind]:17} {stopped[kind]:21} {hits[kind]:10}\n"
            )
    assert len(planted) == 500
    assert dict(escaped) == {}
    assert sum(hits.values()) == 0
    assert sum(removed.values()) == 500


def test_none_of_them_gets_out_because_a_file_says_it_was_public_elsewhere(
    client, planted, severity, ana, tmp_path
):
    batch = planted[::10]
    retro = retro_with(batch, severity, 0, random.Random(4))
    Incident.objects.update(visibility="public")
    said = "\n\n".join(f"It was {one.typed}." for one in batch)
    learning = Learning.objects.draft_from(retro, by=ana)
    published = {"published_at": timezone.now(), "published_by": ana}
    Learning.objects.filter(pk=learning.pk).update(status="published", what_happened=said, **published)
    learning.refresh_from_db()
    Edition.objects.create(learning=learning, number=1, **learning.texts(), **published)
    export(tmp_path)
    assert sum(is_in(one, everything_public(client, [learning])) for one in batch) > len(batch) / 2
    for model in (ActionItem, Retrospective, Incident):
        model.objects.all().delete()
    load(tmp_path)
    brought = Learning.objects.get()
    assert all(one.plain in brought.what_happened or one.typed in brought.what_happened for one in batch)
    public = everything_public(client, [learning, brought])
    assert [one for one in batch if is_in(one, public)] == []


def refused_whole(row, batch, chance, ana, lena):
    """All of them at once, by the verb itself; afterwards the text is as it was drafted."""
    before = row.texts()
    for one in batch:
        written_back(row, one, chance)
    row.save()
    row.send_for_review(by=ana)
    with pytest.raises(ValidationError):
        row.publish(by=lena)
    row.refresh_from_db()
    row.return_to_draft(by=ana, reason="It names what must not be public.")
    for name, text in before.items():
        setattr(row, name, text)
    row.save()


def written_back(row, one, chance):
    """Put the canary into one of the texts."""
    name = chance.choice(FIELDS)
    sentence = chance.choice(SENTENCES[:2] if name == "title" else SENTENCES).replace("{}", one.typed)
    setattr(row, name, sentence[:200] if name == "title" else f"{getattr(row, name)}\n\n{sentence}")


def is_stopped(row, one, chance, names) -> bool:
    """Whether what publishing asks first refuses a text for this canary alone."""
    alone = Learning(pk=row.pk, retro=row.retro, slug=row.slug, **dict.fromkeys(FIELDS, "It is over."))
    written_back(alone, one, chance)
    try:
        refuse_findings(alone, Edition(learning=alone, **alone.texts()), names)
    except ValidationError as error:
        return "“" in str(error.messages)
    return False
