"""The language coach: marks blame, counterfactuals, single-cause wording and jargon, and proposes other words.

from config.coach import look
for mark in look("Bob forgot to rotate the key.", people=["Bob"]):
    print(mark.text, mark.why, mark.instead)

It works on the text alone, by rules that anybody can read: rules.toml. It proposes; it never stops anybody.
"""

from config.coach.looking import CUSTOMERS, TEAM, Mark, look

__all__ = ["CUSTOMERS", "TEAM", "Mark", "look"]
