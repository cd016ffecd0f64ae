"""What hubkit relies on in a plugin's table of languages."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

from hubkit.hookspecs import LanguageTable
from hubkit.languages import Language, table
from hubkit.testing.error import require

_TAG = re.compile(
    r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-([a-z0-9]{5,8}|\d[a-z0-9]{3}))*(-x(-[a-z0-9]{1,8})+)?"
)
_PATTERNS = {
    "tag": _TAG,
    "iso639_3": re.compile(r"[a-z]{3}"),
    "macrolanguage": re.compile(r"[a-z]{3}"),
    "glottocode": re.compile(r"[a-z0-9]{4}\d{4}"),
    "script": re.compile(r"[A-Z][a-z]{3}"),
}


def check_languages(function: LanguageTable) -> None:
    """Check a function with the protocol :class:`hubkit.hookspecs.LanguageTable`.

    It returns a table that hubkit can read; tags are BCP 47 in their usual case, codes have the shape of ISO 639-3,
    ISO 15924 and Glottolog, groups of the family have names, and no tag is there twice or is hubkit's own. Raises
    :class:`hubkit.testing.ConformanceError`, and :class:`hubkit.errors.HubkitError` for a table that cannot be read.
    """
    given = function()
    require(isinstance(given, (str, os.PathLike)), f"the function must return a path, not {given!r}")
    path = Path(given)
    require(path.is_file(), f"there is no file {path}")
    found = [row.language for row in table.read(path)]
    require(found, f"{path} has no language")
    for language in found:
        _check_language(language, path)
    tags = Counter(language.tag.lower() for language in found)
    require(max(tags.values()) == 1, f"{path} has {tags.most_common(1)[0][0]} twice")
    if path.resolve() != table.path().resolve():
        taken = sorted(tags.keys() & {row.language.tag.lower() for row in table.builtin_rows()})
        require(not taken, f"{path} has what hubkit has already: {', '.join(taken)}")


def _check_language(language: Language, path: Path) -> None:
    for field, pattern in _PATTERNS.items():
        value = getattr(language, field)
        require(value is None or pattern.fullmatch(value), f"{path}: {language.tag} has the {field} {value!r}")
    named = (*language.family, language.name)
    require(
        all(name and name == name.strip() for name in named), f"{path}: {language.tag} has an empty or padded name in "
        f"its name or family: {named}",
    )  # fmt: skip
