"""What a report holds of tasks: every metric of every system, by language, domain and length, and the gains."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hubkit.evaluation.comparison import Comparison
from hubkit.evaluation.measure import View
from hubkit.evaluation.seeds import FEWEST_SEEDS, SeedEffect
from hubkit.evaluation.statistics import Verdict
from hubkit.evaluation.task import Level

SEVERAL = "mul"  # the language of a mean over languages, as in ISO 639-2
Chance = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """Plain data: no unknown field, no NaN, not changed after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TaskGain(Strict):
    """How much better the adapter is than a control; positive is better, whichever way the metric goes.

    ``p`` is the permutation test's, ``p_holm`` that p corrected for the comparisons that the plan names (main metrics).
    """

    control: str
    value: float
    ci95: tuple[float, float]
    n: int
    minimum_detectable: float
    p: Chance
    p_holm: Chance | None = None
    verdict: Verdict

    @classmethod
    def of(cls, control: str, comparison: Comparison) -> TaskGain:
        found = comparison.difference
        return cls(
            control=control,
            value=found.value,
            ci95=(found.low, found.high),
            n=found.n,
            minimum_detectable=found.minimum_detectable,
            p=comparison.p,
            verdict=found.verdict,
        )


class Stratum(Strict):
    """The items with one label: of one domain, length class, or whatever the task tells apart."""

    kind: str
    label: str
    n: int
    values: dict[str, float]
    over_core: TaskGain | None = None


class SeedSpread(Strict):
    """The gain over the core of adapters that differ in the training seed alone.

    ``between`` is the deviation between seeds, ``ci95`` the interval with it; None with fewer than three seeds.
    """

    seeds: list[int]
    values: list[float]
    mean: float
    between: float | None
    ci95: tuple[float, float] | None
    verdict: Verdict | None
    note: str

    @classmethod
    def of(cls, seeds: list[int], effect: SeedEffect) -> SeedSpread:
        known = effect.low is not None and effect.high is not None
        note = (
            "the interval counts items and training seeds as drawn at random"
            if known
            else f"{len(seeds)} seeds: how much the seed matters cannot be estimated with fewer than {FEWEST_SEEDS}"
        )
        return cls(
            seeds=seeds,
            values=list(effect.values),
            mean=effect.mean,
            between=effect.between,
            ci95=(effect.low, effect.high) if effect.low is not None and effect.high is not None else None,
            verdict=effect.verdict,
            note=note,
        )


class TaskResult(Strict):
    """One metric of a task in one language and view, for every system; ``language`` is "mul" for a mean over some."""

    task: str
    metric: str
    view: View
    language: str
    languages: list[str] = []  # of a mean
    main: bool  # the task's main metric
    higher_is_better: bool
    n: int
    values: dict[str, float]  # by system
    gains: list[TaskGain] = []
    strata: list[Stratum] = []
    seeds: SeedSpread | None = None
    facts: dict[str, Any] = {}

    def gain(self, control: str) -> TaskGain | None:
        return next((gain for gain in self.gains if gain.control == control), None)


class PlanInfo(Strict):
    """What was planned and what came of it."""

    level: Level
    tasks: list[str]
    controls: list[str]
    skipped: dict[str, str] = {}  # task → why it was not run
    unavailable: dict[str, str] = {}  # control → why it cannot be had
    stopped: str | None = None  # why nothing came after the smoke stage
    comparisons: str = ""  # what p_holm is corrected for
    overlap_checked: str = ""  # what the training text was that suites were compared with, or why there was none


class Gate(Strict):
    """Whether an index takes the adapter, as what, and why."""

    passed: bool
    label: Literal["own gain", "generic gain", "unattributed gain", "no gain"]
    reasons: list[str]
