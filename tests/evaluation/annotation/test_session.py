from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.choose import Encoded, candidates, choose
from hubkit.evaluation.annotation.judgement import may_carry_text
from hubkit.evaluation.annotation.session import Circumstances, Session
from hubkit.evaluation.annotation.store import read_judgements, read_lines
from hubkit.evaluation.suite import ParallelSuite


def open_session(encoded: Encoded, path: Path, annotator: str = "Ann", system: str = "core") -> Session:
    pairs = choose(candidates(encoded), 20)
    return Session(pairs, Circumstances(annotator, encoded.suite, system, "sha256:" + "a" * 64, 0), path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ann.jsonl"


def test_pair_after_pair(encoded: Encoded, path: Path) -> None:
    session = open_session(encoded, path)
    for number, label in enumerate(["same", "related", "different", "unsure"] * 5):
        pair = session.current()
        assert pair == session.pairs[number]
        session.answer(pair.id, label)
        assert session.done == number + 1
    assert session.current() is None
    kept = read_judgements(path)
    assert [one.label for one in kept] == ["same", "related", "different", "unsure"] * 5
    assert [one.id for one in kept] == [pair.id for pair in session.pairs]
    assert kept[0].annotator == "Ann" and kept[0].seconds is not None and kept[0].text == session.pairs[0].text


def test_it_goes_on_where_it_stopped(encoded: Encoded, path: Path) -> None:
    before = open_session(encoded, path)
    for pair in before.pairs[:7]:
        before.answer(pair.id, "same")
    after = open_session(encoded, path)
    assert after.done == 7 and after.current() == after.pairs[7]
    after.back()
    assert after.current() == after.pairs[6] and after.label(after.pairs[6].id) == "same"


def test_another_system_asks_again(encoded: Encoded, path: Path) -> None:
    session = open_session(encoded, path)
    session.answer(session.pairs[0].id, "same")
    assert open_session(encoded, path, system="lang-rw==0.1.0").done == 0


def test_another_annotator_has_another_file(encoded: Encoded, path: Path) -> None:
    session = open_session(encoded, path)
    session.answer(session.pairs[0].id, "same")
    with pytest.raises(UsageError, match="of 'Ann', not of 'Ben'"):
        open_session(encoded, path, annotator="Ben")


def test_going_back_corrects(encoded: Encoded, path: Path) -> None:
    session = open_session(encoded, path)
    session.back()  # nothing to go back to
    first, second = session.pairs[:2]
    session.answer(first.id, "same")
    session.answer(second.id, "same")
    session.back()
    session.back()
    assert session.current() == first
    session.answer(first.id, "different")
    assert session.current() == second
    session.answer(second.id, "same")
    assert session.current() == session.pairs[2]
    assert [one.label for one in read_judgements(path)] == ["different", "same"]
    assert len(read_lines(path)) == 4 and session.done == 2


@pytest.mark.parametrize(("pair", "label"), [("nothing", "same"), (None, "nonsense"), (None, ""), (None, "Same")])
def test_what_is_no_answer(encoded: Encoded, path: Path, pair: str | None, label: str) -> None:
    session = open_session(encoded, path)
    with pytest.raises(UsageError):
        session.answer(pair or session.pairs[0].id, label)
    assert not path.exists() and session.done == 0


def test_threads_lose_nothing(encoded: Encoded, path: Path) -> None:
    session = open_session(encoded, path)
    threads = [threading.Thread(target=session.answer, args=(pair.id, "same")) for pair in session.pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.done == 20 == len(read_lines(path))


@pytest.mark.parametrize(
    ("license", "domain", "carried"),
    [
        ("CC0-1.0", "prose", True),
        ("CC-BY-2.0-FR", "prose", True),
        ("CC-BY-SA-4.0", "prose", True),
        ("text free of copyright", "prose", True),
        ("as stated by its owner", "user", True),
        ("CC-BY-NC-4.0", "prose", False),
        ("CC-BY-ND-4.0", "prose", False),
        ("GPL-2.0-or-later", "interface", False),
        ("unspecified", "prose", False),
    ],
)
def test_text_is_carried_where_its_licence_allows_it(
    encoded: Encoded, path: Path, license: str, domain: str, carried: bool
) -> None:
    suite: ParallelSuite = replace(encoded.suite, license=license, domain=domain)
    assert may_carry_text(suite) == carried
    session = open_session(replace(encoded, suite=suite), path)
    session.answer(session.pairs[0].id, "same")
    (kept,) = read_judgements(path)
    assert (kept.text is not None, kept.english is not None) == (carried, carried)
    assert kept.text_sha256 and kept.key == session.pairs[0].key
