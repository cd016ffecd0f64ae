"""One adapter made of several, in their parameters: merges of what adapters do at each site.

What a site adds to the core is linear in some of its tensors, the *change*: all of :class:`LowRank` (its ΔW = factor ·
up · down) and :class:`Scale` (factor · (scale − 1)), and the up-projections of bottlenecks. A change of 0 is no
adapter, so changes can be weighted, trimmed and dropped. What comes before the activation of a bottleneck, its
down-projection, has no such zero: it is always the weighted mean, and members need the same width. A member that does
nothing at a site has the change 0 there.

- linear, relatedness: Σ wᵢ changeᵢ, Σ wᵢ = 1.
- arithmetic: Σ wᵢ changeᵢ, wᵢ as they are. Ilharco et al., 2023 (arXiv 2212.04089); that only the up-projection takes
  the sign: Zhang et al., 2023 (arXiv 2306.14870).
- ties: each change trimmed to its largest share ``density``, per tensor; the sign of each entry elected by weight; the
  weighted mean of the entries that have it. Yadav et al., 2023 (arXiv 2306.01708).
- dare: entries of each change dropped at random but for a share ``density``, the rest divided by it; then linear. Yu et
  al., 2024 (arXiv 2311.03099).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale, Site
from hubkit.composition.arithmetic import dropped, low_rank, ties, trimmed, weighted_sum
from hubkit.composition.resolve import merge_weights
from hubkit.composition.rules import check_method, checked_density, checked_seed, checked_weights
from hubkit.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.composition.member import Member
    from hubkit.composition.recipe import Merge

Sites = Mapping[str, Site]


@dataclass(frozen=True, slots=True)
class _Share:
    """What one member does at a site, and its weight."""

    name: str
    weight: float
    site: Any

    def tensor(self, name: str) -> Tensor:
        """A tensor of the site, float64."""
        value: Tensor = getattr(self.site, name)
        return value.double()


@dataclass(frozen=True, slots=True)
class _Rule:
    """How changes become one. Without a density it is linear."""

    method: str
    density: float | None
    seed: int | None

    def combined(self, changes: Sequence[Tensor], shares: Sequence[_Share], place: str) -> Tensor:
        """One change of the members', all of one shape; ``place`` names the tensor."""
        weights = [share.weight for share in shares]
        if self.density is None:
            return weighted_sum(changes, weights)
        if self.method == "ties":
            return ties([trimmed(change, self.density) for change in changes], weights)
        keys = [f"{self.seed}\n{place}\n{share.name}" for share in shares]
        kept = [dropped(change, self.density, key) for change, key in zip(changes, keys, strict=True)]
        return weighted_sum(kept, weights)


def merge(
    sites: Sequence[Sites],
    weights: Sequence[float] | None = None,
    method: str = "linear",
    *,
    density: float | None = None,
    seed: int | None = None,
    rank: int | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Site]:
    """The sites of one adapter, factor 1, made of the sites of each member.

    ``density`` is for ties (.2) and dare (.5). ``rank`` truncates each ΔW; without it the rank is the sum of the
    members', which is exact but for ties and dare. ``names`` are for errors and for dare, which draws by seed, site and
    name, so that the order of the members makes no difference.

    Raises :class:`UsageError` for weights that cannot be used, tensors that are not finite, and members that do not go
    together: bottlenecks of other widths or activations, other kinds at one site, adapters of another core.
    """
    check_method(method)
    rule = _Rule(method, checked_density(method, density), checked_seed(method, seed))
    names = names or [f"member {number}" for number in range(1, len(sites) + 1)]
    if not sites or len(names) != len(sites) or (rank is not None and rank < 1):
        raise UsageError("A merge needs members, a name for each, and a rank of 1 or more.", "Give them.")
    found = checked_weights(weights, len(sites), method)
    total = 1.0 if method == "arithmetic" else math.fsum(found)
    merged: dict[str, Site] = {}
    for path in dict.fromkeys(path for member in sites for path in member):
        there = zip(names, found, sites, strict=True)
        shares = [_Share(name, weight / total, member[path]) for name, weight, member in there if path in member]
        if (site := _merged_site(path, shares, rule, rank)) is not None:
            merged[path] = site
    return merged


def merge_recipe(
    recipe: Merge,
    sites_of: Callable[[Member], Sites],
    languages_of: Callable[[Member], Sequence[str]] | None = None,
) -> dict[str, Site]:
    """The sites of the adapter that ``recipe`` describes, inner Merges first.

    ``sites_of`` says what a member does, at its strength; ``languages_of`` the tags of its languages, which merges by
    relatedness need.
    """
    from hubkit.composition.recipe import Merge

    parts = [
        merge_recipe(part, sites_of, languages_of) if isinstance(part, Merge) else sites_of(part)
        for part in recipe.parts
    ]
    return merge(
        parts,
        merge_weights(recipe, languages_of),
        recipe.method,
        density=recipe.density,
        seed=recipe.seed,
        names=[str(part) for part in recipe.parts],
    )


