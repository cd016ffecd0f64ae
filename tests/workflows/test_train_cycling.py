"""A task adapter that is trained over several languages' adapters, from the configuration to what ``load`` gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

import hubkit
from hubkit.adapter.store import load_adapter
from hubkit.core import Core
from hubkit.core.pooling import pool
from hubkit.errors import NotFoundError, UsageError
from hubkit.registry.installed import install_folder, list_installed
from hubkit.training.config import TrainingConfig, with_assignments
from hubkit.training.stacked import TrainableStack
from hubkit.vocabulary.delta import Piece, VocabularyDelta
from hubkit.workflows import steps
from hubkit.workflows.reproduce import config_from, recorded
from hubkit.workflows.train import plan, train

Config = Callable[..., TrainingConfig]
TEXTS = ["Mwaramutse", "ubwato bwiza cyane", "a"]
UNDER = {"rw": "lang-rw", "sn": "fam-bantu + lang-sn", "fr": "none"}


@pytest.fixture
def config(bert: Core, tmp_path: Path) -> Config:
    """For a task with English labels alone."""
    lines = [f"boat {number} is good\t{'sport' if number % 2 else 'health'}\n" for number in range(40)]
    (tmp_path / "topics.tsv").write_text("".join(lines))
    values: dict[str, Any] = {
        "name": "task-topic", "core": str(bert.folder), "budget": "12steps", "strength": 1, "under": UNDER,
        "recipe": {"objective": "classification", "hyperparameters": {"reduction_factor": 4}, "batch_size": 8,
                   "learning_rate": 0.02},
        "data": [{"paths": str(tmp_path / "topics.tsv"), "language": "en", "kind": "labelled"}],
    }  # fmt: skip

    def make(**changes: Any) -> TrainingConfig:
        return with_assignments({**values, **changes}, [], "here")

    return make


@pytest.fixture
def languages(bert: Core, make_adapter, save) -> None:
    """Installed: two languages' adapters and a family's."""
    for seed, name in enumerate(("lang-rw", "lang-sn", "fam-bantu")):
        kind = "family" if name.startswith("fam") else "language"
        install_folder(save(make_adapter(bert, "seq_bn", seed=seed, name=name), bert, kind=kind))


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> list[TrainableStack]:
    """The networks that are trained."""
    made: list[TrainableStack] = []
    really = steps.network_for

    def kept(*arguments: Any) -> Any:
        made.append(really(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(steps, "network_for", kept)
    return made


def test_what_load_gives_is_the_network_that_was_trained(
    config: Config, bert: Core, languages: None, networks: list[TrainableStack]
):
    outcome = train(config())
    (network,) = networks
    encoder = hubkit.load(core=str(bert.folder))
    found = encoder.tokenizer([bert.prefix + text for text in TEXTS], padding=True, return_tensors="pt")
    ids, mask = found["input_ids"], found["attention_mask"]
    recipes = {"rw": "lang-rw + task-topic", "sn": "fam-bantu + lang-sn + task-topic", "fr": "task-topic"}
    for tag, recipe in recipes.items():
        with torch.no_grad():
            trained = normalize(pool(network.hidden(ids, mask, tag), mask, bert.pooling), dim=-1)
        loaded = hubkit.load(recipe=recipe, core=str(bert.folder)).encode(TEXTS)
        np.testing.assert_allclose(loaded, trained.numpy(), atol=1e-5)
        alone = (
            hubkit.load(recipe=recipe.removesuffix(" + task-topic"), core=str(bert.folder)) if tag != "fr" else encoder
        )
        assert abs(loaded - alone.encode(TEXTS)).max() > 1e-3
    adapter = load_adapter(outcome.installed.folder, bert)
    assert adapter.centre is None and adapter.strength == 1


def test_it_depends_on_no_adapter_and_says_which_it_was_trained_over(config: Config, languages: None):
    outcome = train(config())
    manifest = outcome.installed.manifest
    assert manifest is not None and manifest.dependencies == ()
    assert [language.bcp47 for language in manifest.languages] == ["rw", "sn", "fr"]
    assert [(row.languages, row.pairs) for row in manifest.training_data] == [(("en",), 40)]
    pinned = {"rw": "lang-rw==0.1.0", "sn": "fam-bantu==0.1.0 + lang-sn==0.1.0", "fr": None}
    assert recorded("task-topic").under == pinned
    assert plan(config())["under"] == pinned


def test_each_language_is_judged_over_its_own_stack(config: Config, bert: Core, languages: None):
    report = train(config()).report
    assert report.language.tag == "rw"
    assert [system.name for system in report.systems] == ["core", "adapter", "random", "family"]
    (french,) = report.further
    assert french.suite.language == "fr"
    assert [system.name for system in french.systems] == ["core", "adapter", "random"]


def test_it_can_be_trained_again(config: Config, bert: Core, languages: None, tmp_path: Path):
    first = train(config())
    places = [f"core={bert.folder}", f"data.0.paths=[{tmp_path / 'topics.tsv'}]"]
    again, before = config_from("task-topic", places)
    second = train(again, None, before)
    ours, theirs = (load_adapter(each.installed.folder, bert).tensors for each in (first, second))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_labels_in_english_alone_are_enough_without_a_stack_too(config: Config, bert: Core):
    outcome = train(config(under=None, languages=["rw", "fr"]))
    assert [language.bcp47 for language in outcome.installed.manifest.languages] == ["rw", "fr"]
    assert [suite.suite.language for suite in outcome.report.further] == ["fr"]
    with pytest.raises(UsageError, match="names no language"):
        train(config(under=None))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"under": {"rw": "lang-rw", "xx": None}}, NotFoundError, "xx"),
        ({"under": {"rw": "lang-rw", "kin": None}}, UsageError, "kin is rw"),
        ({"under": {"rw": "lang-lg"}}, NotFoundError, "lang-lg"),
        ({"under": {"rw": "0.5*lang-rw"}}, UsageError, "cannot be trained over"),
        ({"under": {"rw": "merge(lang-rw, lang-sn)"}}, UsageError, "cannot be trained over"),
        ({"under": {}}, UsageError, "names one language at least"),
        ({"name": "lang-rw"}, UsageError, "for task adapters"),
        ({"name": "fam-bantu"}, UsageError, "for task adapters"),
    ],
)
def test_what_is_refused(config: Config, languages: None, changes: dict[str, Any], error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        train(config(**changes))
    assert "task-topic" not in {each.name for each in list_installed()}


def test_an_adapter_that_adds_tokens_is_refused(config: Config, bert: Core, make_adapter, save):
    delta = VocabularyDelta(260, bert.tokenizer_sha256, (Piece("kandi", 0.0),), torch.zeros(1, bert.hidden_size))
    install_folder(save(replace(make_adapter(bert, "seq_bn"), vocabulary=delta), bert))
    with pytest.raises(UsageError, match="has an adapter that adds tokens"):
        train(config(under={"rw": "lang-rw"}))
