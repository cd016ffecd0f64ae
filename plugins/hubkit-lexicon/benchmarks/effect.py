"""What a dictionary adds: adapters that differ in their training text alone, trained for the same number of steps.

    python benchmarks/effect.py --language id --language bg --dev-source libreoffice --steps 300 \
        --seed 0 --seed 1 --seed 2

Arms: the language's sentences (``without``); those and as many dictionary entries (``dictionary``); those and as many
mixed sentences (``mix``). Development text is ``--dev FILE`` (parallel text that training does not see; a folder, for
several languages) or ``--dev-source NAME``, a registered source that is then kept out of training and of mixing. It
chooses nothing. Whatever meets it is taken out of the training text.

Every finished adapter is a line of ``--out``; the same command goes on where it stopped. The table has R@1, mean of
both directions and of the seeds, raw and centred, for each language and for all; beside it the difference from
``without`` with its 95 % interval (paired bootstrap over sentences).
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import click
import numpy as np
from hubkit.adapter.store import adapter_from_state
from hubkit.core import open_core
from hubkit.corpora.cleaning import clean, sentences
from hubkit.corpora.file import File
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.source import Pair, Source
from hubkit.corpora.text import normal_form
from hubkit.errors import UsageError
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.evaluation.statistics import pooled_difference
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import Language, find
from hubkit.plugins import registered
from hubkit.runtime.encoder import Encoder
from hubkit.training.budget import Budget
from hubkit.training.loop import Training
from hubkit.training.mixture import mix
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets
from hubkit.workflows.data import cleared

from hubkit_lexicon.mix import OURS, LexiconMix
from hubkit_lexicon.settings import Settings, read_settings
from hubkit_lexicon.source import LexiconSource

CORE, BASE = "core", "without"
ARMS = (BASE, "dictionary", "mix")
VIEWS = ("raw", "centred")
MOST, FEWEST = 500, 50  # development sentences
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """What the arms of one language are trained on, and the development text, which none of it meets."""

    language: Language
    arms: dict[str, list[Pair]]
    dev: ParallelSuite


@click.command()
@click.option("--language", "tags", multiple=True, required=True, help="A language that has a dictionary (repeat).")
@click.option("--dev", multiple=True, type=click.Path(exists=True, path_type=Path), help="Development text (repeat).")
@click.option("--dev-source", help="A registered source as development text.")
@click.option("--source", "names", multiple=True, help="Train on these sources only (repeat).")
@click.option("--steps", default=300, show_default=True, help="Optimiser steps of every adapter.")
@click.option("--seed", "seeds", multiple=True, default=[0], show_default=True)
@click.option("--strength", default=0.5, show_default=True, help="Strength of every adapter.")
@click.option("--share", type=float, help="Share of the known words that is replaced.  [default: lexicon.toml's]")
@click.option("--core", default="e5-small", show_default=True)
@click.option("--out", default=Path("effect.jsonl"), show_default=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--check", is_flag=True, help="Exit 1 when the dictionary or the mix is clearly worse, over all languages."
)
def main(
    tags: Sequence[str], dev: Sequence[Path], dev_source: str | None, names: Sequence[str], steps: int,
    seeds: Sequence[int], strength: float, share: float | None, core: str, out: Path, as_json: bool, check: bool,
) -> None:  # fmt: skip
    """Train what is not in --out yet, and print the table of what is."""
    if bool(dev) == bool(dev_source):
        raise UsageError("Give either --dev or --dev-source.", "Such as --dev-source libreoffice.")
    encoder = Encoder(open_core(core))
    mixing = read_settings() if share is None else read_settings().model_copy(update={"share": share})
    settings = {
        "core": encoder.core.fingerprint, "steps": steps, "strength": strength, "sources": sorted(names),
        "dev": sorted(path.name for path in dev) or dev_source, "share": mixing.share, "mixing seed": mixing.seed,
    }  # fmt: skip
    languages = [find(tag) for tag in tags]
    done = finished(out, settings)
    targets = Targets(encoder)
    for language in languages:
        cells = [(CORE, 0), *((arm, seed) for seed in seeds for arm in ARMS)]
        left = [cell for cell in cells if (*cell, language.tag) not in done]
        text = gathered(language, dev, dev_source, names, mixing) if left else None
        for arm, seed in left:
            assert text is not None
            line: Line = {"settings": settings, "arm": arm, "seed": seed, "language": language.tag}
            line |= measured(encoder, targets, text, arm, seed, steps, strength)
            keep(out, line)
            done[arm, seed, language.tag] = line
            figures = " ".join(f"{view} {np.mean(line['scores'][view]):.3f}" for view in VIEWS)
            click.echo(f"{language.tag} {arm} {seed}: {line.get('pairs', 0):,} pairs, {figures}", err=True)
    asked = {(language.tag, seed) for language in languages for seed in (*seeds, 0)}
    rows = list(table([line for line in done.values() if (line["language"], line["seed"]) in asked]))
    click.echo(json.dumps(rows, indent=2) if as_json else rendered(rows))
    if check and any(row[view]["interval"][1] < 0 for row in rows[-2:] for view in VIEWS):
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


def gathered(
    language: Language, dev: Sequence[Path], dev_source: str | None, names: Sequence[str], mixing: Settings
) -> Text:
    """The training text of every arm, without what meets the development text."""
    known = [name for name in names or registered("sources") if name not in (*OURS, dev_source)]
    asked: list[Source] = list(sources(known))
    recipe = Recipe()
    own = sentences(gather(language, asked).all(), recipe.min_words, recipe.max_words)
    given = sentences(gather(language, [File(list(dev))] if dev else sources([str(dev_source)])).all())
    held_out = suite_of(given, language)
    words, _ = clean(LexiconSource().pairs(language), language)
    mixed, _ = clean(LexiconMix(asked, settings=mixing).pairs(language), language)
    if not words:
        raise UsageError(f"There is no dictionary of {language.name}.", "Name a language that has one.")
    arms = {BASE: own, "dictionary": words, "mix": mixed}
    clear, _, proof = cleared(arms, [held_out], [])
    assert proof.clean
    added = {arm: [*clear[BASE], *some(pairs, len(clear[BASE]))] for arm, pairs in clear.items() if arm != BASE}
    return Text(language, {BASE: clear[BASE], **added}, held_out)


def some(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """At most ``count`` of ``pairs``, the same ones every time."""
    return Random(0).sample(list(pairs), count) if len(pairs) > count else list(pairs)


def suite_of(pairs: Sequence[Pair], language: Language) -> ParallelSuite:
    """At most :data:`MOST` sentences, each English side once."""
    once = list({normal_form(pair.english): pair for pair in reversed(pairs)}.values())
    chosen = some(sorted(once, key=lambda pair: (pair.english, pair.text)), MOST)
    if len(chosen) < FEWEST:
        raise UsageError(f"The development text has {len(chosen)} sentences in {language.name}.", f"Give {FEWEST}.")
    texts, english = tuple(pair.text for pair in chosen), tuple(pair.english for pair in chosen)
    return ParallelSuite("dev", "--dev", "as its owner states", "user", language.tag, texts, english, english)


def measured(encoder: Encoder, targets: Targets, text: Text, arm: str, seed: int, steps: int, strength: float) -> Line:
    """The core's scores, or those of an adapter that is trained now."""
    if arm == CORE:
        return {"scores": scores(encoder, encoder, text.dev), "keys": text.dev.keys}
    recipe, tag = Recipe(min_words=1), text.language.tag
    folder = Path(tempfile.mkdtemp())
    mixture = mix({tag: text.arms[arm]}, tag, recipe.alpha, recipe.own)
    run = Training(encoder.core, recipe, mixture, targets, Budget(steps=steps), seed, folder).run()
    shutil.rmtree(folder)
    adapter = adapter_from_state(f"lang-{tag}", recipe.method, run.config, run.tensors, encoder.core)
    adapted = encoder.adapted(adapter.with_strength(strength))
    facts = {"pairs": len(text.arms[arm]), "seconds": round(run.state.seconds, 1), "steps": run.state.step}
    return {**facts, "scores": scores(encoder, adapted, text.dev), "keys": text.dev.keys}


