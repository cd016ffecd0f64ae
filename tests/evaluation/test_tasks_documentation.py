"""The page ``docs/tasks.md``: it names every task, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hubkit import builtin
from hubkit.testing import check_task

PAGE = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text("utf-8")


def test_every_registered_task_is_in_the_table() -> None:
    rows = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`([\w-]+)`", row)}
    assert set(builtin.register_tasks()) <= rows


def test_the_example_is_a_task() -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class Triplets" in block)
    names: dict[str, Any] = {}
    exec(code, names)
    check_task(names["Triplets"], "sw")
