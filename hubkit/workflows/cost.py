"""What a run costs: wall time by phase, peak memory, energy."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hubkit.evaluation import report as reports
from hubkit.evaluation.energy import EnergyMeter
from hubkit.settings import settings
from hubkit.training.memory import peak_memory


@dataclass(slots=True)
class Cost:
    """Wall time by phase, as it adds up, and a meter of the energy."""

    seconds: dict[str, float] = field(default_factory=dict)
    meter: EnergyMeter = field(default_factory=EnergyMeter)
    estimated: dict[str, float] = field(default_factory=dict)  # before, as the report keeps it

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def block(self) -> reports.Cost:
        """As the report has it."""
        energy, how = self.meter.read(sum(self.seconds.values()))
        return reports.Cost(
            seconds={name: round(seconds, 1) for name, seconds in self.seconds.items()},
            device=device(),
            peak_memory_bytes=peak_memory(),
            energy_kwh=energy,
            energy_method=how,
            estimated=self.estimated,
        )


def device() -> str:
    """The graphics processor where models run on one, else the processor and how many threads computed."""
    import torch

    if (where := torch.device(settings().device)).type == "cuda":
        return torch.cuda.get_device_name(where)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
