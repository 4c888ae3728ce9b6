"""What the tests of a retro's workspace share: its addresses, and how a browser's script and a plain form ask."""

from django.urls import reverse

from tests.conftest import PASSWORD

JSON = {"headers": {"accept": "application/json"}}


def address(retro, name="", *rest):
    view = "admin:retros_retrospective_workspace" + (f"_{name}" if name else "")
    return reverse(view, args=[retro.pk, *rest])


def sign_in(client, user):
    client.login(username=user.email, password=PASSWORD)
    return client


def text_of(client, retro, part="impact"):
    """A text as the page offers it."""
    return next(text for text in client.get(address(retro)).context["texts"] if text.part == str(part))


def write(client, retro, text, part="impact", opened=None, **extra):
    """Save a text as it was `opened`, the way the script does."""
    opened = opened or text_of(client, retro, part)
    sent = {"part": opened.part, "text": text, "version": opened.version, "base": opened.base}
    return client.post(address(retro, "text"), sent | extra, **JSON)
