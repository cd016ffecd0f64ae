"""The user's own dictionaries: every dictd, StarDict and TEI file in a folder and the folders below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError, UsageError
from hubkit.languages import find

from hubkit_lexicon import dictd, stardict, tei
from hubkit_lexicon.bilingual import Bilingual
from hubkit_lexicon.content import read_file
from hubkit_lexicon.dictionary import Dictionary, bad_file
from hubkit_lexicon.held_out import check_dictionary
from hubkit_lexicon.settings import Settings

if TYPE_CHECKING:
    from hubkit.languages import Language

ENDINGS = (".index", ".index.gz", ".ifo", ".tei", ".tei.gz")
_PAIR = re.compile(r"(?:^|.*[^A-Za-z])(?P<from>[a-z]{2,3}(?:-[A-Z][a-z]{3})?)[-_](?P<to>[a-z]{2,3}(?:-[A-Z][a-z]{3})?)")
_ENGLISH = "eng"
_UNSTATED = "unspecified"


def own_dictionaries(folder: Path, language: Language, settings: Settings) -> Iterator[Bilingual]:
    """The dictionaries of ``language`` and English in ``folder``, by name.

    Raises :class:`UsageError` for a file whose languages nobody says or that cannot be read, and
    :class:`hubkit_lexicon.held_out.HeldOut` for one that is kept for tests.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = name_of(path)
        if name is None or (from_english := _direction(path, name, language, settings)) is None:
            continue
        dictionary = read_dictionary(path, path.stat().st_mtime_ns)
        check_dictionary(language, dictionary)
        stated = settings.dictionaries.get(name)
        license = (stated.license if stated else None) or _UNSTATED
        yield Bilingual(dictionary, from_english, license, f"the user's dictionary {path.name}")


def name_of(path: Path) -> str | None:
    """The name of a dictionary's main file without its ending; ``None`` for any other file."""
    ending = next((each for each in ENDINGS if path.name.endswith(each) and path.name != each), None)
    return path.name.removesuffix(ending) if ending else None


def _direction(path: Path, name: str, language: Language, settings: Settings) -> bool | None:
    """Whether the headwords are English; ``None`` when the dictionary is not of this language and English."""
    first, second = _pair(path, name, settings)
    codes = [language.iso639_3, _ENGLISH]
    return {tuple(codes): False, tuple(reversed(codes)): True}.get((first.iso639_3, second.iso639_3))


def _pair(path: Path, name: str, settings: Settings) -> tuple[Language, Language]:
    stated = settings.dictionaries.get(name)
    if stated is not None and stated.pair is not None:
        codes = stated.pair.split(":")
    elif (match := _PAIR.fullmatch(name)) is not None:
        codes = [match["from"], match["to"]]
    else:
        raise _unnamed(path, name)
    try:
        first, second = map(find, codes)
    except HubkitError as error:
        raise _unnamed(path, name) from error
    return first, second


def _unnamed(path: Path, name: str) -> UsageError:
    return UsageError(
        f"{path} does not say which languages it is of.",
        f'Name it such as cym-eng{path.suffix} (headwords, then translations), or write `[dictionaries."{name}"]` and '
        '`pair = "cy:en"` into lexicon.toml.',
    )


@lru_cache(maxsize=16)
def read_dictionary(path: Path, modified: int = 0) -> Dictionary:
    """The dictionary whose main file (``.index``, ``.ifo`` or ``.tei``) this is. Raises :class:`UsageError`."""
    name = name_of(path)
    if name is None:
        raise UsageError(f"{path} is no dictionary.", f"Give a file that ends with {', '.join(ENDINGS)}.")
    found = _parsed(path, name)
    if not found.entries:
        raise bad_file(str(path), "has no entry with a translation", "Is it a bilingual dictionary?")
    return found


def _parsed(path: Path, name: str) -> Dictionary:
    stem, where = path.with_name(name), str(path.with_name(name))
    if path.name.endswith((".tei", ".tei.gz")):
        return tei.parse(name, read_file(path), str(path))
    text = read_file(_first(stem, ".dict.dz", ".dict"))
    if path.name.endswith(".ifo"):
        synonyms = stem.with_name(f"{name}.syn")
        syn = read_file(synonyms) if synonyms.is_file() else None
        return stardict.parse(name, read_file(path), read_file(_first(stem, ".idx.gz", ".idx")), text, syn, where)
    return dictd.parse(name, read_file(path), text, where)


def _first(stem: Path, *endings: str) -> Path:
    """The first of these files that is there, else the last one, whose absence is then the error."""
    paths = [stem.with_name(stem.name + ending) for ending in endings]
    return next((path for path in paths if path.is_file()), paths[-1])
