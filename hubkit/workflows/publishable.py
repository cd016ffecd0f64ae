"""Turns a trained adapter and its evaluations into the folder that can be published, and installs it."""

from __future__ import annotations

import json
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.manifest import Compute, CoreReference, LanguageReference, Manifest, TrainingData
from hubkit.adapter.store import Adapter, save_adapter
from hubkit.core.checkpoint import catalogue
from hubkit.evaluation import report as reports
from hubkit.evaluation.assemble import build_report
from hubkit.evaluation.card import CardFacts, render_card
from hubkit.evaluation.energy import estimated_energy
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Damage, Evaluation, Report, StrengthPoint
from hubkit.registry.installed import Installed, install_folder
from hubkit.version import __version__
from hubkit.workflows.data import Data, family_name
from hubkit.workflows.events import Events

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.languages import Language
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.budget import Budget
    from hubkit.training.loop import Trained
    from hubkit.training.mixture import Mixture
    from hubkit.training.strength import Choice
    from hubkit.workflows.add_language import Request


@dataclass(slots=True)
class Cost:
    """Wall time by phase, as it adds up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def block(self) -> reports.Cost:
        """As the report has it."""
        energy, how = estimated_energy(sum(self.seconds.values()))
        return reports.Cost(
            seconds={name: round(seconds, 1) for name, seconds in self.seconds.items()},
            device=device(),
            peak_memory_bytes=peak_memory(),
            energy_kwh=energy,
            energy_method=how,
        )


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that the run decided and produced."""

    request: Request
    language: Language
    core: Core
    version: str
    adapter: Adapter
    choice: Choice
    data: Data
    mixture: Mixture
    trained: Trained
    budget: Budget


def device() -> str:
    """The processor and how many threads computed."""
    import torch

    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def publishable(
    made: Made, evaluations: Sequence[Evaluation], harm: Damage | None, encoder: Encoder, cost: Cost, events: Events
) -> tuple[Installed, Report]:
    """Write report, card, golden vectors and manifest, check the folder strictly, and install it."""
    events.phase("artifact")
    report = _report(made, evaluations, harm, cost)
    manifest = _manifest(made)
    known = catalogue().get(made.core.id, {})
    facts = CardFacts.of(manifest, base_model=known.get("base_model"), trained_from=known.get("origin"))
    folder = Path(tempfile.mkdtemp(prefix="hubkit-")) / manifest.name
    try:
        save_adapter(
            folder, made.adapter, made.core, manifest, _golden(made, encoder),
            report.model_dump(mode="json"), render_card(report, facts),
        )  # fmt: skip
        return install_folder(folder), report
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _golden(made: Made, encoder: Encoder) -> Golden:
    suite = made.data.suites[0]
    probes = probe_sentences(suite.texts[:2])
    vectors = encoder.adapted(made.adapter).encode(list(probes), convert_to_tensor=True, show_progress_bar=False)
    return Golden(probes, vectors.cpu())


def _training_data(made: Made) -> list[TrainingData]:
    """One entry per source, with the pairs that training had from it."""
    by_source: dict[str, dict[str, Any]] = {}
    origins = {source.name: source.origin for source in made.data.sources}
    for tag, pairs in sorted(made.data.pairs.items()):
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
    language, core, state = made.language, made.core, made.trained.state
    return Manifest(
        name=made.adapter.name,
        version=made.version,
        kind="language",
        languages=(
            LanguageReference(
                bcp47=language.tag, iso639_3=language.iso639_3, glottocode=language.glottocode, name=language.name
            ),
        ),
        family=family_name(language),
        method=made.adapter.method,
        scaling=made.adapter.scaling,
        strength=made.adapter.strength,
        core=CoreReference(
            id=core.id, fingerprint=core.fingerprint, tokenizer_sha256=core.tokenizer_sha256,
            pooling=core.pooling, prefix=core.prefix,
        ),
        license=made.request.license,
        training_data=tuple(_training_data(made)),
        seeds=(made.request.seed,),
        hyperparameters={**made.request.recipe.model_dump(), "budget": str(made.budget)},
        compute=Compute(
            device=device(), seconds=round(state.seconds, 1), steps=state.step, peak_memory_bytes=peak_memory()
        ),
        hubkit=__version__,
        created=datetime.now(timezone.utc).replace(microsecond=0),
    )  # fmt: skip


def _report(made: Made, evaluations: Sequence[Evaluation], harm: Damage | None, cost: Cost) -> Report:
    main, *further = evaluations
    curve = [StrengthPoint(strength=strength, score=score) for strength, score in made.choice.curve.items()]
    adapter = made.adapter
    return build_report(
        main,
        language=made.language,
        adapter=AdapterInfo(name=adapter.name, version=made.version, method=adapter.method, strength=adapter.strength),
        core=CoreInfo(id=made.core.id, fingerprint=made.core.fingerprint),
        further=further,
        damage=harm,
        overlap=made.data.overlap.as_dict(),
        corpus=_corpus(made),
        strength_curve=curve,
        development_source=made.choice.source,
        seeds=[made.request.seed],
        cost=cost.block(),
        warnings=made.data.warnings,
        provenance=_provenance(made),
    )


def _corpus(made: Made) -> dict[str, dict[str, Any]]:
    """The counts of every cleaning step by source, and the sentences that training had by language."""
    rows: dict[str, dict[str, Any]] = {name: dict(counts) for name, counts in made.data.own.counts.items()}
    for tag, pairs in sorted(made.data.pairs.items()):
        rows[f"training: {tag}"] = {"sentences": len(pairs), "share": round(made.mixture.shares.get(tag, 0.0), 4)}
    rows["taken out for meeting a suite"] = {"pairs": made.data.removed}
    if made.data.file_report:
        rows["your files"] = {
            key: value for key, value in made.data.file_report.items() if isinstance(value, int | float | str)
        }
    return rows


def _provenance(made: Made) -> dict[str, str]:
    from importlib.metadata import version

    return {
        **{package: version(package) for package in ("adapters", "torch", "transformers")},
        "python": platform.python_version(),
        "data sha256": made.data.digest(),
        "training": json.dumps(
            {"steps": made.trained.state.step, "sentences": made.trained.state.sentences,
             "seconds": round(made.trained.state.seconds, 1), "resumed": made.trained.resumed}
        ),
    }  # fmt: skip
