from __future__ import annotations

from typing import Any

import pytest

from hubkit.errors import HubkitError, UsageError
from hubkit.evaluation.suite import ParallelSuite, Suite, loaded
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.languages import find
from hubkit.testing import registering


def test_misaligned_suite_is_refused() -> None:
    with pytest.raises(HubkitError, match="2 texts, 1 English"):
        ParallelSuite("s", "o", "l", "prose", "rw", ("a", "b"), ("x",), ("1", "2"))


def test_udhr_is_a_suite() -> None:
    assert isinstance(Udhr(), Suite)


SUITE = ParallelSuite("mine", "made up", "CC0-1.0", "prose", "rw", ("a", "b"), ("x", "y"), ("1", "2"))


class Mine:
    name = "mine"

    def load(self, language: Any) -> Any:
        return {"rw": SUITE, "sn": "no suite"}.get(language.tag)


class Fails(Mine):
    def load(self, language: Any) -> Any:
        raise SystemExit(3)


class CannotBeMade(Mine):
    def __init__(self) -> None:
        raise ImportError("No module named 'x'")


def test_a_registered_suite_in_a_language() -> None:
    with registering("tasks", "mine", Mine):
        assert loaded("mine", find("rw")) == SUITE
        assert loaded("mine", find("lg")) is None
        with pytest.raises(HubkitError, match="The suite mine gave str for sn"):
            loaded("mine", find("sn"))


@pytest.mark.parametrize(("suite", "why"), [(Fails, "SystemExit: 3"), (CannotBeMade, "ImportError")])
def test_a_plugin_s_suite_that_fails_names_the_plugin(suite: type, why: str) -> None:
    with registering("tasks", "mine", suite), pytest.raises(HubkitError, match=f"'mine' of plugin the test .*{why}"):
        loaded("mine", find("rw"))


def test_a_task_is_no_suite() -> None:
    with pytest.raises(UsageError, match="freedict is a task that has no parallel sentences"):
        loaded("freedict", find("sw"))
