"""A result without an adapter as an index record of the kind ``finding``: "no adapter needed", "no measurable gain"."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from hubkit.core import open_core
from hubkit.durable import sha256, write_text
from hubkit.errors import UsageError
from hubkit.evaluation.conclusion import GOOD_CORE
from hubkit.registry.index import open_indexes
from hubkit.registry.record import Record, parse_record
from hubkit.workflows.evaluate import EvaluateOutcome

if TYPE_CHECKING:
    from hubkit.evaluation.report import Report

LICENSE = "CC0-1.0"  # of the figures; there is nothing else in the record
_WITHOUT_GAIN = ("no adapter needed", "no measurable gain", "centring suffices", "loss")


def write_finding(outcome: EvaluateOutcome, core: str, path: Path) -> Record:
    """Write the evaluation's conclusion as one line of an index, and return it.

    Raises :class:`UsageError` for an adapter that gains: it is published itself.
    """
    report = outcome.report
    conclusion, metrics = _conclusion(report), _metrics(report)
    opened = open_core(core)
    language = report.language.model_dump(exclude={"name"})
    language["bcp47"] = language.pop("tag")
    content: dict[str, Any] = {
        "name": f"finding-{report.language.tag}",
        "version": _next_version(f"finding-{report.language.tag}"),
        "kind": "finding",
        "method": report.adapter.method,
        "languages": [language],
        "license": LICENSE,
        "core": {"id": opened.id, "fingerprint": opened.fingerprint, "tokenizer_sha256": opened.tokenizer_sha256},
        "files": [],
        "train": {"seeds": report.seeds},
        "metrics": metrics,
        "conclusion": conclusion,
        "report": f"sha256:{sha256(outcome.folder / 'report.json')}",
        "published": datetime.now(timezone.utc).replace(microsecond=0),
    }
    line = Record.model_validate(content).line()
    record = parse_record(line.rstrip(b"\n"), "the finding")
    write_text(path, line.decode())
    return record


def _conclusion(report: Report) -> str:
    if report.conclusion in _WITHOUT_GAIN:
        return report.conclusion
    if report.conclusion == "not compared" and _core_is_good(report):
        return "no adapter needed"
    what = "no adapter was compared, and the core is not good already"
    raise UsageError(
        f"There is no finding in this: {what if report.conclusion == 'not compared' else report.conclusion}.",
        "Publish an adapter that gains with `hubkit publish`; train one where the core is weak.",
    )


def _core_is_good(report: Report) -> bool:
    core = report.system("core")
    return core is not None and max(core.raw.mean, core.centred.mean) >= GOOD_CORE


def _metrics(report: Report) -> list[dict[str, Any]]:
    """The report's; where no adapter was compared, the core's own with no change."""
    if found := report.metrics():
        return found
    core = report.system("core")
    assert core is not None
    return [
        {"suite": report.suite.name, "metric": metric, "value": value, "core": value, "ci95": [0.0, 0.0],
         "n": report.suite.n}
        for metric, value in (("R@1", round(core.raw.mean, 4)), ("R@1 centred", round(core.centred.mean, 4)))
    ]  # fmt: skip


def _next_version(name: str) -> str:
    """0.1.0, or the patch release after the newest in the indexes."""
    there = [Version(record.version) for record in open_indexes().versions(name)]
    if not there:
        return "0.1.0"
    newest = max(there)
    return f"{newest.major}.{newest.minor}.{newest.micro + 1}"
