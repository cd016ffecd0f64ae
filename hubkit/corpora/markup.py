"""Plain sentences from interface messages: wiki markup, HTML, accelerators and placeholders taken out."""

from __future__ import annotations

import html
import re

_MARKED = re.compile(r"[{}\[\]<>&]|''|__|~~~|\n|^[*#:;=]")
_TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
_LINK = re.compile(r"\[\[([^\[\]{}]*)\]\]")
_LABELLED_URL = re.compile(r"\[(?:(?:https?:|mailto:)?//|mailto:|\$\d)\S*\s+([^\[\]]+)\]")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
_QUOTES = re.compile(r"'{2,}")
_SWITCH = re.compile(r"__[A-Z]+__|~~~+")
_HEADING = re.compile(r"^(=+)\s*(.*?)\s*\1\s*$", re.MULTILINE)
_BULLET = re.compile(r"^[*#:;]+\s*", re.MULTILINE)
_EXPLICIT_FORM = re.compile(r"\s*\d+\s*=")
_MAGIC = {"SITENAME": "Wiki", "PAGENAME": "$1", "FULLPAGENAME": "$1"}

_PLACEHOLDER = re.compile(
    r"\$\(\w+\)|\$\{\w+\}|\$\d+|\$[A-Za-z]\w*\$?|%\(\w+\)(?:\.\d)?[sdfi]|%\d+(?:\$[sd])?|(?<!\w)%[A-Za-z]\w*%?"
    r"|(?<!\{)\{\w*\}(?!\})|#\w+#|#\d(?!\d| \()"
)
MOST_PLACEHOLDERS = 2  # of a sentence with more of them too little is left
_LABEL_MARKED = re.compile(r"[&~_]")
_MAYBE_PLACEHOLDER = re.compile(r"[$%#{]")
_PRODUCT = re.compile(r"%PRODUCTNAME")
_EMPTY_PAIR = re.compile(r"\(\s*[,;:/.-]*\s*\)|\[\s*\]|\"\s*\"|“\s*”|«\s*»|„\s*“|‘\s*’|(?<!\w)'\s*'")
_ACCELERATOR = re.compile(r"\s*\([~_&]\w\)|(?<!~)~(?=\w)|(?<![\w_])_(?=\w)|(?<=\w)_(?=\w|\W*$)|&(?=\w)(?!\w+;)")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r"\s+([.,;!?%)\]»”])(?!\w)")
_DANGLING = re.compile(r"[,;:–-]+(?=[.!?](?:\s|$))")
_EDGE = re.compile(r"^[\s,;:.)\]/–—-]+(?=\w)|[\s(\[/–—-]+$")
_LEFTOVER = re.compile(
    r"\{\{|\}\}|\{\||\|\}|\[\[|\]\]|\||https?:|www\.|//|<\w|\\n|\w_\w|\w\.\w+\(|[a-z]=|%\w|`|\*\/|\/\*|\$[A-Za-z{(]"
)


def _template(match: re.Match[str]) -> str:
    """The text a MediaWiki template stands for: GENDER's first form, PLURAL's last, GRAMMAR's word."""
    name, _, rest = match[1].partition(":")
    name = name.strip().upper().removeprefix("#")
    if not rest:
        return _MAGIC.get(name, "⟦")
    forms = [form for form in rest.split("|")[1:] if not _EXPLICIT_FORM.match(form)]
    if name == "GENDER":
        return forms[0] if forms else ""
    if name in {"PLURAL", "GRAMMAR"}:
        return forms[-1] if forms else ""
    return "⟦"


def _link(match: re.Match[str]) -> str:
    parts = match[1].split("|")
    return parts[-1] if len(parts) > 1 else parts[0].rpartition(":")[2]


def plain_wikitext(message: str) -> str | None:
    """``message`` without wiki and HTML markup, lines kept; ``None`` when it calls a template without plain text."""
    if not _MARKED.search(message):
        return message
    text, before = _BREAK.sub("\n", message), ""
    while text != before:
        before = text
        text = _TEMPLATE.sub(_template, _LINK.sub(_link, text))
    if "⟦" in text:
        return None
    text = _TAG.sub("", _LABELLED_URL.sub(r"\1", text))
    text = _SWITCH.sub("", _QUOTES.sub("", text))
    return html.unescape(_BULLET.sub("", _HEADING.sub(r"\2", text)))


def plain_html(message: str) -> str:
    """``message`` without HTML tags and entities."""
    if "<" not in message and "&" not in message:
        return message
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", message)))


def plain_label(message: str) -> str:
    """``message`` of a desktop program without accelerators (``~Save``, ``_Open``, ``(~S)``) and HTML."""
    return plain_html(_ACCELERATOR.sub("", message) if _LABEL_MARKED.search(message) else message)


def without_placeholders(text: str, english: str) -> tuple[str, str] | None:
    """Both sides without placeholders (``$1``, ``%s``, ``$(ARG1)``); ``None`` when that leaves no translation.

    That is so when the sides hold different numbers of placeholders, or more than ``MOST_PLACEHOLDERS``.
    """
    if not _MAYBE_PLACEHOLDER.search(text) and not _MAYBE_PLACEHOLDER.search(english):
        return text, english
    text, english = _PRODUCT.sub("LibreOffice", text), _PRODUCT.sub("LibreOffice", english)
    here, there = set(_PLACEHOLDER.findall(text)), set(_PLACEHOLDER.findall(english))
    if len(here) != len(there) or len(here) > MOST_PLACEHOLDERS:
        return None
    return _tidy(_PLACEHOLDER.sub(" ", text)), _tidy(_PLACEHOLDER.sub(" ", english))


def _tidy(text: str) -> str:
    text = _SPACE.sub(" ", _EMPTY_PAIR.sub(" ", text))
    return _EDGE.sub("", _DANGLING.sub("", _SPACE_BEFORE.sub(r"\1", text))).strip()


def has_markup(text: str) -> bool:
    """Whether markup, code or a placeholder is left in ``text``."""
    return _LEFTOVER.search(text) is not None
