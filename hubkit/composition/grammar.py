"""Recipes as text, read by hand: nothing in a recipe is ever evaluated.

recipe    = [ "core" | part { "+" part } ] [ "-" "mean" "(" name ")" ]
part      = form | [ number "*" ] adapter
form      = ( "stack" | "merge" | "fuse" | "ensemble" ) "(" argument { "," argument } ")"
argument  = recipe [ ":" number ] | option "=" value
adapter   = name [ versions ] | '"' name versions '"'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from hubkit.composition.member import CORE, VERSIONS, Member, member_from_text
from hubkit.composition.recipe import CoreAlone, Ensemble, Fuse, Merge, Recipe, Stack
from hubkit.composition.rules import NUMBER
from hubkit.composition.tree import MAX_DEPTH
from hubkit.errors import UsageError

MAX_LENGTH = 100_000
_TOKEN = re.compile(
    rf"""\s*(?:(?P<quoted>"[^"]*")|(?P<versions>{VERSIONS})|(?P<word>[^\s+*(),:=<>!~"'\\]+)|(?P<mark>\S))"""
)
_OPTIONS: dict[str, tuple[str, ...]] = {
    "stack": (),
    "merge": ("method", "density", "seed", "target"),
    "fuse": ("fusion",),
    "ensemble": ("temperature",),
}
_SHOWN = 60
_Made = TypeVar("_Made")
_Maker = Callable[[str | None], Recipe | Member]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # quoted, versions, word, mark, end
    text: str
    start: int


@dataclass(slots=True)
class _Arguments:
    """What stands between the brackets of a form."""

    parts: list[Any] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Recipe:
    """The recipe that ``text`` writes; nothing, or ``core``, is the core alone. The inverse of ``str``.

    Raises :class:`UsageError` that shows the place.
    """
    if len(text) > MAX_LENGTH:
        raise UsageError(f"The recipe has {len(text)} characters.", f"It may have {MAX_LENGTH}.")
    reader = _Reader(text)
    recipe = CoreAlone() if reader.token.kind == "end" else reader.recipe(0)
    if reader.token.kind != "end":
        reader.fail(f"{reader.token.text!r} is not expected", 'Put + between adapters, quotes around "lang-rw>=1,<2".')
    return Stack(recipe) if isinstance(recipe, Member) else recipe


