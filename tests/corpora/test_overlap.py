from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpora.overlap import overlap

SENTENCE = "all human beings are born free and equal in dignity"


def test_no_overlap_is_clean() -> None:
    report = overlap(["Save the file", "Open"], ["Close the window", "Quit"])
    assert report.clean
    assert (report.training, report.suite) == (2, 2)
    assert report.summary() == "No overlap: 2 training texts against 2 of the suite."


def test_every_kind_is_found_with_its_places() -> None:
    training = ["Save the file", " Quit ", "close THE window!", f"They say that {SENTENCE} and rights"]
    report = overlap(training, ["Quit", "Close the window.", SENTENCE])
    found = [(offence.kind, offence.training, offence.suite) for offence in report.offences]
    assert found == [("exact", 1, 0), ("normalised", 2, 1), ("words", 3, 2)]
    assert not report.clean
    assert report.summary() == "3 of 4 training texts meet the suite: 1 exactly, 1 normalised, 1 in 8 words."


def test_seven_shared_words_are_no_overlap() -> None:
    assert overlap(["one two three four five six seven NINE"], ["one two three four five six seven eight"]).clean
    assert not overlap(
        ["x one two three four five six seven eight"], ["one two three four five six seven eight y"]
    ).clean


def test_numbers_alone_and_punctuation_do_not_match_everything() -> None:
    assert overlap(["...", "!"], ["?", ";"]).clean
    assert overlap([""], [""]).clean


def test_scripts_without_spaces_count_characters() -> None:
    assert not overlap(["我们认为人人生而自由在尊严"], ["人人生而自由在尊严和权利"]).clean
    assert overlap(["打开文件"], ["保存文件"]).clean


def test_report_is_json() -> None:
    value = overlap(["Quit"] * 9, ["Quit"]).as_dict(examples=2)
    assert json.loads(json.dumps(value)) == value
    assert (value["exact"], value["words"], len(value["examples"])) == (9, 0, 2)


@given(st.lists(st.text(min_size=1), min_size=1))
def test_a_suite_meets_itself_unless_blank(texts: list[str]) -> None:
    report = overlap(texts, texts)
    assert len(report.offences) == sum(bool(text.strip()) for text in texts)
