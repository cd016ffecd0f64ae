from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpora.markup import has_markup, plain_html, plain_label, plain_wikitext, without_placeholders


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Save page", "Save page"),
        ("{{GENDER:$1|He|She|They}} left", "He left"),
        ("{{gender:|user}}", "user"),
        ("{{PLURAL:$1|one page|$1 pages}}", "$1 pages"),
        ("{{PLURAL:$1|0=no page|one page|$1 pages|12=a dozen}}", "$1 pages"),
        ("{{GRAMMAR:genitive|wiki}}", "wiki"),
        ("{{PLURAL:$1|{{GENDER:$2|his|her}} page|{{GENDER:$2|his|her}} pages}}", "his pages"),
        ("See [[Special:Log|the log]].", "See the log."),
        ("See [[Help:Contents]].", "See Contents."),
        ("{{GENDER:$1|[[User:$1|he]]|she}}", "he"),
        ("[https://example.org/x a label] here", "a label here"),
        ("[$1 a label]", "a label"),
        ("'''Bold''' and ''italic''", "Bold and italic"),
        ("It's one's own", "It's one's own"),
        ("<strong>Note:</strong> a &lt; b &amp; c", "Note: a < b & c"),
        ("a < b and c > d", "a < b and c > d"),
        ("one<br />two", "one\ntwo"),
        ("* first\n# second\n== Third ==", "first\nsecond\nThird"),
        ("__NOTOC__text", "text"),
        ("Welcome to {{SITENAME}}", "Welcome to Wiki"),
        ("{{int:edit}} this", None),
        ("{{#if:$1|a|b}}", None),
    ],
)
def test_wikitext(message: str, expected: str | None) -> None:
    assert plain_wikitext(message) == expected


@given(st.text(alphabet="{}[]|:'<>=*#$1aB&;_~ \n"))
def test_wikitext_never_fails_and_ends(message: str) -> None:
    text = plain_wikitext(message)
    assert text is None or "[[x]]" not in text


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("~Save", "Save"),
        ("Save ~As...", "Save As..."),
        ("_Open", "Open"),
        ("Fi_nd", "Find"),
        ("保存(~S)", "保存"),
        ("ファイル (_F)", "ファイル"),
        ("To_:", "To:"),
        ("R&D", "RD"),
        ("a ~ b", "a ~ b"),
        ("<b>Bold</b>", "Bold"),
    ],
)
def test_label(message: str, expected: str) -> None:
    assert plain_label(message) == expected


def test_html_keeps_ampersands_of_words() -> None:
    assert plain_html("R&D <i>x</i> &quot;y&quot;") == 'R&D x "y"'


@pytest.mark.parametrize(
    ("text", "english", "expected"),
    [
        ("Hindura", "Edit", ("Hindura", "Edit")),
        ("Reba $1", "View $1", ("Reba", "View")),
        ('Paji "$1" ntibaho.', 'The page "$1" does not exist.', ("Paji ntibaho.", "The page does not exist.")),
        ("Amadosiye ($1)", "Files ($1)", ("Amadosiye", "Files")),
        ("Kuva $2 kugeza $1.", "From $1 to $2.", ("Kuva kugeza.", "From to.")),
        ("Kurema %O", "Create %1", ("Kurema", "Create")),
        ("%s: gusiba", "%s: delete", ("gusiba", "delete")),
        ("$(ARG1) ntibaho", "$(ARG1) does not exist", ("ntibaho", "does not exist")),
        ("%(count)d n'ibindi", "%(count)d and more", ("n'ibindi", "and more")),
        ("Andika {name}", "Write {name}", ("Andika", "Write")),
        ("Kuri %PRODUCTNAME", "About %PRODUCTNAME", ("Kuri LibreOffice", "About LibreOffice")),
        ("50% gusa", "only 50%", ("50% gusa", "only 50%")),
        ("Reba", "View $1", None),
        ("$1 $2 $3 na", "$1 $2 $3 and", None),
    ],
)  # fmt: skip
def test_placeholders(text: str, english: str, expected: tuple[str, str] | None) -> None:
    assert without_placeholders(text, english) == expected


@pytest.mark.parametrize(
    "text", ["{{int:x}}", "[[x", "a|b", "see https://x", "<ref>x", "file_name", "x=y", "%test", "/* c */"]
)
def test_leftovers_are_seen(text: str) -> None:
    assert has_markup(text)


@pytest.mark.parametrize(
    "text", ["It costs $5.", "a < b", "50% of", "and/or", "What? Yes!", "3:15", "(see below)", "I <3 you"]
)
def test_prose_is_no_markup(text: str) -> None:
    assert has_markup(text) is (text == "I <3 you")