def scores(core: Encoder, system: Encoder, dev: ParallelSuite) -> dict[str, list[float]]:
    """R@1 of each sentence by view, mean of both directions; the English side is the frozen core's."""
    ours, theirs = (
        np.asarray(encoder.encode(list(texts), show_progress_bar=False))
        for encoder, texts in ((system, dev.texts), (core, dev.english))
    )
    raw = retrieve(ours, theirs, texts=dev.texts, english=dev.english)
    flat = retrieve(centred(ours), centred(theirs), texts=dev.texts, english=dev.english)
    return {"raw": raw.item_recall.tolist(), "centred": flat.item_recall.tolist()}


def table(lines: Sequence[Line]) -> Iterator[Line]:
    """A row for each language and arm, those of all languages last."""
    tags = list(dict.fromkeys(line["language"] for line in lines))
    for name, group in (*((tag, [tag]) for tag in tags), *([("all", tags)] if len(tags) > 1 else [])):
        for arm in (CORE, *ARMS):
            yield {"language": name, "arm": arm, **{view: compared(lines, arm, group, view) for view in VIEWS}}


def compared(lines: Sequence[Line], arm: str, tags: Sequence[str], view: str) -> Line:
    """Languages weigh the same; a sentence's score is its mean over seeds."""
    ours, theirs = ([of_sentences(lines, name, tag, view) for tag in tags] for name in (arm, BASE))
    keys = [next(line["keys"] for line in lines if line["language"] == tag) for tag in tags]
    mean = float(np.mean([each.mean() for each in ours]))
    if arm == BASE:
        return {"R@1": mean, "difference": 0.0, "interval": [0.0, 0.0]}
    difference = pooled_difference([a - b for a, b in zip(ours, theirs, strict=True)], keys)
    return {"R@1": mean, "difference": difference.value, "interval": [difference.low, difference.high]}


def of_sentences(lines: Sequence[Line], arm: str, tag: str, view: str) -> Any:
    found = [line["scores"][view] for line in lines if line["arm"] == arm and line["language"] == tag]
    return np.mean(found, axis=0)


def rendered(rows: Sequence[Line]) -> str:
    """The table as text."""
    lines = [["language", "arm", *VIEWS]]
    lines += [[row["language"], row["arm"], *(cell(row[view]) for view in VIEWS)] for row in rows]
    widths = [max(len(line[index]) for line in lines) for index in range(4)]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


def cell(found: Line) -> str:
    low, high = found["interval"]
    difference = f" {found['difference']:+.3f} [{low:+.3f}, {high:+.3f}]" if low < high else ""
    return f"{found['R@1']:.3f}{difference}"


if __name__ == "__main__":
    main()
