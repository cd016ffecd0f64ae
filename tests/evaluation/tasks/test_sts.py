"""Similarity: the correlation is Spearman's, ties and resamples included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from hubkit.errors import UsageError
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.tasks.sts import Sts, mean_ranks, spearman
from hubkit.languages import find


def encode(sentences: list[str]) -> np.ndarray:
    """``"30"`` is the direction at 30 degrees."""
    angles = np.radians([float(sentence) for sentence in sentences])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


SYSTEM = Tested("adapter", "", encode, encode)


@pytest.fixture
def task(tmp_path: Path) -> Sts:
    (tmp_path / "sw.tsv").write_text("0\t10\t5\n0\t40\t3\n0\t90\t0\n0\t20\t4.5\n")
    return Sts(tmp_path)


def test_pairs_in_the_order_of_their_scores(task: Sts) -> None:
    assert isinstance(task, Task)
    items = task.items(find("sw"))
    assert task.items(find("rw")) is None
    raw, centred = task.measure(items, SYSTEM)
    assert raw.value == pytest.approx(1)
    assert (raw.metric, raw.view, centred.view) == ("Spearman", "raw", "centred")
    np.testing.assert_allclose(raw.rows[:, 1], [5, 3, 0, 4.5])
    np.testing.assert_allclose(raw.rows[:, 0], np.cos(np.radians([10, 40, 90, 20])), atol=1e-6)
    assert sorted(task.texts(items)) == sorted(["0", "10", "0", "40", "0", "90", "0", "20"])
    assert raw.keys[0] == "sw.tsv:1"


def test_the_wrong_order(tmp_path: Path) -> None:
    (tmp_path / "sw.tsv").write_text("0\t10\t0\n0\t40\t3\n0\t90\t5\n")
    task = Sts(tmp_path)
    assert task.measure(task.items(find("sw")), SYSTEM)[0].value == pytest.approx(-1)


@pytest.mark.parametrize("content", ["a\tb\t1\nc\td\t2\n", "a\tb\t1\nc\td\t1\ne\tf\t1\n"])
def test_too_little(content: str, tmp_path: Path) -> None:
    (tmp_path / "sw.tsv").write_text(content)
    with pytest.raises(UsageError, match="A rank correlation needs 3 pairs and two scores"):
        Sts(tmp_path).items(find("sw"))


def test_spearman_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(size=60).round(1), rng.integers(0, 6, size=60)], axis=1)
    assert spearman(rows) == pytest.approx(spearmanr(*rows.T).statistic)
    drawn = rng.integers(0, 60, size=(30, 60))
    found = spearman(rows[drawn])
    np.testing.assert_allclose(found, [spearmanr(*rows[index].T).statistic for index in drawn])


def test_spearman_of_what_does_not_vary() -> None:
    assert spearman(np.array([[1.0, 2.0], [1.0, 3.0]])) == 0


def test_ranks() -> None:
    values = np.random.default_rng(1).integers(0, 5, size=(3, 2, 9)).astype(float)
    np.testing.assert_allclose(mean_ranks(values), rankdata(values, axis=-1))
