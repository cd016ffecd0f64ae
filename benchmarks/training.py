"""How fast and how lean training is, as ratios to ``adapters`` with the transformers Trainer, in one run.

    python benchmarks/training.py --dev kin.tsv            # the table; --json, --check
    python benchmarks/training.py --minutes 10 --dev …     # and how soon the peer's quality after 10 minutes is reached

The peer is what a user of ``adapters`` writes: the bottleneck in every layer, sentences padded to 64 tokens, float32,
AdapterTrainer, the frozen core run on the English side in every step; loss, width, batch and data are hubkit's. Every
arm runs in a process of its own, the arms take turns, and times are medians. ``--dev`` is parallel text (text, tab,
English) of a source that training did not see: R@1 of both directions, raw and centred averaged, at strength .5.
Leave the machine alone meanwhile.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
from hubkit.training.budget import Budget
from hubkit.training.loop import Training
from hubkit.training.mixture import Drawing, Mixture, mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

LANGUAGE, TOKENS, STRENGTH = "rw", 64, 0.5
STEPS = {32: 30, 128: 6}
TARGETS = {"first epoch": 3.0, "second epoch, kept activations": 5.0, "MLM": 3.0, "peak memory": 0.6, "minutes": 0.3}


def text() -> Mixture:
    """What ``hubkit add-language rw`` trains on."""
    language, recipe = find(LANGUAGE), Recipe()
    kin = [relative for relative, _ in relatives(language) if relative.iso639_3 != language.iso639_3]
    asked = sources()
    found = [gather(language, asked), *gather_many(kin, asked)]
    pairs = {one.language.tag: sentences(one.all(), recipe.min_words, recipe.max_words) for one in found}
    return mix(pairs, LANGUAGE, recipe.alpha, recipe.own)


def development(path: Path | None) -> list[Pair]:
    """The first 200 lines."""
    if path is None:
        return []
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[:200]]
    return [Pair(row[0], row[1], "development", str(number), "") for number, row in enumerate(rows)]


def quality(core: Core, method: str, config: Any, tensors: Any, pairs: list[Pair]) -> float | None:
    """R@1 on the development text, mean of both directions and of raw and centred."""
    if not pairs:
        return None
    encoder = Encoder(core)
    adapter = adapter_from_state("lang-x", method, config, tensors, core).with_strength(STRENGTH)
    english = encoder.encode([pair.english for pair in pairs], show_progress_bar=False)
    vectors = encoder.adapted(adapter).encode([pair.text for pair in pairs], show_progress_bar=False)
    raw, without = retrieve(vectors, english), retrieve(centred(vectors), centred(english))
    return (raw.recall + without.recall) / 2


def hubkit_arm(batch: int, steps: int, seconds: float | None, epochs: int, keep: bool, dev: Path | None) -> Any:
    """hubkit's loop; with several epochs the text is what one epoch draws, and the last one is timed."""
    recipe = Recipe(batch_size=batch, cache_activations=keep)
    core, mixture = open_core("e5-small"), text()
    targets = Targets(Encoder(core))
    if epochs > 1:
        rows = [pair for each in Drawing(batch, 0).group(mixture, 0) for pair in each][: batch * steps]
        mixture = mix({LANGUAGE: rows}, LANGUAGE)
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        budget = Budget(seconds=seconds) if seconds else Budget(steps=steps * epochs)
        training = Training(core, recipe, mixture, targets, budget, 0, Path(folder))
        begun = time.perf_counter()
        trained = training.run(lambda progress: times.append(time.perf_counter()))
    first = steps * (epochs - 1)
    spent = times[-1] - (times[first - 1] if first else begun)
    return {
        "sentences": (len(times) - first) * batch, "seconds": spent, "steps": len(times), "peak": peak(),
        "dev": quality(core, recipe.method, trained.config, trained.tensors, development(dev)),
    }  # fmt: skip


def peer_arm(batch: int, steps: int, seconds: float | None, dev: Path | None) -> Any:
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
    drawing, mixture = Drawing(batch, 0), text()
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
        def __init__(self) -> None:
            self.times = [time.perf_counter()]

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.times = [time.perf_counter()]

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            self.times.append(time.perf_counter())
            if seconds and self.times[-1] - self.times[0] > seconds:
                control.should_training_stop = True
            return control

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=batch, max_steps=steps if not seconds else 100_000, learning_rate=1e-4,
            lr_scheduler_type="linear" if not seconds else "constant", report_to=[], save_strategy="no",
            remove_unused_columns=False, disable_tqdm=True, logging_strategy="no", use_cpu=True, seed=0,
        )  # fmt: skip
        Trainer(model=model, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[clock]).train()
    memory = peak()
    from hubkit.adapter.method import method
    from hubkit.core.architecture import architecture

    chosen = method("seq_bn")
    config = chosen.adapterhub_config(reduction_factor=2)
    names = chosen.expected_tensors(config, model.config, architecture(core.model_type))
    state = model.state_dict()
    tensors = {name: state[chosen.to_adapterhub(name, "x")].detach().clone() for name in names}
    done = len(clock.times) - 1
    return {
        "sentences": done * batch, "seconds": clock.times[-1] - clock.times[0], "steps": done, "peak": memory,
        "dev": quality(core, "seq_bn", config, tensors, development(dev)),
    }  # fmt: skip


