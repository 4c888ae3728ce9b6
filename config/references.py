"""Names in written text become links, for those who may see what they name: INC-0042, ACT-0007, @ana.

What is a reference the admin of each model says itself (`references = {"INC": "pk"}`), so nothing here names an app.
A link tells no title: whoever may not see the row reads the plain reference, as it was typed.
"""

import re

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from config.markdown import to_html
from config.people.models import User
from config.visibility import visible

MOST = 200  # different names in one text that are looked up
MOST_PEOPLE = 50
_NAME = re.compile(
    r"(?<![\w/@.-])(?:(?P<prefix>[A-Z]{2,10})-(?P<number>\d{1,15})|@(?P<who>\w[\w.+-]{0,63}))(?!\w)"
)
# As the sanitiser writes tags: an attribute's value may hold “>”.
_TAG = re.compile(r'(<(?:[^>"]|"[^"]*")*>)')
_QUIET = ("a", "code", "pre")  # what is a link already, and what is meant literally


def written(text: str, reader) -> SafeString:
    """Markdown as `reader` sees it: safe HTML in which names are links. At most one query per kind of name."""
    return link_names(to_html(text), reader)


def link_names(html: SafeString, reader) -> SafeString:
    """`html`, which must be safe already, with links for what it names and `reader` may see."""
    matches = list(_NAME.finditer(html))
    if not matches:
        return html
    links = _links(matches[: MOST * 10], reader)
    return mark_safe("".join(_pieces(html, links)))  # noqa: S308


def _pieces(html, links):
    depth = 0
    for piece in _TAG.split(html):
        if piece.startswith("<"):
            name = piece.strip("</>").split(" ", 1)[0]
            if name in _QUIET:
                depth += -1 if piece.startswith("</") else 1
            yield piece
        else:
            yield piece if depth else _NAME.sub(lambda match: links.get(match[0], match[0]), piece)


def _links(matches, reader) -> dict[str, str]:
    numbers: dict[str, dict[str, int]] = {}
    names: set[str] = set()
    for match in matches:
        if match["who"]:
            names.add(match["who"].rstrip(".-+"))
        else:
            numbers.setdefault(match["prefix"], {})[match[0]] = int(match["number"])
    found = _people(sorted(names)[:MOST_PEOPLE], reader) if names else {}
    for prefix, model_admin in _referable(numbers):
        found |= _rows(model_admin, dict(list(numbers[prefix].items())[:MOST]), reader)
    return {match[0]: link for match in matches if (link := _of(match, found))}


def _of(match, found):
    if not match["who"]:
        return found.get(match[0])
    who = match["who"].rstrip(".-+")
    url = found.get(f"@{who.casefold()}")
    return (
        url
        and format_html('<a class="aftercare-link" href="{}">@{}</a>', url, who) + match["who"][len(who) :]
    )


def _referable(prefixes):
    """The admins whose own rows one of the prefixes names."""
    for model_admin in admin.site._registry.values():
        for prefix, lookup in getattr(model_admin, "references", {}).items():
            if lookup == "pk" and prefix in prefixes:
                yield prefix, model_admin


def _rows(model_admin, numbers, reader):
    opts = model_admin.opts
    if not reader.has_perm(f"{opts.app_label}.view_{opts.model_name}"):
        return {}
    rows = visible(model_admin.model._default_manager.all(), reader, model_admin.visible_through)
    seen = set(rows.filter(pk__in=set(numbers.values())).values_list("pk", flat=True))
    name = f"admin:{opts.app_label}_{opts.model_name}_change"
    return {
        text: format_html('<a class="aftercare-link" href="{}">{}</a>', reverse(name, args=[pk]), text)
        for text, pk in numbers.items()
        if pk in seen
    }


def _people(names, reader):
    """The page of each person who is named by first name, whole name or mailbox; two of one name are nobody."""
    if not reader.has_perm("people.view_user"):
        return {}
    asked = Q()
    for name in names:
        asked |= Q(email__istartswith=f"{name}@") | Q(name__iexact=name) | Q(name__istartswith=f"{name} ")
    found: dict[str, set[int]] = {}
    for pk, email, name in User.objects.filter(asked).values_list("pk", "email", "name"):
        for known in {email.partition("@")[0], name, name.partition(" ")[0]}:
            found.setdefault(f"@{known.casefold()}", set()).add(pk)
    return {
        known: reverse("admin:people_user_change", args=[min(pks)])
        for known, pks in found.items()
        if len(pks) == 1
    }
