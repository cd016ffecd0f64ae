from __future__ import annotations

import pytest
import torch
from adapters.methods.modeling import Activation_Function_Class

from hubkit.adapter.methods.seq_bn import ACTIVATIONS as NAMES
from hubkit.adapter.sites import Bottleneck, LowRank
from hubkit.core import load_model
from hubkit.errors import VerificationError
from hubkit.runtime.apply import ACTIVATIONS, add_low_rank, apply_adapter, bottleneck


def test_low_rank_formula():
    generator = torch.Generator().manual_seed(0)
    inputs, outputs = torch.randn(2, 3, 5, generator=generator), torch.randn(2, 3, 7, generator=generator)
    site = LowRank(torch.randn(4, 5, generator=generator), torch.randn(7, 4, generator=generator))
    expected = outputs + torch.einsum("nti,ri,or->nto", inputs, site.down, site.up)
    kept = outputs.clone()
    assert torch.allclose(add_low_rank(site, inputs, outputs), expected, atol=1e-5)
    assert torch.equal(outputs, kept), "outside inference mode nothing is written to"
    with torch.inference_mode():
        assert torch.allclose(add_low_rank(site, inputs, outputs.clone()), expected, atol=1e-5)
        strided = torch.empty(2, 7, 3).transpose(1, 2).copy_(outputs)
        assert torch.allclose(add_low_rank(site, inputs, strided), expected, atol=1e-5)


def test_bottleneck_formula():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2, 3, 5, generator=generator)
    down, up = torch.randn(4, 5, generator=generator), torch.randn(5, 4, generator=generator)
    site = Bottleneck(down, torch.ones(4), up, torch.full((5,), 2.0), "relu")
    expected = (hidden @ down.T + 1).clamp(min=0) @ up.T + 2
    assert torch.allclose(bottleneck(site, hidden), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_activations_are_those_of_adapters(name):
    values = torch.linspace(-4, 4, 200)
    assert torch.allclose(ACTIVATIONS[name](values), Activation_Function_Class(name)(values), atol=1e-6)


def test_tensors_follow_the_model_type(bert, method_name, make_adapter):
    model = load_model(bert).to(torch.bfloat16)
    applied = apply_adapter(make_adapter(bert, method_name), model, "bert")
    sites = [*applied.linears.values(), *applied.outputs.values()]
    assert sites
    assert all(site.down.dtype == site.up.dtype == torch.bfloat16 for site in sites)


def test_an_adapter_that_does_not_fit_is_refused(bert, make_adapter, method_name):
    model = load_model(bert)
    del model.encoder.layer[1]
    with pytest.raises(VerificationError, match=r"acts at encoder\.layer\.1\."):
        apply_adapter(make_adapter(bert, method_name), model, "bert")
    assert all(not part._forward_hooks for part in model.modules())
