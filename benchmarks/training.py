"""How fast and how lean training is, as ratios to ``adapters`` with the transformers Trainer, in one run.

    python benchmarks/training.py --language wo --dev wol.tsv   # the table; --json, --check
    … --minutes 10                                              # and how soon the peer's quality then is reached

The peer is what a user of ``adapters`` writes: the bottleneck in every layer, sentences padded to 64 tokens, float32,
AdapterTrainer, the frozen core run on the English side in every step; loss, width, batch, data, learning rate and its
linear schedule are hubkit's. Every arm runs in a process of its own, the arms take turns, and times are medians.
``--dev`` is parallel text (text, tab, English) of a source that training did not see: R@1 of both directions, raw and
centred averaged, at the better of the strengths .5 and 1. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.nn.functional import cross_entropy, normalize

from hubkit.adapter.store import adapter_from_state
from hubkit.core import Core, load_model, open_core
from hubkit.core.pooling import pool
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Pair
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.languages import find, relatives
from hubkit.runtime.encoder import Encoder
from hubkit.settings import settings
from hubkit.training.budget import Budget
from hubkit.training.loop import Training
from hubkit.training.memory import peak_memory
from hubkit.training.mixture import Drawing, Mixture, mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

TOKENS, STRENGTHS = 64, (0.5, 1.0)
STEPS = {32: 20, 128: 4}
TARGETS = {"first epoch": 3.0, "second epoch, kept activations": 5.0, "MLM": 3.0, "peak memory": 0.6, "minutes": 0.3}


def text(tag: str) -> Mixture:
    """What ``hubkit add-language`` trains on."""
    language, recipe = find(tag), Recipe()
    kin = [relative for relative, _ in relatives(language) if relative.iso639_3 != language.iso639_3]
    asked = sources()
    found = [gather(language, asked), *gather_many(kin, asked)]
    pairs = {one.language.tag: sentences(one.all(), recipe.min_words, recipe.max_words) for one in found}
    return mix(pairs, language.tag, recipe.alpha, recipe.own)


def development(path: Path | None) -> list[Pair]:
    """The first 200 lines."""
    if path is None:
        return []
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[:200]]
    return [Pair(row[0], row[1], "development", str(number), "") for number, row in enumerate(rows)]


def quality(core: Core, method: str, config: Any, tensors: Any, pairs: list[Pair]) -> float | None:
    """R@1 on the development text, mean of both directions and of raw and centred, at the better strength."""
    if not pairs:
        return None
    encoder = Encoder(core)
    adapter = adapter_from_state("lang-x", method, config, tensors, core)
    english = encoder.encode([pair.english for pair in pairs], show_progress_bar=False)
    found = []
    for strength in STRENGTHS:
        adapted = encoder.adapted(adapter.with_strength(strength))
        vectors = adapted.encode([pair.text for pair in pairs], show_progress_bar=False)
        raw, without = retrieve(vectors, english), retrieve(centred(vectors), centred(english))
        found.append((raw.recall + without.recall) / 2)
    return max(found)


@dataclass(frozen=True)
class Job:
    """What one process measures: ``steps`` steps, or as many as there is time for in ``seconds``."""

    language: str
    batch: int
    steps: int
    seconds: float | None
    dev: Path | None


def forget_what_is_kept(aside: Path) -> None:
    """A home without kept English vectors and activations; everything else is the user's."""
    home = settings().home
    (aside / "cache").mkdir()
    for path in (*home.iterdir(), *settings().cache.iterdir()):
        where = aside / "cache" if path.parent == settings().cache else aside
        if path.name not in ("cache", "targets", "activations"):
            (where / path.name).symlink_to(path)
    os.environ["HUBKIT_HOME"] = str(aside)


def hubkit_arm(job: Job, epochs: int = 1, keep: bool = False) -> Any:
    """hubkit's loop; with several epochs the text is what one epoch draws, and the last one is timed.

    Nothing is kept at the beginning, so that the first epoch encodes the English side as the peer does.
    """
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        forget_what_is_kept(Path(home))
        recipe = Recipe(batch_size=job.batch, cache_activations=keep)
        core, mixture = open_core("e5-small"), text(job.language)
        if epochs > 1:
            rows = [pair for each in Drawing(job.batch, 0).group(mixture, 0) for pair in each][: job.batch * job.steps]
            mixture = mix({job.language: rows}, job.language)
        budget = Budget(seconds=job.seconds) if job.seconds else Budget(steps=job.steps * epochs)
        training = Training(core, recipe, mixture, Targets(Encoder(core)), budget, 0, Path(folder))
        times = [time.perf_counter()]
        trained = training.run(lambda progress: times.append(time.perf_counter()))
        memory, done = peak_memory(), len(times) - 1
        first = job.steps * (epochs - 1)
        return {
            "sentences": (done - first) * job.batch, "seconds": times[-1] - times[first], "steps": done,
            "peak": memory, "dev": quality(core, recipe.method, trained.config, trained.tensors, development(job.dev)),
        }  # fmt: skip


