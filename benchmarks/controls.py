"""Compare an adapter with everything else that can be trained on the same text for as many steps.

Trains the adapter, PEFT's LoRA, full fine-tuning and the wrong-family adapter, and scores them beside the frozen core
and the closed-form ridge by retrieval, raw and centred. On development text (``--dev``) it scores several strengths and
learning rates, so that each can be chosen there; without it, it scores the held-out suite, at one strength and the
default rates: the suite is for reporting, never for choosing.

    python benchmarks/controls.py --language sw --steps 250 --dev sw.tsv --rate full=5e-5 --rate full=2e-4
    python benchmarks/controls.py --language sw --steps 250

What was trained is kept under ``$HUBKIT_HOME/controls``: the same command goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.core import open_core
from hubkit.evaluation.control_systems import ControlContext, control_systems
from hubkit.evaluation.controls.kept import KeptControl, control_folder, digest, kept_or_trained
from hubkit.evaluation.controls.trained import LEARNING_RATES, full, lora
from hubkit.evaluation.retrieval import Retrieval, centred, retrieve
from hubkit.evaluation.statistics import paired_difference
from hubkit.evaluation.task import Tested
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.curriculum import mixture_of
from hubkit.training.loop import Progress, Trained, Training
from hubkit.training.recipe import Recipe
from hubkit.training.strength import DEFAULT, GRID
from hubkit.training.targets import Targets
from hubkit.workflows.data import Data, collect
from hubkit.workflows.events import Silent
from hubkit.workflows.work import Request

TRAINED = ("wrong-family", "lora", "full")


@dataclass(frozen=True)
class Row:
    """One system, what is trained at one strength: R@1, mean of both directions, and the adapter minus it."""

    system: str
    strength: float
    raw: float
    centred: float
    adapter_raw: str | None
    adapter_centred: str | None
    description: str


class Told(Silent):
    """Says on standard error what happens."""

    def note(self, text: str) -> None:
        print(f"… {text}", file=sys.stderr)

    def warn(self, text: str) -> None:
        self.note(text)


def watch(progress: Progress) -> None:
    """A line every tenth of the budget."""
    if progress.step % 25 == 0 or progress.fraction >= 1:
        left = "" if progress.left is None else f", {progress.left:.0f} s left"
        print(f"  step {progress.step}, loss {progress.loss:.3f}{left}", file=sys.stderr)


def train_adapter(data: Data, recipe: Recipe, targets: Targets, steps: int, seed: int) -> tuple[Adapter, KeptControl]:
    """The adapter itself, kept as controls are."""
    core, tag = targets.frozen.core, data.language.tag

    def run(folder: Path) -> tuple[Trained, dict[str, Any]]:
        domains = {source.name: source.domain for source in data.sources}
        mixture = mixture_of(recipe, data.pairs, tag, seed, domains)
        training = Training(core, recipe, mixture, targets, Budget(steps=steps), seed, folder)
        return training.run(watch), {"languages": sorted(data.pairs)}

    decides = [core.fingerprint, recipe.model_dump(mode="json"), digest(data.pairs), tag, seed]
    kept = kept_or_trained(control_folder("adapter", *decides), steps, run, Told().note)
    return adapter_from_state(f"lang-{tag}", recipe.method, kept.config, kept.tensors, core), kept


def systems(context: ControlContext, names: list[str], rates: list[tuple[str, float]]) -> Iterator[tuple[str, Tested]]:
    """Every system under the name that the table has for it."""
    made = control_systems(names, context)
    yield from ((system.name, system) for system in made)
    makers: dict[str, Callable[[ControlContext, float], Tested]] = {"lora": lora, "full": full}
    for name, rate in rates:
        yield f"{name}, learning rate {rate:g}", makers[name](context, rate)


class Scorer:
    """Retrieval of one set of pairs; the English side is the frozen core's."""

    def __init__(self, texts: list[str], english: list[str], targets: Targets) -> None:
        self._texts, self._words = texts, {"texts": texts, "english": english}
        self._english = targets(english)

    def __call__(self, system: Tested) -> tuple[Retrieval, Retrieval]:
        vectors = np.asarray(system.encode(self._texts))
        raw = retrieve(vectors, self._english, **self._words)
        return raw, retrieve(centred(vectors), centred(self._english), **self._words)


def _rate(text: str) -> tuple[str, float]:
    name, _, rate = text.partition("=")
    if name not in LEARNING_RATES:
        raise click.BadParameter(f"{text}: write lora=… or full=…")
    return name, float(rate)


def _difference(ours: Retrieval, theirs: Retrieval) -> str:
    found = paired_difference(ours.item_recall, theirs.item_recall)
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}] {found.verdict}"


