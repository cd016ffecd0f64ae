"""Reads a YAML, TOML or JSON file into a strict model; an unknown key is answered with the one that was meant."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from hubkit.errors import NotFoundError, UsageError

Model = TypeVar("Model", bound=BaseModel)


def read_config(path: Path) -> dict[str, Any]:
    """The table in ``path`` (.yaml, .yml, .toml, .json).

    Raises :class:`NotFoundError` where there is no file, and :class:`UsageError` for one that is no such table.
    """
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}.", "Check the path.")
    try:
        value = _parsed(path)
    except UsageError:
        raise
    except Exception as error:  # each format has its own errors
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}", "Correct the file.") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise UsageError(f"{path} holds no table of names and values.", "Write it as `name: value`, a line each.")
    return value


def _parsed(path: Path) -> Any:
    text, kind = path.read_text("utf-8"), path.suffix.lower()
    if kind == ".json":
        return json.loads(text)
    if kind == ".toml":
        if sys.version_info >= (3, 11):
            import tomllib
        else:  # pragma: no cover
            import tomli as tomllib
        return tomllib.loads(text)
    if kind in (".yaml", ".yml"):
        import yaml

        return yaml.safe_load(text)
    raise UsageError(f"{path} has the ending {kind or 'none'}.", "Name it .yaml, .toml or .json.")


def validated(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """``values`` as a ``model``. Raises :class:`UsageError` that names the field of ``where`` and the nearest known."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise UsageError(*_told(model, error, where)) from None


def _told(model: type[BaseModel], error: ValidationError, where: str) -> tuple[str, str]:
    """What is wrong with the first wrong field, and what to do; how many more there are."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    place = ".".join(map(str, first["loc"]))
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        known = list(fields_at(model, first["loc"][:-1]))
        return f"{where} has the unknown key {place}{more}.", suggestion(str(first["loc"][-1]), known)
    if first["type"] == "missing":
        return f"{where} lacks {place}{more}.", "Add it."
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    given = "" if isinstance(first["input"], dict | list) or not place else f", not {first['input']!r}"
    return f"{where}: {place + ': ' if place else ''}{said}{given}{more}.", "Correct it."


def suggestion(word: str, known: Sequence[str]) -> str:
    """``Did you mean batch_size?``, or what there is."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."


def fields_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The fields of the model that lies at ``place`` of ``model``."""
    current: type[BaseModel] = model
    for name in place:
        if isinstance(name, int) or name not in current.model_fields:
            continue
        current = next(_models(current.model_fields[name].annotation), current)
    return list(current.model_fields)


def _models(annotation: Any) -> Any:
    """The models inside a type such as ``list[Objective] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
