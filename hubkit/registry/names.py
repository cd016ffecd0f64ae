"""Names of adapters: where their records lie, and which names a reader could take for one another.

Refused are names that are equal after case, hyphens and look-alike characters are taken away (as npm and crates.io do),
and names one edit apart in a part of five letters or more, unless both belong to one owner, or the two parts are known
themselves: tags of languages and names of families are near each other by nature (``lang-sw``, ``lang-ss``).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hubkit.errors import NotFoundError, UsageError

PREFIX = re.compile(r"^(fam|finding|fuse|lang|task)-")
NAME = re.compile(r"(fam|finding|fuse|lang|task)(-[A-Za-z0-9]+)+")
EDITED_LETTERS = 5  # two shorter parts are compared as a whole only
MAX_NAME_CHARACTERS = 80
_LOOKALIKES = str.maketrans(
    {
        **dict(zip("авгеёѕіїјкӏмноԛрстуԝхьҽ", "abreesiijklmhoqpctywxbe", strict=True)),
        **dict(zip("αβγεηικνορστυχωϲ", "abyenlkvopotuxwc", strict=True)),
        **dict(zip("ıøđłħŧɡɑß", "iodlhtgab", strict=True)),
        **dict.fromkeys("‐‒–—―−˗", "-"),
    }
)
_SHAPES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("2", "z"))


def is_record_name(text: str) -> bool:
    """Whether ``text`` has the form of a name in an index, such as ``lang-rw`` or ``finding-sw``."""
    return len(text) <= MAX_NAME_CHARACTERS and NAME.fullmatch(text) is not None


def shard(name: str) -> tuple[str, str]:
    """The two folders of a name: its first four letters after the kind, ``_`` where there are fewer.

    ``fam-bantu`` → (``ba``, ``nt``), ``lang-rw`` → (``rw``, ``__``). Raises :class:`UsageError` for what is no name.
    """
    if not is_record_name(name):
        raise UsageError(f"{name[:MAX_NAME_CHARACTERS]!r} is no adapter's name.", "A name is such as lang-rw.")
    letters = PREFIX.sub("", name).replace("-", "").lower()[:4].ljust(4, "_")
    return letters[:2], letters[2:]


def plain_letters(text: str) -> str:
    """``text`` with letters of other scripts replaced by the Latin ones they look like; compatibility forms too."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(letter for letter in folded if not unicodedata.combining(letter)).translate(_LOOKALIKES)


def skeleton(text: str) -> str:
    """What an eye takes ``text`` for: no case, no punctuation, ``rn`` is m, ``0`` is o, ``1`` and ``i`` are l.

    Two texts with one skeleton are confusable (in the manner of Unicode TS 39).
    """
    shape = "".join(letter for letter in plain_letters(text) if letter.isalnum())
    for seen, taken_for in _SHAPES:
        shape = shape.replace(seen, taken_for)
    return shape


def disguised(text: str) -> str | None:
    """The adapter's name that ``text`` looks like but is not, because of letters of another script; else ``None``."""
    if text.isascii():
        return None
    looks_like = re.split(r"[^a-z0-9-]", plain_letters(text).strip())[0]
    return looks_like if is_record_name(looks_like) else None


def one_edit_apart(a: str, b: str) -> bool:
    """Whether one letter was added, left out, replaced or swapped with its neighbour (Damerau 1964)."""
    if len(a) > len(b):
        a, b = b, a
    if a == b or len(b) - len(a) > 1:
        return False
    start = next((at for at, (ours, theirs) in enumerate(zip(a, b, strict=False)) if ours != theirs), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1 :]
    return a[start + 1 :] == b[start + 1 :] or (
        a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    owner: str
    kind: str
    tag: str | None  # of a language that is known
    rest: str  # what comes after kind and tag


class NameTable:
    """Names that are taken; tells for a further one which of them it could be confused with."""

    def __init__(self) -> None:
        self._skeletons: dict[tuple[str, str], list[_Entry]] = defaultdict(list)
        self._near: dict[tuple[str, str | None, str], list[_Entry]] = defaultdict(list)

    def problems(self, name: str, owner: str) -> list[str]:
        """Why ``name`` of ``owner`` cannot be taken, as sentences."""
        entry = _entry(name, owner)
        found: dict[str, str] = {}
        for other in self._skeletons.get(_shape(entry), ()):
            if other.name != name and not _are_two_languages(entry, other):
                found[other.name] = f"{name} looks like {other.name}, which is taken"
        for key in _deletions(entry.rest):
            for other in self._near.get((entry.kind, entry.tag, key), ()):
                if other.name not in found and _is_near(entry, other):
                    found[other.name] = f"{name} is one letter away from {other.name} of {other.owner}"
        return [found[other] for other in sorted(found)]

    def add(self, name: str, owner: str) -> None:
        """Take ``name`` for ``owner`` (the first part of the repository's id)."""
        entry = _entry(name, owner)
        self._skeletons[_shape(entry)].append(entry)
        for key in _deletions(entry.rest):
            self._near[entry.kind, entry.tag, key].append(entry)


def _entry(name: str, owner: str) -> _Entry:
    kind, _, rest = name.partition("-")
    if kind in ("lang", "finding") and (tag := language_tag(rest)):
        return _Entry(name, owner, kind, tag, rest[len(tag) + 1 :])
    return _Entry(name, owner, kind, None, rest)


def _shape(entry: _Entry) -> tuple[str, str]:
    return entry.kind, skeleton(entry.name.partition("-")[2])


def _are_two_languages(entry: _Entry, other: _Entry) -> bool:
    return entry.tag is not None and other.tag is not None and entry.tag != other.tag


def language_tag(rest: str) -> str | None:
    """The known language tag that ``rest`` is or begins with, spelt as it should be: ``sr-Latn-news`` → ``sr-Latn``."""
    parts = rest.split("-")
    for end in range(len(parts), 0, -1):
        if (candidate := "-".join(parts[:end])) in _tags():
            return candidate
    return None


@lru_cache(maxsize=1)
def _tags() -> frozenset[str]:
    from hubkit.languages import languages

    return frozenset(language.tag for language in languages())


def _deletions(rest: str) -> Iterator[str]:
    """``rest`` and ``rest`` without each of its letters: two texts one edit apart have one of them in common.

    (A swapped pair of neighbours too: what is left without the one letter is what is left without the other.)
    """
    if len(rest) >= EDITED_LETTERS - 1:
        folded = rest.lower()
        yield from dict.fromkeys((folded, *(folded[:at] + folded[at + 1 :] for at in range(len(folded)))))


def _is_near(entry: _Entry, other: _Entry) -> bool:
    if entry.owner == other.owner or max(len(entry.rest), len(other.rest)) < EDITED_LETTERS:
        return False
    if not one_edit_apart(entry.rest.lower(), other.rest.lower()):
        return False
    return not (entry.kind == "fam" and _is_family(entry.rest) and _is_family(other.rest))


@lru_cache(maxsize=4096)
def _is_family(rest: str) -> bool:
    from hubkit.languages.family import group

    try:
        return bool(group(rest))
    except NotFoundError:
        return False
    except UsageError:  # several groups have that name
        return True
