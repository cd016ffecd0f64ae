from __future__ import annotations

import numpy as np
import pytest
import torch

from hubkit.core.architecture import architecture
from hubkit.errors import UsageError
from hubkit.runtime.changed import changed
from hubkit.runtime.encoder import Encoder

TEXTS = ["a", "Mwaramutse neza", "a much longer sentence"]


@pytest.fixture
def encoder(core):
    return Encoder(core)


@pytest.fixture
def change(encoder, core):
    """Noise for the first layer's parameters."""
    generator = torch.Generator().manual_seed(0)
    first = f"{architecture(core.model_type).layers}.0."
    names = [(name, p) for name, p in encoder.model.named_parameters() if name.startswith(first)]
    return {name: 0.1 * torch.randn(p.shape, generator=generator) for name, p in names}


def test_the_weights_are_moved_and_the_core_stays(encoder, change):
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    core = encoder.encode(TEXTS)
    tuned = changed(encoder, change, 0.5, "a test")
    state = tuned.model.state_dict()
    for name, tensor in before.items():
        torch.testing.assert_close(state[name], tensor + 0.5 * change[name] if name in change else tensor)
    assert np.abs(tuned.encode(TEXTS) - core).max() > 1e-3
    np.testing.assert_array_equal(encoder.encode(TEXTS), core)
    assert all(torch.equal(encoder.model.state_dict()[name], tensor) for name, tensor in before.items())


def test_strength_nought_is_the_core(encoder, change):
    np.testing.assert_allclose(changed(encoder, change, 0.0, "a test").encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)


def test_what_does_not_change_is_shared(encoder, change, core):
    tuned = changed(encoder, change, 1.0, "a test")
    path = architecture(core.model_type).word_embeddings
    ours, theirs = (one.model.get_submodule(path).weight for one in (encoder, tuned))
    assert ours.data_ptr() == theirs.data_ptr()


def test_it_takes_no_recipe_and_says_why(encoder, change):
    tuned = changed(encoder, change, 1.0, "fine-tuned on nothing")
    assert "fine-tuned on nothing" in tuned.explain()
    with pytest.raises(UsageError, match="weights of this model are changed"):
        tuned.with_recipe("lang-rw")


def test_an_adapter_that_acts_elsewhere_does_not_act_here(encoder, change, make_adapter, core):
    tuned = changed(encoder, change, 1.0, "a test")
    alone = tuned.encode(TEXTS)
    encoder.adapted(make_adapter(core, "seq_bn")).encode(TEXTS)
    np.testing.assert_array_equal(tuned.encode(TEXTS), alone)


@pytest.mark.parametrize("odd", [{"no.such.weight": torch.ones(2)}, {"embeddings.LayerNorm.weight": torch.ones(2)}])
def test_changes_of_another_core_are_refused(bert, odd):
    with pytest.raises(UsageError, match="is no parameter of tiny-bert"):
        changed(Encoder(bert), odd, 1.0, "a test")
