"""What a browser makes of a page: words that tags hold together, and where links lead."""

import re
from html.parser import HTMLParser

_APART = {"p", "br", "hr", "li", "ul", "ol", "td", "th", "tr", "table", "pre", "blockquote", "h1", "h2", "h3"}
_APART |= {"h4", "h5", "h6", "section", "article", "div", "header"}


class _Visible(HTMLParser):
    """The text of a page, and where its links lead."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts, self.hidden = [], []

    def handle_starttag(self, tag, attrs):
        if tag in _APART:
            self.parts.append("\n")
        self.hidden += [value for name, value in attrs if name in ("href", "title") and value]

    def handle_endtag(self, tag):
        if tag in _APART:
            self.parts.append("\n")

    def handle_data(self, data):
        self.parts.append(data)


def visible_text(html: str) -> str:
    """What of `html` is seen or followed; what tags hold apart on one line is one word."""
    parser = _Visible()
    parser.feed(html)
    parser.close()
    # Where a link leads stands apart: in its place it would hold apart what readers see as one word.
    return "\n".join([re.sub(r"[ \t]+", " ", "".join(parser.parts)), *parser.hidden])
