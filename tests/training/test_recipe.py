"""The recipe: strict, and every field of it is in the documentation with its default."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from hubkit.training.recipe import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
ROWS = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", PAGE.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", Recipe.model_fields)
def test_every_field_is_documented_with_its_default(name: str) -> None:
    value = Recipe.model_fields[name].get_default(call_default_factory=True)
    written = value if isinstance(value, str) else json.dumps(value)
    assert ROWS[name] == {"null": "none"}.get(written, written)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra"):
        Recipe(batchsize=3)


@pytest.mark.parametrize(("lengths", "skip_lower"), [([5, 12, 30], 0.0), ([5, 11, 30], 0.5), ([], 0.5)])
def test_prose_is_trained_in_all_layers(lengths: list[int], skip_lower: float) -> None:
    assert Recipe().fitted(lengths).skip_lower == skip_lower
    assert Recipe(cache_activations=True).fitted(lengths).skip_lower == 0.5
    assert Recipe(skip_lower=0.25).fitted(lengths).skip_lower == 0.25
