"""Synthetic encoders with a known offset and noise, and suites of numbered sentences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pytest

from hubkit.evaluation.assemble import build_report
from hubkit.evaluation.compare import damage, evaluate
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Cost, Evaluation, Report, StrengthPoint
from hubkit.evaluation.suite import ParallelSuite
from hubkit.languages import Language

WIDTH = 32


class World:
    """``n`` meanings as random vectors; an encoder sees a text's meaning through noise and a language-wide offset."""

    def __init__(self, n: int = 58, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.n = n
        self.meanings = rng.normal(size=(n, WIDTH))
        self.offset = 2 * rng.normal(size=WIDTH)

    def encoder(self, noise: float, offset: float, seed: int) -> Callable[[list[str]], npt.ArrayLike]:
        rng = np.random.default_rng(seed)
        seen = self.meanings + noise * rng.normal(size=self.meanings.shape) + offset * self.offset

        def encode(sentences: list[str]) -> npt.ArrayLike:
            rows = [(self.meanings if text.startswith("e") else seen)[int(text[1:])] for text in sentences]
            return np.array(rows, dtype=np.float32)

        return encode

    def suite(self, name: str = "udhr", language: str = "rw") -> ParallelSuite:
        numbers = range(self.n)
        texts, english = (tuple(f"{side}{number}" for number in numbers) for side in "te")
        return ParallelSuite(name, "made up", "CC0-1.0", "prose", language, texts, english, tuple(map(str, numbers)))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def compared(world: World) -> Callable[..., Evaluation]:
    """Evaluates systems given as name=(noise, offset); ``wrong_family`` is the system ``wrong-family``."""

    def compare(**systems: tuple[float, float]) -> Evaluation:
        encoders = {
            name.replace("_", "-"): world.encoder(noise, offset, seed)
            for seed, (name, (noise, offset)) in enumerate(systems.items(), start=1)
        }
        return evaluate(encoders, world.suite())

    return compare


@pytest.fixture
def report(world: World, compared: Callable[..., Evaluation]) -> Report:
    """A report with everything in it."""
    evaluation = compared(core=(2.2, 0.8), adapter=(1.4, 0.3), wrong_family=(2.0, 0.4), random=(2.3, 0.8))
    core, adapter = world.encoder(0.5, 0.1, 1), world.encoder(0.6, 0.1, 2)
    rwanda = Language("rw", "Kinyarwanda", "Ikinyarwanda", "kin", None, "kiny1244", "Latn", ("Atlantic-Congo", "Bantu"))
    return build_report(
        evaluation,
        language=rwanda,
        adapter=AdapterInfo(name="lang-rw", version="0.1.0", method="lora", strength=0.5),
        core=CoreInfo(id="e5-small", fingerprint="sha256:" + "a" * 64),
        further=[evaluation],
        damage=damage(core, adapter, [world.suite(language="de"), world.suite(language="tr")]),
        overlap={"training": 1000, "suite": 58, "exact": 0, "normalised": 0, "words": 0, "examples": []},
        corpus={"mediawiki": {"pairs": 544, "license": "GPL-2.0-or-later"}},
        strength_curve=[StrengthPoint(strength=0.5, score=0.4), StrengthPoint(strength=1.0, score=0.3)],
        development_source="django",
        seeds=[0],
        cost=Cost(
            seconds={"corpus": 20.0, "train": 200.0},
            device="CPU, 2 cores",
            peak_memory_bytes=2**31,
            energy_kwh=0.001,
            energy_method="estimated: wall time at an assumed 15 W, not measured",
        ),
        warnings=["A warning with | and <b>."],
        created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    )
