"""How often the judgement “hollow” is right, on real updates that people have judged.

`pairs.csv` holds no text: the ids of two updates of one incident that follow each other, the verdict of a person
who read both (“hollow”: whoever has read the first learns nothing from the second), and which half the pair is of:
`rules` were looked at when the words were chosen, `held_out` were not. The texts are read from a status page's own
JSON, as `import_statuspage` reads it.
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from incidents.promises.hollow import is_hollow, new_facts

PAIRS = Path(__file__).with_name("pairs.csv")
SPLITS = ("rules", "held_out")


@dataclass
class Score:
    """Right and wrong, counted; `misses` are pairs of texts with what was thought new."""

    pairs: int = 0
    found: int = 0
    false: int = 0
    missed: int = 0
    misses: list = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of those called hollow, how many are; 1 if none was."""
        return self.found / (self.found + self.false) if self.found + self.false else 1.0

    @property
    def recall(self) -> float:
        """Of those that are hollow, how many were called so; 1 if none is."""
        return self.found / (self.found + self.missed) if self.found + self.missed else 1.0


def evaluate(page: dict) -> dict[str, Score]:
    """The scores by half and of all (`all`); KeyError names an update that the page does not have."""
    texts = {u["id"]: u["body"] for i in page["incidents"] for u in i["incident_updates"]}
    names = [component["name"] for component in page["components"]]
    scores = {name: Score() for name in (*SPLITS, "all")}
    with PAIRS.open(newline="") as file:
        for row in csv.DictReader(file):
            before, after = texts[row["before"]], texts[row["after"]]
            said = is_hollow(after, before, names)
            for score in (scores[row["split"]], scores["all"]):
                _count(
                    score, row["verdict"] == "hollow", said, (before, after, new_facts(after, before, names))
                )
    return scores


def _count(score, is_so, said, pair):
    score.pairs += 1
    score.found += is_so and said
    score.false += said and not is_so
    score.missed += is_so and not said
    if is_so != said:
        score.misses.append(("hollow" if is_so else "new", *pair))
