"""Training over a frozen stack for each language: which batch goes through which, resumed, cached, cut by tokens."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from hubkit.composition.data import as_recipe
from hubkit.core import Core
from hubkit.corpora.source import Pair
from hubkit.errors import HubkitError
from hubkit.runtime.encoder import Encoder
from hubkit.training.activations import Activations
from hubkit.training.budget import Budget
from hubkit.training.cycling import stack_for
from hubkit.training.loop import Progress, Training, adapter_config
from hubkit.training.mixture import mix
from hubkit.training.objective import Batch, Loss
from hubkit.training.recipe import Recipe
from hubkit.training.stacked import TrainableStack
from hubkit.training.targets import Targets

TEXTS = ["the boat", "the road and the river and the rain", "a"]
UNDER = {"rw": "lang-rw", "sn": "fam-x + lang-sn", "fr": None}


def pairs(tag: str, count: int = 24) -> list[Pair]:
    english = [f"the number {number} and the {number * 7 % 13}" for number in range(count)]
    return [Pair(f"{tag} {text[::-1]}", text, "toy", f"{tag}:{text}", "CC0-1.0") for text in english]


def recipe(method: str = "seq_bn", **more: object) -> Recipe:
    return Recipe(method=method, batch_size=6, learning_rate=5e-3, **more)


@pytest.fixture
def encoder(bert: Core, make_adapter) -> Encoder:
    """With two languages' adapters and a family's."""
    made = Encoder(bert)
    for seed, name in enumerate(("lang-rw", "lang-sn", "fam-x")):
        made.bank.add(make_adapter(bert, "seq_bn", seed=seed, name=name))
    return made


def over(encoder: Encoder, chosen: Recipe, names: dict[str, str | None] = UNDER) -> TrainableStack:
    under = {tag: None if text is None else as_recipe(text) for tag, text in names.items()}
    return TrainableStack(encoder, chosen.method, adapter_config(encoder.core, chosen), 0, under)


def training(encoder: Encoder, tags: str, folder: Path, steps: int = 20, **more: object) -> Training:
    chosen = recipe(**more)
    mixture, targets = mix({tag: pairs(tag) for tag in tags.split()}), Targets(encoder.adapted(None))
    return Training(encoder.core, chosen, mixture, targets, Budget(steps=steps), 0, folder, over(encoder, chosen))


def test_a_batch_goes_through_its_own_stack_and_without_one_through_any():
    assert all(stack_for("rw", ["sn", "rw"], 0, step) == "rw" for step in range(50))
    drawn = [stack_for("en", ["sn", "rw", "fr"], 0, step) for step in range(300)]
    assert all(70 < drawn.count(tag) < 130 for tag in ("sn", "rw", "fr"))
    assert drawn == [stack_for("en", ["fr", "rw", "sn"], 0, step) for step in range(300)]
    assert drawn != [stack_for("en", ["sn", "rw", "fr"], 1, step) for step in range(300)]


@pytest.mark.parametrize("method", ["seq_bn", "lora", "seq_bn_inv"])
def test_a_pass_through_a_stack_is_that_of_a_network_over_it_alone(encoder: Encoder, method: str):
    chosen = recipe(method)
    config, several = adapter_config(encoder.core, chosen), over(encoder, chosen)
    begun = {key: tensor + 0.05 * torch.randn_like(tensor) for key, tensor in several.adapter_tensors().items()}
    with torch.no_grad():
        for key, parameter in several.trainable().items():
            parameter.copy_(begun[key])
    found = encoder.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = found["input_ids"], found["attention_mask"]
    seen = []
    for tag, text in UNDER.items():
        alone = TrainableStack(encoder, method, config, 0, None if text is None else as_recipe(text), begun)
        hidden = several.hidden(ids, mask, tag)
        torch.testing.assert_close(hidden, alone.hidden(ids, mask))
        seen.append(hidden)
    assert (seen[0] - seen[1]).abs().max() > 1e-2 < (seen[0] - seen[2]).abs().max()


def spied(run: Training) -> list[tuple[str | None, set[str]]]:
    """The stack of every pass and the languages of its batch, as the objective sees them."""
    seen: list[tuple[str | None, set[str]]] = []
    hidden, objective = run.network.hidden, run.parts[0].objective

    def watched(ids: torch.Tensor, mask: torch.Tensor, stack: str | None = None) -> torch.Tensor:
        seen.append((stack, set()))
        return hidden(ids, mask, stack)

    class Spy:
        name = "contrastive"

        def __call__(self, batch: Batch) -> Loss:
            assert len(batch.languages) == len(batch.student)
            seen[-1][1].update(batch.languages)
            return objective(batch)

    run.network.hidden, run.parts[0].objective = watched, Spy()  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("more", [{}, {"batch_tokens": 200}, {"batch_by": "source"}])
def test_every_batch_is_of_one_language(encoder: Encoder, tmp_path: Path, more: dict[str, object]):
    run = training(encoder, "rw sn en", tmp_path, 40, **more)
    seen = spied(run)
    run.run()
    assert all(len(languages) == 1 for _, languages in seen)
    assert {stack for stack, languages in seen if languages == {"rw"}} == {"rw"}
    assert {stack for stack, languages in seen if languages == {"sn"}} == {"sn"}
    assert {stack for stack, languages in seen if languages == {"en"}} == {"rw", "sn", "fr"}


def test_one_stack_for_all_leaves_batches_mixed(encoder: Encoder, tmp_path: Path):
    chosen = recipe()
    mixture, network = mix({tag: pairs(tag) for tag in ("rw", "sn")}), over(encoder, chosen)
    alone = TrainableStack(encoder, "seq_bn", network.config, 0, as_recipe("lang-rw"))
    targets = Targets(encoder.adapted(None))
    run = Training(encoder.core, chosen, mixture, targets, Budget(steps=10), 0, tmp_path, alone)
    seen = spied(run)
    run.run()
    assert {"rw", "sn"} in [languages for _, languages in seen] and {stack for stack, _ in seen} == {None}


@pytest.mark.parametrize("step", [3, 18])
def test_a_resumed_run_draws_the_same_stacks(encoder: Encoder, tmp_path: Path, step: int):
    whole = training(encoder, "en rw", tmp_path / "whole").run()

    def interrupt(progress: Progress) -> None:
        if progress.step == step:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        training(encoder, "en rw", tmp_path / "broken").run(interrupt)
    again = training(encoder, "en rw", tmp_path / "broken")
    assert again.resumed
    resumed = again.run()
    assert all(torch.equal(resumed.tensors[key], whole.tensors[key]) for key in whole.tensors)


def test_what_lies_below_all_stacks_is_kept(bert: Core, make_adapter, tmp_path: Path):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "seq_bn", name="lang-rw", leave_out=[0]))
    chosen = recipe(skip_lower=0.5, cache_activations=True)
    network = over(encoder, chosen, {"rw": "lang-rw", "fr": None})
    assert network.first_layer == 1
    found = encoder.tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, mask = found["input_ids"], found["attention_mask"]
    states, real = Activations(encoder, 1, 64)(ids, mask), mask.bool()
    for tag in ("rw", "fr"):
        upper, whole = network.from_layer(states, mask, tag), network.hidden(ids, mask, tag)
        torch.testing.assert_close(upper[real], whole[real], atol=5e-3, rtol=0)

    through, from_layer = [], network.from_layer

    def watched(states: torch.Tensor, mask: torch.Tensor, stack: str | None = None) -> torch.Tensor:
        through.append(stack)
        return from_layer(states, mask, stack)

    network.from_layer = watched  # type: ignore[method-assign]
    mixture, targets = mix({"en": pairs("en")}), Targets(encoder.adapted(None))
    Training(bert, chosen, mixture, targets, Budget(steps=12), 0, tmp_path, network).run()
    assert through == [stack_for("en", ["rw", "fr"], 0, step) for step in range(12)]
    assert set(through) == {"rw", "fr"}


def test_a_stack_in_the_lowest_layer_leaves_nothing_to_keep(encoder: Encoder, tmp_path: Path):
    with pytest.raises(HubkitError, match="what it is stacked on, acts in the lowest layer"):
        training(encoder, "en", tmp_path, skip_lower=0.5, cache_activations=True)
