"""FreeDict's dictionaries from English, as Debian packages them (``dict-freedict-eng-XXX``), but for those of tests."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.corpora.archives import members
from hubkit.corpora.packages import fetch_debian, record
from hubkit.errors import VerificationError

from hubkit_lexicon import dictd
from hubkit_lexicon.bilingual import Bilingual
from hubkit_lexicon.content import text_of, unpacked
from hubkit_lexicon.held_out import HeldOut, check_language, facts

if TYPE_CHECKING:
    from hubkit.languages import Language


def packaged(language: Language) -> Bilingual | None:
    """The packaged dictionary of ``language``; ``None`` when there is none. Fetches it once (0.1 to 1 MB).

    Raises :class:`HeldOut` for a language that hubkit tests on.
    """
    check_language(language)
    pair = facts()["packages"].get(language.iso639_3)
    if pair is None:
        return None
    turned_round = "-".join(reversed(pair.split("-")))
    if (
        fetch_debian(f"dict-freedict-{turned_round}") is not None
    ):  # newer than the list of those that are kept for tests
        raise HeldOut(
            f"dict-freedict-{turned_round} is packaged by now, which hubkit's task `freedict` tests on.", None
        )
    archive = fetch_debian(f"dict-freedict-{pair}")
    return None if archive is None else _read(archive, pair)


@lru_cache(maxsize=4)
def _read(archive: Path, pair: str) -> Bilingual:
    contents = {Path(name).suffix or Path(name).name: content for name, content in members(archive, _wanted)}
    name = f"freedict-{pair}"
    try:
        index, text, copyright = contents[".index"], contents[".dz"], contents["copyright"]
    except KeyError as error:
        raise VerificationError(f"{archive} has no {error}.", f"Remove {archive.parent} and try again.") from error
    dictionary = dictd.parse(name, unpacked(index, name), unpacked(text, f"{name}.dict.dz"), name)
    noted = record(archive)
    origin = f"Debian package {noted['package']} {noted['version']}"
    return Bilingual(dictionary, True, license_of(text_of(copyright, f"{archive}: copyright"), pair), origin)


def _wanted(name: str) -> bool:
    return name.endswith((".index", ".dict.dz")) or ("/doc/" in name and name.endswith("/copyright"))


def license_of(copyright: str, pair: str) -> str:
    """The SPDX licence of a dictionary, by the package's copyright file (machine-readable, DEP-5).

    Raises :class:`VerificationError` when the file does not say it.
    """
    for stanza in re.split(r"\n\s*\n", copyright):
        fields = dict(re.findall(r"^(Files|License):[ \t]*(.*?)[ \t]*$", stanza, re.MULTILINE))
        if f"{pair}/*" in fields.get("Files", "").split() and (found := facts()["licenses"].get(fields.get("License"))):
            return str(found)
    raise VerificationError(f"The copyright file of dict-freedict-{pair} names no licence that is known.", None)
