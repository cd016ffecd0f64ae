from __future__ import annotations

import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.suite import ParallelSuite, Suite
from hubkit.evaluation.tasks.udhr import Udhr


def test_misaligned_suite_is_refused() -> None:
    with pytest.raises(HubkitError, match="2 texts, 1 English"):
        ParallelSuite("s", "o", "l", "prose", "rw", ("a", "b"), ("x",), ("1", "2"))


def test_udhr_is_a_suite() -> None:
    assert isinstance(Udhr(), Suite)
