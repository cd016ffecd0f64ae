"""What the two objectives change: adapters that differ in their objective alone, trained for the same number of steps.

    python benchmarks/effect.py --language sw --language zu --dev FOLDER --steps 400 --seed 0 --seed 1 --seed 2

FOLDER (or files, for one language) holds parallel text that training does not see, such as ``swh.tsv.gz`` and
``eng.tsv.gz`` of identifier, tab, text. A part of it chooses each adapter's strength, the other part is what the table
calls ``dev``. The held-out suite is measured once for each adapter, at that strength, and chooses nothing.

Every finished adapter is a line of ``--out``; the same command goes on where it stopped. Columns are R@1, mean of both
directions, seeds and languages, raw and centred; beside them the difference from the first arm with its 95 % interval
(paired bootstrap over sentences).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from hubkit.adapter.store import adapter_from_state
from hubkit.core import open_core
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.file import File
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Pair
from hubkit.corpora.text import normal_form
from hubkit.errors import UsageError
from hubkit.evaluation.compare import Result, encode_distinct
from hubkit.evaluation.statistics import pooled_difference
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import Language, find, relatives
from hubkit.plugins import load_registered
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.loop import Training
from hubkit.training.mixture import mix
from hubkit.training.recipe import Recipe
from hubkit.training.strength import choose_strength, development_pairs
from hubkit.training.targets import Targets
from hubkit.workflows.data import cleared

ARMS: dict[str, dict[str, Any]] = {
    "contrastive": {},
    "vicreg": {"objective": "vicreg"},
    "vicreg isotropic": {"objective": "vicreg", "objective_parameters": {"reference": "isotropic"}},
    "distance alone": {"objective": "vicreg", "objective_parameters": {"variance": 0.0, "covariance": 0.0}},
    "barlow-twins": {"objective": "barlow-twins"},
    "barlow-twins isotropic": {"objective": "barlow-twins", "objective_parameters": {"reference": "isotropic"}},
}
"""Arm → what it changes of the default recipe; the first one is what the others are compared with."""
CORE = "core"
REPORTED = 500  # development pairs that choose nothing
VIEWS = ("raw", "centred")
Scores = dict[str, dict[str, list[float]]]  # test → view → R@1 of each item
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """What the arms of one language are trained on, tuned on and measured on; none of it meets another."""

    language: Language
    pairs: dict[str, list[Pair]]
    tuning: list[Pair]
    tests: list[ParallelSuite]


@click.command()
@click.option(
    "--language", "tags", multiple=True, required=True, help="A language to train an adapter of each arm for."
)
@click.option("--dev", multiple=True, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--steps", default=400, show_default=True, help="Optimiser steps of every adapter.")
@click.option("--seed", "seeds", multiple=True, default=[0], show_default=True)
@click.option("--arm", "arms", multiple=True, type=click.Choice(list(ARMS)), help="Only these; the first is the base.")
@click.option("--source", multiple=True, help="Ask only this source of training text.")
@click.option("--suite", default="udhr", show_default=True, help="The registered held-out suite.")
@click.option("--core", default="e5-small", show_default=True)
@click.option("--out", default=Path("effect.jsonl"), show_default=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--check", is_flag=True, help="Exit 1 unless an objective of this plugin clearly gains over the first arm."
)
def main(
    tags: Sequence[str], dev: Sequence[Path], steps: int, seeds: Sequence[int], arms: Sequence[str],
    source: Sequence[str], suite: str, core: str, out: Path, as_json: bool, check: bool,
) -> None:  # fmt: skip
    """Train what is not in --out yet, and print the table of what is."""
    chosen = list(arms) or list(ARMS)
    encoder = Encoder(open_core(core))
    settings = {
        "core": encoder.core.fingerprint, "steps": steps, "dev": sorted(path.name for path in dev), "suite": suite,
        "sources": sorted(source),
    }  # fmt: skip
    done = finished(out, settings)
    targets = Targets(encoder)
    for tag in tags:
        cells = [(CORE, 0), *((arm, seed) for seed in seeds for arm in chosen)]
        left = [cell for cell in cells if (*cell, find(tag).tag) not in done]
        text = gathered(find(tag), dev, source, suite) if left else None
        for arm, seed in left:
            assert text is not None
            line = {"settings": settings, "arm": arm, "seed": seed, "language": text.language.tag}
            line |= trained(encoder, targets, text, arm, seed, steps) if arm != CORE else core_scores(encoder, text)
            keep(out, line)
            done[arm, seed, text.language.tag] = line
            click.echo(f"{text.language.tag} {arm} {seed}: {shown(line)}", err=True)
    wanted = {(find(tag).tag, seed) for tag in tags for seed in seeds}
    rows = table([line for line in done.values() if (line["language"], line["seed"]) in wanted], chosen)
    click.echo(json.dumps(rows, indent=2) if as_json else rendered(rows, chosen[0]))
    if check and not any(row["arm"] != chosen[0] and row["dev"]["centred"]["interval"][0] > 0 for row in rows[1:]):
        sys.exit(1)


def finished(out: Path, settings: Line) -> dict[tuple[str, int, str], Line]:
    """The lines of ``out`` by arm, seed and language. Raises :class:`UsageError` for one of other settings."""
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else []
    if any(line["settings"] != settings for line in lines):
        raise UsageError(f"{out} has results of other settings.", "Name another file with --out.")
    return {(line["arm"], line["seed"], line["language"]): line for line in lines}


def keep(out: Path, line: Line) -> None:
    with out.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def gathered(language: Language, dev: Sequence[Path], names: Sequence[str], suite: str) -> Text:
    """The language's text and its relatives', development text in two parts, and the suite."""
    asked, recipe = sources(names or None), Recipe.model_validate({})
    kin = [other for other, _ in relatives(language) if other.iso639_3 != language.iso639_3]
    found = {each.language.tag: each.all() for each in (gather(language, asked), *gather_many(kin, asked))}
    usable = {tag: sentences(pairs, recipe.min_words, recipe.max_words) for tag, pairs in found.items()}
    held_out = load_registered("tasks", suite)().load(language)
    given = sentences(gather(language, [File(list(dev))]).all())
    clear, _, _ = cleared({language.tag: given}, [held_out] if held_out else [], [])
    tuning = development_pairs(clear[language.tag])
    used = {normal_form(pair.english) for pair in tuning}
    rest = [pair for pair in clear[language.tag] if normal_form(pair.english) not in used]
    order = np.random.default_rng(0).permutation(len(rest))[:REPORTED]
    tests = [suite_of([rest[index] for index in order], language), *([held_out] if held_out else [])]
    training, _, proof = cleared(usable, tests, tuning)
    assert proof.clean
    return Text(language, training, tuning, tests)


def suite_of(pairs: Sequence[Pair], language: Language) -> ParallelSuite:
    if len(pairs) < 20:
        raise UsageError(f"--dev has too little text in {language.name}.", "Give at least 400 sentence pairs.")
    texts, english = tuple(pair.text for pair in pairs), tuple(pair.english for pair in pairs)
    keys = tuple(normal_form(text) for text in english)
    return ParallelSuite("dev", "--dev", "as stated by its owner", "user", language.tag, texts, english, keys)


def trained(encoder: Encoder, targets: Targets, text: Text, arm: str, seed: int, steps: int) -> Line:
    """One adapter: trained, its strength chosen, measured."""
    recipe, tag = Recipe.model_validate(ARMS[arm]), text.language.tag
    mixture = mix(text.pairs, tag, recipe.alpha, recipe.own)
    folder = Path(tempfile.mkdtemp())
    run = Training(encoder.core, recipe, mixture, targets, Budget(steps=steps), seed, folder).run()
    shutil.rmtree(folder)
    adapter = adapter_from_state(f"lang-{tag}", recipe.method, run.config, run.tensors, encoder.core)
    tuning = suite_of(text.tuning, text.language)

    def score(strength: float) -> Any:
        views = items(encoder, encoder.adapted(adapter.with_strength(strength)), tuning)
        return np.mean([views[view] for view in VIEWS], axis=0)

    strength = choose_strength(score, "dev").strength
    adapted = encoder.adapted(adapter.with_strength(strength))
    return {
        "strength": strength, "seconds": round(run.state.seconds, 1), "loss": run.state.curve[-1]["loss"],
        "scores": {test.name: items(encoder, adapted, test) for test in text.tests},
        "keys": {test.name: test.keys for test in text.tests},
    }  # fmt: skip


def core_scores(encoder: Encoder, text: Text) -> Line:
    """The core alone."""
    return {
        "scores": {test.name: items(encoder, encoder, test) for test in text.tests},
        "keys": {test.name: test.keys for test in text.tests},
    }


def items(core: Encoder, system: Encoder, test: ParallelSuite) -> dict[str, list[float]]:
    """R@1 of each item by view; the English side is the frozen core's."""

    def encode(encoder: Encoder) -> Any:
        return lambda texts: encoder.encode(texts, show_progress_bar=False)

    result = Result(encode_distinct(encode(system), test.texts), encode_distinct(encode(core), test.english), test)
    return {view: getattr(result, view).item_recall.tolist() for view in VIEWS}


