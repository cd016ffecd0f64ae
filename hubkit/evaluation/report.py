"""``report.json``: what an adapter changes, beside every control, with intervals, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hubkit.durable import write_json
from hubkit.errors import NotFoundError, VerificationError
from hubkit.evaluation.statistics import Difference, Verdict
from hubkit.evaluation.task_result import Gate, PlanInfo, Strict, TaskResult

SCHEMA: Literal[1] = 1
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Fraction = Annotated[float, Field(ge=0, le=1)]

Conclusion = Literal[
    "own gain",  # better than the core and, centred, than the wrong-family adapter
    "generic gain",  # better than the core, but so is an adapter of another family
    "unattributed gain",  # better than the core; no wrong-family control was run
    "centring suffices",  # better than the raw core only as far as removing the mean is
    "no measurable gain",
    "no adapter needed",  # no measurable gain, and the core is good already
    "loss",
    "not compared",  # no adapter was among the systems
]


class Change(Strict):
    """A difference of mean R@1 with its 95 % interval (paired bootstrap over items)."""

    value: float
    ci95: tuple[float, float]
    verdict: Verdict
    n: int
    minimum_detectable: float  # differences below it would mostly go unseen with these items

    @classmethod
    def of(cls, difference: Difference) -> Change:
        return cls(
            value=difference.value,
            ci95=(difference.low, difference.high),
            verdict=difference.verdict,
            n=difference.n,
            minimum_detectable=difference.minimum_detectable,
        )


class Scores(Strict):
    """Retrieval on one suite: R@1 text → English, English → text, their mean; mean reciprocal rank."""

    forward: Fraction
    backward: Fraction
    mean: Fraction
    mrr: Fraction


class System(Strict):
    """An encoder under test: ``core``, ``adapter``, or a control (``random``, ``wrong-family``, ``previous``, …)."""

    name: Name
    description: str
    raw: Scores
    centred: Scores  # each side's own mean over the pool removed


class Gain(Strict):
    """The adapter minus one control, like compared with like."""

    control: Name
    raw: Change
    centred: Change


class Centring(Strict):
    """What removing the mean does without any training, and how the raw adapter compares with that."""

    core: Change  # centred core − raw core
    adapter_over_it: Change | None  # raw adapter − centred core


class Share(Strict):
    """How much of the gain over the core a wrong-family adapter would not have given; 1 = all is the language's."""

    gain: float  # adapter − core
    generic: float  # wrong-family − core
    own: float  # adapter − wrong-family
    share: Fraction | None  # own / gain; None where the gain itself is not clear
    ci95: tuple[float, float] | None


class OwnShare(Strict):
    """The language's own share of the gain, without and with centring."""

    raw: Share
    centred: Share


class SuiteInfo(Strict):
    """The suite behind an evaluation; ``n`` pairs."""

    name: str
    origin: str
    license: str
    domain: str
    language: str
    n: int


class Evaluation(Strict):
    """Systems on one suite, the adapter's gains over each control, and what that comes to."""

    suite: SuiteInfo
    systems: list[System]
    gains: list[Gain]
    centring: Centring
    own_share: OwnShare | None
    conclusion: Conclusion
    sentences: list[str]

    def system(self, name: str) -> System | None:
        return next((system for system in self.systems if system.name == name), None)

    def gain(self, control: str) -> Gain | None:
        return next((gain for gain in self.gains if gain.control == control), None)


class DamageRow(Strict):
    """An unrelated language under the core and under the adapter: raw R@1."""

    language: str
    suite: str
    n: int
    core: Fraction
    adapter: Fraction
    change: Change


class Damage(Strict):
    """What the adapter does to unrelated languages; ``mean`` is unweighted over languages."""

    rows: list[DamageRow]
    core: Fraction
    adapter: Fraction
    mean: Change


class Pooled(Strict):
    """What an adapter of several languages changes in some of them: unweighted means over languages.

    ``own`` is the adapter minus the wrong-family control, where there is one.
    """

    name: Literal["trained", "held out"]
    suite: str
    languages: list[str]
    core: dict[Literal["raw", "centred"], Fraction]
    adapter: dict[Literal["raw", "centred"], Fraction]
    over_core: dict[Literal["raw", "centred"], Change]
    own: dict[Literal["raw", "centred"], Change] | None = None


