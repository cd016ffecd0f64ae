"""The report of an adapter that passes the gate, or of one that does not, from made-up vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from hubkit.core import Core
from hubkit.evaluation.assemble import build_report
from hubkit.evaluation.compare import evaluate
from hubkit.evaluation.report import AdapterInfo, Change, CoreInfo, Cost, Damage, DamageRow
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import find

N = 40
UNCHANGED = Change(value=0.0, ci95=(-0.01, 0.01), verdict="within noise", n=N, minimum_detectable=0.01)


def evaluation(noise: float = 0.1) -> Any:
    """An evaluation in which the adapter finds what the core does not; with more noise it does not either."""
    rng = np.random.default_rng(0)
    meanings = rng.normal(size=(N, 16))

    def encoder(noise: float) -> Any:
        seen = meanings + noise * rng.normal(size=meanings.shape)
        return lambda texts: np.array([(meanings if t[0] == "e" else seen)[int(t[1:])] for t in texts], np.float32)

    texts, english = (tuple(f"{side}{number}" for number in range(N)) for side in "te")
    suite = ParallelSuite("made", "made up", "CC0-1.0", "prose", "rw", texts, english, tuple(map(str, range(N))))
    return evaluate({"core": encoder(3.0), "adapter": encoder(noise)}, suite)


def report(core: Core, noise: float = 0.1) -> dict[str, Any]:
    row = DamageRow(language="fr", suite="made", n=N, core=0.5, adapter=0.5, change=UNCHANGED)
    built = build_report(
        evaluation(noise),
        language=find("rw"),
        adapter=AdapterInfo(name="lang-rw", version="0.1.0", method="lora", strength=1.0),
        core=CoreInfo(id=core.id, fingerprint=core.fingerprint),
        damage=Damage(rows=[row], core=0.5, adapter=0.5, mean=UNCHANGED),
        overlap={"training": 9, "suite": N, "exact": 0, "normalised": 0, "words": 0},
        seeds=[0],
        cost=Cost(device="cpu", seconds={"train": 1.0}, peak_memory_bytes=None, energy_kwh=None),
    )
    dumped: dict[str, Any] = built.model_dump(mode="json")
    return dumped
