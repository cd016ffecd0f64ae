"""``hubkit fuse`` on a tiny core: what it prints, what it installs, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubkit.corpora.source import Pair
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.registry.installed import find_installed, install_folder

NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")


def pairs(first: int, count: int) -> list[Pair]:
    english = [f"the {NOUNS[i % 10]} saw the {NOUNS[i // 10 % 10]} at {i} again" for i in range(first, first + count)]
    return [Pair(text[::-1], text, "toy", str(number), "CC0-1.0") for number, text in enumerate(english)]


@pytest.fixture(autouse=True)
def world(home, bert, make_adapter, save, monkeypatch, tmp_path: Path) -> None:
    """Two installed adapters, a file of parallel text, and a suite in Kinyarwanda alone."""
    for seed, name in enumerate(("lang-rw", "lang-sn")):
        install_folder(save(make_adapter(bert, "seq_bn", seed=seed, name=name), bert))
    (tmp_path / "text.tsv").write_text("".join(f"{p.text}\t{p.english}\n" for p in pairs(0, 60)), "utf-8")
    held = pairs(700, 30)
    suite = ParallelSuite(
        "udhr", "made here", "CC0-1.0", "prose", "rw", tuple(p.text for p in held), tuple(p.english for p in held),
        tuple(p.key for p in held),
    )  # fmt: skip
    monkeypatch.setattr(Udhr, "load", lambda self, language: suite if language.tag == "rw" else None)


@pytest.fixture
def fuse(run, bert):
    def call(*arguments: str, branches: str = "lang-rw, lang-sn", name: str = "fuse-ab"):
        core = ("--core", str(bert.folder), "--data", "text.tsv", "--budget", "6steps")
        return run("fuse", branches, "--name", name, *core, *arguments)

    return call


def test_it_trains_reports_and_installs(fuse):
    ended = fuse("--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert "branch-1" in ended.out
    assert "Installed fuse-ab 0.1.0 in " in ended.out
    assert 'hubkit.load("fuse-ab")' in ended.out
    assert find_installed("fuse-ab").manifest.kind == "fusion"


def test_progress_goes_to_standard_error(fuse):
    ended = fuse("--json")
    assert ended.code == 0
    assert json.loads(ended.out)["adapter"]["name"] == "fuse-ab"
    assert "training" in ended.err


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_plan(fuse, form):
    ended = fuse("--dry-run", *form)
    assert ended.code == 0
    if form:
        assert json.loads(ended.out)["branches"] == ["lang-rw==0.1.0", "lang-sn==0.1.0"]
    else:
        assert "blocks: 2" in ended.out


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({"branches": "lang-rw"}, 2, "one branch"),
        ({"branches": "lang-rw, lang-zz"}, 4, "lang-zz"),
        ({"name": "lang-ab"}, 2, "cannot be the name of a fusion"),
    ],
)
def test_exit_codes(fuse, given, code, said):
    ended = fuse("--quiet", **given)
    assert ended.code == code
    assert said in ended.err


def test_a_name_is_needed(run):
    assert run("fuse", "lang-rw, lang-sn").code == 2
