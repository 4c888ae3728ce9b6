"""What was worked on a retro, as documents tell it: made of any text by hypothesis, and in rows for the other tests."""

from datetime import datetime

from hypothesis import strategies as st

from retros.gate import NEEDS_ANSWER
from retros.models import Comment, Impression, Learning, Meeting, MeetingNote, Review

KIM = "kim@example.com"
KIMS = st.just(KIM)


def works(at, line, text, some):
    """A strategy of meeting, reviews, comments and learning, made of these texts; it wants the sections' headings."""
    said = some.filter(str.strip)

    @st.composite
    def work(draw, headings):
        told = {
            "meeting": draw(meetings(at, line, some)),
            "reviews": draw(reviews(at, text)),
            "comments": draw(comments(at, said, headings)),
            "learning": draw(learnings(at, line, text)),
            "no_actions_because": draw(text),
            "marks_because": draw(text),
            "needs_approval": draw(st.booleans()),
        }
        return {key: value for key, value in told.items() if value}

    return work


def in_time(rows, name):
    return sorted(rows, key=lambda one: datetime.fromisoformat(one[name]))


def cut(most):
    return lambda line: line[:most].strip()


@st.composite
def meetings(draw, at, line, some):
    """None, or a meeting in one of its states."""
    if draw(st.booleans()):
        return None
    status = draw(st.sampled_from(Meeting.Status.values))
    title = line.map(cut(200)).filter(bool)
    part = st.fixed_dictionaries(
        {"title": title, "minutes": st.integers(1, 480)}, optional={"started_at": at}
    )
    agenda = draw(st.lists(part, max_size=3))
    about = {"about": st.integers(1, len(agenda))} if agenda else {}
    kinds = st.sampled_from(MeetingNote.Kind.values)
    note = st.fixed_dictionaries({"at": at, "kind": kinds, "text": some}, optional={"author": KIMS, **about})
    moments = {"running": ["started_at"], "ended": ["started_at", "ended_at"]}.get(status, [])
    return {
        "status": status,
        "starts_at": draw(at),
        "minutes": draw(st.sampled_from([15, 45, 480])),
        "place": draw(line.map(cut(500))),
        **{name: draw(at) for name in moments},
        "agenda": agenda,
        "notes": in_time(draw(st.lists(note, max_size=3, unique_by=lambda one: one["at"])), "at"),
        "impressions": draw(tallies()),
    }


@st.composite
def tallies(draw):
    answered = draw(st.integers(0, 3))
    if not answered:
        return draw(st.sampled_from([{}, {"asked": 2}]))
    verdicts = st.sampled_from(Impression.Verdict.values)
    counts = {
        name: draw(st.lists(verdicts, min_size=answered, max_size=answered))
        for name in ("learned", "would_attend")
    }
    counted = {name: {one: said.count(one) for one in set(said)} for name, said in counts.items()}
    return {"asked": answered + 1, "answered": answered, **counted}


@st.composite
def reviews(draw, at, text):
    """Reviews of one person, one after the other."""
    found = []
    for asked_at in draw(st.lists(at, max_size=3, unique=True)):
        one = {"reviewer": KIM, "asked_at": asked_at, "status": draw(st.sampled_from(Review.Status.values))}
        one |= {"words": words} if (words := draw(text)) else {}
        if one["status"] in Review.DECIDED:
            one |= {"decided_at": draw(at)} | draw(st.sampled_from([{}, {"is_of_this_text": True}]))
        found.append(one | draw(st.fixed_dictionaries({}, optional={"ended_at": at, "asked_by": KIMS})))
    return in_time(found, "asked_at")


@st.composite
def comments(draw, at, said, headings):
    """Comments with answers, on some of the sections."""
    answer = st.fixed_dictionaries({"written_at": at, "author": KIMS, "text": said})
    found = []
    for one in draw(st.lists(answer, max_size=3, unique_by=lambda one: one["written_at"])):
        one |= {"status": Comment.Status.OPEN.value}
        if draw(st.booleans()):
            one |= {"status": Comment.Status.RESOLVED.value, "resolved_at": draw(at), "resolved_by": KIM}
        if headings and draw(st.booleans()):
            one |= {"section": draw(st.sampled_from(headings))}
        if replies := draw(st.lists(answer, max_size=2, unique_by=lambda one: one["written_at"])):
            one |= {"replies": in_time(replies, "written_at")}
        found.append(one)
    return in_time(found, "written_at")


@st.composite
def learnings(draw, at, line, text):
    """None, or a learning in one of its states, public elsewhere or never."""
    if draw(st.booleans()):
        return None
    texts = {
        "title": line.map(cut(200)).filter(bool),
        **dict.fromkeys(("what_happened", "what_we_learnt", "what_we_do"), text),
    }
    told = {"slug": draw(st.sampled_from(["a-b", "paying-failed"]))}
    published = {"published_at": at, "published_by": KIMS}
    editions = draw(
        st.lists(
            st.fixed_dictionaries({**texts, **published, "note": text, "is_hidden": st.booleans()}),
            max_size=2,
        )
    )
    if not editions:
        states = st.sampled_from([Learning.Status.DRAFT.value, Learning.Status.IN_REVIEW.value])
        return told | {"status": draw(states)} | draw(st.fixed_dictionaries(texts))
    told |= {"status": draw(st.sampled_from(Learning.Status.values)), "editions": editions}
    told |= draw(st.fixed_dictionaries(published))
    if told["status"] == Learning.Status.WITHDRAWN:
        told |= {"withdrawn_at": draw(at), "withdrawn_by": KIM, "withdrawal": draw(text)}
    if told["status"] in (Learning.Status.DRAFT, Learning.Status.IN_REVIEW):
        told |= {"correction": draw(text)} | draw(st.fixed_dictionaries(texts))
    return told


def done_in(document) -> set[str]:
    """Which steps of a draft are done, as its document shows."""
    entries = document["incidents"][0].get("timeline", [])
    sections, findings = document.get("sections", []), document.get("findings", [])
    answered = all("accepted_because" in one for one in findings if one["kind"] in NEEDS_ANSWER)
    has_impact = any(one["topic"] == "impact" and one.get("text") for one in sections)
    facts = {
        "timeline": entries,
        "moments": [one for one in entries if "kind" in one.get("mark", {})],
        "impact": document.get("customer_impact") or has_impact,
        "factors": document.get("factors"),
        "findings": findings and answered,
        "perspectives": document.get("perspectives"),
        "meeting": document.get("meeting"),
        "learning": document.get("learning"),
    }
    return {name for name, is_there in facts.items() if is_there}