def peer_arm(job: Job) -> Any:
    """``adapters`` and its Trainer."""
    import adapters
    from transformers import TrainerCallback, TrainingArguments

    core = open_core("e5-small")
    model: Any = load_model(core)
    adapters.init(model)
    model.add_adapter("x", config=adapters.SeqBnConfig(reduction_factor=2))
    model.train_adapter("x")
    frozen: Any = load_model(core)
    tokenizer = Encoder(core).tokenizer
    drawing, mixture = Drawing(job.batch, 0), text(job.language)
    rows = [pair for number in range(200) for each in drawing.group(mixture, number) for pair in each]

    def collate(some: list[Pair]) -> dict[str, torch.Tensor]:
        def side(texts: list[str]) -> Any:
            return tokenizer(
                [core.prefix + one for one in texts],
                padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt",
            )  # fmt: skip

        own, english = side([pair.text for pair in some]), side([pair.english for pair in some])
        return {**own, "english_ids": english["input_ids"], "english_mask": english["attention_mask"]}

    def vectors(network: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = network(input_ids=ids, attention_mask=mask).last_hidden_state
        return normalize(pool(hidden, mask, core.pooling), dim=-1)

    class Trainer(adapters.AdapterTrainer):  # type: ignore[misc]
        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            with torch.no_grad():
                teacher = vectors(frozen, inputs["english_ids"], inputs["english_mask"])
            logits = vectors(model, inputs["input_ids"], inputs["attention_mask"]) @ teacher.T / 0.02
            labels = torch.arange(len(logits))
            return (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.times = [time.perf_counter()]

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.perf_counter())

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=job.batch, max_steps=job.steps, learning_rate=Recipe().learning_rate,
            warmup_ratio=Recipe().warmup, report_to=[], save_strategy="no", remove_unused_columns=False,
            disable_tqdm=True, logging_strategy="no", use_cpu=True, seed=0, label_names=["english_ids"],
        )  # fmt: skip
        Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[clock]).train()
    memory = peak_memory()
    from hubkit.adapter.method import method
    from hubkit.core.architecture import architecture

    chosen = method("seq_bn")
    config = chosen.adapterhub_config(reduction_factor=2)
    names = chosen.expected_tensors(config, model.config, architecture(core.model_type))
    state = model.state_dict()
    tensors = {name: state[chosen.to_adapterhub(name, "x")].detach().clone() for name in names}
    done = len(clock.times) - 1
    return {
        "sentences": done * job.batch, "seconds": clock.times[-1] - clock.times[0], "steps": done, "peak": memory,
        "dev": quality(core, "seq_bn", config, tensors, development(job.dev)),
    }  # fmt: skip


def mlm_arm(job: Job, full: bool = False) -> Any:
    """Masked language modelling over the language's own pieces, or with the whole vocabulary at every position."""
    recipe = Recipe(objective="mlm")
    core, mixture = open_core("e5-small"), text(job.language)
    targets = Targets(Encoder(core))
    with tempfile.TemporaryDirectory() as folder:
        training = Training(core, recipe, mixture, targets, Budget(steps=job.steps), 0, Path(folder))
        if full:
            training.parts[0].objective = FullVocabulary(training.parts[0].objective, targets.frozen.model)
        state = training.run().state
    return {
        "sentences": state.tokens,
        "seconds": state.seconds,
        "steps": state.step,
        "peak": peak_memory(),
        "dev": None,
    }


class FullVocabulary:
    """The same masked positions, scored the usual way: logits of all pieces at every position."""

    data, name = "text", "mlm"

    def __init__(self, mlm: Any, model: Any) -> None:
        self._mlm, self._rows = mlm, model.get_input_embeddings().weight.detach()

    def prepare(self, *given: Any) -> Any:
        return self._mlm.prepare(*given)

    def __call__(self, batch: Any) -> Any:
        from hubkit.training.objective import Loss

        logits = batch.hidden @ self._rows.T
        return Loss(cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=-100))


ARMS: dict[str, Callable[[Job], Any]] = {
    "peer": peer_arm,
    "first epoch": hubkit_arm,
    "second epoch": lambda job: hubkit_arm(job, epochs=2),
    "second epoch, kept activations": lambda job: hubkit_arm(job, epochs=2, keep=True),
    "MLM": mlm_arm,
    "MLM, full vocabulary": lambda job: mlm_arm(job, full=True),
}


