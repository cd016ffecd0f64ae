"""Runs code of a plugin alone: what it raises is told as text, what it prints does not reach standard output."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import TypeVar

T = TypeVar("T")
_LONGEST = 300  # characters of a text that a plugin gives


class Failed(Exception):  # noqa: N818 - what happened to a plugin's code
    """A plugin's code raised something; the text says what."""


def isolated(call: Callable[[], T]) -> tuple[T, str]:
    """What ``call`` returns and what it printed; :class:`Failed` for all that it raises but an interrupt."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            found = call()
        return found, printed.getvalue()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Failed(told(error)) from error


def told(error: BaseException) -> str:
    """Type and text of an exception in one line; the text is the plugin's and may be anything."""
    try:
        text = shown(str(error))
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shown(text: str) -> str:
    """A text in one line of printable characters, cut when it is long."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:_LONGEST]
