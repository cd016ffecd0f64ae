"""``hubkit annotate``: the terminal, a kill in the middle, the page, and what the judgements come to."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner, Result

from hubkit.cli.annotate import annotate
from hubkit.evaluation.annotation.store import append_judgement, read_judgements, read_lines

Run = Callable[..., Any]
WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread")


@pytest.fixture
def arguments(home: Path, bert: Any, tmp_path: Path) -> list[str]:
    """What judges 20 of 30 pairs of the user's by the cosines of a tiny core."""
    pairs = tmp_path / "mine.tsv"
    english = [f"the {WORDS[number % 8]} and the {WORDS[number * 3 % 7]} {number}" for number in range(30)]
    pairs.write_text("".join(f"{text[::-1]}\t{text}\n" for text in english), "utf-8")
    given = ["rw", "--suite", str(pairs), "--core", str(bert.folder), "--system", "core", "-n", "20", "--quiet"]
    return [*given, "--annotator", "Ann Uwase"]


@pytest.fixture
def file(home: Path) -> Path:
    return home / "annotations" / "rw" / "mine" / "ann-uwase.jsonl"


def judge(arguments: list[str], typed: str) -> Result:
    return CliRunner().invoke(annotate, arguments, input=typed, catch_exceptions=False)


def test_answers_of_every_spelling_are_kept(no_plugins: None, arguments: list[str], file: Path) -> None:
    done = judge(arguments, "\n".join(["1", "2", "3", "0", "s", "r", "d", "U"] + ["1"] * 12) + "\n")
    assert done.exit_code == 0
    labels = [one.label for one in read_judgements(file)]
    assert labels[:8] == ["same", "related", "different", "unsure"] * 2 and len(labels) == 20
    assert f"20 of 20 answered, in {file}" in done.stderr
    assert "• 20 pairs of mine in rw were judged, by Ann Uwase (20); cosines of core." in done.stdout


def test_nothing_tells_what_the_suite_says(no_plugins: None, arguments: list[str], file: Path) -> None:
    done = judge(arguments, "1\n" * 5)
    for hint in ("wrong", "true", "cosine", "near", "far"):
        assert not re.search(rf"\b{hint}\b", done.stderr), hint


def test_stopping_and_going_on(no_plugins: None, arguments: list[str], file: Path) -> None:
    assert "3 of 20 answered" in judge(arguments, "1\n1\n1\nq\n").stderr
    assert "5 of 20 answered" in judge(arguments, "2\n2\n").stderr  # the input ends
    assert [one.label for one in read_judgements(file)] == ["same"] * 3 + ["related"] * 2


def test_back_and_nonsense(no_plugins: None, arguments: list[str], file: Path) -> None:
    done = judge(arguments, "1\nwhat?\nb\n3\nq\n")
    assert "'what?' is none of: 1 same" in done.stderr and "(before: same)" in done.stderr
    assert [one.label for one in read_judgements(file)] == ["different"]


def test_killed_in_the_middle_at_most_the_current_answer_is_lost(home: Path, arguments: list[str], file: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hubkit", "annotate", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "HUBKIT_LOAD_PLUGINS": ""},
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None
    answered = 0
    for line in iter(lambda: process.stderr.read1(4096), b""):  # type: ignore[union-attr]
        if b"q stop" in line:
            process.stdin.write(b"1\n")
            process.stdin.flush()
            answered += 1
        if answered == 6:
            break
    deadline = time.monotonic() + 10
    while (not file.exists() or len(read_lines(file)) < 5) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdin.close()
    process.stderr.close()
    kept = read_judgements(file)
    assert 5 <= len(kept) <= 6 and all(one.label == "same" for one in kept)
    assert f"{len(kept) + 1} of 20 answered" in judge(arguments, "2\nq\n").stderr


def test_the_page(home: Path, arguments: list[str], file: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hubkit", "annotate", *arguments, "--web"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "HUBKIT_LOAD_PLUGINS": ""},
    )  # fmt: skip
    assert process.stderr is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w-]+/)", process.stderr.readline())
    assert found is not None
    port, path = int(found[1]), found[2]

    def ask(method: str, where: str, body: str | None = None) -> str:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, where, body, headers)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    pair = re.search(r'name="pair" value="(\w+)"', ask("GET", path))
    assert pair is not None
    ask("POST", f"{path}answer", urlencode({"pair": pair[1], "label": "related"}))
    assert "Thank you" in ask("POST", f"{path}finish", "")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and "1 of 20 answered" in err and "1 pair of mine" in out
    assert [one.label for one in read_judgements(file)] == ["related"]


def test_the_report_as_json(run: Run, arguments: list[str], file: Path) -> None:
    judge(arguments, "\n".join(["1", "3"] * 10) + "\n")
    (found,) = json.loads(run("annotate", "rw", "--report", "--json").out)
    assert found["annotators"] == {"Ann Uwase": 20} and found["pairs"] == 20 and found["words"]
    assert found["alignment"]["pairs"] == 10


def test_agreement_of_two_files(run: Run, arguments: list[str], file: Path, tmp_path: Path) -> None:
    judge(arguments, "\n".join(["1", "3"] * 10) + "\n")
    other = tmp_path / "ben.jsonl"
    for one in read_judgements(file):
        append_judgement(other, one.model_copy(update={"annotator": "Ben"}))
    ended = run("annotate", "rw", "--agreement", str(file), str(other))
    assert ended.code == 0 and "Ann Uwase and Ben judged 20 pairs in common" in ended.out
    assert "weighted kappa 1.00 [" in ended.out
    data = json.loads(run("annotate", "rw", "--agreement", str(file), str(other), "--json").out)
    assert (data["n"], data["kappa"], data["table"]) == (20, 1.0, [[10, 0, 0], [0, 0, 0], [0, 0, 10]])


def test_an_own_file_gives_no_report_of_the_others(no_plugins: None, arguments: list[str], tmp_path: Path) -> None:
    done = judge([*arguments, "--output", str(tmp_path / "own.jsonl")], "1\nq\n")
    assert done.exit_code == 0 and done.stdout == ""
    assert len(read_lines(tmp_path / "own.jsonl")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("rw",), 2, "--annotator NAME"),
        (("rw", "--annotator", "Ann", "-n", "5"), 2, "20<=x<=100"),
        (("rw", "--report"), 4, "no judgements of rw"),
        (("klingonese", "--report"), 4, "klingonese"),
        (("rw", "--agreement", "no.jsonl", "no.jsonl"), 4, "no judgements in"),
    ],
)
def test_errors_have_their_codes(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    ended = run("annotate", *arguments)
    assert (ended.code, ended.out) == (code, "") and says in ended.err
