"""Each operation against its formula, and many adapters at once against one after the other."""

from __future__ import annotations

import pytest
import torch
from adapters.methods.modeling import Activation_Function_Class

from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale
from hubkit.runtime.operations import (
    ACTIVATIONS,
    bottleneck,
    bottleneck_each,
    couple,
    fuse,
    low_rank,
    low_rank_each,
    scaled,
)


@pytest.fixture
def normal():
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


def test_low_rank(normal):
    inputs, outputs = normal(2, 3, 5), normal(2, 3, 7)
    site = LowRank(normal(4, 5), normal(7, 4))
    expected = outputs + 0.5 * torch.einsum("nti,ri,or->nto", inputs, site.down, site.up)
    kept = outputs.clone()
    torch.testing.assert_close(low_rank(site, 0.5, inputs, outputs), expected)
    assert torch.equal(outputs, kept)


def test_low_rank_each(normal):
    sites = [LowRank(normal(4, 5), normal(7, 4)) for _ in range(3)]
    inputs, outputs, factors = normal(3, 6, 5), normal(3, 6, 7), torch.tensor([1.0, 0.5, -2.0]).view(3, 1, 1)
    found = low_rank_each(sites, factors, inputs, outputs)
    for row, site in enumerate(sites):
        expected = low_rank(site, float(factors[row]), inputs[row], outputs[row])
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-5)


def test_scaled(normal):
    outputs, site = normal(2, 3, 7), Scale(normal(7))
    torch.testing.assert_close(scaled(site, 1.0, outputs), outputs * site.scale)
    torch.testing.assert_close(scaled(site, 0.25, outputs), outputs * (0.75 + 0.25 * site.scale))


def a_bottleneck(normal, activation="relu"):
    return Bottleneck(normal(4, 5), normal(4), normal(5, 4), normal(5), activation)


def test_bottleneck(normal):
    hidden, site = normal(2, 3, 5), a_bottleneck(normal)
    expected = (hidden @ site.down.T + site.down_bias).clamp(min=0) @ site.up.T + site.up_bias
    torch.testing.assert_close(bottleneck(site, hidden), expected)


def test_bottleneck_each(normal):
    sites, hidden = [a_bottleneck(normal, "gelu") for _ in range(3)], normal(3, 6, 5)
    expected = torch.stack([bottleneck(site, rows) for site, rows in zip(sites, hidden, strict=True)])
    torch.testing.assert_close(bottleneck_each(sites, hidden), expected, atol=1e-5, rtol=1e-5)


def test_coupling_can_be_inverted(normal):
    site = Coupling(
        normal(2, 4), normal(2), normal(4, 2), normal(4), normal(2, 4), normal(2), normal(4, 2), normal(4), "relu"
    )
    embeddings = normal(2, 3, 8)
    found = couple(site, 1.0, embeddings)
    a, b = found[..., :4], found[..., 4:]
    b = b - ((a @ site.g_down.T + site.g_down_bias).clamp(min=0) @ site.g_up.T + site.g_up_bias)
    a = a - ((b @ site.f_down.T + site.f_down_bias).clamp(min=0) @ site.f_up.T + site.f_up_bias)
    torch.testing.assert_close(torch.cat((a, b), -1), embeddings, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(couple(site, 0.0, embeddings), embeddings)


def test_fusion_of_equal_branches_is_their_value(normal):
    site = Fusion(normal(5, 5), normal(5), normal(5, 5), normal(5), normal(5, 5))
    change = normal(2, 3, 5)
    found = fuse(site, normal(2, 3, 5), torch.stack([change, change], dim=-2))
    torch.testing.assert_close(found, change @ site.value.T, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_those_of_adapters(name):
    values = torch.linspace(-4, 4, 200)
    torch.testing.assert_close(ACTIVATIONS[name](values), Activation_Function_Class(name)(values), atol=1e-6, rtol=0)
