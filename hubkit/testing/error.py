"""How a check of :mod:`hubkit.testing` fails; it needs no test framework, and every one shows it as a failed test."""

from __future__ import annotations


class ConformanceError(AssertionError):
    """Something that a plugin registers is not what hubkit expects; the text says what."""


def require(holds: object, what: str) -> None:
    """Raise :class:`ConformanceError` with the sentence ``what`` unless ``holds``."""
    if not holds:
        raise ConformanceError(what)


def require_text(value: object, what: str) -> None:
    """Raise :class:`ConformanceError` unless ``value`` is a string with something in it."""
    require(isinstance(value, str) and value.strip(), f"{what} must be a non-empty string, not {value!r}")
