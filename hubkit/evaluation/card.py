"""The adapter card: ``README.md`` with the Hub's metadata, written from the report and the manifest's facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hubkit.evaluation.html_tasks import as_change
from hubkit.evaluation.report import Change, Evaluation, Report, System
from hubkit.evaluation.words import change, judged, number

HUB_LICENSES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0",
    "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "odbl", "unlicense",
}  # fmt: skip
"""Licence identifiers that the Hub knows (Hub docs, "Licenses"); others go by ``license: other`` and a name."""


@dataclass(frozen=True, slots=True)
class TrainingSource:
    """One corpus that the adapter was trained on; ``hub_id`` only if it lies on the Hub."""

    source: str
    origin: str
    license: str
    pairs: int
    hub_id: str | None = None


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card needs beyond the report; the fields are the manifest's."""

    name: str
    version: str
    kind: str  # "family", "fusion", "language" or "task"
    languages: tuple[str, ...]  # BCP-47 tags
    license: str  # SPDX
    core_prefix: str  # "query: "
    core_pooling: str  # "mean" or "cls"
    base_model: str | None = None  # id on the Hub; None when the core has none
    family: str | None = None
    repo_id: str | None = None  # where it is published, when known
    dependencies: tuple[str, ...] = ()
    training_data: tuple[TrainingSource, ...] = ()
    trained_from: str | None = None  # how the core at hand differs from base_model

    @classmethod
    def of(cls, manifest: Any, **more: Any) -> CardFacts:
        """The facts of a :class:`hubkit.adapter.manifest.Manifest`; ``more`` sets what a manifest has no field for."""
        sources = (TrainingSource(row.source, row.origin, row.license, row.pairs) for row in manifest.training_data)
        return cls(
            name=manifest.name,
            version=manifest.version,
            kind=manifest.kind,
            languages=tuple(language.bcp47 for language in manifest.languages),
            license=manifest.license,
            core_prefix=manifest.core.prefix,
            core_pooling=manifest.core.pooling,
            family=manifest.family,
            dependencies=tuple(f"{needed.name} {needed.spec}" for needed in manifest.dependencies),
            training_data=tuple(sources),
            **more,
        )


def render_card(report: Report, facts: CardFacts) -> str:
    """The card as Markdown with YAML front matter; the same report and facts give the same text."""
    environment = Environment(
        loader=PackageLoader("hubkit.evaluation"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        number=number, change=change, judged=judged, cell=_cell, minutes=_minutes, mebibytes=_mebibytes
    )
    card = environment.get_template("card.md.j2").render(
        front_matter=front_matter(metadata(report, facts)),
        report=report,
        facts=facts,
        evaluations=[(evaluation, _rows(evaluation)) for evaluation in (report, *report.further)],
        tasks=[(task, gain, as_change(gain)) for task in report.tasks if task.main and (gain := task.gain("core"))],
    )
    return re.sub(r"\n{3,}", "\n\n", card)


def metadata(report: Report, facts: CardFacts) -> dict[str, str | list[str]]:
    """The Hub's metadata keys; ``datasets`` only names what is on the Hub."""
    bases = list(dict.fromkeys(tag.split("-")[0] for tag in facts.languages))
    values: dict[str, str | list[str]] = {"language": bases}
    if bases != list(facts.languages):
        values["language_bcp47"] = list(facts.languages)
    values |= _license(facts.license)
    values["library_name"] = "adapters"
    if facts.base_model is not None:
        values |= {"base_model": facts.base_model, "base_model_relation": "adapter"}
    tags = ["hubkit", "adapter-transformers", "sentence-similarity", "multilingual", report.adapter.method]
    values["tags"] = [*tags, *family_tags(facts.family)]
    if datasets := [source.hub_id for source in facts.training_data if source.hub_id is not None]:
        values["datasets"] = datasets
    return values


def family_tags(family: str | None) -> list[str]:
    """``Atlantic-Congo > Narrow Bantu`` → ``family:atlantic-congo``, ``family:narrow-bantu``: found at every level."""
    groups = (re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-") for group in (family or "").split(" > "))
    return [f"family:{group}" for group in groups if group]


def _license(spdx: str) -> dict[str, str | list[str]]:
    known = spdx.lower().removesuffix("-only").removesuffix("-or-later")
    if known in HUB_LICENSES:
        return {"license": known}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.-]+", "-", spdx.lower()).strip("-")}


def front_matter(values: Mapping[str, str | Sequence[str]]) -> str:
    """YAML of scalars and lists, every scalar a JSON string, so that no value can break out of its place."""
    lines = []
    for key, value in values.items():
        if isinstance(value, str):
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
        else:
            lines += [f"{key}:", *(f"- {json.dumps(entry, ensure_ascii=False)}" for entry in value)]
    return "\n".join(lines)


def _rows(evaluation: Evaluation) -> list[tuple[System, Change | None, Change | None]]:
    """Each system with the adapter's raw and centred lead over it."""
    rows = []
    for system in evaluation.systems:
        gain = evaluation.gain(system.name)
        rows.append((system, gain.raw if gain else None, gain.centred if gain else None))
    return rows


def _cell(text: object) -> str:
    """Text made safe for a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
