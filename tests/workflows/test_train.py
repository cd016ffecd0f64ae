"""``train`` from end to end on a toy world and a tiny core."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hubkit
from hubkit.adapter.store import load_adapter
from hubkit.core import Core
from hubkit.corpora.mediawiki import MediaWiki
from hubkit.durable import locked
from hubkit.errors import BusyError, HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry.installed import install_folder, list_installed
from hubkit.settings import settings
from hubkit.training import checkpoint
from hubkit.training.config import TrainingConfig, with_assignments
from hubkit.training.loop import Progress
from hubkit.workflows import steps
from hubkit.workflows.events import Silent
from hubkit.workflows.reproduce import config_from, recorded
from hubkit.workflows.train import plan, train

Config = Callable[..., TrainingConfig]
RECIPE = {"method": "seq_bn", "hyperparameters": {"reduction_factor": 4}, "batch_size": 8}


@pytest.fixture
def config(bert: Core) -> Config:
    def make(**changes: Any) -> TrainingConfig:
        values = {"name": "lang-rw", "core": str(bert.folder), "recipe": RECIPE, "budget": "6steps", "controls": False}
        return with_assignments({**values, **changes}, [], "here")

    return make


class Watching(Silent):
    def __init__(self, stop_at: int | None = None) -> None:
        self.steps, self.notes, self.warnings, self.stop_at = 0, list[str](), list[str](), stop_at

    def training(self, progress: Progress) -> None:
        self.steps += 1
        if self.steps == self.stop_at:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def tensors(outcome: Any, core: Core) -> dict[str, Any]:
    return load_adapter(outcome.installed.folder, core).tensors


def test_the_adapter_says_what_it_was_trained_with_and_can_be_trained_again(
    config: Config, bert: Core, tmp_path: Path, toy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("mine.tsv").write_text(_pairs(toy, "our", range(300, 340)))
    first = train(config(data=[{"paths": "mine.tsv", "license": "CC0-1.0"}], seeds=[3]))
    said = json.loads((first.installed.folder / "training.json").read_text())
    assert said["config"]["recipe"]["batch_size"] == 8 and said["config"]["seeds"] == [3]
    assert set(said["files"]) == {"mine.tsv"} and "training rw" in said["data"]
    assert {"torch", "transformers", "adapters"} <= set(said["packages"])
    assert "training.json" in {file.path for file in first.installed.manifest.files}

    again, before = config_from("lang-rw==0.1.0", [f"core={bert.folder}"])
    second = train(again, Watching(), before)
    ours, theirs = tensors(first, bert), tensors(second, bert)
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
    assert second.installed.version == "0.1.1"

    Path("mine.tsv").write_text(_pairs(toy, "our", range(300, 341)))
    with pytest.raises(VerificationError, match=r"training rw \(.* then, .* now\).*the file mine\.tsv"):
        train(again, Watching(), before)


def test_absolute_paths_are_not_told(config: Config, tmp_path: Path, toy: SimpleNamespace):
    (tmp_path / "mine.tsv").write_text(_pairs(toy, "our", range(300, 340)))
    outcome = train(config(data=[{"paths": str(tmp_path / "mine.tsv")}]))
    text = (outcome.installed.folder / "training.json").read_text()
    assert "mine.tsv" in text and str(tmp_path) not in text


def test_repeating_takes_no_other_changes(config: Config, bert: Core):
    train(config())
    with pytest.raises(UsageError, match="changes the run"):
        config_from("lang-rw", ["recipe.batch_size=4"])
    with pytest.raises(NotFoundError, match="lang-sn"):
        recorded("lang-sn")


def test_other_packages_are_a_warning(config: Config, bert: Core):
    train(config())
    again, before = config_from("lang-rw", [f"core={bert.folder}"])
    older = before.model_copy(update={"packages": {**before.packages, "torch": "1.0"}, "code": "another"})
    watching = Watching()
    report = train(again, watching, older).report
    assert any("torch was 1.0" in text for text in watching.warnings)
    assert any("training code is another" in text for text in report.warnings)


def test_a_stacked_adapter_acts_over_the_family_and_depends_on_it(config: Config, bert: Core, make_adapter, save):
    family = make_adapter(bert, "seq_bn", seed=2, name="fam-bantu")
    install_folder(save(family, bert, kind="family"))
    outcome = train(config(under="fam-bantu", controls=True))
    manifest = outcome.installed.manifest
    assert [(each.name, each.spec, each.role) for each in manifest.dependencies] == [
        ("fam-bantu", "==0.1.0", "stack-under")
    ]
    names = [system.name for system in outcome.report.systems]
    assert names == ["core", "adapter", "random", "family", "wrong-family"]
    core, probe = str(bert.folder), ["Mwaramutse"]
    vectors = hubkit.load("lang-rw", core=core).encode(probe)
    np.testing.assert_allclose(vectors, hubkit.load(recipe="fam-bantu + lang-rw", core=core).encode(probe), atol=1e-6)
    alone = hubkit.load(core=core).adapted(load_adapter(outcome.installed.folder, bert)).encode(probe)
    assert abs(vectors - alone).max() > 1e-4
    assert recorded("lang-rw").under == "fam-bantu==0.1.0"


def test_a_warm_start_begins_where_the_older_version_ended(config: Config, bert: Core):
    first = train(config(budget="12steps"))
    second = train(config(budget="1step", warm_start="lang-rw"))
    assert (
        json.loads((second.installed.folder / "training.json").read_text())["config"]["warm_start"] == "lang-rw==0.1.0"
    )
    ours, theirs = tensors(first, bert), tensors(second, bert)
    moved = max(float((ours[key] - theirs[key]).abs().max()) for key in ours)
    assert 0 < moved < 0.01  # one step of learning rate 2e-3 away


def test_further_seeds_are_scored_and_the_first_is_kept(config: Config, bert: Core):
    report = train(config(seeds=[0, 1, 2])).report
    assert [score.seed for score in report.seed_scores] == report.seeds == [0, 1, 2]
    alone = train(config(seeds=[0]))
    assert alone.report.seed_scores == []
    assert not any(settings().runs.iterdir())


def test_many_languages_that_a_budget_is_too_small_for_are_one_warning(config: Config):
    watching = Watching()
    train(config(name="fam-bantu", languages="bantu", budget="1step"), watching)
    (said,) = [text for text in watching.warnings if "too small" in text]
    assert re.search(
        r"every sentence once in (4|5|6) of \1 languages: each of the [\d,]+ sentences of Kinyarwanda", said
    )
    apart = Watching()
    train(config(budget="1step"), apart)
    assert len([text for text in apart.warnings if "sentences of Kinyarwanda once" in text]) == 1


def test_an_estimate_comes_with_the_first_steps_and_stands_in_the_report(config: Config):
    watching = Watching()
    cost = train(config(budget="24steps"), watching).report.cost
    assert cost is not None
    assert [note for note in watching.notes if note.startswith("estimate: 24 steps")]
    assert set(cost.estimated) == {"seconds", "steps", "energy_kwh", "peak_memory_bytes"}
    assert cost.estimated["steps"] == 24
    assert cost.estimated["seconds"] == pytest.approx(cost.total_seconds, rel=3)


def test_a_task_adapter_learns_from_labels(config: Config, tmp_path: Path, bert: Core):
    topics = _topics(tmp_path)
    recipe = {**RECIPE, "objective": "classification"}
    data = [{"paths": topics, "kind": "labelled", "license": "CC0-1.0"}]
    outcome = train(config(name="task-topic", languages="rw", recipe=recipe, data=data))
    assert outcome.installed.manifest.kind == "task"
    assert outcome.report.corpus["training: rw"]["sentences"] == 40
    assert [(row.source, row.license) for row in outcome.installed.manifest.training_data] == [
        ("topics.tsv", "CC0-1.0")
    ]


def test_an_objective_of_its_own_data_is_trained_beside(config: Config, tmp_path: Path):
    topics = _topics(tmp_path)
    further = {"objective": "classification", "weight": 0.1, "data": [{"paths": topics, "kind": "labelled"}]}
    report = train(config(objectives=[further])).report
    assert report.provenance["data sha256"]
    assert {"contrastive", "classification"} <= set(report.learning_curve[-1].scores)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recipe": {**RECIPE, "objective": "classification"}}, "needs labelled data"),
        ({"objectives": [{"objective": "classification"}]}, "needs labelled data"),
        ({"recipe": {**RECIPE, "objective_parameters": {"temperatur": 1}}}, "temperatur"),
        ({"languages": ["rw", "sn"]}, "one language"),
        ({"under": "0.5*fam-bantu"}, "cannot be trained over"),
        ({"sources": ["no-such-source"]}, "no-such-source"),
        ({"name": "fuse-ab", "languages": "rw"}, "hubkit fuse"),
        ({"recipe": {"patience": 2}}, "go by development text"),
        ({"recipe": {"curriculum": "related", "gate": True}}, "go by development text"),
    ],
)
def test_a_wrong_configuration_stops_before_training(config: Config, changes: dict[str, Any], said: str):
    watching = Watching()
    with pytest.raises(UsageError, match=said):
        train(config(**changes), watching)
    assert not watching.steps and not list_installed()


def test_a_score_out_of_range_and_a_lone_sentence_are_named_with_their_line(config: Config, tmp_path: Path):
    recipe, path = {**RECIPE, "objective": "similarity"}, tmp_path / "sts.tsv"
    data = [{"paths": str(path), "kind": "scored"}]
    path.write_text("text\tother\tscore\n" + "".join(f"a {n}\tb {n}\t{n / 10}\n" for n in range(20)))
    with pytest.raises(UsageError, match=r"sts\.tsv:13: the score 1\.1 is outside 0 … 1"):
        train(config(name="task-sts", languages="rw", recipe=recipe, data=data))
    path.write_text("".join(f"a {number}\t0.5\n" for number in range(20)))
    with pytest.raises(UsageError, match=r"sts\.tsv:1 has one sentence"):
        train(config(name="task-sts", languages="rw", recipe=recipe, data=data))


def test_a_language_with_three_examples_is_refused(config: Config, tmp_path: Path, toy: SimpleNamespace):
    (tmp_path / "few.tsv").write_text(_pairs(toy, "our", range(3)))
    few = [{"paths": str(tmp_path / "few.tsv")}]
    with pytest.raises(UsageError, match=r"Kinyarwanda \(rw\) has 3 usable sentences"):
        train(config(sources=[], data=few))


def test_a_checkpoint_of_other_code_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(KeyboardInterrupt):
        train(config(), Watching(stop_at=3))
    monkeypatch.setattr(steps, "code_digest", lambda objective: "another")
    with pytest.raises(HubkitError, match="another version of hubkit's training code"):
        train(config())


def test_a_checkpoint_of_other_text_is_not_continued(
    config: Config, monkeypatch: pytest.MonkeyPatch, toy: SimpleNamespace
):
    with pytest.raises(KeyboardInterrupt):
        train(config(), Watching(stop_at=3))
    honest = MediaWiki.pairs
    monkeypatch.setattr(MediaWiki, "pairs", lambda self, language: honest(self, language)[:-5])
    watching = Watching()
    train(config(), watching)
    assert watching.steps == 6 and not any("resuming" in note for note in watching.notes)


def test_two_runs_of_one_adapter_and_two_in_one_folder_are_refused(config: Config):
    with (
        locked(settings().adapters / ".lang-rw.training.lock", "The adapter lang-rw"),
        pytest.raises(BusyError, match=f"process {os.getpid()}"),
    ):
        train(config())
    with pytest.raises(KeyboardInterrupt):
        train(config(), Watching(stop_at=3))
    (folder,) = settings().runs.iterdir()
    with locked(folder / "run.lock", "The run"), pytest.raises(BusyError, match="run"):
        train(config())


def test_a_disk_that_is_full_in_the_middle_installs_nothing_and_the_run_goes_on(
    config: Config, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(KeyboardInterrupt):
        train(config(), Watching(stop_at=3))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "save_file", full)
        with pytest.raises(HubkitError, match=r"cannot be written: .*No space left.*Make room"):
            train(config())
    assert not list_installed()
    watching = Watching()
    train(config(), watching)
    assert "resuming at step 3" in watching.notes and watching.steps == 3


def test_the_plan_has_the_resolved_configuration_and_trains_nothing(config: Config):
    made = plan(config())
    assert made["sentences"]["rw"] > 0 and made["suites"] == [{"name": "udhr", "language": "rw", "pairs": 30}]
    assert made["config"]["recipe"]["batch_size"] == 8
    json.dumps(made)
    assert not list_installed()


def _topics(folder: Path) -> str:
    lines = [f"ubwato {number} bwiza\t{'sport' if number % 2 else 'health'}\n" for number in range(40)]
    (folder / "topics.tsv").write_text("".join(lines))
    return str(folder / "topics.tsv")


def _pairs(toy: SimpleNamespace, kind: str, numbers: range) -> str:
    english = [toy.sentence(number, kind) for number in numbers]
    return "".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in english)
