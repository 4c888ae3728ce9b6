"""The table of a list, written in one go: a template per cell was half the time of the page."""

from datetime import date, datetime

from django import template
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import lookup_field, quote
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ForeignKey
from django.urls import NoReverseMatch, reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from unfold.templatetags.unfold_list import result_headers

from config.display import moment

register = template.Library()
NOTHING = mark_safe('<span class="aftercare-quiet">–</span>')
PLACE = "-pk-"  # stands for the key in an address that is made once


@register.simple_tag
def workspace_table(cl):
    """The rows of a list as a table that turns into cards on a narrow screen."""
    headers = list(result_headers(cl))
    names = [capfirst(str(header["text"])) for header in headers]
    address = _address(cl)
    rows = "".join(f"<tr>{''.join(_cells(cl, row, names, address))}</tr>" for row in cl.result_list)
    head = "".join(_head(header, name) for header, name in zip(headers, names, strict=True))
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


def _cells(cl, row, names, address):
    links = cl.list_display_links if cl.list_display_links else cl.list_display[:1]
    for at, (column, name) in enumerate(zip(cl.list_display, names, strict=True)):
        html = _shown(cl, column, row)
        if address and cl.list_display_links is not None and column in links:
            html = _linked(cl, row, address, html)
        label = conditional_escape(name)
        tag = 'th scope="row"' if at == 0 else "td"
        yield f'<{tag} class="field-{column}" data-label="{label}"><div>{html}</div></{tag[:2]}>'


def _linked(cl, row, address, html):
    url = conditional_escape(address.replace(PLACE, str(quote(row.pk))))
    popup = f' data-popup-opener="{conditional_escape(row.pk)}"' if cl.is_popup else ""
    return f'<a href="{url}"{popup}>{html}</a>'


def _shown(cl, column, row):
    try:
        field, attribute, value = lookup_field(column, row, cl.model_admin)
    except ObjectDoesNotExist:
        return NOTHING
    if isinstance(field, ForeignKey):
        value = getattr(row, field.name)
    elif field is not None and field.choices:
        value = dict(field.flatchoices).get(value, value)
    return in_a_cell(value, getattr(attribute, "boolean", False))


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
    return conditional_escape(value)
