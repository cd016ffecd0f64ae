from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluation.intervals import expanded_tails, interval, quantiles, t_quantile

TABLE = {1: 12.7062, 2: 4.3027, 5: 2.5706, 19: 2.0930, 57: 2.0025, 999: 1.9623}  # Student's t at .975


@pytest.mark.parametrize(("degrees", "expected"), TABLE.items())
def test_t_quantiles_are_those_of_the_tables(degrees: int, expected: float) -> None:
    assert t_quantile(0.975, degrees) == pytest.approx(expected, abs=1e-4)


def test_t_between_whole_degrees_is_between_its_neighbours() -> None:
    assert t_quantile(0.975, 3) < t_quantile(0.975, 2.7) < t_quantile(0.975, 2)


def test_tails_are_wider_with_few_items_and_plain_with_many() -> None:
    assert expanded_tails(20)[0] < expanded_tails(50)[0] < 0.025
    assert expanded_tails(100_000)[0] == pytest.approx(0.025, abs=1e-4)
    assert expanded_tails(1) == (0.0, 1.0)


def test_a_quantile_within_a_lattice_is_interpolated() -> None:
    """Half of the values are 0 and half 1: the middle lies between, and the median of an even lattice is its middle."""
    values = np.array([0.0, 1.0] * 50)
    assert quantiles(values, (0.5, 0.5)) == (0.5, 0.5)
    assert quantiles(values, (0.01, 0.99)) == (0.0, 1.0)
    assert quantiles(np.array([0.1 + 0.2, 0.3] * 10), (0.2, 0.8)) == pytest.approx((0.3, 0.3))


def test_the_value_is_within_and_nan_is_left_out() -> None:
    low, high = interval(np.array([1.0, 2.0, np.nan, 3.0]), 30, 5.0)
    assert low <= 1.1 and high == 5.0
