"""Reports and comparisons as HTML pages that need nothing else: no script, no font, no picture from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hubkit.durable import write_text
from hubkit.evaluation.html_tasks import as_change, is_share, task_sections
from hubkit.evaluation.plots import Forest, Lines, forest, lines
from hubkit.evaluation.report import Change, Evaluation, Report, System
from hubkit.evaluation.sentences import ComparisonReport
from hubkit.evaluation.words import CONCLUSIONS, change, judged, number

Counts = Mapping[str, int | float | str | None]

_TONES = {"own gain": "gain", "loss": "loss"}
_RAW, _LAST = "raw", "in no earlier source"  # the first and the last count of a source
_TRAINING, _USED = "training: ", "used: "


def render_html(report: Report) -> str:
    """The report as a whole HTML page; whatever it says is escaped, and the same report gives the same page."""
    steps, sources, rest = _corpus(report.corpus)
    series = _scores(report)
    return environment().get_template("report.html.j2").render(
        report=report,
        tone=_TONES.get(report.conclusion, ""),
        conclusion=_sentence(CONCLUSIONS[report.conclusion].removeprefix("In short: ")),
        evaluations=[_part(evaluation) for evaluation in (report, *report.further)],
        pooled=_pooled(report),
        damage=_damage(report),
        loss=_loss(report),
        scores=lines(series, "step", "score") if series else None,
        score_series=series,
        strength=_strength(report),
        steps=steps,
        sources=sources,
        corpus=rest,
        tasks=task_sections(report),
    )  # fmt: skip


def write_html(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(path, render_html(report))


def render_comparison(comparison: ComparisonReport) -> str:
    """Two systems' sentences side by side as a whole HTML page."""
    changes = [(f"{part.suite.name}, {part.view}", {str(part.view): part.difference}) for part in comparison.suites]
    changes += [
        (f"{part.task}, {part.metric}", {str(part.view): as_change(part.gain)})
        for part in comparison.tasks
        if is_share(part.gain)
    ]
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(comparison=comparison, plot=forest(changes, "B − A; to the right is better"))
    )


def write_comparison(comparison: ComparisonReport, path: Path) -> None:
    """Write the page of a comparison, whole or not at all."""
    write_text(path, render_comparison(comparison))


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of this room's pages; every value is escaped where it is shown."""
    made = Environment(
        loader=PackageLoader("hubkit.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number, judged=judged, change=change, style=_style, cell=_cell, duration=_duration, memory=_memory
    )
    return made


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _part(evaluation: Evaluation) -> dict[str, Any]:
    """What a suite's section shows: the plot of the gains, and each system with the adapter's lead over it."""
    rows: list[tuple[System, Change | None, Change | None]] = []
    for system in evaluation.systems:
        gain = evaluation.gain(system.name)
        rows.append((system, gain.raw if gain else None, gain.centred if gain else None))
    changes = [(gain.control, {"raw": gain.raw, "centred": gain.centred}) for gain in evaluation.gains]
    plot = forest(changes, "adapter − control, R@1") if changes else None
    return {"evaluation": evaluation, "rows": rows, "forest": plot}


def _pooled(report: Report) -> Forest | None:
    """Means over languages: the gain over the core, and over another family's adapter."""
    rows: list[tuple[str, dict[str, Change]]] = []
    for pooled in report.pooled:
        rows.append((f"{pooled.name}, core", {str(view): change for view, change in pooled.over_core.items()}))
        if pooled.own is not None:
            rows.append((f"{pooled.name}, other", {str(view): change for view, change in pooled.own.items()}))
    return forest(rows, "adapter − control, mean R@1 over languages") if rows else None


def _damage(report: Report) -> Forest | None:
    if report.damage is None:
        return None
    rows = [(row.language, {"raw": row.change}) for row in report.damage.rows]
    return forest([*rows, ("mean", {"raw": report.damage.mean})], "adapter − core, raw R@1")


def _loss(report: Report) -> Lines | None:
    points = [(float(point.step), point.loss) for point in report.learning_curve]
    return lines({"loss": points}, "step", "loss") if len(points) > 1 else None


def _scores(report: Report) -> dict[str, list[tuple[float, float]]]:
    """Name → (step, score), of the scores that were taken more than once."""
    found: dict[str, list[tuple[float, float]]] = {}
    for point in report.learning_curve:
        for name, score in point.scores.items():
            found.setdefault(name, []).append((float(point.step), score))
    return {name: points for name, points in found.items() if len(points) > 1}


def _strength(report: Report) -> Lines | None:
    points = [(point.strength, point.score) for point in report.strength_curve]
    if len(points) < 2:
        return None
    return lines({"R@1": points}, "strength", "R@1", marked=True, chosen=report.adapter.strength)


def _corpus(
    corpus: Mapping[str, Counts],
) -> tuple[list[str], dict[str, Counts], list[tuple[str, dict[str, Counts], list[str]]]]:
    """The cleaning steps in order, the sources with their counts, and the other tables: title, rows, columns."""
    from hubkit.corpora.cleaning import STEPS

    sources = {name: row for name, row in corpus.items() if _RAW in row}
    training, used = (_named(corpus, prefix) for prefix in (_TRAINING, _USED))
    others = {
        name: row for name, row in corpus.items() if name not in sources and not name.startswith((_TRAINING, _USED))
    }
    known = [_RAW, *STEPS, _LAST]
    steps = [step for step in (*known, *_columns(sources)) if any(step in row for row in sources.values())]
    tables = [
        ("What was trained on, by source", used),
        ("Sentences that training had, by language, and their share of what it saw", training),
        ("Further counts", others),
    ]
    rest = [(title, rows, _columns(rows)) for title, rows in tables if rows]
    return list(dict.fromkeys(steps)), sources, rest


def _named(corpus: Mapping[str, Counts], prefix: str) -> dict[str, Counts]:
    """The rows whose name begins with ``prefix``, without it."""
    return {name.removeprefix(prefix): row for name, row in corpus.items() if name.startswith(prefix)}


def _columns(rows: Mapping[str, Counts]) -> list[str]:
    return list(dict.fromkeys(key for row in rows.values() for key in row))


def _style(difference: Change) -> str:
    return difference.verdict if difference.verdict in {"gain", "loss"} else "noise"


def _cell(value: int | float | str | None) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else value


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _memory(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:,.0f} MiB"
