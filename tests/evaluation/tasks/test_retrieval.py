from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.evaluation.measure import Measure
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.evaluation.strata import length_classes
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import Task
from hubkit.evaluation.task import Tested as System
from hubkit.evaluation.tasks.retrieval import Pool, Retrieval, as_task
from hubkit.languages import find

Meanings = Callable[..., System]
RW, SW = find("rw"), find("sw")


def suite(n: int = 30, name: str = "mine", english: tuple[str, ...] | None = None) -> ParallelSuite:
    texts = tuple(f"umuntu {number}" for number in range(n))
    english = english or tuple(f"{name} person {number}" for number in range(n))
    return ParallelSuite(name, "made up", "CC0-1.0", "prose", "rw", texts, english, tuple(map(str, range(n))))


class Own:
    """A suite in Kinyarwanda only."""

    name = "other"

    def __init__(self, found: ParallelSuite) -> None:
        self.found = found

    def load(self, language: Any) -> ParallelSuite | None:
        return self.found if language.tag == "rw" else None


def by_name(measures: Any) -> dict[tuple[str, str], Measure]:
    return {(measure.metric, measure.view): measure for measure in measures}


def measured(task: Task, system: System) -> dict[tuple[str, str], Measure]:
    return by_name(task.measure(task.items(RW), system))


def test_its_metrics_are_those_of_retrieval(meanings: Meanings) -> None:
    mine = suite()
    system = meanings(dict(zip(mine.texts, mine.english, strict=True)), 1.5)
    found = measured(Retrieval(mine), system)
    texts, english = system.encode(list(mine.texts)), system.english(list(mine.english))
    for view, ranked in {
        "raw": retrieve(texts, english),
        "centred": retrieve(centred(texts), centred(english)),
    }.items():
        values = [found[metric, view].value for metric in ("R@1", "R@1 forward", "R@1 backward", "MRR")]
        assert values == pytest.approx([ranked.recall, ranked.forward, ranked.backward, ranked.mrr])
    assert next(iter(found)) == ("R@1", "raw")
    assert set(np.unique(found["R@1", "raw"].rows)) == {0, 0.5, 1}


def test_strata_and_facts(meanings: Meanings) -> None:
    mine = suite(3, english=("short", "m" * 60, "l" * 200))
    measure = measured(Retrieval(mine), meanings({}))["R@1", "raw"]
    assert measure.strata == {"domain": ("prose",) * 3, "length": ("short", "medium", "long")}
    assert measure.keys == mine.keys and measure.facts["distractors"] == 0


def test_length_classes_end_before_their_number() -> None:
    assert length_classes(["x" * 39, "x" * 40, "x" * 119, "x" * 120]) == ("short", "medium", "medium", "long")


def test_distractors_make_the_english_side_harder_and_no_other(meanings: Meanings, tmp_path: Path) -> None:
    mine, other = suite(40), suite(400, "other")
    system = meanings(dict(zip(mine.texts, mine.english, strict=True)), 1.8)
    (tmp_path / "more.txt").write_text("\n".join(f"sentence {number}" for number in range(400)) + "\n\n", "utf-8")
    easy = measured(Retrieval(mine), system)
    for distractors in ([Own(other)], [other], [tmp_path / "more.txt"], [Own(other), tmp_path / "more.txt"]):
        hard = measured(Retrieval(mine, distractors), system)
        for view in ("raw", "centred"):
            assert hard["R@1 forward", view].value < easy["R@1 forward", view].value
            assert (hard["R@1 backward", view].rows == easy["R@1 backward", view].rows).all()
        assert hard["R@1", "raw"].facts["distractors"] == 400 * len(distractors)
    task = Retrieval(mine, [Own(other)])
    assert task.name == "mine-hard"
    items = task.items(RW)
    assert items is not None and not set(task.texts(items)) & set(other.english)