def mlm_arm(full: bool, steps: int) -> Any:
    """Masked language modelling over the language's own pieces, or with the whole vocabulary at every position."""
    recipe = Recipe(objective="mlm")
    core, mixture = open_core("e5-small"), text()
    targets, times = Targets(Encoder(core)), [0.0]
    with tempfile.TemporaryDirectory() as folder:
        training = Training(core, recipe, mixture, targets, Budget(steps=steps), 0, Path(folder))
        if full:
            training.parts[0].objective = FullVocabulary(training.parts[0].objective, targets.frozen.model)
        trained = training.run(lambda progress: times.append(time.perf_counter()))
    seconds = trained.state.seconds
    return {"sentences": trained.state.tokens, "seconds": seconds, "steps": steps, "peak": peak(), "dev": None}


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


def peak() -> int:
    """Largest resident size of this process, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


ARMS: dict[str, Callable[[int, int, float | None, Path | None], Any]] = {
    "peer": peer_arm,
    "first epoch": lambda batch, steps, seconds, dev: hubkit_arm(batch, steps, seconds, 1, False, dev),
    "second epoch": lambda batch, steps, seconds, dev: hubkit_arm(batch, steps, seconds, 2, False, dev),
    "second epoch, kept activations": lambda batch, steps, seconds, dev: hubkit_arm(
        batch, steps, seconds, 2, True, dev
    ),
    "MLM": lambda batch, steps, seconds, dev: mlm_arm(False, steps),
    "MLM, full vocabulary": lambda batch, steps, seconds, dev: mlm_arm(True, steps),
}


def measure(arm: str, batch: int, steps: int, seconds: float | None, dev: Path | None) -> dict[str, Any]:
    """One arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm, "--batch", str(batch), "--steps", str(steps)]
    command += ["--seconds", str(seconds)] if seconds else []
    command += ["--dev", str(dev)] if dev else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arm} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@click.command(help=__doc__)
@click.option("--dev", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=3)
@click.option("--minutes", default=0.0, help="Also: time to the quality that the peer has after so many minutes.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True)
@click.option("--arm", hidden=True)
@click.option("--batch", default=32, hidden=True)
@click.option("--steps", default=30, hidden=True)
@click.option("--seconds", type=float, hidden=True)
def main(
    dev: Path | None, runs: int, minutes: float, as_json: bool, check: bool, arm: str | None, batch: int, steps: int,
    seconds: float | None,
) -> None:  # fmt: skip
    if arm:
        print(json.dumps(ARMS[arm](batch, steps, seconds, dev)))
        return
    arms = ("peer", "first epoch", "second epoch", "second epoch, kept activations", "MLM", "MLM, full vocabulary")
    found = {name: [measure(name, 32, STEPS[32], None, dev) for name in [name]] for name in arms}
    for _ in range(runs - 1):
        for name in arms:
            found[name].append(measure(name, 32, STEPS[32], None, dev))
    speed = {n: statistics.median(one["sentences"] / one["seconds"] for one in some) for n, some in found.items()}
    rows: list[dict[str, Any]] = []
    for name in arms[1:4]:
        rows.append({"what": f"sentences/s, {name}", "ours": speed[name], "peer": speed["peer"],
                     "ratio": speed[name] / speed["peer"], "target": TARGETS.get(name)})  # fmt: skip
    rows.append({"what": "MLM tokens/s", "ours": speed["MLM"], "peer": speed["MLM, full vocabulary"],
                 "ratio": speed["MLM"] / speed["MLM, full vocabulary"], "target": TARGETS["MLM"]})  # fmt: skip
    large = {name: measure(name, 128, STEPS[128], None, None)["peak"] for name in ("first epoch", "peer")}
    rows.append({"what": "peak memory, batch 128, MiB", "ours": large["first epoch"] / 2**20,
                 "peer": large["peer"] / 2**20, "ratio": large["first epoch"] / large["peer"],
                 "target": -TARGETS["peak memory"]})  # fmt: skip
    if minutes:
        rows.append(race(minutes, dev))
    dev_scores = {n: [one["dev"] for one in some] for n, some in found.items() if some[0]["dev"] is not None}
    if as_json:
        print(json.dumps({"rows": rows, "dev": dev_scores, "machine": {"threads": torch.get_num_threads()}}, indent=2))
    else:
        for row in rows:
            goal = "" if row["target"] is None else f"(target {'≤' if row['target'] < 0 else '≥'} {abs(row['target'])})"
            print(f"{row['what']:48} {row['ours']:10.1f} {row['peer']:10.1f}  {row['ratio']:.2f} {goal}")
        for name, some in dev_scores.items():
            print(f"R@1 on development text after {STEPS[32]} steps, {name}: {np.mean(some):.3f}")
    if check and any(missed(row) for row in rows):
        sys.exit(1)


def missed(row: dict[str, Any]) -> bool:
    """Whether a row has a target that it does not reach."""
    target = row["target"]
    return target is not None and (row["ratio"] < target if target > 0 else row["ratio"] > -target)


def race(minutes: float, dev: Path | None) -> dict[str, Any]:
    """The shortest of a few budgets in which hubkit reaches what the peer has after ``minutes``."""
    theirs = measure("peer", 32, 0, minutes * 60, dev)
    for share in (0.1, 0.2, 0.3, 0.5, 1.0):
        ours = measure("first epoch", 32, 0, minutes * 60 * share, dev)
        if ours["dev"] >= theirs["dev"]:
            break
    return {"what": f"minutes to R@1 {theirs['dev']:.3f} (ours {ours['dev']:.3f})", "ours": minutes * share,
            "peer": minutes, "ratio": share, "target": -TARGETS["minutes"]}  # fmt: skip


if __name__ == "__main__":
    main()
