"""``estimate`` on a toy world and a tiny core."""

from __future__ import annotations

import json

from hubkit.core import Core
from hubkit.registry.installed import list_installed
from hubkit.settings import settings
from hubkit.training.estimate import PROBE_STEPS
from hubkit.training.recipe import Recipe
from hubkit.workflows.estimate import estimate
from hubkit.workflows.work import Request

RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)


def test_an_estimate_covers_the_whole_run_and_leaves_nothing(bert: Core):
    request = Request("rw", budget="1000steps", core=str(bert.folder), recipe=RECIPE)
    made = estimate(request.config())
    assert made.steps == 1000
    assert made.probe["steps"] == PROBE_STEPS
    assert made.probe["sentences_per_step"] == 8
    assert set(made.seconds) == {"core", "corpora", "training", "strength", "control", "evaluation"}
    assert made.seconds["training"] > 999 * made.probe["seconds_per_step"]
    assert made.seconds["control"] > 0 and made.energy_kwh > 0 and made.peak_memory_bytes > 2**24
    assert made.disk_bytes["checkpoint"] == 3 * made.disk_bytes["adapter"]
    json.dumps(made.as_dict())
    assert "1,000 steps" in made.line()
    assert not list_installed() and not list(settings().runs.glob("*"))


def test_a_time_is_what_it_says_and_no_control_costs_nothing(bert: Core):
    request = Request("rw", budget="30s", core=str(bert.folder), recipe=RECIPE, controls=False)
    made = estimate(request.config())
    assert made.seconds["control"] == 0
    assert 30 <= made.seconds["training"] < 60
    assert made.steps > 10
