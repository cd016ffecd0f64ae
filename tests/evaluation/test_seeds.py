from __future__ import annotations

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.measure import Measure, mean_of_items
from hubkit.evaluation.seeds import SeedEffect, _effect, seed_effect

N = 60


def measure(rows: np.ndarray) -> Measure:
    return Measure("m", np.clip(rows, 0, 1)[:, None], mean_of_items, tuple(map(str, range(N))))


def world(seed: int, spread: float, count: int = 3, effect: float = 0.1) -> tuple[list[Measure], Measure]:
    """Adapters of ``count`` seeds around .5 + effect, and the core around .5."""
    rng = np.random.default_rng(seed)
    item = rng.normal(0, 0.1, size=N)
    adapters = [
        measure(0.5 + effect + rng.normal(0, spread) + item + rng.normal(0, 0.05, size=N)) for _ in range(count)
    ]
    return adapters, measure(0.5 + item)


def test_two_seeds_are_too_few_to_tell() -> None:
    adapters, core = world(0, 0.05, count=2)
    effect = seed_effect(adapters, core)
    assert effect.between is None and effect.low is None and effect.verdict is None
    assert len(effect.values) == 2 and effect.mean == pytest.approx(np.mean(effect.values))


def test_seeds_that_agree_leave_the_interval_of_items() -> None:
    adapters, core = world(1, 0.0)
    effect = seed_effect(adapters, core)
    assert effect.low is not None and effect.high is not None and effect.between is not None
    assert effect.low < 0.1 < effect.high and effect.high - effect.low < 0.05 and effect.verdict == "gain"


def test_seeds_that_differ_widen_it() -> None:
    widths = []
    for spread in (0.0, 0.1):
        adapters, core = world(2, spread)
        effect = seed_effect(adapters, core)
        assert effect.low is not None and effect.high is not None
        widths.append(effect.high - effect.low)
    assert widths[1] > 3 * widths[0]


def test_the_interval_covers_a_new_seed_s_expectation() -> None:
    """The true effect is .1 however the seeds fall; items alone would miss it most of the time."""
    covered = items_alone = 0
    for run in range(80):
        adapters, core = world(run, 0.05, count=4)
        effect = seed_effect(adapters, core, seed=run)
        assert effect.low is not None and effect.high is not None
        covered += effect.low <= 0.1 <= effect.high
        differences = np.mean([one.rows - core.rows for one in adapters], axis=0)[:, 0]
        half = 2 * differences.std(ddof=1) / np.sqrt(N)
        items_alone += abs(differences.mean() - 0.1) <= half
    assert covered / 80 > 0.86 and items_alone / 80 < 0.6


def test_three_seeds_have_the_t_of_three_values_and_items_their_own() -> None:
    """Degrees of freedom estimated from the same three values would make it narrower, where both parts count."""
    values, items = np.array([0.07, 0.1, 0.13]), np.random.default_rng(0).normal(0, 0.02, size=2000)
    effect = _effect(values, values[:, None] + items, N)
    assert effect.low is not None and effect.high is not None and effect.between == pytest.approx(0.03, rel=1e-6)
    of_seeds, of_items = 4.3027 * 0.03 / np.sqrt(3), 2.001 * items.std(ddof=1)
    assert (effect.high - effect.low) / 2 == pytest.approx(np.hypot(of_seeds, of_items), rel=1e-3)


def test_a_seed_may_have_its_own_control() -> None:
    adapters, core = world(3, 0.02)
    own = seed_effect(adapters, [core] * 3)
    assert own == seed_effect(adapters, core)
    with pytest.raises(HubkitError, match="as many measures"):
        seed_effect(adapters, [core] * 2)
    with pytest.raises(HubkitError, match="as many measures"):
        seed_effect([], core)


def test_verdicts() -> None:
    assert SeedEffect((0.1,), 0.1, 60, 0.0, 0.05, 0.15).verdict == "gain"
    assert SeedEffect((0.1,), -0.1, 60, 0.0, -0.15, -0.05).verdict == "loss"
    assert SeedEffect((0.1,), 0.0, 60, 0.0, -0.1, 0.1).verdict == "within noise"
    assert SeedEffect((0.1,), 0.1, 12, 0.0, 0.05, 0.15).verdict == "too few items"
