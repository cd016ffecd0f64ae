"""Turns a trained adapter and its evaluations into the folder that can be published, and installs it."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.manifest import (
    Compute,
    CoreReference,
    Dependency,
    Kind,
    LanguageReference,
    Manifest,
    TrainingData,
)
from hubkit.adapter.store import Adapter, save_adapter
from hubkit.core.checkpoint import catalogue
from hubkit.evaluation.assemble import build_report, learning_points
from hubkit.evaluation.card import CardFacts, render_card
from hubkit.evaluation.html import write_html
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Damage, Evaluation, Report, StrengthPoint
from hubkit.registry.installed import Installed, install_folder
from hubkit.settings import settings
from hubkit.version import __version__
from hubkit.workflows.cost import device, peak_memory
from hubkit.workflows.work import Work

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.loop import Trained
    from hubkit.training.strength import Choice


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that the run decided and produced."""

    work: Work
    version: str
    adapter: Adapter
    choice: Choice
    trained: Trained
    evaluations: Sequence[Evaluation]
    harm: Damage | None
    kind: Kind = "language"
    dependencies: tuple[Dependency, ...] = ()
    acting: Encoder | None = None  # where the adapter acts; by default the work's encoder with it


def publishable(made: Made) -> tuple[Installed, Report]:
    """Write report, card, golden vectors and manifest, check the folder strictly, install it, and write its page."""
    core, report, manifest = made.work.encoder.core, _report(made), _manifest(made)
    known = catalogue().get(core.id, {})
    facts = CardFacts.of(manifest, base_model=known.get("base_model"), trained_from=known.get("origin"))
    card = render_card(report, facts)
    folder = Path(tempfile.mkdtemp(prefix="hubkit-")) / manifest.name
    try:
        save_adapter(folder, made.adapter, core, manifest, _golden(made), report.model_dump(mode="json"), card)
        installed = install_folder(folder)
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)
    write_html(report, report_page(installed))
    return installed, report


def report_page(installed: Installed) -> Path:
    """Where the report of an adapter lies as an HTML page: beside the adapter, whose files are all hashed."""
    return settings().reports / f"{installed.name}-{installed.version}" / "report.html"


def _golden(made: Made) -> Golden:
    probes = probe_sentences(made.work.data.suites[0].texts[:2])
    acting = made.acting or made.work.encoder.adapted(made.adapter)
    vectors = acting.encode(list(probes), convert_to_tensor=True, show_progress_bar=False)
    return Golden(probes, vectors.cpu())


def _training_data(made: Made) -> list[TrainingData]:
    """One entry per source, with the pairs that training had from it."""
    by_source: dict[str, dict[str, Any]] = {}
    origins = {source.name: source.origin for source in made.work.data.sources}
    for tag, pairs in sorted(made.work.data.pairs.items()):
        for pair in pairs:
            entry = by_source.setdefault(pair.source, {"pairs": 0, "licenses": set(), "languages": set()})
            entry["pairs"] += 1
            entry["licenses"].add(pair.license)
            entry["languages"].add(tag)
    return [
        TrainingData(
            source=name,
            origin=origins.get(name, "the user's own files"),
            license=" AND ".join(sorted(entry["licenses"])),
            pairs=entry["pairs"],
            languages=tuple(sorted(entry["languages"])),
        )
        for name, entry in sorted(by_source.items())
    ]


def _manifest(made: Made) -> Manifest:
    work, state = made.work, made.trained.state
    language, core = work.language, work.encoder.core
    return Manifest(
        name=made.adapter.name,
        version=made.version,
        kind=made.kind,
        languages=(
            LanguageReference(
                bcp47=language.tag, iso639_3=language.iso639_3, glottocode=language.glottocode, name=language.name
            ),
        ),
        family=" > ".join(language.family) or None,
        method=made.adapter.method,
        scaling=made.adapter.scaling,
        strength=made.adapter.strength,
        core=CoreReference(
            id=core.id, fingerprint=core.fingerprint, tokenizer_sha256=core.tokenizer_sha256,
            pooling=core.pooling, prefix=core.prefix,
        ),
        dependencies=made.dependencies,
        license=work.request.license,
        training_data=tuple(_training_data(made)),
        seeds=(work.request.seed,),
        hyperparameters={**work.request.recipe.model_dump(), "budget": str(work.budget)},
        compute=Compute(
            device=device(), seconds=round(state.seconds, 1), steps=state.step, peak_memory_bytes=peak_memory()
        ),
        hubkit=__version__,
        created=datetime.now(timezone.utc).replace(microsecond=0),
    )  # fmt: skip


def _report(made: Made) -> Report:
    work, core = made.work, made.work.encoder.core
    main, *further = made.evaluations
    curve = [StrengthPoint(strength=strength, score=score) for strength, score in made.choice.curve.items()]
    adapter = made.adapter
    return build_report(
        main,
        language=work.language,
        adapter=AdapterInfo(name=adapter.name, version=made.version, method=adapter.method, strength=adapter.strength),
        core=CoreInfo(id=core.id, fingerprint=core.fingerprint),
        further=further,
        damage=made.harm,
        overlap=made.work.data.overlap.as_dict(),
        corpus=_corpus(made),
        strength_curve=curve,
        learning_curve=learning_points(made.trained.state.curve),
        development_source=made.choice.source,
        seeds=[work.request.seed],
        cost=work.cost.block(),
        warnings=made.work.data.warnings,
        provenance=_provenance(made),
    )


def _corpus(made: Made) -> dict[str, dict[str, Any]]:
    """The counts of every cleaning step by source, what training had of each, and its sentences by language."""
    rows: dict[str, dict[str, Any]] = {name: dict(counts) for name, counts in made.work.data.own.counts.items()}
    for used in _training_data(made):
        rows[f"used: {used.source}"] = {
            "pairs": used.pairs, "languages": len(used.languages), "license": used.license, "origin": used.origin,
        }  # fmt: skip
    for tag, pairs in sorted(made.work.data.pairs.items()):
        rows[f"training: {tag}"] = {"sentences": len(pairs), "share": round(made.work.mixture.shares.get(tag, 0.0), 4)}
    rows["taken out for meeting a suite"] = {"pairs": made.work.data.removed}
    if made.work.data.file_report:
        rows["your files"] = {
            key: value for key, value in made.work.data.file_report.items() if isinstance(value, int | float | str)
        }
    return rows


def _provenance(made: Made) -> dict[str, str]:
    from importlib.metadata import version

    return {
        **{package: version(package) for package in ("adapters", "torch", "transformers")},
        "python": platform.python_version(),
        "data sha256": made.work.data.digest(),
        "training": json.dumps(
            {"steps": made.trained.state.step, "sentences": made.trained.state.sentences,
             "seconds": round(made.trained.state.seconds, 1), "resumed": made.trained.resumed}
        ),
    }  # fmt: skip