class LanguageInfo(Strict):
    tag: str
    name: str
    iso639_3: str
    glottocode: str | None = None


class AdapterInfo(Strict):
    name: str
    version: str
    method: str
    strength: float | None = None


class CoreInfo(Strict):
    id: str
    fingerprint: str


class StrengthPoint(Strict):
    """R@1 on the development source at one strength of the adapter's output."""

    strength: float
    score: float


class LearningPoint(Strict):
    """Where training stood at one step: the smoothed loss, and the development scores by name as far as known."""

    step: Annotated[int, Field(ge=0)]
    loss: float
    scores: dict[str, float] = {}


class SeedScore(Strict):
    """Mean R@1 of the adapter trained with one seed."""

    seed: int
    raw: Fraction
    centred: Fraction


class Cost(Strict):
    """What the run cost; energy says how it was come by (``measured …`` or ``estimated …``)."""

    seconds: dict[str, float]  # wall time by phase
    device: str
    peak_memory_bytes: int | None = None
    energy_kwh: float | None = None
    energy_method: str | None = None
    tokens_per_second: float | None = None
    estimated: dict[str, float] = {}  # before: "seconds", "peak_memory_bytes", "energy_kwh"

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


class Report(Evaluation):
    """The evaluation on the main suite, with everything needed to judge and to repeat it. File: ``report.json``."""

    schema_version: Literal[1] = 1
    language: LanguageInfo
    adapter: AdapterInfo
    core: CoreInfo
    further: list[Evaluation] = []  # on other suites, and in other languages
    pooled: list[Pooled] = []  # of an adapter of several languages
    damage: Damage | None = None
    tasks: list[TaskResult] = []
    plan: PlanInfo | None = None
    gate: Gate | None = None
    overlap: dict[str, int] | None = None  # training, suite: texts compared; exact, normalised, words: texts that meet
    corpus: dict[str, dict[str, int | float | str | None]] = {}  # source → pairs, license, …
    strength_curve: list[StrengthPoint] = []
    learning_curve: list[LearningPoint] = []
    development_source: str | None = None
    seed_scores: list[SeedScore] = []
    seeds: list[int] = []
    cost: Cost | None = None
    warnings: list[str] = []
    provenance: dict[str, str] = {}
    created: str  # ISO 8601, UTC
    hubkit_version: str

    def metrics(self) -> list[dict[str, Any]]:
        """One entry per suite and per raw or centred, as an index record holds them; with its language if several."""
        every = (self, *self.further)
        several = len({evaluation.suite.language for evaluation in every}) > 1
        return [
            {**entry, "language": evaluation.suite.language} if several else entry
            for evaluation in every
            for entry in _metrics(evaluation)
        ]


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    core, adapter, gain = evaluation.system("core"), evaluation.system("adapter"), evaluation.gain("core")
    if core is None or adapter is None or gain is None:
        return []
    others = [system for system in evaluation.systems if system.name not in {"core", "adapter"}]
    views: Sequence[tuple[str, Literal["raw", "centred"]]] = (("R@1", "raw"), ("R@1 centred", "centred"))
    return [
        {
            "suite": evaluation.suite.name,
            "metric": metric,
            "value": round(getattr(adapter, view).mean, 4),
            "core": round(getattr(core, view).mean, 4),
            "ci95": [round(bound, 4) for bound in getattr(gain, view).ci95],
            "n": evaluation.suite.n,
            "controls": {system.name: round(getattr(system, view).mean, 4) for system in others},
        }
        for metric, view in views
    ]


def write_report(report: Report, path: Path) -> None:
    """Write ``report.json``, whole or not at all."""
    write_json(path, report.model_dump(mode="json"))


def read_report(path: Path) -> Report:
    """Read ``report.json``; :class:`VerificationError` says what is wrong in it."""
    if not path.is_file():
        raise NotFoundError(f"There is no report {path}.", "Run `hubkit evaluate` to make one.")
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise VerificationError(
            f"{path} is not a report of schema {SCHEMA}: {where}: {first['msg']}.", "Run `hubkit evaluate` again."
        ) from error