def _merged_site(path: str, shares: Sequence[_Share], rule: _Rule, rank: int | None) -> Site | None:
    """None when nothing is left of the change."""
    for share in shares:
        _check(path, shares[0], share)
    shares = [share for share in shares if share.weight != 0 and share.site.factor != 0]
    if not shares:
        return None
    if isinstance(shares[0].site, LowRank):
        return _merged_low_rank(path, shares, rule, rank)
    if isinstance(shares[0].site, Scale):
        return _merged_scale(path, shares, rule)
    return _merged_bottleneck(path, shares, rule)


def _merged_low_rank(path: str, shares: Sequence[_Share], rule: _Rule, rank: int | None) -> LowRank | None:
    import torch

    first: LowRank = shares[0].site
    total = sum(share.site.down.shape[0] for share in shares)
    limit = min(rank or total, first.up.shape[0], first.down.shape[1])
    if rule.density is None and total <= limit:
        up = torch.cat([share.tensor("up") * (share.weight * share.site.factor) for share in shares], 1)
        return LowRank(torch.cat([share.site.down for share in shares]), up.to(first.up.dtype))
    changes = [share.tensor("up") @ share.tensor("down") * share.site.factor for share in shares]
    up, down = low_rank(rule.combined(changes, shares, path), limit)
    return LowRank(down.to(first.down.dtype), up.to(first.up.dtype)) if len(down) else None


def _merged_scale(path: str, shares: Sequence[_Share], rule: _Rule) -> Scale:
    changes = [(share.tensor("scale") - 1) * share.site.factor for share in shares]
    return Scale((rule.combined(changes, shares, path) + 1).to(shares[0].site.scale.dtype))


def _merged_bottleneck(path: str, shares: Sequence[_Share], rule: _Rule) -> Bottleneck | Coupling:
    """Of bottlenecks or couplings: the mean of what lies before the activation, the change of what lies after it."""
    first = shares[0].site
    weights = [share.weight for share in shares]
    if abs(total := math.fsum(weights)) <= 1e-9 * sum(map(abs, weights)):
        raise UsageError(
            f"The weights of those that act at {path} sum to 0, so their down-projections have no mean.",
            "For bottlenecks choose other weights, such as a + λ (b − c) of three that act at the same sites.",
        )
    tensors: dict[str, Tensor] = {}
    for name in _tensor_names(first):
        values = [share.tensor(name) for share in shares]
        if "down" in name:
            merged = weighted_sum(values, [weight / total for weight in weights])
        else:
            changes = [value * share.site.factor for value, share in zip(values, shares, strict=True)]
            merged = rule.combined(changes, shares, f"{path}.{name}")
        tensors[name] = merged.to(getattr(first, name).dtype)
    merged_site: Bottleneck | Coupling = replace(first, factor=1.0, **tensors)
    return merged_site


def _tensor_names(site: Site) -> list[str]:
    return [field.name for field in fields(site) if not isinstance(getattr(site, field.name), (str, float, int))]


def _check(path: str, first: _Share, share: _Share) -> None:
    """Refuse what cannot be merged with ``first``, or not at all."""
    site, other = share.site, first.site
    both = f"{first.name} and {share.name} cannot be merged at {path}"
    if isinstance(site, Fusion):
        raise UsageError(f"{share.name} is a fusion, which cannot be merged.", "Merge its branches.")
    if type(site) is not type(other):
        raise UsageError(f"{both}: {type(other).__name__} and {type(site).__name__}.", "Stack them.")
    if not math.isfinite(site.factor) or not all(getattr(site, name).isfinite().all() for name in _tensor_names(site)):
        raise UsageError(f"{share.name} has a number at {path} that is not finite.", "Train it or fetch it again.")
    for setting in ("activation", "reads"):
        values = getattr(other, setting, None), getattr(site, setting, None)
        if values[0] != values[1]:
            raise UsageError(f"{both}: {setting} {values[0]} and {values[1]}.", "Stack or Fuse them.")
    if isinstance(site, (Bottleneck, Coupling)) and (widths := (_width(other), _width(site)))[0] != widths[1]:
        raise UsageError(
            f"{both}: width {widths[0]} and {widths[1]}.", "Stack or Fuse them, or train them with one width."
        )
    if _core_shapes(site) != _core_shapes(other):
        raise UsageError(f"{both}: they were made for different cores.", "Merge adapters of one core.")


def _width(site: Bottleneck | Coupling) -> int:
    return int((site.down if isinstance(site, Bottleneck) else site.f_down).shape[0])


def _core_shapes(site: Any) -> list[tuple[int, ...]]:
    """Shapes of the tensors as far as they are the core's."""
    if isinstance(site, LowRank):
        return [tuple(site.up.shape[:1]), tuple(site.down.shape[1:])]
    return [tuple(getattr(site, name).shape) for name in _tensor_names(site)]
