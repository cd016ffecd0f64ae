"""The algebra of merging, for every kind of site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from hubkit import Merge
from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale, Site
from hubkit.composition.merge import merge, merge_recipe
from hubkit.errors import UsageError

HIDDEN, WIDTH = 6, 4
Sites = Mapping[str, Site]


def drawn(seed: int) -> Callable[..., torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=generator).double()  # the algebra, not float32's rounding


def adapter(seed: int, rank: int = 2, width: int = WIDTH, factor: float = 1.0, **settings: Any) -> dict[str, Site]:
    """One site of each kind."""
    new, half = drawn(seed), HIDDEN // 2
    return {
        "linear": LowRank(new(rank, HIDDEN), new(8, rank), factor),
        "scaled": Scale(new(HIDDEN), factor),
        "block": Bottleneck(
            new(width, HIDDEN), new(width), new(HIDDEN, width), new(HIDDEN), "tanh", factor=factor, **settings
        ),
        "embeddings": Coupling(
            *(new(width, half), new(width), new(half, width), new(half)),
            *(new(width, half), new(width), new(half, width), new(half)),
            activation="relu",
            factor=factor,
        ),
    }


INPUT = drawn(1000)(5, HIDDEN).double()


def output(site: Site) -> torch.Tensor:
    """What the site adds to INPUT, float64."""
    values = {field.name: getattr(site, field.name) for field in fields(site)}
    site = replace(site, **{name: value.double() for name, value in values.items() if isinstance(value, torch.Tensor)})
    if isinstance(site, LowRank):
        return site.factor * (INPUT @ site.down.T @ site.up.T)
    if isinstance(site, Scale):
        return site.factor * (site.scale - 1) * INPUT
    if isinstance(site, Bottleneck):
        return site.factor * functional.linear((INPUT @ site.down.T + site.down_bias).tanh(), site.up, site.up_bias)
    assert isinstance(site, Coupling)
    a, b = INPUT.chunk(2, 1)
    a_new = a + site.factor * functional.linear(
        (b @ site.f_down.T + site.f_down_bias).relu(), site.f_up, site.f_up_bias
    )
    b_new = b + site.factor * functional.linear(
        (a_new @ site.g_down.T + site.g_down_bias).relu(), site.g_up, site.g_up_bias
    )
    return torch.cat([a_new, b_new], 1) - INPUT


def assert_same(found: Sites, expected: Sites, tolerance: float = 1e-6) -> None:
    """Both do the same everywhere."""
    assert set(found) == set(expected)
    for path, site in found.items():
        assert site.factor == 1  # type: ignore[union-attr]
        torch.testing.assert_close(output(site), output(expected[path]), rtol=tolerance, atol=tolerance)


seeds = st.integers(0, 99)
weights = st.floats(0.01, 10)
factors = st.sampled_from([0.5, 1.0, 2.0, -1.5])
WITHOUT_DROPPING: list[dict[str, Any]] = [
    {"method": "linear"},
    {"method": "relatedness"},
    {"method": "ties", "density": 1.0},
    {"method": "dare", "density": 1.0},
]


@given(seeds, factors, weights, weights, st.sampled_from(WITHOUT_DROPPING))
def test_a_merge_with_its_clone_is_the_adapter(
    seed: int, factor: float, first: float, second: float, how: dict[str, Any]
) -> None:
    one = adapter(seed, factor=factor)
    assert_same(merge([one, adapter(seed, factor=factor)], [first, second], **how), one)
    assert_same(merge([one], [first], **how), one)


ALL = [*WITHOUT_DROPPING, {"method": "arithmetic"}, {"method": "ties"}, {"method": "dare", "seed": 3}]


@given(st.permutations([0, 1, 2]), st.lists(weights, min_size=3, max_size=3), st.sampled_from(ALL))
def test_the_order_of_members_makes_no_difference(order: list[int], shares: list[float], how: dict[str, Any]) -> None:
    members = [adapter(seed, rank=seed + 1, factor=0.5 * (seed + 1)) for seed in range(3)]
    expected = merge(members, shares, names=list("abc"), **how)
    found = merge(
        [members[place] for place in order],
        [shares[place] for place in order],
        names=["abc"[place] for place in order],
        **how,
    )
    assert_same(found, expected)


@given(st.lists(weights, min_size=2, max_size=2), weights, st.sampled_from([*WITHOUT_DROPPING, *ALL[-2:]]))
def test_only_proportions_of_weights_matter(shares: list[float], scale: float, how: dict[str, Any]) -> None:
    members = [adapter(0), adapter(1)]
    assert_same(merge(members, [scale * share for share in shares], **how), merge(members, shares, **how))


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3).filter(any), st.sampled_from(["linear", "scaled"]))
def test_arithmetic_is_linear_in_changes(shares: list[float], path: str) -> None:
    members = [{path: adapter(seed, rank=seed + 1, factor=2.0)[path]} for seed in range(3)]
    found = merge(members, shares, "arithmetic")
    expected = sum(weight * output(member[path]) for weight, member in zip(shares, members, strict=True))
    torch.testing.assert_close(output(found[path]), expected, rtol=1e-4, atol=1e-4)


@given(st.lists(weights, min_size=2, max_size=2))
def test_linear_is_the_mean_of_changes(shares: list[float]) -> None:
    members = [adapter(0, rank=1), adapter(1, rank=3)]
    found = merge(members, shares)
    for path in ("linear", "scaled"):
        expected = sum(weight * output(one[path]) for weight, one in zip(shares, members, strict=True)) / sum(shares)
        torch.testing.assert_close(output(found[path]), expected, rtol=1e-4, atol=1e-4)


@given(st.floats(-3, 3), factors)
def test_what_is_added_and_taken_away_leaves_the_adapter(strength: float, factor: float) -> None:
    one, other = adapter(0, factor=factor), adapter(1)
    assert_same(merge([one, other, adapter(1)], [1, strength, -strength], "arithmetic"), one, 1e-4)


def test_negation() -> None:
    one = adapter(0)
    found = merge([one], [-1], "arithmetic")
    for path in ("linear", "scaled", "block"):
        torch.testing.assert_close(output(found[path]), -output(one[path]))


@pytest.mark.parametrize("method", ["linear", "ties", "arithmetic"])
def test_bottlenecks_are_averaged_in_their_parameters(method: str) -> None:
    members = [adapter(0, factor=2.0), adapter(1, factor=0.5)]
    found = merge(members, [0.25, 0.75], method, **({"density": 1} if method == "ties" else {}))["block"]
    first, second = (member["block"] for member in members)
    assert isinstance(found, Bottleneck) and isinstance(first, Bottleneck) and isinstance(second, Bottleneck)
    torch.testing.assert_close(found.down, 0.25 * first.down + 0.75 * second.down)
    if method != "ties":
        torch.testing.assert_close(found.up, 0.25 * 2 * first.up + 0.75 * 0.5 * second.up)
    assert (found.activation, found.reads, found.factor) == ("tanh", "norm", 1)


def test_trimming_and_dropping_leave_the_down_projection() -> None:
    one = adapter(0)["block"]
    for method in ("ties", "dare"):
        found = merge([{"block": one}], [1], method, density=0.5)["block"]
        assert isinstance(found, Bottleneck) and isinstance(one, Bottleneck)
        assert found.down.equal(one.down) and found.down_bias.equal(one.down_bias)
        assert (found.up == 0).any()


@pytest.mark.parametrize("path", ["linear", "scaled", "block", "embeddings"])
def test_a_member_that_does_nothing_at_a_site_counts_as_no_change(path: str) -> None:
    one = adapter(0)
    other = {place: site for place, site in adapter(1).items() if place != path}
    found = merge([one, other], [0.25, 0.75])[path]
    quarter = replace(one[path], factor=0.25)  # type: ignore[call-arg]
    torch.testing.assert_close(output(found), output(quarter))
    assert_same({path: merge([one, other], [0.25, 0.75], "ties", density=1)[path]}, {path: one[path]})


def test_a_weight_of_zero_leaves_the_member_out() -> None:
    assert_same(merge([adapter(0), adapter(1)], [1, 0]), adapter(0))
    assert merge([adapter(0), {}], [0, 1]) == {}


def test_ranks() -> None:
    members = [adapter(0, rank=1), adapter(1, rank=2)]

    def rank(sites: Sites) -> int:
        site = sites["linear"]
        assert isinstance(site, LowRank)
        return site.down.shape[0]

    assert rank(merge(members)) == rank(merge(members, rank=9)) == 3
    assert rank(merge(members, rank=1)) == 1
    many = [adapter(seed, rank=3) for seed in range(4)]
    assert rank(merge(many)) == HIDDEN
    expected = sum(output(one["linear"]) for one in many) / 4
    torch.testing.assert_close(output(merge(many)["linear"]), expected, rtol=1e-5, atol=1e-5)
    assert rank(merge(members, method="ties", density=1)) == 3


def test_dare_has_the_expectation_of_linear_and_its_own_draw_per_site_and_member() -> None:
    members = [adapter(0, rank=6), adapter(1, rank=6)]
    expected = output(merge(members)["linear"])
    found = [output(merge(members, method="dare", density=0.5, seed=seed)["linear"]) for seed in range(300)]
    assert (torch.stack(found).mean(0) - expected).norm() < 0.15 * expected.norm()
    assert not found[0].allclose(found[1])
    assert_same(merge(members, method="dare", seed=7), merge(members, method="dare", seed=7))
    twice = merge([{"a": members[0]["scaled"], "b": members[0]["scaled"]}], method="dare")
    masks = [output(site) != 0 for site in twice.values()]
    assert not masks[0].equal(masks[1])
    mixed = merge([{"a": Scale(torch.full((HIDDEN * 9,), 2.0))}] * 2, method="dare")["a"]
    assert isinstance(mixed, Scale) and set(mixed.scale.tolist()) == {1.0, 2.0, 3.0}


def test_the_members_stay_as_they_are() -> None:
    members = [adapter(0), adapter(1)]
    merge(members, method="ties")
    for seed, member in enumerate(members):
        for path, site in adapter(seed).items():
            for field in fields(site):
                ours, theirs = getattr(member[path], field.name), getattr(site, field.name)
                assert ours.equal(theirs) if isinstance(ours, torch.Tensor) else ours == theirs


def test_unequal_widths_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"lang-rw and lang-rn cannot be merged at block: width 4 and 5.*Stack or Fuse"
    ):
        merge([adapter(0), adapter(1, width=5)], names=["lang-rw", "lang-rn"])


def changed(path: str, **values: Any) -> dict[str, Site]:
    sites = adapter(1)
    return {**sites, path: replace(sites[path], **values)}


square = torch.zeros(HIDDEN, HIDDEN)
WRONG: dict[str, tuple[list[Sites], dict[str, Any]]] = {
    "activation tanh and relu": ([adapter(0), changed("block", activation="relu")], {}),
    "reads norm and hidden": ([adapter(0), adapter(1, reads="hidden")], {}),
    "LowRank and Scale": ([{"x": adapter(0)["linear"]}, {"x": adapter(0)["scaled"]}], {}),
    "different cores": ([adapter(0), changed("linear", up=torch.ones(9, 2))], {}),
    "member 2 has a number at scaled that is not finite": (
        [adapter(0), changed("scaled", scale=torch.ones(HIDDEN) / 0)],
        {},
    ),
    "member 1 has a number at linear that is not finite": ([changed("linear", factor=float("nan"))], {}),
    "is a fusion": ([{"block": Fusion(square, square[0], square, square[0], square)}], {}),
    "must be a finite number": ([adapter(0), adapter(1)], {"weights": [1, float("nan")]}),
    "sum to 0": ([adapter(0), adapter(1)], {"weights": [1, -1]}),
    "their down-projections have no mean": ([adapter(0), adapter(1)], {"weights": [1, -1], "method": "arithmetic"}),
    "of 2 has 1 weights": ([adapter(0), adapter(1)], {"weights": [1]}),
    "needs members": ([], {}),
    "a rank of 1": ([adapter(0)], {"rank": 0}),
    "a name for each": ([adapter(0)], {"names": ["a", "b"]}),
    "no merge method 'soup'": ([adapter(0)], {"method": "soup"}),
    "linear has no density": ([adapter(0)], {"density": 0.5}),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_merged(what: str) -> None:
    sites, arguments = WRONG[what]
    with pytest.raises(UsageError, match=what):
        merge(sites, **arguments)


def test_a_recipe_is_merged_from_the_inside() -> None:
    sites = {"a": adapter(0), "b": adapter(1), "c": adapter(2)}
    recipe = Merge({Merge(["a", "b"], "ties", density=0.5): 0.5, "c": 0.5})
    inner = merge([sites["a"], sites["b"]], [1, 1], "ties", density=0.5)
    found = merge_recipe(recipe, lambda member: sites[member.name])
    assert_same(found, merge([inner, sites["c"]]))


def test_a_recipe_by_relatedness() -> None:
    sites, languages = {"a": adapter(0), "b": adapter(1)}, {"a": ["rn"], "b": ["tr"]}
    recipe = Merge(["a", "b"], "relatedness", target="rw")
    found = merge_recipe(recipe, lambda member: sites[member.name], lambda member: languages[member.name])
    assert_same(found, sites["a"])


class Tiny(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(HIDDEN, 8)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.linear(hidden)  # type: ignore[no-any-return]


def peft_change(members: Sequence[Sites], shares: list[float], how: str, **arguments: Any) -> torch.Tensor:
    """ΔW that PEFT's ``add_weighted_adapter`` makes of LowRank sites."""
    peft = pytest.importorskip("peft")
    names = [f"member{number}" for number in range(len(members))]
    model = None
    for name, member in zip(names, members, strict=True):
        site = member["linear"]
        assert isinstance(site, LowRank)
        rank = site.down.shape[0]
        config = peft.LoraConfig(r=rank, lora_alpha=site.factor * rank, target_modules=["linear"])
        model = model or peft.get_peft_model(Tiny(), config, adapter_name=name)
        if name not in model.peft_config:
            model.add_adapter(name, config)
        layer = model.base_model.model.linear
        layer.lora_A[name].weight.data, layer.lora_B[name].weight.data = site.down.float(), site.up.float()
    assert model is not None
    model.base_model.add_weighted_adapter(names, shares, "merged", how, **arguments)
    change: torch.Tensor = model.base_model.model.linear.get_delta_weight("merged").detach().double()
    return change


