from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubkit.core import Core

Run = Callable[..., Any]
NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")


def pairs(verb: str) -> str:
    english = [f"the {one} {verb} a {other}" for one in NOUNS for other in NOUNS if one < other]
    return "".join(f"{' '.join(word[::-1] for word in text.split())}\t{text}\n" for text in english)


@pytest.fixture
def config(home: Path, bert: Core, tmp_path: Path) -> str:
    (tmp_path / "mine.tsv").write_text(pairs("finds"))
    (tmp_path / "suite.tsv").write_text(pairs("leaves"))
    content = {
        "name": "lang-rw", "core": str(bert.folder), "sources": [], "data": [{"paths": "mine.tsv"}],
        "suites": "suite.tsv", "recipe": {"batch_size": 8}, "budget": "4steps", "controls": False,
    }  # fmt: skip
    path = tmp_path / "rw.yaml"
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture(autouse=True)
def without_the_declaration(monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.evaluation.tasks.udhr import Udhr

    monkeypatch.setattr(Udhr, "load", lambda self, language: None)


def test_train_and_train_again(run: Run, config: str) -> None:
    ended = run("train", config, "--set", "recipe.learning_rate=1e-3", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert "Installed lang-rw 0.1.0" in ended.out
    again = run("train", "--from", "lang-rw", "--set", f"core={json.loads(Path(config).read_text())['core']}", "--json",
                "--quiet")  # fmt: skip
    assert again.code == 0, again.err
    assert json.loads(again.out)["adapter"]["version"] == "0.1.1"
    with open("mine.tsv", "a") as mine:
        mine.write("ubwato bwiza cyane rwose\tthe boat is very good\n")
    changed = run("train", "--from", "lang-rw", "--set", f"core={json.loads(Path(config).read_text())['core']}")
    assert changed.code == 3
    assert "training rw" in changed.err and "mine.tsv" in changed.err


def test_a_dry_run_shows_the_resolved_configuration(run: Run, config: str) -> None:
    ended = run("train", config, "--set", "recipe.batch_size=16", "--dry-run", "--json")
    plan = json.loads(ended.out)
    assert plan["config"]["recipe"]["batch_size"] == 16 and plan["sentences"] == {"rw": 45}
    assert run("train", config, "--dry-run").out.startswith("name: lang-rw\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "Give a configuration"),
        (("rw.yaml", "--from", "lang-rw"), 2, "Give a configuration"),
        (("none.yaml",), 4, "There is no file"),
        (("rw.yaml", "--set", "recipe.batchsize=1"), 2, "Did you mean batch_size"),
        (("rw.yaml", "--set", "budget=0steps"), 2, "is not a budget"),
        (("--from", "lang-xx"), 4, "lang-xx"),
    ],
)
def test_what_is_wrong_is_one_paragraph(
    run: Run, config: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = run("train", *arguments)
    assert ended.code == code and said in ended.err and "Traceback" not in ended.err


def test_estimate_a_configuration_and_a_language(run: Run, config: str, bert: Core) -> None:
    ended = run("estimate", config, "--budget", "500steps", "--quiet")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("lang-rw: 500 steps in 500 steps, on ") and "MiB checkpoint" in ended.out
    as_json = run("estimate", "rw", "--json", "--quiet", "--set", f"core={bert.folder}", "--set", "sources=[]",
                  "--set", "data=[{paths: mine.tsv}]", "--set", "suites=suite.tsv", "--budget", "9s")  # fmt: skip
    assert as_json.code == 0, as_json.err
    made = json.loads(as_json.out)
    assert made["budget"] == "9s" and made["seconds"]["training"] >= 9


def test_a_family_is_planned(run: Run, home: Path, bert: Core) -> None:
    ended = run("add-family", "bantoo", "--core", str(bert.folder), "--dry-run")
    assert ended.code == 4 and "Did you mean" in ended.err


def test_a_tracker_is_told_how_training_goes(run: Run, config: str, home: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    ended = run("train", config, "--track", "tensorboard", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    (folder,) = (home / "trackers" / "tensorboard").iterdir()
    assert folder.name.startswith("lang-rw-")
    written = accumulator.EventAccumulator(str(folder)).Reload()
    assert [event.step for event in written.Scalars("train/loss")] == [1, 2, 3, 4]
    assert "recipe.batch_size: 8" in next(folder.rglob("hparams.yml")).read_text()


@pytest.mark.parametrize("command", [["train"], ["add-language", "rw"], ["add-family", "bantu"]], ids=lambda c: c[0])
def test_a_tracker_that_nobody_knows_is_refused_before_anything(run: Run, config: str, command: list[str]) -> None:
    given = [config] if command == ["train"] else []
    ended = run(*command, *given, "--track", "nothing", "--quiet")
    assert ended.code == 2 and "nothing" in ended.err and "tensorboard" in ended.err
