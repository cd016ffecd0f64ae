"""How strongly the ridge control should be drawn to the identity: fitted on the sources' text, scored on other prose.

This is how ``hubkit.evaluation.controls.ridge.STRENGTH`` was chosen. Never give it a held-out suite.

    python benchmarks/ridge.py --dev-data DIR --dev swh,kab,zul,wol

DIR holds ``swh.tsv.gz`` … and ``eng.tsv.gz`` with an identifier and a text a line.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import click
import numpy as np

from hubkit.core import open_core
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.corpora.file import read_parallel
from hubkit.corpora.gather import sources
from hubkit.evaluation.controls.ridge import STRENGTH, fit
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.languages import Language, find, relatives
from hubkit.runtime.encoder import Encoder
from hubkit.training.targets import Targets

STRENGTHS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 1e6)
Scores = dict[str, tuple[float, float]]


def scores(language: Language, path: Path, targets: Targets, pairs: int, queries: int) -> Scores:
    """R@1 raw and centred of the core and of a ridge of each strength, mean of both directions."""
    members = [language, *(relative for relative, _ in relatives(language))]
    found = [pair for each in gather_many(members, sources(), 9) for pair in sentences(each.all())]
    chosen = random.Random(0).sample(found, min(pairs, len(found)))
    development = sentences(read_parallel([path], language)[0], 5, 25)
    held = random.Random(7).sample(development, min(queries, len(development)))
    texts, english = targets([pair.text for pair in held]), targets([pair.english for pair in held])
    given, meant = targets([pair.text for pair in chosen]), targets([pair.english for pair in chosen])
    vectors = {"core": texts, **{f"{strength:g}": fit(given, meant, strength)(texts) for strength in STRENGTHS}}
    return {
        name: (retrieve(one, english).recall, retrieve(centred(one), centred(english)).recall)
        for name, one in vectors.items()
    }


@click.command()
@click.option("--dev-data", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--dev", required=True, help="Languages to fit and score, comma-separated.")
@click.option("--pairs", default=2500, help="Pairs to fit on, at most.")
@click.option("--queries", default=300, help="Pairs to score on, at most.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 unless the default is within .01 of the best strength, raw.")
def main(dev_data: Path, dev: str, pairs: int, queries: int, as_json: bool, check: bool) -> None:
    """Print the scores of each strength by language."""
    targets = Targets(Encoder(open_core()))
    rows = {code: scores(find(code), dev_data, targets, pairs, queries) for code in dev.split(",")}
    means = {name: np.mean([row[name] for row in rows.values()], axis=0) for name in next(iter(rows.values()))}
    if as_json:
        click.echo(
            json.dumps({"languages": rows, "mean": {name: list(mean) for name, mean in means.items()}}, indent=2)
        )
    else:
        click.echo(f"| strength | {' | '.join(rows)} | mean |\n|---|{'---|' * (len(rows) + 1)}")
        for name, mean in means.items():
            cells = [f"{row[name][0]:.3f} / {row[name][1]:.3f}" for row in rows.values()]
            click.echo(f"| {name} | {' | '.join(cells)} | {mean[0]:.3f} / {mean[1]:.3f} |")
    best = max(mean[0] for mean in means.values())
    if check and means[f"{STRENGTH:g}"][0] < best - 0.01:
        sys.exit(1)


if __name__ == "__main__":
    main()
