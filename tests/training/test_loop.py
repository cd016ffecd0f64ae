"""Training on a tiny core: it learns, it is seeded, it resumes, and the core stays as it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from hubkit.adapter.store import adapter_from_state
from hubkit.core import Core, load_model
from hubkit.core.pooling import pool
from hubkit.corpora.source import Pair
from hubkit.errors import BusyError, HubkitError, UsageError, VerificationError
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.checkpoint import FILE
from hubkit.training.curriculum import mixture_of
from hubkit.training.examples import Labelled, Scored, Tagged
from hubkit.training.full import TrainableCore
from hubkit.training.loop import Progress, Training
from hubkit.training.mixture import Mixture, mix
from hubkit.training.optimiser import rate
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

WORDS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
HYPERPARAMETERS = {"lora": {"r": 4}, "seq_bn": {"reduction_factor": 2}}


def pairs(count: int = 64) -> list[Pair]:
    """A toy language: English written backwards."""
    english = [f"the {WORDS[i % 10]} and the {WORDS[(i // 10 + i) % 10]} {i}" for i in range(count)]
    return [Pair(text[::-1], text, "toy", str(number), "CC0-1.0") for number, text in enumerate(english)]


def recipe(method: str = "seq_bn", **more: object) -> Recipe:
    return Recipe(method=method, hyperparameters=HYPERPARAMETERS[method], batch_size=8, learning_rate=5e-3, **more)


@pytest.fixture
def mixture() -> Mixture:
    return mix({"toy": pairs(), "other": pairs(32)}, "toy")


def training(core: Core, mixture: Mixture, folder: Path, steps: int, **more: object) -> Training:
    settings = recipe(**more)
    return Training(core, settings, mixture, targets(core), Budget(steps=steps), 0, folder)


def targets(core: Core) -> Targets:
    """Of a core whose tokenizer can mask: the tiny ones have no token of their own for it."""
    made = Targets(Encoder(core))
    made.frozen.tokenizer.mask_token = made.frozen.tokenizer.unk_token
    return made


@pytest.fixture(params=["bert", "modernbert", "xlm-roberta"])
def core(request: pytest.FixtureRequest, cores: dict[str, Core]) -> Core:
    """Without DistilBERT, whose tiny random network does not learn this task in so few steps."""
    return cores[request.param]


@pytest.mark.parametrize("method", ["lora", "seq_bn"])
def test_the_loss_falls_and_the_core_stays(core: Core, mixture: Mixture, tmp_path: Path, method: str):
    seen: list[Progress] = []
    before = {name: tensor.clone() for name, tensor in load_model(core).state_dict().items()}
    steps = 300 if core.model_type == "distilbert" else 60  # it begins where the loss is lower, and learns later
    run = training(core, mixture, tmp_path, steps, method=method)
    trained = run.run(seen.append)
    assert trained.state.step == steps
    assert seen[-1].loss < seen[0].loss
    assert seen[-1].fraction == 1
    for name, tensor in load_model(core).state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(torch.isfinite(tensor).all() for tensor in trained.tensors.values())


def test_only_the_adapter_learns(bert: Core, mixture: Mixture, tmp_path: Path):
    run = training(bert, mixture, tmp_path, 3)
    names = set(run.parameters)
    assert names
    assert names == set(run.network.adapter_tensors())
    assert not any(parameter.requires_grad for parameter in run.network.model.parameters())


def test_a_changed_core_is_noticed(bert: Core, mixture: Mixture, tmp_path: Path):
    run = training(bert, mixture, tmp_path, 2)
    with torch.no_grad():
        run.network.model.embeddings.word_embeddings.weight[0, 0] += 1
    with pytest.raises(VerificationError, match="changed the frozen core"):
        run.run()


def test_the_runtime_gives_the_vectors_that_training_saw(core: Core, mixture: Mixture, tmp_path: Path):
    run = training(core, mixture, tmp_path, 20)
    trained = run.run()
    adapter = adapter_from_state("lang-x", "seq_bn", trained.config, trained.tensors, core)
    texts = ["short", "a much longer sentence with many words", ""]
    encoder = Encoder(core).adapted(adapter)
    tokens = encoder.tokenizer([core.prefix + text for text in texts], padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = run.network.hidden(tokens["input_ids"], tokens["attention_mask"])
        expected = normalize(pool(hidden, tokens["attention_mask"], core.pooling), dim=-1)
    found = encoder.encode(texts, convert_to_tensor=True, show_progress_bar=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_adapter(bert: Core, mixture: Mixture, tmp_path: Path):
    first = training(bert, mixture, tmp_path / "a", 12).run()
    second = training(bert, mixture, tmp_path / "b", 12).run()
    assert all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


def interrupt_at(step: int):
    def interrupt(progress: Progress) -> None:
        if progress.step == step:
            signal.raise_signal(signal.SIGINT)

    return interrupt


VARIANTS = [
    {},
    {"word_dropout": 0.2, "ema": 0.9},
    {"average": 0.5, "schedule": "cosine", "alpha_end": 0.1, "balanced": True},
    {"curriculum": "shuffled", "easy_first": "length", "batch_by": "language"},
    {"batch_tokens": 128, "cache_activations": True},
    {"recompute": True, "weight_decay": 0.1},
]


@pytest.mark.parametrize("more", VARIANTS, ids=lambda more: " ".join(more) or "plain")
def test_an_interrupted_run_goes_on_bit_by_bit(bert: Core, mixture: Mixture, tmp_path: Path, more: dict[str, object]):
    whole = run_to(bert, mixture, tmp_path / "whole", more).run()
    with pytest.raises(KeyboardInterrupt):
        run_to(bert, mixture, tmp_path / "cut", more).run(interrupt_at(20))
    assert (tmp_path / "cut" / FILE).is_file()
    again = run_to(bert, mixture, tmp_path / "cut", more)
    assert again.resumed
    assert again.state.step == 20
    trained = again.run()
    assert trained.state.step == 40
    assert trained.resumed
    assert all(torch.equal(trained.tensors[name], whole.tensors[name]) for name in whole.tensors)


def run_to(core: Core, mixture: Mixture, folder: Path, more: dict[str, object]) -> Training:
    chosen = Recipe(**{"hyperparameters": HYPERPARAMETERS["seq_bn"], "batch_size": 8, "learning_rate": 5e-3, **more})
    made = mixture_of(chosen, mixture.pairs, "toy")
    return Training(core, chosen, made, Targets(Encoder(core)), Budget(steps=40), 0, folder)


def test_two_runs_in_one_folder(bert: Core, mixture: Mixture, tmp_path: Path):
    first, second = training(bert, mixture, tmp_path, 3), training(bert, mixture, tmp_path, 3)

    def run_the_other(progress: Progress) -> None:
        second.run()

    with pytest.raises(BusyError, match="training run"):
        first.run(run_the_other)


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_checkpoint(bert: Core, mixture: Mixture, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        training(bert, mixture, tmp_path, 40).run(interrupt_at(4))
    before = (tmp_path / FILE).read_bytes()
    again = training(bert, mixture, tmp_path, 40)
    with torch.no_grad():
        next(iter(again.parameters.values())).fill_(float("nan"))
    with pytest.raises(HubkitError, match=r"no number in step 5 .*8 rows"):
        again.run()
    assert (tmp_path / FILE).read_bytes() == before


def test_a_full_disk_is_told_and_leaves_the_checkpoint_before(
    bert: Core, mixture: Mixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(KeyboardInterrupt):
        training(bert, mixture, tmp_path, 40).run(interrupt_at(4))
    before = (tmp_path / FILE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hubkit.training.checkpoint.save_file", full)
    with pytest.raises(HubkitError, match="No space left"):
        training(bert, mixture, tmp_path, 6).run()
    assert (tmp_path / FILE).read_bytes() == before


def test_early_stopping_keeps_the_best(bert: Core, mixture: Mixture, tmp_path: Path):
    scores, kept = iter([0.5, 0.6, 0.4, 0.3, 0.2, 0.1]), []

    def score(tensors: dict[str, torch.Tensor]) -> dict[str, float]:
        kept.append(tensors)
        return {"toy": next(scores)}

    trained = training(bert, mixture, tmp_path, 160, patience=2).run(dev_score=score)
    assert trained.state.step < 160
    assert len(kept) == 4
    assert all(torch.equal(trained.tensors[name], kept[1][name]) for name in kept[1])


def test_a_language_that_falls_while_the_mean_rises_is_warned_of(bert: Core, mixture: Mixture, tmp_path: Path):
    scores = iter([{"toy": 0.5, "other": 0.5}, {"toy": 0.9, "other": 0.4}] + [{"toy": 0.9, "other": 0.4}] * 9)
    trained = training(bert, mixture, tmp_path, 160).run(dev_score=lambda _: next(scores))
    assert len(trained.state.warnings) == 1
    assert "other falls from 0.500 to 0.400" in trained.state.warnings[0]


def test_groups_of_languages_join_one_after_the_other(bert: Core, tmp_path: Path):
    many = {tag: pairs(20) for tag in ("sw", "rw", "de", "fr", "tr", "kk")}
    chosen = recipe(curriculum="related")
    made = mixture_of(chosen, many, "rw")
    assert "rw" in made.order[0]
    run = Training(bert, chosen, made, Targets(Encoder(bert)), Budget(steps=80), 0, tmp_path)
    seen: list[int] = []
    run.run(lambda _: seen.append(run.state.groups))
    assert seen[0] == 1
    assert seen[-1] == 3
    assert seen == sorted(seen)


def test_with_a_gate_a_group_joins_as_soon_as_the_score_has_risen(bert: Core, tmp_path: Path):
    many = {tag: pairs(20) for tag in ("sw", "rw", "de", "fr", "tr", "kk")}

    def joined(gate: bool, scores: list[float]) -> list[int]:
        chosen = recipe(curriculum="related", curriculum_share=1.0, gate=gate)
        made = mixture_of(chosen, many, "rw")
        folder = tmp_path / f"{gate}{scores}"
        run = Training(bert, chosen, made, Targets(Encoder(bert)), Budget(steps=160), 0, folder)
        seen: list[int] = []
        left = iter(scores)
        run.run(lambda _: seen.append(run.state.groups), lambda _: {"rw": next(left, scores[-1])})
        return [seen.index(number) for number in (2, 3)]

    by_clock = joined(False, [0.1, 0.2, 0.3])
    assert joined(True, [0.3, 0.2, 0.1]) == by_clock
    first, second = joined(True, [0.1, 0.2, 0.3])
    assert first < by_clock[0] and second < by_clock[1]


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x10\0\0\0\0\0\0\0{}"])
def test_a_broken_checkpoint_is_started_over(bert: Core, mixture: Mixture, tmp_path: Path, content: bytes):
    (tmp_path / FILE).write_bytes(content)
    run = training(bert, mixture, tmp_path, 4)
    assert not run.resumed
    assert run.run().state.step == 4


@pytest.mark.parametrize(("schedule", "half"), [("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)])
def test_the_learning_rate_rises_then_falls(schedule: str, half: float):
    chosen = Recipe(warmup=0.1, learning_rate=1.0, schedule=schedule)
    assert rate(chosen, 0.0) < rate(chosen, 0.05) < rate(chosen, 0.1) == 1.0
    assert rate(chosen, 1.0) == (1.0 if schedule == "constant" else 0.0)
    assert rate(chosen, 0.55) == pytest.approx(half)


def test_several_objectives_are_trained_at_once(bert: Core, mixture: Mixture, tmp_path: Path):
    beside = [{"objective": "contrastive", "parameters": {"temperature": 0.1}, "weight": 0.5}]
    run = training(bert, mixture, tmp_path, 20, beside=beside)
    trained = run.run()
    assert "gradient of contrastive" in trained.state.curve[0]


LABELLED = [Labelled(f"the {WORDS[n % 10]} {n}", n % 2, "toy", str(n)) for n in range(40)]
SCORED = [Scored(f"the {WORDS[n % 10]} {n}", n / 40, "toy", str(n), f"a {WORDS[n % 10]}") for n in range(40)]
TAGGED = [Tagged(("the", WORDS[n % 10], "river"), (0, 1, 0), "toy", str(n)) for n in range(40)]


@pytest.mark.parametrize(
    ("objective", "examples", "labels"),
    [
        ("classification", LABELLED, ("a", "b")),
        ("regression", SCORED, ()),
        ("similarity", SCORED, ()),
        ("token_classification", TAGGED, ("O", "B-X")),
        ("mlm", pairs(40), ()),
        ("distillation", pairs(40), ()),
        ("multitask", pairs(40), ()),
    ],
)
def test_every_objective_lowers_its_loss(
    bert: Core, tmp_path: Path, objective: str, examples: list[object], labels: tuple[str, ...]
):
    chosen = recipe(objective=objective)
    run = Training(bert, chosen, mix({"toy": examples}), targets(bert), Budget(steps=60), 0, tmp_path, labels=labels)
    seen: list[Progress] = []
    trained = run.run(seen.append)
    assert seen[-1].loss < seen[0].loss
    assert all(name.startswith(f"head.{objective}.") for name in trained.heads)


def test_masked_pieces_beside_alignment(bert: Core, mixture: Mixture, tmp_path: Path):
    run = training(bert, mixture, tmp_path, 20, beside=[{"objective": "mlm", "weight": 0.1}])
    trained = run.run()
    assert {"contrastive", "mlm", "gradient of mlm", "gradient of contrastive"} <= set(trained.state.curve[0])
    assert trained.heads


def test_an_objective_without_the_data_it_needs(bert: Core, mixture: Mixture, tmp_path: Path):
    with pytest.raises(UsageError, match="classification needs labelled data"):
        training(bert, mixture, tmp_path, 2, objective="classification")


def test_layers_that_are_computed_again_train_the_same_adapter(bert: Core, mixture: Mixture, tmp_path: Path):
    beside = [{"objective": "mlm", "weight": 0.1}]  # two losses: the gradient of each goes through the layers as well
    kept = training(bert, mixture, tmp_path / "kept", 10, beside=beside).run()
    again = training(bert, mixture, tmp_path / "again", 10, beside=beside, recompute=True).run()
    assert all(torch.allclose(again.tensors[name], kept.tensors[name], atol=1e-6) for name in kept.tensors)


def test_a_network_whose_layers_cannot_be_computed_again(bert: Core, mixture: Mixture, tmp_path: Path):
    chosen, network = recipe(recompute=True), TrainableCore(bert)
    with pytest.raises(UsageError, match="recompute"):
        Training(bert, chosen, mixture, targets(bert), Budget(steps=1), 0, tmp_path, network)
