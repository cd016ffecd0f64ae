"""The suites on which damage to unrelated languages is measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.languages import Language, find

if TYPE_CHECKING:
    from hubkit.evaluation.suite import ParallelSuite, Suite

DAMAGE_LANGUAGES = 5
_LISTED = Path(__file__).parents[1] / "damage_languages.json"


def unrelated_suites(language: Language, trained_on: Sequence[str], suite: Suite) -> list[ParallelSuite]:
    """The suite in :data:`DAMAGE_LANGUAGES` languages of other families that training did not use."""
    found: list[ParallelSuite] = []
    for tag in json.loads(_LISTED.read_text("utf-8")):
        other = find(tag)
        related = bool(other.family and language.family and other.family[0] == language.family[0])
        if tag in trained_on or related:
            continue
        if (loaded := suite.load(other)) is not None:
            found.append(loaded)
        if len(found) == DAMAGE_LANGUAGES:
            break
    return found
