"""Classification: a language that lies where English lies is classified, raw or after centring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.task import Task, Tested
from hubkit.evaluation.tasks.classification import Classification, macro_f1
from hubkit.languages import find

TOPICS = ("health", "politics", "sports")


def sib(folder: Path, split: str, prefix: str, count: int = 30) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{number}\t{TOPICS[number % 3]}\t{prefix} {TOPICS[number % 3]} {number}" for number in range(count)]
    (folder / f"{split}.tsv").write_text("\n".join(["index_id\tcategory\ttext", *rows]) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    sib(tmp_path / "data" / "eng_Latn", "train", "english")
    sib(tmp_path / "data" / "swh_Latn", "test", "kiswahili", 21)
    return tmp_path


def encode(offset: float, right: bool = True):
    """Topics on axes; Swahili is shifted by ``offset`` along the first, its topics are mixed up unless ``right``."""

    def vectors(sentences: list[str]) -> np.ndarray:
        found = np.zeros((len(sentences), 8), np.float32)
        for row, sentence in enumerate(sentences):
            language, topic, number = sentence.split()
            place = TOPICS.index(topic) if right or language == "english" else int(number) % 2
            found[row, place] = 1
            found[row, 5] = int(number) % 7 / 20
            if language == "kiswahili":
                found[row, 0] += offset
        return found

    return vectors


def system(offset: float, right: bool = True) -> Tested:
    return Tested("adapter", "", encode(offset, right), encode(0))


def test_it_is_a_task(data: Path) -> None:
    task = Classification(data)
    assert isinstance(task, Task)
    assert (task.name, task.level) == ("classification", "standard")
    assert task.items(find("rw")) is None
    assert task.items(find("en")) is None


def test_items(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBKIT_SUITES", raising=False)
    assert Classification().items(find("sw")) is None
    (data / "classification").mkdir()
    (data / "data").rename(data / "classification" / "data")
    monkeypatch.setenv("HUBKIT_SUITES", str(data))
    items = Classification().items(find("sw"))
    assert items is not None
    assert (len(items.english), len(items.test), items.language) == (30, 21, "sw")
    assert items.test[0].key == "0"  # the same in every language
    texts = Classification().texts(items)
    assert len(texts) == 51
    assert {"kiswahili health 0", "english health 0"} <= set(texts)


def test_what_lies_where_english_lies_is_right(data: Path) -> None:
    task = Classification(data)
    items = task.items(find("sw"))
    measures = task.measure(items, system(0))
    assert [(each.metric, each.view) for each in measures] == [
        ("accuracy", "raw"), ("macro-F1", "raw"), ("accuracy", "centred"), ("macro-F1", "centred"),
    ]  # fmt: skip
    assert [each.value for each in measures] == [1, 1, 1, 1]
    assert measures[0].keys == tuple(str(number) for number in range(21))
    assert measures[0].strata["class"][:3] == TOPICS
    assert measures[0].facts["classes"] == list(TOPICS)


def test_an_offset_is_undone_by_centring(data: Path) -> None:
    task = Classification(data)
    items = task.items(find("sw"))
    raw, _, centred, _ = task.measure(items, system(3))
    assert raw.value < 0.5
    assert centred.value > 0.9


def test_what_is_mixed_up_is_wrong(data: Path) -> None:
    task = Classification(data)
    assert task.measure(task.items(find("sw")), system(0, right=False))[0].value < 0.7


def test_a_class_that_english_does_not_have(data: Path) -> None:
    with (data / "data" / "swh_Latn" / "test.tsv").open("a") as file:
        file.write("99\ttravel\tsafari\n")
    with pytest.raises(UsageError, match=r"test\.tsv has the class 'travel' \(99\), which English does not have"):
        Classification(data).items(find("sw"))


def test_without_english(data: Path) -> None:
    (data / "data" / "eng_Latn" / "train.tsv").unlink()
    with pytest.raises(NotFoundError, match=r"has no train\.tsv, which the head learns from"):
        Classification(data).items(find("sw"))


def test_macro_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 4, size=(50, 2)).astype(float)
    rows[rows == 3] = 5
    assert macro_f1(rows) == pytest.approx(f1_score(rows[:, 0], rows[:, 1], average="macro"))
    drawn = rng.integers(0, 50, size=(20, 6))
    expected = [f1_score(*rows[index].T, average="macro", zero_division=0) for index in drawn]
    np.testing.assert_allclose(macro_f1(rows[drawn]), expected)