PEFT: list[tuple[str, list[float], dict[str, Any], dict[str, Any]]] = [
    ("cat", [0.25, 0.75], {"method": "linear"}, {}),
    ("cat", [1.0, -0.5], {"method": "arithmetic"}, {}),
    ("svd", [0.25, 0.75], {"method": "linear", "rank": 2}, {"svd_rank": 2}),
    ("svd", [1.0, -0.5], {"method": "arithmetic", "rank": 4}, {"svd_rank": 4}),
    ("ties_svd", [1.0, 1.0], {"method": "ties", "density": 0.5, "rank": 3}, {"svd_rank": 3, "density": 0.5}),
    ("ties_svd", [1.0, 1.0], {"method": "ties"}, {"svd_rank": 4, "density": 0.2}),
]


@pytest.mark.parametrize(("theirs", "shares", "ours", "arguments"), PEFT)
def test_agrees_with_peft(theirs: str, shares: list[float], ours: dict[str, Any], arguments: dict[str, Any]) -> None:
    members = [adapter(0, factor=2.0), adapter(1, factor=0.5)]
    site = merge([{"linear": member["linear"]} for member in members], shares, **ours)["linear"]
    assert isinstance(site, LowRank)
    expected = peft_change(members, shares, theirs, **arguments)
    torch.testing.assert_close(site.up @ site.down, expected, rtol=1e-4, atol=1e-5)


def test_peft_agrees_for_different_ranks() -> None:
    members = [adapter(0, rank=1), adapter(1, rank=3)]
    site = merge([{"linear": member["linear"]} for member in members], [2, 1], "arithmetic")["linear"]
    assert isinstance(site, LowRank)
    torch.testing.assert_close(site.up @ site.down, peft_change(members, [2.0, 1.0], "cat"), rtol=1e-4, atol=1e-5)
