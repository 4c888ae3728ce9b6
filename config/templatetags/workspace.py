"""What pages of the workspace do not leave to the theme's templates, which took most of their time.

The table of a list is written in one go; what of the theme is the same on many pages is rendered once.
"""

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter

from django import template
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field, quote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.forms.utils import flatatt
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import get_language
from unfold.templatetags.unfold_list import result_headers

from config.display import duration, moment

register = template.Library()
register.filter("moment", moment)
NOTHING = mark_safe('<span class="aftercare-quiet">–</span>')
PLACE = "-pk-"  # stands for the key in an address that is made once


@dataclass(frozen=True)
class _Column:
    """What the cells of a column share, found once: asking Django for each cell took as long as the rows."""

    before: str
    after: str
    read: Callable
    is_link: bool


@register.simple_tag
def workspace_table(cl):
    """The rows of a list as a table that turns into cards on a narrow screen."""
    headers = list(result_headers(cl))
    names = [capfirst(str(header["text"])) for header in headers]
    head = "".join(_head(header, name) for header, name in zip(headers, names, strict=True))
    address, columns = _address(cl), list(_columns(cl, names))
    rows = "".join(_row(cl, row, columns, address) for row in cl.result_list)
    return mark_safe(  # noqa: S308
        '<div class="aftercare-list bg-white dark:bg-base-900 relative"><table id="result_list">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(header, name):
    if not header["sortable"]:
        return format_html('<th scope="col">{}</th>', name)
    arrow, order = "", ""
    if header["sorted"]:
        arrow, order = ("↑", "ascending") if header["ascending"] else ("↓", "descending")
        order = format_html(' aria-sort="{}"', order)
    url = header["url_toggle"] if header["sorted"] else header["url_primary"]
    return format_html(
        '<th scope="col"{}><a href="{}">{} <span aria-hidden="true">{}</span></a></th>',
        order,
        url,
        name,
        arrow,
    )


def _address(cl) -> str:
    try:
        url = reverse(f"admin:{cl.opts.app_label}_{cl.opts.model_name}_change", args=[PLACE])
    except NoReverseMatch:
        return ""
    return str(add_preserved_filters({"preserved_filters": cl.preserved_filters, "opts": cl.opts}, url))


def _columns(cl, names):
    links = () if cl.list_display_links is None else cl.list_display_links or cl.list_display[:1]
    for at, (column, name) in enumerate(zip(cl.list_display, names, strict=True)):
        tag = 'th scope="row"' if at == 0 else "td"
        before = f'<{tag} class="field-{column}" data-label="{conditional_escape(name)}"><div>'
        yield _Column(before, f"</div></{tag[:2]}>", _reader(cl, column), column in links)


def _reader(cl, column):
    try:
        field = cl.opts.get_field(column)
    except FieldDoesNotExist:
        owner = cl.model_admin if column != "__str__" and hasattr(cl.model_admin, column) else cl.model
        method = getattr(owner, column, None)
        return method if callable(method) else lambda row: lookup_field(column, row, cl.model_admin)[2]
    if not field.choices:
        return attrgetter(column)
    words = dict(field.flatchoices)
    return lambda row: words.get(value := getattr(row, column), value)


def _row(cl, row, columns, address):
    start = _link_to(cl, row, address) if address else ""
    cells = "".join(
        f"{column.before}{start}{_shown(column, row)}</a>{column.after}"
        if start and column.is_link
        else f"{column.before}{_shown(column, row)}{column.after}"
        for column in columns
    )
    return f"<tr>{cells}</tr>"


def _link_to(cl, row, address):
    url = html.escape(address.replace(PLACE, str(quote(row.pk)), 1))  # a search may hold the place, too
    popup = f' data-popup-opener="{conditional_escape(row.pk)}"' if cl.is_popup else ""
    return f'<a href="{url}"{popup}>'


def _shown(column, row):
    try:
        return in_a_cell(column.read(row), getattr(column.read, "boolean", False))
    except ObjectDoesNotExist:
        return NOTHING


def in_a_cell(value, is_boolean=False):
    """A value as HTML: yes and no in words, moments with their zone, nothing as a dash."""
    if value is None or value == "":
        return NOTHING
    if is_boolean or isinstance(value, bool):
        return "Yes" if value else NOTHING
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    if type(value) is str:
        return html.escape(value)  # what Django comes to as well, after asking ten times what it has
    return conditional_escape(value)


@register.simple_tag
def workspace_pages(cl, numbers):
    """Links to the pages of a list; the page one is on and what is left out between are none."""
    query = cl.get_query_string(remove=[PAGE_VAR])
    start = html.escape(query if query == "?" else f"{query}&")
    return mark_safe("".join(f"<span>{_page(cl, number, start)}</span>" for number in numbers))  # noqa: S308


def _page(cl, number, start):
    if number == cl.page_num:
        return f'<span class="font-medium text-primary-600" aria-current="page">{number}</span>'
    return f'<a href="{start}{PAGE_VAR}={number}">{number}</a>' if isinstance(number, int) else number


# --- What is the same on many pages


@register.simple_tag(takes_context=True)
def rendered_once(context, **inputs):
    """The theme's own template of the name of this one, rendered once for the same `inputs`.

    It is given these, the kind of reader and the language, and nothing else: what is kept cannot be out of date.
    """
    here = context.render_context.template
    own, _ = here.engine.find_template(here.name, skip=[here.origin])
    inputs |= {"request": _reader_of(context.get("request")), "language": get_language()}
    return _rendered(own, json.dumps(inputs, default=str))


@lru_cache(maxsize=256)
def _rendered(own, inputs):
    return own.render(Context(json.loads(inputs)))


def _reader_of(request):
    """What the theme asks of a request: whether the reader works here, and on which kind of keyboard."""
    agent = request.headers.get("User-Agent", "") if request else ""
    is_staff = getattr(getattr(request, "user", None), "is_staff", False)
    return {
        "user": {"is_staff": is_staff},
        "META": {"HTTP_USER_AGENT": "Macintosh" if "Macintosh" in agent else ""},
    }


@register.filter
def initials(user):
    """Of a person, what the theme makes an avatar of."""
    return {"get_full_name": user.get_full_name()[:1], "get_username": user.get_username()[:1]}


@register.filter
def lasted(delta):
    """A length of time in its two largest units."""
    return duration(delta)


@register.simple_tag
def filter_field(field):
    """A field of a filter; one that looks up its choices as one types is empty, and needs no templates for it."""
    widget = field.field.widget
    if type(widget) is not AutocompleteSelect or field.value():
        return field.as_widget()
    attributes = widget.build_attrs(widget.attrs, {"name": field.html_name, "id": field.auto_id})
    return format_html('<select{}><option value=""></option></select>', flatatt(attributes))