class _Reader:
    """A text and the token that comes next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.token = self._token_from(0)

    def recipe(self, depth: int) -> Recipe | Member:
        """One adapter alone stays a Member."""
        start = self.token.start
        if self._at("word", CORE):
            self._next()
            if self._at("mark", "+") or self._at("word", "-"):
                self.fail("core is what every adapter acts on", "Leave it out, or write core alone.")
            return CoreAlone()
        makers = [self._part(depth)]
        while self._at("mark", "+"):
            self._next()
            makers.append(self._part(depth))
        centre = self._centre()
        if len(makers) == 1:
            return makers[0](centre)
        parts: list[Any] = [make(None) for make in makers]
        return self._made(start, lambda: Stack(*parts, centre=centre))

    def _part(self, depth: int) -> _Maker:
        """What makes the part, given the centre of the whole if this is the whole."""
        first = self.token
        if self._at_form():
            self._next()
            if depth >= MAX_DEPTH:
                self.fail("it is nested too deep", f"It may be nested {MAX_DEPTH} forms deep.")
            arguments = self._arguments(first.text, depth)
            return lambda centre: self._made(first.start, lambda: _make(first.text, arguments, centre))
        member = self._member()
        return lambda centre: (
            member if centre is None else self._made(first.start, lambda: Stack(member, centre=centre))
        )

    def _member(self) -> Member:
        first, strength = self.token, None
        if self._after().text == "*":
            strength = self._number()
            self._next()
            if self._at_form():
                self.fail(f"{self.token.text}(…) has no strength", "Give the adapters in it theirs.")
        reference = self._reference()
        member = self._made(first.start, lambda: member_from_text(reference))
        if strength is None:
            return member
        return self._made(first.start, lambda: Member(member.name, member.spec, strength))

    def _reference(self) -> str:
        """Name and versions of an adapter."""
        if self.token.kind not in ("word", "quoted"):
            self.fail(
                f"an adapter is expected, not {self._shown()}", 'Write a name such as lang-rw, or "lang-rw>=1,<2".'
            )
        text = self._next().text
        return text + self._next().text if self.token.kind == "versions" else text

    def _arguments(self, form: str, depth: int) -> _Arguments:
        found = _Arguments()
        self._expect("(")
        while True:
            if self.token.kind == "word" and self._after().text == "=":
                self._option(form, found.options)
            elif not self._at("mark", ")"):
                found.parts.append(self.recipe(depth + 1))
                if self._at("mark", ":"):
                    self._next()
                    found.weights.append(self._number())
            if not self._at("mark", ","):
                break
            self._next()
        self._expect(")")
        return found

    def _option(self, form: str, options: dict[str, Any]) -> None:
        name = self.token.text
        if name not in _OPTIONS[form]:
            self.fail(f"{form} has no option {name}", f"It has {', '.join(_OPTIONS[form]) or 'none'}.")
        if name in options:
            self.fail(f"{name} is there twice", "Write it once.")
        self._next()
        self._next()
        if name in ("density", "temperature"):
            options[name] = self._number()
        elif name == "seed":
            options[name] = self._whole_number()
        elif name == "fusion":
            options[name] = self._member()
        else:
            options[name] = self._reference().strip('"')

    def _centre(self) -> str | None:
        """The adapter whose mean is removed, if the recipe ends that way."""
        if not self._at("word", "-"):
            return None
        self._next()
        if not self._at("word", "mean"):
            self.fail("only a mean can be subtracted", "End the recipe with - mean(lang-rw).")
        self._next()
        self._expect("(")
        name = self._reference().strip('"')
        self._expect(")")
        return name

    def _number(self) -> float:
        if self.token.kind != "word" or not re.fullmatch(NUMBER, self.token.text):
            self.fail(f"{self._shown()} is no number", "Write it like 0.5.")
        return float(self._next().text)

    def _whole_number(self) -> int:
        if not re.fullmatch("[0-9]{1,19}", self.token.text):
            self.fail(f"{self._shown()} is no whole number", "Write it like 0.")
        return int(self._next().text)

    def _made(self, start: int, make: Callable[[], _Made]) -> _Made:
        """What ``make`` makes; its objection is shown at ``start``."""
        try:
            return make()
        except UsageError as error:
            self.fail(error.what.removesuffix("."), error.fix or "", start)

    def _token_from(self, place: int) -> _Token:
        found = _TOKEN.match(self.text, place)
        if found is None or found.lastgroup is None:
            return _Token("end", "", len(self.text))
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))

    def _after(self) -> _Token:
        return self._token_from(self.token.start + len(self.token.text))

    def _next(self) -> _Token:
        """Move on, and return what was next."""
        token, self.token = self.token, self._after()
        return token

    def _at_form(self) -> bool:
        return self.token.kind == "word" and self.token.text in _OPTIONS and self._after().text == "("

    def _at(self, kind: str, text: str) -> bool:
        return (self.token.kind, self.token.text) == (kind, text)

    def _expect(self, mark: str) -> None:
        if not self._at("mark", mark):
            self.fail(f"{mark} is expected, not {self._shown()}", f"Put {mark} there.")
        self._next()

    def _shown(self) -> str:
        return "the end" if self.token.kind == "end" else repr(self.token.text[:_SHOWN])

    def fail(self, problem: str, fix: str, place: int | None = None) -> NoReturn:
        """Raise the error that shows where the text cannot be read: at the next token, or at ``place``."""
        place = self.token.start if place is None else place
        begin, end = max(0, place - _SHOWN), place + _SHOWN
        line = "".join(character if character.isprintable() else " " for character in self.text[begin:end])
        before, after = "…" if begin else "", "…" if end < len(self.text) else ""
        arrow = " " * (len(before) + place - begin) + "^"
        raise UsageError(f"The recipe cannot be read: {problem}.\n  {before}{line}{after}\n  {arrow}\n", fix)


def _make(form: str, arguments: _Arguments, centre: str | None) -> Recipe:
    parts, options = arguments.parts, {**arguments.options, "centre": centre}
    if arguments.weights:
        if form not in ("merge", "ensemble"):
            raise UsageError(f"{form} has no weights.", "Leave them out, or choose merge.")
        if len(arguments.weights) < len(parts):
            raise UsageError(f"{form} has weights for some only.", "Give each a weight, or none.")
        options["weights"] = arguments.weights
    if form == "merge":
        return Merge(parts, **options)
    make: Callable[..., Recipe] = {"stack": Stack, "fuse": Fuse, "ensemble": Ensemble}[form]
    return make(*parts, **options)