def measure(arm: str, job: Job) -> dict[str, Any]:
    """One arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm, "--language", job.language]
    command += ["--batch", str(job.batch), "--steps", str(job.steps)]
    command += ["--seconds", str(job.seconds)] if job.seconds else []
    command += ["--dev", str(job.dev)] if job.dev else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arm} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    click.echo(f"{arm}: {found}", err=True)
    return found


@click.command(help=__doc__)
@click.option("--language", default="wo", help="Trained on as add-language does.")
@click.option("--dev", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=3)
@click.option("--minutes", default=0.0, help="Also: time to the quality that the peer has after so many minutes.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True)
@click.option("--arm", hidden=True)
@click.option("--batch", default=32, hidden=True)
@click.option("--steps", default=STEPS[32], hidden=True)
@click.option("--seconds", type=float, hidden=True)
def main(
    language: str, dev: Path | None, runs: int, minutes: float, as_json: bool, check: bool, arm: str | None,
    batch: int, steps: int, seconds: float | None,
) -> None:  # fmt: skip
    job = Job(language, batch, steps, seconds, dev)
    if arm:
        print(json.dumps(ARMS[arm](job)))
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in ARMS}
    for _ in range(runs):
        for name in ARMS:
            found[name].append(measure(name, job))
    rows = table(found, job)
    if minutes:
        rows.append(race(minutes, job, rate_of(found["peer"])))
    dev_scores = {n: [one["dev"] for one in some] for n, some in found.items() if some[0]["dev"] is not None}
    if as_json:
        print(json.dumps({"rows": rows, "dev": dev_scores, "machine": {"threads": torch.get_num_threads()}}, indent=2))
    else:
        show(rows, dev_scores)
    if check and any(missed(row) for row in rows):
        sys.exit(1)


def rate_of(runs: list[dict[str, Any]]) -> float:
    """Median sentences (of MLM: tokens) a second."""
    return statistics.median(one["sentences"] / one["seconds"] for one in runs)


def table(found: dict[str, list[dict[str, Any]]], job: Job) -> list[dict[str, Any]]:
    """The rows of speed and memory."""
    speed = {name: rate_of(runs) for name, runs in found.items()}
    names = ("first epoch", "second epoch", "second epoch, kept activations")
    rows = [row(f"sentences/s, {name}", speed[name], speed["peer"], TARGETS.get(name)) for name in names]
    rows.append(row("MLM tokens/s", speed["MLM"], speed["MLM, full vocabulary"], TARGETS["MLM"]))
    large = replace(job, batch=128, steps=STEPS[128], dev=None)
    ours, theirs = (measure(name, large)["peak"] / 2**20 for name in ("first epoch", "peer"))
    return [*rows, row("peak memory, batch 128, MiB", ours, theirs, -TARGETS["peak memory"])]


def row(what: str, ours: float, peer: float, target: float | None) -> dict[str, Any]:
    """One line of the table; a negative target is an upper limit."""
    return {"what": what, "ours": ours, "peer": peer, "ratio": ours / peer, "target": target}


def show(rows: list[dict[str, Any]], dev_scores: dict[str, list[float]]) -> None:
    """The table as text."""
    for one in rows:
        goal = "" if one["target"] is None else f"(target {'≤' if one['target'] < 0 else '≥'} {abs(one['target'])})"
        print(f"{one['what']:48} {one['ours']:10.1f} {one['peer']:10.1f}  {one['ratio']:.2f} {goal}")
    for name, some in dev_scores.items():
        print(f"R@1 on development text, {name}, after {STEPS[32]} steps an epoch: {np.mean(some):.3f}")


def missed(row: dict[str, Any]) -> bool:
    """Whether a row has a target that it does not reach."""
    target = row["target"]
    return target is not None and (row["ratio"] < target if target > 0 else row["ratio"] > -target)


def race(minutes: float, job: Job, peers_speed: float) -> dict[str, Any]:
    """The shortest of a few budgets in which hubkit reaches what the peer has after ``minutes``."""
    steps = round(peers_speed * minutes * 60 / job.batch)
    theirs = measure("peer", replace(job, steps=steps))
    for share in (0.1, 0.2, 0.3, 0.5, 1.0):
        ours = measure("first epoch", replace(job, seconds=minutes * 60 * share))
        if ours["dev"] >= theirs["dev"]:
            break
    what = f"minutes to R@1 {theirs['dev']:.3f} (ours {ours['dev']:.3f})"
    return row(what, ours["seconds"] / 60, theirs["seconds"] / 60, -TARGETS["minutes"])


if __name__ == "__main__":
    main()
