"""Put a report together: the main evaluation, the others, and the circumstances of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hubkit.evaluation.pooled import pooled_sentence
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Evaluation, LanguageInfo, LearningPoint, Report
from hubkit.evaluation.words import damage_sentence, further_sentence, overlap_sentence, seed_sentence
from hubkit.version import __version__

if TYPE_CHECKING:
    from hubkit.evaluation.report import Cost, Damage, Pooled, SeedScore, StrengthPoint
    from hubkit.languages import Language

CURVE_POINTS = 200


def build_report(
    evaluation: Evaluation,
    *,
    language: Language,
    adapter: AdapterInfo,
    core: CoreInfo,
    further: Sequence[Evaluation] = (),
    pooled: Sequence[Pooled] = (),
    damage: Damage | None = None,
    overlap: Mapping[str, Any] | None = None,
    corpus: Mapping[str, Mapping[str, int | float | str | None]] | None = None,
    strength_curve: Sequence[StrengthPoint] = (),
    learning_curve: Sequence[LearningPoint] = (),
    development_source: str | None = None,
    seeds: Sequence[int] = (),
    seed_scores: Sequence[SeedScore] = (),
    cost: Cost | None = None,
    warnings: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
    created: datetime | None = None,
) -> Report:
    """The report of ``adapter`` for ``language``; its sentences are the evaluation's, then damage, overlap and seeds.

    Those of ``pooled`` come first, and evaluations in other languages than the main one have none of their own.

    ``overlap`` is ``OverlapReport.as_dict()``; its counts are kept, its examples are not.
    """
    counts = {key: value for key, value in overlap.items() if isinstance(value, int)} if overlap else None
    beside = [other for other in further if other.suite.language == evaluation.suite.language]
    said = [*map(pooled_sentence, pooled), *evaluation.sentences, *map(further_sentence, beside)]
    said += [damage_sentence(damage)] if damage else []
    said += [overlap_sentence(counts)] if counts else []
    said += [seed_sentence(seed_scores)] if len(seed_scores) > 1 else []
    circumstances: dict[str, Any] = {
        "sentences": said,
        "language": language_info(language),
        "adapter": adapter,
        "core": core,
        "further": list(further),
        "pooled": list(pooled),
        "damage": damage,
        "overlap": counts,
        "corpus": {source: dict(row) for source, row in (corpus or {}).items()},
        "strength_curve": list(strength_curve),
        "learning_curve": list(learning_curve),
        "development_source": development_source,
        "seeds": list(seeds),
        "seed_scores": list(seed_scores),
        "cost": cost,
        "warnings": list(warnings),
        "provenance": dict(provenance or {}),
        "created": (created or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hubkit_version": __version__,
    }
    return Report(**{**dict(evaluation), **circumstances})


def learning_points(curve: Sequence[Mapping[str, float]]) -> list[LearningPoint]:
    """A run's curve (``step``, ``loss`` and any scores by name) as a report keeps it: at most :data:`CURVE_POINTS`."""
    stride = max(1, -(-len(curve) // CURVE_POINTS))
    kept = [*curve[: len(curve) - 1 : stride], *curve[-1:]]
    known = {"step", "loss"}
    return [
        LearningPoint(
            step=int(point["step"]),
            loss=point["loss"],
            scores={name: score for name, score in point.items() if name not in known},
        )
        for point in kept
    ]


def language_info(language: Language) -> LanguageInfo:
    """What a report keeps of a language."""
    return LanguageInfo(
        tag=language.tag, name=language.name, iso639_3=language.iso639_3, glottocode=language.glottocode
    )
