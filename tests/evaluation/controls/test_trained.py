from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.controls import NotHadError, trained
from hubkit.evaluation.controls.kept import control_folder
from hubkit.settings import settings
from hubkit.training.full import TrainableCore

TEXTS = ["Mwaramutse neza", "a much longer sentence with many words", "x"]


@pytest.fixture(params=["lora", "full"])
def control(request):
    if request.param == "lora":
        pytest.importorskip("peft")
    return getattr(trained, request.param)


def test_it_encodes_at_the_adapters_strength(make_context, make_adapter, control):
    context = make_context()
    system = control(context)
    core = context.encoder.encode(TEXTS)
    half = system.encode(TEXTS)
    assert np.abs(half - core).max() > 1e-4
    np.testing.assert_allclose(system.english(TEXTS), core, atol=1e-6)
    full = control(make_context(adapter=make_adapter(context.encoder.core, "seq_bn", strength=1.0)))
    assert np.abs(full.encode(TEXTS) - core).max() > 1.5 * np.abs(half - core).max()
    assert "6 steps" in system.description
    assert system.encoder is not None


def test_it_is_trained_once_for_each_text_recipe_and_seed(make_context, control):
    runs = []

    def count(**changes):
        before = len(runs)
        control(make_context(observe=lambda progress: runs.append(progress.step), **changes))
        return len(runs) - before

    pairs = make_context().pairs
    assert count() == 6
    assert count() == 0
    assert count(steps=7) == 0
    assert count(recipe=make_context().recipe.model_copy(update={"method": "lora", "hyperparameters": {}})) == 0
    assert count(steps=12) == 12
    assert count(seed=1) == 6
    assert count(pairs={"rw": pairs["rw"]}) == 6
    assert count(recipe=make_context().recipe.model_copy(update={"batch_size": 4})) == 6


def test_an_interrupted_training_goes_on(make_context, control):
    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        control(make_context(observe=interrupt))
    seen = []
    control(make_context(observe=lambda progress: seen.append(progress.step)))
    assert seen == [5, 6]
    assert not list(settings().controls.glob("*/*.run"))


def test_pairs_may_come_when_they_are_needed(make_context, control):
    pairs = make_context().pairs
    control(make_context(pairs=lambda: pairs))
    assert control(make_context(observe=pytest.fail)) is not None


@pytest.mark.parametrize(
    "missing",
    [
        {"pairs": None},
        {"pairs": {"rw": []}},
        {"pairs": {"rw": [SimpleNamespace(text="x")]}},
        {"recipe": None},
        {"steps": 0},
        {"targets": None},
    ],
)
def test_what_is_needed_is_not_there(make_context, control, missing):
    with pytest.raises(NotHadError):
        control(make_context(**missing))


def test_without_peft(make_context, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(HubkitError, match=r'pip install "hubkit\[evaluation\]"'):
        trained.lora(make_context())


def test_a_kept_lora_needs_no_peft(make_context, monkeypatch):
    pytest.importorskip("peft")
    trained.lora(make_context())
    monkeypatch.setitem(sys.modules, "peft", None)
    assert trained.lora(make_context()).encode(TEXTS) is not None


def test_a_learning_rate_of_its_own(make_context):
    context = make_context()
    slow, fast = (
        trained.train(context, "full", lambda: TrainableCore(context.encoder.core), rate) for rate in (1e-5, 1e-3)
    )
    size = {rate: max(float(t.abs().max()) for t in one.tensors.values()) for rate, one in ((1, slow), (2, fast))}
    assert size[2] > 20 * size[1]
    assert len({path.parent for path in settings().controls.glob("full-*/6")}) == 2
    assert control_folder("full", 1).parent == settings().controls
