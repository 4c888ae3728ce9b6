"""What must not be in public text: people, customers, hosts, addresses, keys and what else is ours alone.

    check(text, people=[...], customers=[...]) -> [Found(start, end, kind, text, why), …]

It looks at what a reader would see, not at what was typed: through entities, escapes, emphasis, invisible
characters and letters that only look alike. It takes time in proportion to the text, whatever the text is.
It knows no model: whoever asks says whose names there are.
"""

from config.redaction.checking import check
from config.redaction.kinds import KINDS, NEVER_CONFIRMED, Found, in_words
from config.redaction.replacing import without
from config.redaction.visible import visible_text

__all__ = ["KINDS", "NEVER_CONFIRMED", "Found", "check", "in_words", "visible_text", "without"]
