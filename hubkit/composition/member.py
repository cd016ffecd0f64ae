"""A reference to an adapter, the leaf of every recipe: a name, the versions that will do, a strength."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubkit.composition.rules import NUMBER, finite, number_text
from hubkit.errors import UsageError

CORE = "core"
PUNCTUATION = frozenset("+*(),:=<>!~\"'\\")
VERSIONS = r"(?:==|~=|!=|<=|>=|<|>)[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*(?:\.\*)?"
"""Version specifiers that need no quotes in a recipe."""
MAX_NAME, MAX_SPEC = 200, 200


@dataclass(frozen=True, slots=True)
class Member:
    """The adapter ``name`` in a version that satisfies ``spec`` (PEP 440; "" is any), at ``strength`` (None: its own).

    Published names look like ``lang-rw``; an adapter in memory may have any name without punctuation of recipes.
    Raises :class:`UsageError` for a name, specifier or strength that cannot be one.
    """

    name: str
    spec: str = ""
    strength: float | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        object.__setattr__(self, "spec", _specifier(self.name, self.spec))
        if self.strength is not None:
            strength = finite(self.strength, f"The strength of {self.name}")
            if strength == 0:
                raise UsageError(f"The strength of {self.name} is 0, which is no adapter.", "Leave the adapter out.")
            object.__setattr__(self, "strength", strength)

    def __str__(self) -> str:
        factor = "" if self.strength is None else f"{number_text(self.strength)}*"
        is_plain = is_word(self.name) and (not self.spec or re.fullmatch(VERSIONS, self.spec))
        return f"{factor}{self.name}{self.spec}" if is_plain else f'{factor}"{self.name}{self.spec}"'

    def members(self) -> tuple[Member, ...]:
        """Itself: a member is a recipe's smallest part."""
        return (self,)

    def to_data(self) -> dict[str, Any]:
        """The reference as JSON data."""
        data: dict[str, Any] = {"adapter": self.name}
        if self.spec:
            data["spec"] = self.spec
        if self.strength is not None:
            data["strength"] = self.strength
        return data


def member_from_text(text: str) -> Member:
    """``lang-rw``, ``lang-rw>=1,<2`` or ``0.5*lang-rw``, with or without quotes, as a :class:`Member`."""
    found = re.match(rf"\s*({NUMBER})\s*\*", text)
    strength = float(found[1]) if found else None
    reference = text[found.end() if found else 0 :].strip()
    if len(reference) > 1 and reference[0] == reference[-1] == '"':
        reference = reference[1:-1]
    at = next((place for place, character in enumerate(reference) if character in "=<>!~"), len(reference))
    return Member(reference[:at].strip(), reference[at:], strength)


def check_name(name: object) -> None:
    """Raise :class:`UsageError` unless ``name`` can name an adapter in a recipe."""
    if not isinstance(name, str) or not name:
        raise UsageError(f"The name of an adapter is missing: {name!r}.", "Names look like lang-rw.")
    if len(name) > MAX_NAME:
        raise UsageError(f"The adapter name {name[:40]}… is too long.", f"It may have {MAX_NAME} characters.")
    if name == CORE:
        raise UsageError("core is no adapter but what every adapter acts on.", "Leave it out, or write core alone.")
    wrong = sorted({character for character in name if character in PUNCTUATION or not character.isprintable()})
    if wrong or name != name.strip():
        what = " ".join(map(repr, wrong)) or "a space at an end"
        raise UsageError(
            f"{name!r} cannot be the name of an adapter in a recipe: it has {what}.",
            "Name adapters one by one; hubkit.composition.data.as_recipe reads a whole recipe.",
        )


def is_word(name: str) -> bool:
    """Whether a recipe may have this name without quotes."""
    return " " not in name and name != "-"


def name_text(name: str) -> str:
    """The name as a recipe has it."""
    return name if is_word(name) else f'"{name}"'


def _specifier(name: str, spec: object) -> str:
    """The specifier without spaces."""
    try:
        if not isinstance(spec, str) or len(spec) > MAX_SPEC or "===" in spec:
            raise InvalidSpecifier
        SpecifierSet(spec)
    except InvalidSpecifier as error:
        what = f"The versions of {name} cannot be {spec!r}."
        raise UsageError(what, "Write PEP 440 specifiers, such as ==0.1.0 or >=1,<2.") from error
    return "".join(spec.split())
