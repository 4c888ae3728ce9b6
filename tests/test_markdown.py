"""Markdown becomes safe HTML, whatever is in it, and soon."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.markdown import LIMIT, MOST_BRACKETS, to_html

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#x1;javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    '![x](x"onerror="alert(1))',
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<math><mtext></p><style><img src=x onerror=alert(1)>",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "<form action=//evil.example><button>Go</button></form>",
    "<iframe src=//evil.example></iframe>",
    '[x](https://a.example "onmouseover=alert(1)")',
    '<a href="https://a.example" style="position:fixed">x</a>',
    "```<script>\nalert(1)\n```",
    "| <script>alert(1)</script> |\n|-|\n| <img src=x onerror=alert(1)> |",
]
ALLOWED = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}


def is_safe(html):
    tags = re.findall(r"<\s*/?\s*([a-zA-Z][\w-]*)([^>]*)>", html)
    attributes = {name for _, rest in tags for name in re.findall(r"([\w-]+)\s*=\s*\"", rest)}
    schemes = {link.partition(":")[0].lower() for link in re.findall(r'href="([^"/#]*):', html)}
    return (
        {tag.lower() for tag, _ in tags} <= ALLOWED
        and attributes <= {"href", "title", "rel", "start"}
        and schemes <= {"http", "https", "mailto"}
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_no_script_survives(text):
    assert is_safe(to_html(text))


@given(st.text(alphabet="<>[]()!`*_#|-\"'&:;/\\= \n\tajvscriptonerrorhef", max_size=120))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_nothing_typed_becomes_a_tag_we_do_not_make(text):
    assert is_safe(to_html(text))


@pytest.mark.parametrize(
    "text",
    [
        "![t](http://evil.example/t.png)",
        "![t](//evil.example/t.png)",
        "![t](t.png)",
        "![t](data:image/png;,)",
    ],
)
def test_no_picture_is_loaded_from_anywhere(text):
    assert "<img" not in to_html(text)
    assert "evil" not in to_html(text)


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\\\evil.example",
        "\\\\\\\\evil.example",
        "&#x2f;/evil.example",
        "&#32;//evil.example",
        "&#9;//evil.example",
        "///evil.example",
        "https:evil.example",
        "ftp://evil.example",
        "file:///etc/passwd",
        "relative/path",
    ],
)
def test_an_address_that_hides_where_it_leads_is_no_link(address):
    html = to_html(f"[x]({address})")
    assert not re.search(r'href="(?!/%5C)', html), html


@pytest.mark.parametrize(
    "address",
    ["https://example.com/a?b=c#d", "http://example.com", "mailto:a@example.com", "/admin/", "#top"],
)
def test_a_plain_address_is_a_link_that_tells_nobody_where_it_came_from(address):
    html = to_html(f"[x]({address})")
    assert f'href="{address}"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


def test_what_people_write_is_rendered():
    html = to_html("# Title\n\n*a* **b** ~~c~~ `d`\n\n3. x\n4. y\n\n> q\n\n| h |\n|-|\n| c |")
    for part in ("<h1>Title</h1>", "<em>a</em>", "<strong>b</strong>", "<s>c</s>", "<code>d</code>"):
        assert part in html
    assert '<ol start="3">' in html
    assert "<td>c</td>" in html


def test_what_looks_like_html_is_shown_as_it_was_typed():
    assert to_html("a < b & c <em>d</em>") == "<p>a &lt; b &amp; c &lt;em&gt;d&lt;/em&gt;</p>\n"


def test_a_list_ten_levels_deep_loses_nothing():
    text = "\n".join("  " * level + f"- level {level}" for level in range(10))
    assert all(f"level {level}" in to_html(text) for level in range(10))


HEAVY = {
    "brackets": "[" * 20_000,
    "links": "[a](" * 10_000,
    "images": "![a](" * 10_000,
    "as many images as are rendered": "![a](" * MOST_BRACKETS,
    "bangs": "![" * 40_000,
    "tags": "<a " * 20_000,
    "comments": "<!--" * 20_000,
    "lists": "- " * 800 + "x",
    "indented lists": "\n".join("  " * level + "- x" for level in range(300)),
    "quotes": ">" * 20_000,
    "columns": "|a" * 2_000 + "|\n" + "|-" * 2_000 + "|\n" + ("|b" * 2_000 + "|\n") * 5,
    "rows": "|a|b|\n|-|-|\n" + "|x\n" * 5_000,
    "stars": "*a_ " * 10_000,
    "mixed": "*_" * 10_000,
    "references": "[a]: b\n" * 10_000 + "[a]" * 10_000,
    "backticks": "".join("`" * count + " " for count in range(400)),
}


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY)
def test_no_text_keeps_a_page_waiting(text):
    start = time.process_time()
    to_html(text)
    assert time.process_time() - start < 3


def test_text_too_long_to_render_is_shown_as_it_was_typed():
    html = to_html("<b>" + "x" * LIMIT)
    assert html.startswith("<pre>&lt;b&gt;xxx")
    assert is_safe(html)
