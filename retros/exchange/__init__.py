"""Retrospectives as files: Markdown with front matter, or JSON; written, read, and the same bytes again.

    to_markdown(retro)  →  postmortems/2026/inc-0042-checkout-502.md

    ---
    aftercare: 3                    everything short, as YAML: keys sorted, one way to write each value,
    categories:                     so that a change of one fact is one changed line
    - config-change
    incidents: …  actions: …  names: …
    ---

    # Checkout fails for one in five

    <!-- part: impact -->           a part begins with a line that readers of the rendered page do not see
    ## Customer impact

    The text, exactly as it was written: its headings, fences, rules and comments stay as they are.

    <!-- part: findings -->
    ## Findings

    ### Detection

    - Short texts are items of a list;
      their further lines are indented by two blanks.

    <!-- part: accepted -->
    ## What we live with, and why

    - detection 2: Findings are called by their kind and the how manieth they are of it.

    <!-- part: timeline INC-0042 -->
    ## Timeline of INC-0042

    - 2026-08-01T10:48:00Z note {"mark": {"kind": "detection"}, "shows": ["detection 1"]}: Three calls to support.

    <!-- part: updates INC-0042 -->
    ## What customers were told of INC-0042

    - 2026-08-01T11:05:00Z identified {"by": "lena@example.com"}: It is not your client's card.

    <!-- part: meeting -->
    ## The meeting

    Over: 2026-08-07 10:00 UTC, 60 minutes.

    <!-- part: notes -->
    ## Notes of the meeting

    - 2026-08-07T10:12:00Z decision {"about": 2, "by": "ana@example.com"}: The page changes first.

    <!-- part: comments -->
    ## Comments

    - 2026-08-08T09:00:00Z open {"by": "omar@example.com", "on": "Detection"}: Who looked?
    - 2026-08-08T09:30:00Z reply {"by": "ana@example.com"}: Nobody.

    <!-- part: edition 1 what_happened -->
    ## Edition 1 for customers: what happened

    What everybody could read, exactly as it was published.

    <!-- end -->

How any text survives: what people wrote at length stands unchanged between two lines `<!-- part: … -->`, one
blank line before and after it. A line of a text that looks like such a line gets one backslash more in front, and
loses it when it is read. Texts in lists are indented, so they can look like nothing of ours. Strings of the
front matter stand plain if that is unmistakable, as a block if they have several tidy lines, else in quotes with
escapes. What is empty or unknown is left out. Line ends are LF; a file whose end is cut off is noticed.

Some keys and parts repeat, for other readers, what stands elsewhere (`start_time`, `categories`, `# Title`, the
lists of incidents, actions, perspectives, the checklist and of what mattered, the heads of meeting and learning):
they are checked when a file is read, and one that contradicts the rest is refused.

Files of format 1 know nothing of marks on the timeline, of what shows a finding and of why we live with it, those of
format 2 nothing of checklist, meeting, reviews, comments and learning, of why no action follows and who leads it:
what is here of that stays when they are imported. What customers were told is added and never changed, and what
people told before the meeting is brought only where nobody has been asked.

A file tells and does not decide. Where our rows cannot be what it says without doing something, they keep that it
was so elsewhere, and say it again in the next file:
- a learning comes as a draft, with the editions that were public elsewhere beside it: see learnings.py;
- a review is to be read here, and counts only where it was given: see reviews.py;
- a meeting is nobody's to be told of or asked about before somebody here moves it on, and how people found it comes
  as counts: see meetings.py;
- that people were asked how they saw it, who have not answered: see steps.py.
Checklist, plan of the meeting and draft follow their file, field by field, until somebody here changes one; so do notes
and comments that a file brought. What people here have said themselves no file changes.

An incident is known by where it came from, or by a UUID made of its first entry in the history, which nobody can
edit; a retro by its incidents. So a file finds its retro here, and makes the same one elsewhere.
"""

from retros.exchange.markdown import parse as from_markdown
from retros.exchange.markdown import render
from retros.exchange.plain import from_json, to_json_text
from retros.exchange.reading import read
from retros.exchange.storing import store
from retros.exchange.telling import path_of, tell

FORMATS = {"md": "text/markdown; charset=utf-8", "json": "application/json"}


def to_markdown(retro, user=None) -> str:
    """The retro as Markdown: as `user` may see it, or all of it."""
    return render(tell(retro, user))


def to_json(retro, user=None) -> str:
    """The retro as JSON: as `user` may see it, or all of it."""
    return to_json_text(tell(retro, user))


def as_text(document, form) -> str:
    """A document in one of FORMATS."""
    return render(document) if form == "md" else to_json_text(document)


__all__ = [
    "FORMATS",
    "as_text",
    "from_json",
    "from_markdown",
    "path_of",
    "read",
    "store",
    "tell",
    "to_json",
    "to_markdown",
]
