"""Compare training recipes on development text that training does not see.

Trains one adapter on the sources' text of several languages and scores it, at several strengths, on a user's parallel
files: R@1 in both directions, raw and centred, with the English of further lines as distractors. This is how the
defaults of ``hubkit.training.recipe.Recipe`` were chosen (``docs/log.md``). Never give it a held-out suite.

    python benchmarks/recipe.py --dev-data DIR --dev wol,ewe,kab --languages wo,ee,yo,kab --budget 100s \
        --recipe '{"learning_rate": 0.001}'

DIR holds ``wol.tsv.gz`` … and ``eng.tsv.gz`` with an identifier and a text a line.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from hubkit.adapter.store import adapter_from_state
from hubkit.core import open_core
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.file import read_parallel
from hubkit.corpora.gather import sources
from hubkit.corpora.source import Pair
from hubkit.evaluation.retrieval import centred
from hubkit.languages import find
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import parse_budget
from hubkit.training.loop import Training
from hubkit.training.mixture import mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

STRENGTHS = (0.3, 0.5, 0.7, 1.0)


class Development:
    """Queries with their English, and distractors, of one language."""

    def __init__(self, pairs: Sequence[Pair], targets: Targets, queries: int, distractors: int) -> None:
        shuffled = random.Random(7).sample(list(pairs), len(pairs))
        self.texts = [pair.text for pair in shuffled[:queries]]
        self.english = targets([pair.english for pair in shuffled[:queries]])
        self.pool = targets([pair.english for pair in shuffled[queries : queries + distractors]])

    def score(self, encoder: Encoder) -> tuple[float, float]:
        """R@1 raw and centred, mean of both directions; distractors count towards English only."""
        vectors = np.asarray(encoder.encode(self.texts, show_progress_bar=False))
        everything = np.concatenate([self.english, self.pool])
        aligned = centred(everything)
        return (
            _recall(vectors, everything),
            _recall(centred(vectors), aligned),
        )


def _recall(texts: Any, english: Any) -> float:
    similar, numbers = texts @ english.T, np.arange(len(texts))
    forward = (similar.argmax(1) == numbers).mean()
    backward = (similar[:, : len(texts)].argmax(0) == numbers).mean()
    return float((forward + backward) / 2)


@click.command()
@click.option("--dev-data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--dev", required=True, help="Languages to score, comma-separated.")
@click.option("--languages", required=True, help="Languages to train on, comma-separated.")
@click.option("--target", help="The language whose share --recipe's own multiplies.")
@click.option("--without", "dropped", multiple=True, help="A source that training must not use.")
@click.option("--recipe", "recipe_json", default="{}")
@click.option("--budget", default="100s")
@click.option("--seed", default=0)
@click.option("--queries", default=120)
@click.option("--distractors", default=1500)
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 unless the best strength beats the core, raw and centred.")
def main(
    dev_data: Path, dev: str, languages: str, target: str | None, dropped: tuple[str, ...], recipe_json: str,
    budget: str, seed: int, queries: int, distractors: int, as_json: bool, check: bool,
) -> None:  # fmt: skip
    """Train with one recipe and print its scores by language and strength."""
    recipe, core = Recipe(**json.loads(recipe_json)), open_core()
    encoder = Encoder(core)
    targets = Targets(encoder)
    suites = {}
    for code in dev.split(","):
        pairs, _ = read_parallel([dev_data], find(code))
        suites[code] = Development(sentences(pairs, 5, 25), targets, queries, distractors)
    asked = [source for source in sources() if source.name not in dropped]
    gathered = gather_many([find(tag) for tag in languages.split(",")], asked)
    pairs_of = {each.language.tag: sentences(each.all(), recipe.min_words, recipe.max_words) for each in gathered}
    folder = Path(tempfile.mkdtemp())
    mixture = mix(pairs_of, target, recipe.alpha, recipe.own)
    trained = Training(core, recipe, mixture, targets, parse_budget(budget), seed, folder).run()
    shutil.rmtree(folder)
    adapter = adapter_from_state("lang-x", recipe.method, trained.config, trained.tensors, core)
    rows = {"core": {code: suite.score(encoder) for code, suite in suites.items()}}
    for strength in STRENGTHS:
        adapted = encoder.adapted(adapter.with_strength(strength))
        rows[f"strength {strength}"] = {code: suite.score(adapted) for code, suite in suites.items()}
    _print(rows, {"steps": trained.state.step, "sentences": trained.state.sentences}, as_json)
    best = np.max([np.mean(list(row.values()), axis=0) for name, row in rows.items() if name != "core"], axis=0)
    if check and not (best > np.mean(list(rows["core"].values()), axis=0)).all():
        sys.exit(1)


def _print(rows: dict[str, dict[str, tuple[float, float]]], facts: dict[str, int], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({**facts, "scores": rows}, indent=2))
        return
    click.echo(", ".join(f"{count:,} {name}" for name, count in facts.items()))
    for name, row in rows.items():
        mean = np.mean(list(row.values()), axis=0)
        cells = [f"{code} {raw:.3f} {flat:.3f}" for code, (raw, flat) in row.items()]
        click.echo(f"{name:13} {'  '.join(cells)}  mean {mean[0]:.3f} {mean[1]:.3f}")


if __name__ == "__main__":
    main()
