from __future__ import annotations

from types import SimpleNamespace

import pytest

from hubkit.training.budget import Budget
from hubkit.training.estimate import Speed, disk_bytes, distinct, peak_memory
from hubkit.training.mixture import Mixture
from hubkit.training.recipe import Recipe

SPEED = Speed(
    steps=20, seconds_per_step=0.5, sentences_per_step=32.0, parameters=1000, peak_memory_bytes=2**30
)  # fmt: skip


def mixture(**sizes: int) -> Mixture:
    pairs = {tag: [SimpleNamespace(text="abc def", english="x y")] * count for tag, count in sizes.items()}
    return Mixture(pairs, {tag: 1 / len(sizes) for tag in sizes})


def test_a_time_has_room_for_steps_and_steps_take_a_time():
    assert SPEED.steps_in(Budget(seconds=10)) == 20
    assert SPEED.seconds_in(Budget(seconds=10)) == 10
    assert SPEED.steps_in(Budget(steps=7)) == 7
    assert SPEED.seconds_in(Budget(steps=7)) == pytest.approx(3.5)


def test_few_draws_are_all_different_and_many_are_all_there_is():
    made = mixture(rw=1000, sn=100)
    assert distinct(made, 4) == pytest.approx(4, rel=0.02)
    assert distinct(made, 1e6) == pytest.approx(1100, rel=1e-3)


def test_disk_grows_with_what_the_recipe_keeps():
    made = mixture(rw=1000)
    plain = disk_bytes(SPEED, Recipe(), made, 500, 32)
    assert plain["checkpoint"] == 3 * plain["adapter"] == 12_000
    averaged = disk_bytes(SPEED, Recipe(ema=0.9, cache_activations=True), made, 500, 32)
    assert averaged["checkpoint"] > plain["checkpoint"]
    assert averaged["activations"] > 0


def test_peak_memory_is_that_of_a_process():
    assert 2**24 < peak_memory() < 2**40
