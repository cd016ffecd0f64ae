"""Translation memories (TMX 1.4): https://www.gala-global.org/tmx-14b; entity declarations are refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

from hubkit.errors import UsageError

_BLOCK = 1 << 16  # bytes parsed at once
_CODES = {"bpt", "ept", "ph", "it", "ut"}  # elements whose content is formatting, not text

Unit = dict[str, str]  # language code → segment


def units(handle: IO[bytes], path: Path) -> Iterator[tuple[int, Unit]]:
    """Yield ``(line, unit)`` of a TMX file as it is read; :class:`UsageError` where it is not well-formed."""
    parser = _Parser()
    try:
        while block := handle.read(_BLOCK):
            parser.expat.Parse(block, False)
            yield from parser.taken()
        parser.expat.Parse(b"", True)
        yield from parser.taken()
    except (expat.ExpatError, ValueError, EOFError, OSError) as error:
        raise UsageError(f"{path} is no well-formed TMX file: {error}.", "Export it again.") from error


class _Parser:
    """Collects finished units while expat reads."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._characters
        self.expat.EntityDeclHandler = self._refuse
        self._finished: list[tuple[int, Unit]] = []
        self._unit: Unit = {}
        self._line = 0
        self._code = ""
        self._segment: list[str] | None = None
        self._formatting = 0

    def taken(self) -> list[tuple[int, Unit]]:
        """The units finished since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        if element == "tu":
            self._unit, self._line = {}, self.expat.CurrentLineNumber
        elif element == "tuv":
            self._code = attributes.get("xml:lang") or attributes.get("lang", "")
        elif element == "seg":
            self._segment = []
        elif element in _CODES:
            self._formatting += 1

    def _end(self, element: str) -> None:
        if element == "seg" and self._segment is not None:
            self._unit.setdefault(self._code, "".join(self._segment))
            self._segment = None
        elif element == "tu":
            self._finished.append((self._line, self._unit))
        elif element in _CODES:
            self._formatting -= 1

    def _characters(self, text: str) -> None:
        if self._segment is not None and not self._formatting:
            self._segment.append(text)

    def _refuse(self, name: str, *_: object) -> None:
        raise ValueError(f"it declares the entity {name!r}, which hubkit does not expand")