@click.command()
@click.option("--language", required=True, help="Tag, code or name.")
@click.option("--steps", type=click.IntRange(1), required=True, help="Optimiser steps of everything that is trained.")
@click.option("--dev", multiple=True, type=click.Path(exists=True), help="Development pairs; else the held-out suite.")
@click.option("--data", multiple=True, type=click.Path(exists=True), help="Training pairs beside the sources'.")
@click.option("--system", "chosen", multiple=True, help="Controls to run (default: core ridge wrong-family lora full).")
@click.option("--rate", "rates", multiple=True, help="A further run, with --dev: full=2e-4 or lora=5e-4.")
@click.option("--strength", type=float, default=DEFAULT, help="Of all that is trained, without --dev.")
@click.option("--recipe", "recipe_json", default="{}", help="Settings of the adapter's recipe as JSON.")
@click.option("--core", default="e5-small")
@click.option("--seed", default=0)
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 if some trained control is better than the adapter, centred.")
def main(
    language: str, steps: int, dev: tuple[str, ...], data: tuple[str, ...], chosen: tuple[str, ...],
    rates: tuple[str, ...], strength: float, recipe_json: str, core: str, seed: int, as_json: bool, check: bool,
) -> None:  # fmt: skip
    """Train everything at the same number of steps and print one table."""
    if rates and not dev:
        raise click.UsageError("A learning rate is chosen on development text: give --dev.")
    recipe, encoder = Recipe(**json.loads(recipe_json)), Encoder(open_core(core))
    targets, asked = Targets(encoder), [_rate(text) for text in rates]
    found = collect(Request(language, data=data, dev=dev, recipe=recipe, core=core, seed=seed).config(), Told())
    adapter, kept = train_adapter(found, recipe, targets, steps, seed)
    context = ControlContext(
        language=found.language, adapter=adapter, encoder=encoder, recipe=recipe, targets=targets, steps=kept.steps,
        seed=seed, pairs=found.pairs, sources=found.sources, observe=watch, events=Told(),
    )  # fmt: skip
    names, score = list(chosen) or ["core", "ridge", *TRAINED], _scorer(found, targets)
    rows: list[Row] = []
    for each in GRID if dev else (strength,):
        rows += _rows(replace(context, adapter=adapter.with_strength(each)), names, asked, score)
    _print(rows, _facts(found, kept, bool(dev)), as_json)
    if check and any(row.system in TRAINED and (row.adapter_centred or "").endswith("loss") for row in rows):
        sys.exit(1)


def _scorer(data: Data, targets: Targets) -> Scorer:
    if pairs := data.development.get(data.language.tag):
        return Scorer([pair.text for pair in pairs], [pair.english for pair in pairs], targets)
    return Scorer(list(data.suites[0].texts), list(data.suites[0].english), targets)


def _rows(context: ControlContext, names: list[str], rates: list[tuple[str, float]], score: Scorer) -> Iterator[Row]:
    adapted = context.encoder.adapted(context.adapter)
    own = score(Tested("adapter", "", lambda texts: adapted.encode(texts), lambda texts: texts))
    strength = context.adapter.strength
    description = f"{context.adapter.method}, {context.adapter.parameters:,} parameters, {context.steps} steps"
    yield Row("adapter", strength, own[0].recall, own[1].recall, None, None, description)
    for name, system in systems(context, names, rates):
        raw, flat = score(system)
        over_raw, over_flat = _difference(own[0], raw), _difference(own[1], flat)
        yield Row(name, strength, raw.recall, flat.recall, over_raw, over_flat, system.description)


def _facts(data: Data, kept: KeptControl, is_dev: bool) -> dict[str, Any]:
    suite = data.suites[0]
    return {
        "language": data.language.tag,
        "scored on": data.development_source if is_dev else f"{suite.name}, {suite.origin}",
        "pairs scored": len(data.development[data.language.tag]) if is_dev else len(suite),
        "training pairs": {tag: len(pairs) for tag, pairs in sorted(data.pairs.items())},
        "steps": kept.steps,
        "seconds of the adapter": round(kept.seconds, 1),
    }


def _print(rows: list[Row], facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    click.echo("\n".join(f"{name}: {value}" for name, value in facts.items()))
    click.echo("\n| system | strength | raw | centred | adapter − it, raw | centred |\n|---|---|---|---|---|---|")
    for row in rows:
        figures = f"{row.raw:.3f} | {row.centred:.3f} | {row.adapter_raw or ''} | {row.adapter_centred or ''}"
        click.echo(f"| {row.system} | {row.strength:g} | {figures} |")
    click.echo("\n" + "\n".join(dict.fromkeys(f"{row.system}: {row.description}" for row in rows)))


if __name__ == "__main__":
    main()
