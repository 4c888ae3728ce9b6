"""What the tests of the audit explorer share: its addresses, and reading its pages as a person would."""

import re
from html import unescape

EXPLORER = "/admin/history/"


def opened(client, person, url=EXPLORER, **query):
    client.force_login(person)
    return client.get(url, query)


def changes_on(response):
    """Every change of the page in words, newest first: who, what was done to what, which fields."""
    return [change for click in response.context["clicks"] for change in click.changes]


def fields_on(response):
    """The fields that the page says changed."""
    return {difference.label for change in changes_on(response) for difference in change.differences}


def text_of(response) -> str:
    """What a reader of the page sees, without marks and line breaks."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def walked(client, url):
    """The history numbers on all pages from `url` on, page by page, following “Older”."""
    pages = []
    while url:
        response = client.get(url)
        pages.append([(one.label, one.number) for one in changes_on(response)])
        older = response.context["links"]["older"]
        url = EXPLORER + older if older else ""
    return pages
