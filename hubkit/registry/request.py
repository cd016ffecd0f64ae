"""What a user asks for: an adapter or a language, with a range of versions or without."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubkit.errors import UsageError
from hubkit.registry.names import disguised, is_record_name

_PARTS = re.compile(r"^([^=<>!~@]+?)\s*@?\s*([=<>!~].*)?$", re.DOTALL)
MAX_REQUEST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, order=True)
class Request:
    """An adapter's name and PEP 440 specifiers in one spelling ("" for any version)."""

    name: str
    spec: str = ""

    def __str__(self) -> str:
        return f"{self.name}{self.spec}"


def parse_request(text: str) -> Request:
    """``rw``, ``Swahili``, ``lang-rw``, ``lang-rw>=1,<2``, ``lang-rw@==1.0.0`` → a request.

    A language means its adapter, ``lang-TAG``. Raises :class:`UsageError` for a malformed range or a name in letters
    that only look Latin, :class:`NotFoundError` for an unknown language.
    """
    match = _PARTS.match(text.strip())
    if match is None or len(text) > MAX_REQUEST_CHARACTERS:
        raise UsageError(f"{text[:60]!r} names no adapter.", "Write lang-rw, lang-rw>=1,<2 or a language's tag.")
    name, spec = match[1].strip(), _normal(match[2] or "")
    if (looks_like := disguised(name)) is not None:
        raise UsageError(
            f"{name!r} is not {looks_like}: some of its letters are of another script and only look alike.",
            f"Type {looks_like} yourself if you mean it.",
        )
    return Request(name if is_record_name(name) else _adapter_of(name), spec)


def _adapter_of(language: str) -> str:
    from hubkit.languages import find

    return f"lang-{find(language).tag}"


def _normal(spec: str) -> str:
    """Specifiers sorted and without spaces, so that one range is written in one way."""
    try:
        found = SpecifierSet(spec)
    except InvalidSpecifier as error:
        raise UsageError(f"{spec!r} is no version specifier.", "Write ==0.1.0 or >=0.1,<1.") from error
    return ",".join(sorted(str(part) for part in found))
