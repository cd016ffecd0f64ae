"""Run systems on suites and compare: the adapter with its controls, and unrelated languages before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hubkit.errors import HubkitError
from hubkit.evaluation.conclusion import conclude
from hubkit.evaluation.report import (
    Centring,
    Change,
    Damage,
    DamageRow,
    Evaluation,
    Gain,
    OwnShare,
    Scores,
    Share,
    SuiteInfo,
    System,
)
from hubkit.evaluation.retrieval import Retrieval, Vectors, centred, retrieve
from hubkit.evaluation.statistics import paired_difference, paired_share, pooled_difference
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.words import evaluation_sentences

Encode = Callable[[list[str]], npt.ArrayLike]  # n sentences → vectors (n, d)

DESCRIPTIONS = {
    "core": "the frozen core alone",
    "adapter": "this adapter",
    "random": "a random adapter of equal size and strength",
    "wrong-family": "an adapter of an unrelated family, at equal budget",
    "previous": "the previous version of this adapter",
    "relative": "the adapter of the nearest relative",
    "family": "the family adapter alone",
    "proxy": "relatives' adapters merged, without training",
    "ridge": "closed-form ridge on the core's vectors",
    "lora": "LoRA at equal budget",
    "full": "full fine-tuning at equal budget",
}


class Result:
    """One system's retrieval on one suite, raw and centred."""

    def __init__(self, texts: npt.ArrayLike, english: npt.ArrayLike, suite: ParallelSuite) -> None:
        words = {"texts": suite.texts, "english": suite.english}
        self.raw: Retrieval = retrieve(texts, english, **words)
        self.centred: Retrieval = retrieve(centred(texts), centred(english), **words)