def shown(line: Line) -> str:
    """A line's scores, for those who watch."""
    parts = [f"strength {line['strength']}"] if "strength" in line else []
    for test, views in line["scores"].items():
        parts.append(f"{test} " + " ".join(f"{view} {np.mean(values):.3f}" for view, values in views.items()))
    return ", ".join(parts)


def table(lines: Sequence[Line], arms: Sequence[str]) -> list[Line]:
    """A row an arm: for each test and view the mean, and the difference from the first arm with its interval."""
    rows = []
    for arm in (CORE, *arms):
        row: Line = {"arm": arm}
        for test in dict.fromkeys(name for line in lines for name in line["scores"]):
            row[test] = {view: compared(lines, arm, arms[0], test, view) for view in VIEWS}
        rows.append(row)
    return rows


def compared(lines: Sequence[Line], arm: str, base: str, test: str, view: str) -> Line:
    """Languages weigh the same; an item's score is its mean over seeds."""
    languages = sorted({line["language"] for line in lines if test in line["scores"]})
    ours, theirs = ([item_means(lines, name, language, test, view) for language in languages] for name in (arm, base))
    keys = [next(line["keys"][test] for line in lines if line["language"] == language) for language in languages]
    difference = pooled_difference([a - b for a, b in zip(ours, theirs, strict=True)], keys)
    mean = float(np.mean([each.mean() for each in ours]))
    return {"R@1": mean, "difference": difference.value, "interval": [difference.low, difference.high]}


def item_means(lines: Sequence[Line], arm: str, language: str, test: str, view: str) -> Any:
    found = [
        line["scores"][test][view] for line in lines
        if line["arm"] == arm and line["language"] == language and test in line["scores"]
    ]  # fmt: skip
    return np.mean(found, axis=0)


def rendered(rows: Sequence[Line], base: str) -> str:
    """The table as text."""
    columns = [(test, view) for test in rows[0] if test != "arm" for view in VIEWS]
    lines = [["arm", *(f"{test} {view}" for test, view in columns)]]
    for row in rows:
        cells = (cell(row[test][view], compared=row["arm"] != base) for test, view in columns)
        lines.append([row["arm"], *cells])
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)


def cell(found: Line, compared: bool) -> str:
    if not compared:
        return f"{found['R@1']:.3f}"
    low, high = found["interval"]
    return f"{found['R@1']:.3f} {found['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"


if __name__ == "__main__":
    main()