def test_distractors_are_moved_by_the_mean_of_the_suite_s_own_english(meanings: Callable[..., System]) -> None:
    mine, other = suite(40), suite(200, "other")
    plain = meanings(dict(zip(mine.texts, mine.english, strict=True)), 1.8)

    def english(sentences: list[str]) -> np.ndarray:
        away = np.array([0.4 * sentence.startswith("other") for sentence in sentences])
        return plain.english(sentences) + away[:, None]

    found = measured(Retrieval(mine, [other]), System("x", "", plain.encode, english))["R@1 forward", "centred"]
    texts, own, further = plain.encode(list(mine.texts)), english(list(mine.english)), english(list(other.english))
    ranked = retrieve(centred(texts), centred(own), distractors=centred(further, of=own))
    assert (found.rows[:, 0] == ranked.forward_hits).all()
    theirs = retrieve(centred(texts), centred(own), distractors=centred(further))
    assert theirs.forward < ranked.forward  # by their own mean they would come nearer


def test_a_distractor_that_is_an_answer_is_left_out(tmp_path: Path) -> None:
    mine = suite(3)
    (tmp_path / "more.txt").write_text(f"{mine.english[0].upper()}\nMine  person 1\nsomebody\nSomebody\n", "utf-8")
    items = Retrieval(mine, [tmp_path / "more.txt"]).items(RW)
    assert items is not None and [text.lower() for text in items.distractors] == ["somebody"]


def test_a_hard_task_without_distractors_is_none(tmp_path: Path) -> None:
    mine = suite(3)
    (tmp_path / "empty.txt").write_text("\n \n", "utf-8")
    assert Retrieval(mine, [tmp_path / "empty.txt"]).items(RW) is None


def test_a_file_of_distractors_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("é\n".encode("latin-1"))
    for path, error in ((tmp_path / "nothing.txt", NotFoundError), (tmp_path / "latin.txt", UsageError)):
        with pytest.raises(error, match=path.name):
            Retrieval(suite(3), [path]).items(RW)


def test_another_language_has_no_items() -> None:
    assert Retrieval(suite()).items(SW) is None
    assert Retrieval(Own(suite())).items(SW) is None
    assert isinstance(Retrieval(Own(suite())).items(RW), Pool)


def test_texts_are_both_sides() -> None:
    task = Retrieval(suite(2))
    items = task.items(RW)
    assert items is not None
    assert list(task.texts(items)) == ["umuntu 0", "umuntu 1", "mine person 0", "mine person 1"]


def test_a_collapsed_encoder_finds_nothing() -> None:
    def same(texts: list[str]) -> np.ndarray:
        return np.ones((len(texts), 4), dtype=np.float32)

    found = measured(Retrieval(suite()), System("x", "", same, same))
    assert found["R@1", "raw"].value == 0


def test_duplicates_are_right_answers(meanings: Meanings) -> None:
    mine = suite(4, english=("a", "A", "b", "c"))
    found = measured(Retrieval(mine), meanings({"umuntu 0": "A", "umuntu 1": "a", "umuntu 2": "b", "umuntu 3": "c"}))
    assert found["R@1", "raw"].value == 1


def test_vectors_that_are_not_finite(meanings: Meanings) -> None:
    good = meanings({})

    def broken(texts: list[str]) -> np.ndarray:
        return np.full((len(texts), 24), np.nan, dtype=np.float32)

    task = Retrieval(suite())
    for encode, english in ((broken, good.english), (good.encode, broken)):
        with pytest.raises(HubkitError, match="not finite"):
            task.measure(task.items(RW), System("x", "", encode, english))


def test_too_few_vectors(meanings: Meanings) -> None:
    task = Retrieval(suite())
    short = System("x", "", lambda texts: np.ones((1, 24)), meanings({}).english)
    with pytest.raises(HubkitError, match="for 30 sentences"):
        task.measure(task.items(RW), short)


def test_what_is_registered_becomes_a_task() -> None:
    task = as_task(Own(suite()))
    assert isinstance(task, Retrieval) and task.level == "standard" and as_task(task) is task
