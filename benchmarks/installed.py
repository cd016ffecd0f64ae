"""Pool the gains of installed adapters over their languages, on UDHR: is their mean beyond noise?

    python benchmarks/installed.py rw lg sn sw

Reads the installed adapters (``hubkit add-language`` them first) and encodes each language's suite with the core and
with its adapter. The interval of the mean draws the English items of all languages together.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import click
import numpy as np

from hubkit.core import open_core
from hubkit.evaluation.report import read_report
from hubkit.evaluation.retrieval import centred, retrieve
from hubkit.evaluation.statistics import pooled_difference
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.languages import find
from hubkit.registry.installed import find_installed
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import open_adapter


def _recalls(vectors: Any, english: Any, suite: Any) -> tuple[Any, Any]:
    words = {"texts": suite.texts, "english": suite.english}
    raw = retrieve(vectors, english, **words)
    return raw.item_recall, retrieve(centred(vectors), centred(english), **words).item_recall


@click.command()
@click.argument("languages", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--check", is_flag=True, help="Exit 1 unless the centred gain over the centred core is beyond noise.")
def main(languages: tuple[str, ...], as_json: bool, check: bool) -> None:
    """Print each language's gain and the pooled ones, raw and centred, with their intervals."""
    encoder = Encoder(open_core())
    rows: list[dict[str, Any]] = []
    differences: dict[str, list[Any]] = {"raw": [], "centred": []}
    keys = []
    for tag in languages:
        installed = find_installed(f"lang-{find(tag).tag}", None, encoder.core.fingerprint)
        suite = Udhr().load(find(tag))
        if suite is None:
            raise click.UsageError(f"{tag} is not in UDHR")
        english = np.asarray(encoder.encode(list(suite.english), show_progress_bar=False))
        adapted = encoder.adapted(open_adapter(installed.folder, encoder))
        core, ours = (
            _recalls(np.asarray(each.encode(list(suite.texts), show_progress_bar=False)), english, suite)
            for each in (encoder, adapted)
        )
        keys.append(suite.keys)
        row: dict[str, Any] = {"language": tag, "n": len(suite), "version": installed.version}
        for kind, before, after in zip(("raw", "centred"), core, ours, strict=True):
            differences[kind].append(after - before)
            row[kind] = {"core": float(before.mean()), "adapter": float(after.mean())}
        row["minutes"] = read_report(installed.folder / "report.json").cost.total_seconds / 60
        rows.append(row)
    pooled = {kind: pooled_difference(found, keys) for kind, found in differences.items()}
    _print(rows, pooled, as_json)
    if check and pooled["centred"].verdict != "gain":
        sys.exit(1)


def _print(rows: list[dict[str, Any]], pooled: dict[str, Any], as_json: bool) -> None:
    means = {kind: {"value": d.value, "ci95": [d.low, d.high], "verdict": d.verdict} for kind, d in pooled.items()}
    if as_json:
        click.echo(json.dumps({"languages": rows, "pooled": means}, indent=2))
        return
    for row in rows:
        cells = [f"{kind} {row[kind]['core']:.3f} → {row[kind]['adapter']:.3f}" for kind in pooled]
        click.echo(f"{row['language']:4} n={row['n']} {row['version']}  {'  '.join(cells)}  {row['minutes']:.1f} min")
    for kind, mean in means.items():
        low, high = mean["ci95"]
        click.echo(f"mean {kind:8} {mean['value']:+.3f} [{low:+.3f}, {high:+.3f}] {mean['verdict']}")


if __name__ == "__main__":
    main()
