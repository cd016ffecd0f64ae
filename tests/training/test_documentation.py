"""``docs/train.md`` and ``docs/ablation.md`` list every field of what they describe, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from hubkit.training.config import Files, FurtherObjective, TrainingConfig, with_assignments
from hubkit.training.config_file import validated
from hubkit.workflows.ablation_plan import Plan

DOCS = Path(__file__).parents[2] / "docs"


def tables(page: str) -> list[dict[str, str]]:
    """Every table ``field | default | meaning``: field → default."""
    found: list[dict[str, str]] = []
    for line in (DOCS / page).read_text("utf-8").splitlines():
        if line == "| field | default | meaning |":
            found.append({})
        elif found and (row := re.match(r"^\| `(\w+)` \| (.*?) \|", line)):
            found[-1][row[1]] = row[2]
    return found


@pytest.mark.parametrize(
    ("page", "place", "model"),
    [
        ("train.md", 0, TrainingConfig), ("train.md", 1, Files), ("train.md", 2, FurtherObjective),
        ("ablation.md", 0, Plan),
    ],
)  # fmt: skip
def test_every_field_has_a_row_with_its_default(page: str, place: int, model: type[BaseModel]) -> None:
    rows = tables(page)[place]
    assert list(rows) == list(model.model_fields)
    for name, field in model.model_fields.items():
        if field.is_required():
            assert rows[name] == "needed", name
            continue
        default = field.get_default(call_default_factory=True)
        if isinstance(default, bool | str | int | float):
            shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
            assert rows[name] == shown, f"{name} has the default {default}"
        elif isinstance(default, tuple | dict) and rows[name].startswith("`"):
            assert yaml.safe_load(rows[name].strip("`")) == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("page", ["train.md", "ablation.md"])
def test_the_examples_are_valid(page: str) -> None:
    found = re.findall(r"^```yaml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    for text in found:
        values = yaml.safe_load(text)
        if "arms" in values:
            made = validated(Plan, values, page)
            assert [made.arm(name) for name in made.arms]
        else:
            with_assignments(values, [], page)
