"""What others have reported for a suite, to be shown beside our own figures: ``published.json``, with its sources."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from hubkit.languages import Language

MEAN = "mean"  # stands for a language: the mean over all languages of the suite


class Strict(BaseModel):
    """Takes no unknown key."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(Strict):
    """A system's figures from one source; ``values`` by the code that the suite uses for a language."""

    suite: str
    metric: str
    system: str
    source: str
    values: dict[str, float]


class Published(Strict):
    """One published figure of a system: ``metric`` is comparable with ours of the same name."""

    suite: str
    language: str
    metric: str
    system: str
    value: float
    source: str


class _Tables(Strict):
    tables: list[Table]


def published(suite: str, language: Language | None = None) -> list[Published]:
    """What is known of ``suite`` in ``language`` (default: means over its languages), by metric, the best first."""
    codes = [MEAN] if language is None else [language.iso639_3, language.macrolanguage, language.tag]
    found = [
        Published(**table.model_dump(exclude={"values"}), language=code, value=table.values[code])
        for table in _tables()
        if table.suite == suite
        for code in [next((code for code in codes if code in table.values), None)]
        if code is not None
    ]
    return sorted(found, key=lambda row: (row.metric, -row.value))


@lru_cache(maxsize=1)
def _tables() -> list[Table]:
    text = files("hubkit.evaluation").joinpath("published.json").read_text("utf-8")
    return _Tables.model_validate_json(text).tables