def evaluate(
    systems: Mapping[str, Encode],
    suite: ParallelSuite,
    english_vectors: npt.ArrayLike | None = None,
    *,
    descriptions: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Every system on ``suite``, and the system ``adapter`` compared with each of the others.

    The English side is the frozen core's for all systems: ``english_vectors`` (n, d), or encoded by ``core``, which
    must be among the systems. :class:`HubkitError` when it is not, or when vectors are not finite.
    """
    return evaluation_of(results_on(systems, suite, english_vectors), suite, descriptions=descriptions, seed=seed)


def results_on(
    systems: Mapping[str, Encode], suite: ParallelSuite, english_vectors: npt.ArrayLike | None = None
) -> dict[str, Result]:
    """Every system's retrieval on ``suite``; raises as :func:`evaluate` does."""
    if "core" not in systems:
        raise HubkitError("The systems to evaluate lack the core.", "Pass the frozen core as system 'core'.")
    english = encode_distinct(systems["core"], suite.english) if english_vectors is None else english_vectors
    return {name: Result(encode_distinct(encode, suite.texts), english, suite) for name, encode in systems.items()}


def evaluation_of(
    results: Mapping[str, Result], suite: ParallelSuite, *, descriptions: Mapping[str, str] | None = None, seed: int = 0
) -> Evaluation:
    """What :func:`results_on` found, compared: ``adapter`` with each of the others."""
    return _assemble(results, suite, {**DESCRIPTIONS, **(descriptions or {})}, seed)


def _assemble(results: Mapping[str, Result], suite: ParallelSuite, named: Mapping[str, str], seed: int) -> Evaluation:
    info = SuiteInfo(
        name=suite.name,
        origin=suite.origin,
        license=suite.license,
        domain=suite.domain,
        language=suite.language,
        n=len(suite),
    )
    systems = [
        System(name=name, description=named.get(name, name), raw=scores(result.raw), centred=scores(result.centred))
        for name, result in results.items()
    ]
    gains = _gains(results, seed)
    centring = _centring(results, seed)
    own = _own_share(results, gains, seed)
    conclusion = conclude(next(system for system in systems if system.name == "core"), gains, centring)
    sentences = evaluation_sentences(info, systems, gains, centring, own, conclusion)
    return Evaluation(
        suite=info,
        systems=systems,
        gains=gains,
        centring=centring,
        own_share=own,
        conclusion=conclusion,
        sentences=sentences,
    )


def scores(retrieval: Retrieval) -> Scores:
    """The summary of a retrieval."""
    return Scores(
        forward=retrieval.forward, backward=retrieval.backward, mean=retrieval.recall, mrr=min(1.0, retrieval.mrr)
    )


def _change(ours: Retrieval, theirs: Retrieval, seed: int) -> Change:
    return Change.of(paired_difference(ours.item_recall, theirs.item_recall, seed=seed))


def _gains(results: Mapping[str, Result], seed: int) -> list[Gain]:
    adapter = results.get("adapter")
    if adapter is None:
        return []
    return [
        Gain(
            control=name,
            raw=_change(adapter.raw, control.raw, seed),
            centred=_change(adapter.centred, control.centred, seed),
        )
        for name, control in results.items()
        if name != "adapter"
    ]


def _centring(results: Mapping[str, Result], seed: int) -> Centring:
    core, adapter = results["core"], results.get("adapter")
    return Centring(
        core=_change(core.centred, core.raw, seed),
        adapter_over_it=None if adapter is None else _change(adapter.raw, core.centred, seed),
    )


def _own_share(results: Mapping[str, Result], gains: Sequence[Gain], seed: int) -> OwnShare | None:
    adapter, wrong, core = results.get("adapter"), results.get("wrong-family"), results["core"]
    if adapter is None or wrong is None:
        return None
    over_core = next(gain for gain in gains if gain.control == "core")
    return OwnShare(
        raw=_share(adapter.raw, wrong.raw, core.raw, over_core.raw, seed),
        centred=_share(adapter.centred, wrong.centred, core.centred, over_core.centred, seed),
    )


def _share(adapter: Retrieval, wrong: Retrieval, core: Retrieval, gain: Change, seed: int) -> Share:
    own, whole = adapter.item_recall - wrong.item_recall, adapter.item_recall - core.item_recall
    value, low, high = paired_share(own, whole, seed=seed)
    clear = gain.verdict == "gain"
    return Share(
        gain=adapter.recall - core.recall,
        generic=wrong.recall - core.recall,
        own=adapter.recall - wrong.recall,
        share=value if clear else None,
        ci95=(low, high) if clear else None,
    )


def damage(
    core_encode: Encode, adapter_encode: Encode, suites: Iterable[ParallelSuite], *, seed: int = 0
) -> Damage | None:
    """Raw R@1 of unrelated languages under the core and under the adapter; ``None`` without suites.

    English sentences that several suites share are encoded once, by the core.
    """
    suites = list(suites)
    if not suites:
        return None
    distinct = list(dict.fromkeys(sentence for suite in suites for sentence in suite.english))
    english = dict(zip(distinct, as_vectors(core_encode(distinct), len(distinct)), strict=True))
    rows, differences = [], []
    for suite in suites:
        side = np.stack([english[sentence] for sentence in suite.english])
        before = Result(encode_distinct(core_encode, suite.texts), side, suite).raw
        after = Result(encode_distinct(adapter_encode, suite.texts), side, suite).raw
        rows.append(_damage_row(suite, before, after, seed))
        differences.append(after.item_recall - before.item_recall)
    return Damage(
        rows=rows,
        core=float(np.mean([row.core for row in rows])),
        adapter=float(np.mean([row.adapter for row in rows])),
        mean=Change.of(pooled_difference(differences, [suite.keys for suite in suites], seed=seed)),
    )


def _damage_row(suite: ParallelSuite, before: Retrieval, after: Retrieval, seed: int) -> DamageRow:
    return DamageRow(
        language=suite.language,
        suite=suite.name,
        n=len(suite),
        core=before.recall,
        adapter=after.recall,
        change=_change(after, before, seed),
    )


def encode_distinct(encode: Encode, sentences: Sequence[str]) -> Vectors:
    """Vectors (n, d) of ``sentences``, each distinct one encoded once, so that equal sentences have equal vectors."""
    numbers: dict[str, int] = {}
    index = np.array([numbers.setdefault(sentence, len(numbers)) for sentence in sentences], dtype=np.int64)
    return as_vectors(encode(list(numbers)), len(numbers))[index]


def as_vectors(vectors: npt.ArrayLike, count: int) -> Vectors:
    """An encoder's answer as float32 (count, d); :class:`HubkitError` when it has another number of rows."""
    array = np.asarray(vectors, dtype=np.float32)
    if array.ndim != 2 or len(array) != count:
        raise HubkitError(
            f"An encoder gave an array of shape {array.shape} for {count} sentences.", "It must give one vector each."
        )
    return array
