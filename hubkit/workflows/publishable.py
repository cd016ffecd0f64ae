"""Turns a trained adapter and its evaluations into the folder that can be published, and installs it."""

from __future__ import annotations

import json
import shutil
import tempfile
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
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Report, SeedScore, StrengthPoint
from hubkit.languages import find
from hubkit.languages.family import group
from hubkit.registry.installed import Installed, install_folder
from hubkit.settings import settings
from hubkit.training.memory import peak_memory
from hubkit.version import __version__
from hubkit.workflows.cost import device
from hubkit.workflows.reproduce import record
from hubkit.workflows.steps import Evaluated
from hubkit.workflows.work import Work

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.loop import Trained
    from hubkit.training.strength import Choice
    from hubkit.workflows.data import Data


@dataclass(frozen=True, slots=True)
class Made:
    """Everything that the run decided and produced."""

    work: Work
    version: str
    adapter: Adapter
    choice: Choice
    trained: Trained
    found: Evaluated
    seeds: tuple[SeedScore, ...] = ()
    fused: tuple[Dependency, ...] = ()  # the adapters of a fusion's branches
    acting: Encoder | None = None  # where a fusion acts; other adapters' known outputs are those on the core alone

    @property
    def kind(self) -> Kind:
        """As the manifest has it."""
        kind = self.work.config.kind
        assert kind is not None
        return "family" if kind == "universal" else kind


def publishable(made: Made) -> tuple[Installed, Report]:
    """Write report, card, golden vectors and manifest, check the folder strictly, install it, and write its page."""
    core, report, manifest = made.work.encoder.core, _report(made), _manifest(made)
    known = catalogue().get(core.id, {})
    facts = CardFacts.of(manifest, base_model=known.get("base_model"), trained_from=known.get("origin"))
    card = render_card(report, facts)
    folder = Path(tempfile.mkdtemp(prefix="hubkit-")) / manifest.name
    try:
        save_adapter(folder, made.adapter, core, manifest, _golden(made), report.model_dump(mode="json"), card,
                     record(made.work).model_dump(mode="json"))  # fmt: skip
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
    config = made.work.config
    files = [*config.data, *(each for objective in config.objectives for each in objective.data)]
    licenses = {Path(path).name: each.license for each in files for path in each.paths}
    for tag, pairs in _trained_on(made):
        for pair in pairs:
            name = pair.source
            entry = by_source.setdefault(name, {"pairs": 0, "licenses": set(), "languages": set()})
            entry["pairs"] += 1
            entry["licenses"].add(getattr(pair, "license", None) or licenses.get(name, "unspecified"))
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


def _trained_on(made: Made) -> list[tuple[str, list[Any]]]:
    """Tag and examples, of the recipe's objective and of those with data of their own."""
    data = made.work.data
    own = [item for _, examples, _ in data.further if examples is not data.pairs for item in examples.items()]
    return sorted([*data.pairs.items(), *own], key=lambda item: item[0])


def _family(data: Data) -> str | None:
    """The path of the family that was asked for, or of the group that has all languages."""
    if data.family is not None:
        return None if data.family == "all" else " > ".join(group(data.family))
    paths = [language.family for language in data.languages]
    shared = [names[0] for names in zip(*paths, strict=False) if len(set(names)) == 1]
    return " > ".join(shared) or None


def _dependencies(made: Made) -> tuple[Dependency, ...]:
    under = () if made.work.under is None else made.work.under.members()
    return (*(Dependency(name=member.name, spec=member.spec) for member in under), *made.fused)


def _manifest(made: Made) -> Manifest:
    work, state = made.work, made.trained.state
    core = work.encoder.core
    return Manifest(
        name=made.adapter.name,
        version=made.version,
        kind=made.kind,
        languages=tuple(
            LanguageReference(
                bcp47=language.tag, iso639_3=language.iso639_3, glottocode=language.glottocode, name=language.name
            )
            for language in work.data.languages
        ),
        family=_family(work.data),
        method=made.adapter.method,
        scaling=made.adapter.scaling,
        strength=made.adapter.strength,
        core=CoreReference(
            id=core.id, fingerprint=core.fingerprint, tokenizer_sha256=core.tokenizer_sha256,
            pooling=core.pooling, prefix=core.prefix,
        ),
        dependencies=_dependencies(made),
        license=work.config.license,
        training_data=tuple(_training_data(made)),
        seeds=(work.seed,),
        hyperparameters={**work.config.recipe.model_dump(mode="json"), "budget": str(work.budget)},
        compute=Compute(
            device=device(), seconds=round(state.seconds, 1), steps=state.step, tokens=state.tokens,
            peak_memory_bytes=peak_memory(),
        ),
        hubkit=__version__,
        created=datetime.now(timezone.utc).replace(microsecond=0),
    )  # fmt: skip


def _report(made: Made) -> Report:
    work, core = made.work, made.work.encoder.core
    main, *further = made.found.evaluations
    curve = [StrengthPoint(strength=strength, score=score) for strength, score in made.choice.curve.items()]
    adapter = made.adapter
    return build_report(
        main,
        language=find(main.suite.language),
        adapter=AdapterInfo(name=adapter.name, version=made.version, method=adapter.method, strength=adapter.strength),
        core=CoreInfo(id=core.id, fingerprint=core.fingerprint),
        further=further,
        pooled=made.found.pooled,
        damage=made.found.harm,
        overlap=made.work.data.overlap.as_dict(),
        corpus=_corpus(made),
        strength_curve=curve,
        learning_curve=learning_points(made.trained.state.curve),
        development_source=made.choice.source,
        seeds=list(work.config.seeds),
        seed_scores=made.seeds,
        cost=work.cost.block(),
        warnings=made.work.data.warnings,
        provenance=_provenance(made),
    )


def _corpus(made: Made) -> dict[str, dict[str, Any]]:
    """The counts of every cleaning step by source, what training had of each, and its sentences by language."""
    own = made.work.data.own
    rows: dict[str, dict[str, Any]] = {
        name if len(own) == 1 else f"{tag}: {name}": dict(counts)
        for tag, gathered in own.items()
        for name, counts in gathered.counts.items()
    }
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
    made_with = record(made.work)
    return {
        **{package: made_with.packages[package] for package in ("adapters", "torch", "transformers")},
        "python": made_with.python,
        "training code": made_with.code,
        "data sha256": made.work.data.digest(),
        "training": json.dumps(
            {"steps": made.trained.state.step, "sentences": made.trained.state.sentences,
             "seconds": round(made.trained.state.seconds, 1), "resumed": made.trained.resumed}
        ),
    }  # fmt: skip
