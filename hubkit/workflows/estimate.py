"""``hubkit estimate``: what a run will take, from twenty steps on its own text; and the same within a run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.evaluation.controls import DAMAGE_LANGUAGES
from hubkit.evaluation.energy import estimated_energy
from hubkit.training.config import TrainingConfig
from hubkit.training.estimate import (
    PROBE_STEPS,
    Speed,
    Watching,
    disk_bytes,
    probe,
    seconds_of_targets,
    seconds_per_text,
)
from hubkit.training.loop import Progress, Training
from hubkit.workflows.cost import Cost, device
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.tuning import MEAN_OVER

if TYPE_CHECKING:
    from hubkit.workflows.work import Work

_SYSTEMS = 4  # that a run encodes its suites with: core, adapter, random, wrong family
_TUNINGS = 4 + 8 / 3  # strengths tried, and the evaluations on a third of the pairs while training


@dataclass(frozen=True, slots=True)
class Estimate:
    """Time by phase, memory, disk and energy of a run; ``probe`` says what it was made from."""

    name: str
    budget: str
    steps: int
    seconds: dict[str, float]
    peak_memory_bytes: int
    disk_bytes: dict[str, int]
    energy_kwh: float
    energy_method: str
    device: str
    probe: dict[str, float]

    @property
    def total_seconds(self) -> float:
        """Wall time of everything."""
        return sum(self.seconds.values())

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        rounded = {name: round(value, 1) for name, value in self.seconds.items()}
        return {
            "name": self.name, "budget": self.budget, "steps": self.steps, "seconds": rounded,
            "total_seconds": round(self.total_seconds, 1), "peak_memory_bytes": self.peak_memory_bytes,
            "disk_bytes": self.disk_bytes, "energy_kwh": self.energy_kwh, "energy_method": self.energy_method,
            "device": self.device, "probe": self.probe,
        }  # fmt: skip

    def block(self) -> dict[str, float]:
        """As the report keeps it."""
        return {
            "seconds": round(self.total_seconds, 1), "steps": float(self.steps), "energy_kwh": self.energy_kwh,
            "peak_memory_bytes": float(self.peak_memory_bytes),
        }  # fmt: skip

    def line(self) -> str:
        """One line for people."""
        disk = sum(self.disk_bytes.values())
        parts = ", ".join(f"{name} {seconds:.0f}" for name, seconds in self.seconds.items())
        return (
            f"estimate: {self.steps:,} steps, {self.total_seconds:.0f} s in all ({parts}), "
            f"{self.peak_memory_bytes / 2**30:.1f} GiB of memory, {disk / 2**20:.0f} MiB of disk, "
            f"{1000 * self.energy_kwh:.2g} Wh"
        )


def estimate(config: TrainingConfig, events: Events | None = None) -> Estimate:
    """Gather the text, train :data:`PROBE_STEPS` steps in a folder of their own, and reckon. Nothing is kept."""
    from hubkit.workflows.steps import gather, open_encoder, training_of

    events, cost = events or Silent(), Cost()
    events.phase("core")
    with cost.phase("core"):
        encoder = open_encoder(config, events)
    events.phase("corpora")
    with cost.phase("corpora"):
        work = gather(config, encoder, cost, events)
    events.phase("probe")
    with tempfile.TemporaryDirectory(prefix="hubkit-probe-") as folder:
        speed = probe(training_of(work, config.seeds[0], Path(folder)))
    return reckoned(work, speed)


def reckoned(work: Work, speed: Speed) -> Estimate:
    """The estimate of the whole run, from how fast its first steps were."""
    config, data, seeds = work.config, work.data, len(work.config.seeds)
    steps = speed.steps_in(work.budget)
    draws = steps * speed.sentences_per_step
    training = speed.seconds_in(work.budget)
    judged = [text for suite in data.suites for text in suite.texts]
    each = seconds_per_text(work.encoder, judged)
    damage = 2 * DAMAGE_LANGUAGES * len(data.suites[0])
    tuned = _TUNINGS * sum(map(len, data.development.values())) * each + _seconds_of_mean(work)
    seconds = {name: spent for name, spent in work.cost.seconds.items() if name in ("core", "corpora")}
    seconds |= {
        "training": seeds * training + seconds_of_targets(work.targets, work.mixture, seeds * draws),
        "strength": tuned,
        "control": training if config.controls and config.kind != "universal" and data.sources else 0.0,
        "evaluation": (_SYSTEMS * len(judged) + damage) * each,
    }
    energy, method = estimated_energy(sum(seconds.values()))
    probed = {
        "steps": float(speed.steps), "seconds_per_step": speed.seconds_per_step,
        "sentences_per_step": speed.sentences_per_step, "seconds_per_text": each,
    }  # fmt: skip
    width = work.encoder.core.hidden_size
    disk = disk_bytes(speed, config.recipe, work.mixture, draws, width)
    return Estimate(
        config.name, str(work.budget), steps, seconds, speed.peak_memory_bytes, disk, energy, method, device(), probed
    )


def _seconds_of_mean(work: Work) -> float:
    """Seconds for the mean vector, which an adapter of one language has."""
    if len(work.data.languages) > 1 or work.stacks:
        return 0.0
    own = sorted({example.text for example in work.data.pairs.get(work.language.tag, ())})
    return min(MEAN_OVER, len(own)) * seconds_per_text(work.encoder, own)


class EstimateAtStart:
    """The observer of a run: hands progress on, and tells the estimate once the first steps are done.

    The run's own steps are the probe, so the estimate costs next to nothing.
    """

    def __init__(self, work: Work, training: Training) -> None:
        self._work, self._watching = work, Watching(training)

    def __call__(self, progress: Progress) -> None:
        """Progress of the run."""
        work = self._work
        if (speed := self._watching(progress)) is not None and not work.cost.estimated:
            made = reckoned(work, speed)
            work.cost.estimated.update(made.block())
            work.events.note(made.line())
        work.events.training(progress)


__all__ = ["PROBE_STEPS", "Estimate", "EstimateAtStart", "estimate", "reckoned"]
