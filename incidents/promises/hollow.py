"""Whether an update tells customers anything that the one before it did not.

Hollow is a text from which somebody who read the last one learns nothing: no other service or place, no other
degree, no cause, no step begun or done, no way around it, no moment. “We are still working on it” is hollow the
second time. Judged by words: what is left of a text once the words that say nothing are taken away are its facts,
and a fact is new if the text before does not have it. Offline, and every judgement can be explained by its words.
"""

import re
from collections.abc import Iterable
from html import unescape

TAG = re.compile(r"<[^<>]{0,200}>")
# A sentence that says when or that more will be said is a promise, not a fact.
PROMISED = re.compile(
    r"[^.!?\n]{0,200}\b(?:"
    r"(?:next|further|more|another|new|future) updates?\b"
    r"|(?:will|to) (?:continue to )?(?:provide|post|share|report|update|keep)\b"
    r"|keep (?:you|users|customers|everyone|this incident)\b"
    r"|updates? (?:to follow|will follow|as we)\b"
    r")[^.!?\n]{0,200}[.!?]?",
    re.IGNORECASE,
)
WORD = re.compile(r"\d+(?:[.,:]\d+)*%?|[a-z][a-z0-9]*(?:[-/.][a-z0-9]+)*", re.IGNORECASE)
SUFFIXES = ("ations", "ation", "ements", "ement", "ings", "ing", "ied", "ies", "ed", "es", "s", "e", "y")

# The frame that every update has: grammar, who speaks, who listens, that there is a problem and that it is
# looked at. Each stands for all its forms.
FRAME = """
a about above across active actively actual additional affect affected affecting again all also although am an
analyse and any are area around as at attempt available aware be became because been before begin being both but by
can cause causing certain close closely cloud come complete component confirm continue continued continues
continuing could current currently customer day degradation degrade degraded degrading detail disruption do does
doing done down due during each effect effort elevated encounter engineer engineering ensure entire even everyone
experience experiencing explore extended far few find focus follow following for form found from full fully further
general generally get give good group had happen hard has have having help here how however if impact impacted
impacting in incident increase increased indicate information into investigate investigating investigation is issue
it item its just keep know known large latest lead learn like likely limit limited longer look looking made make
many matter may meantime might mitigate mitigating mitigation monitor monitoring more most multiple near need no not
now number observe observed of off on once one ongoing only operate operation or other our out outage over own part
partial patience performance performing period place please portion possible potential present previous previously
priority problem process progress provide rate re reach recent related relation remain remaining report reported
resolution resolve resolving result resume return round run same see seeing seen service several should show side
since situation slower small so some specific stability stable start state status still subset such support sure
take team than thank thanks that the their them themselves there these they thing this those though through time to
together towards troubleshoot try trying under understand understood until up update us use user using various very
view want was way we well were what when where whether which while who will with within work working would yet you
your
""".split()  # noqa: SIM905  read as prose, it is prose

# Words of one step, however it is put: naming the step again is no news.
SAME = {
    "fix": "fix hotfix remedy remediate remediation correct repair patch solution",
    "recover": "recover recovery restore restored restoration improve improvement better heal normal",
    "deploy": "deploy deployment roll rollout rolled rolling ship apply applied implement implemented release",
    "revert": "revert rollback undo back",
    "identify": "identify identified isolate pinpoint narrow root source culprit",
    "fail": "fail failure error errored failing timeout",
    "slow": "slow latency delay delayed lag queue queued wait waiting stall",
    "begin": "create creation new open start",
    "connect": "connect connection connectivity",
}


def _stem(word: str) -> str:
    word = word.lower()
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)].rstrip("e")
    return word


_FRAME = frozenset(_stem(word) for word in FRAME)
_SAME = {_stem(word): fact for fact, words in SAME.items() for word in words.split()}


def facts(text: str, names: Iterable[str] = ()) -> set[str]:
    """What `text` says beyond the frame that every update has, as stems; a number is a fact of its own.

    `names` are those of services and regions: “Issues” is a fact where it is the name of a service.
    """
    plain = unescape(TAG.sub(" ", text.replace("’", "'")))
    named = {name for name in names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", plain)}
    plain = re.sub(r"'(?:s|re|ve|ll|d|m|t)\b", "", PROMISED.sub(" ", plain))
    words = WORD.findall(plain)
    shouted = {word for word in words if word.isupper() and len(word) > 1}  # “US” is a place, “us” is us
    stems = {_stem(word) for word in words if word not in shouted}
    told = shouted | {_SAME.get(stem, stem) for stem in stems if stem not in _FRAME}
    return named | {fact for fact in told if len(fact) > 1 or fact.isdigit()}


def new_facts(text: str, before: str, names: Iterable[str] = ()) -> set[str]:
    """The facts of `text` that `before` does not have."""
    names = list(names)
    return facts(text, names) - facts(before, names)


def is_hollow(text: str, before: str, names: Iterable[str] = ()) -> bool:
    """Whether nothing in `text` is new to somebody who read `before`."""
    return not new_facts(text, before, names)
