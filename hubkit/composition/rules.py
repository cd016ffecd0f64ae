"""What holds for every recipe: the numbers in it, its size, and the rules of each way to merge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Literal, get_args

from hubkit.errors import UsageError

MergeMethod = Literal["linear", "ties", "dare", "arithmetic", "relatedness"]
METHODS: tuple[str, ...] = get_args(MergeMethod)
DENSITIES: Mapping[str, float] = {"ties": 0.2, "dare": 0.5}
"""Share of a change that is kept, by default."""
NUMBER = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e-?[0-9]+)?"


def finite(value: object, what: str) -> float:
    """``value`` as a float. Raises :class:`UsageError` that begins with ``what`` unless it is a finite number."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not abs(number) <= 1e300:  # so that a sum of them is finite too
        raise UsageError(f"{what} must be a finite number, not {str(value)[:40]}.", "Write it like 0.5.")
    return number


def number_text(value: float) -> str:
    """The shortest text that reads back as ``value``, without a plus sign."""
    return repr(value).removesuffix(".0").replace("e+", "e")


def check_method(method: object) -> None:
    """Raise :class:`UsageError` unless ``method`` is a way to merge."""
    if method not in METHODS:
        raise UsageError(f"There is no merge method {method!r}.", f"Choose one of {', '.join(METHODS)}.")


def checked_density(method: str, density: float | None) -> float | None:
    """The density of this method, its default when None is given; None for methods that drop nothing."""
    if method not in DENSITIES:
        if density is not None:
            raise UsageError(f"The merge method {method} has no density.", "Leave it out, or choose ties or dare.")
        return None
    density = DENSITIES[method] if density is None else finite(density, "The density of a merge")
    if not 0 < density <= 1:
        raise UsageError(f"The density of a merge is a share, not {density}.", "Choose one above 0, up to 1.")
    return density


def checked_seed(method: str, seed: int | None) -> int | None:
    """The seed of dare, 0 when None is given; None for other methods."""
    if method != "dare":
        if seed is not None:
            raise UsageError(f"The merge method {method} draws nothing.", "Leave the seed out, or choose dare.")
        return None
    seed = 0 if seed is None else seed
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UsageError(f"The seed of a merge cannot be {seed!r}.", "Choose a whole number from 0 to 2^63 - 1.")
    return seed


def checked_weights(weights: Sequence[float] | None, count: int, method: str, of: str = "merge") -> tuple[float, ...]:
    """``count`` weights, all 1 when None is given.

    Raises :class:`UsageError` when there are more or fewer, one is not finite, all are 0, or (other than for
    arithmetic, which is the one method that does not bring them to the sum 1) they do not sum to more than 0.
    """
    found = (1.0,) * count if weights is None else tuple(finite(weight, f"A weight of the {of}") for weight in weights)
    if len(found) != count:
        raise UsageError(f"The {of} of {count} has {len(found)} weights.", "Give each one weight.")
    if count and not any(found):
        raise UsageError(f"All weights of the {of} are 0.", "Give at least one another weight.")
    if count and method != "arithmetic" and sum(found) <= 1e-9 * sum(map(abs, found)):
        raise UsageError(
            f"The weights of the {of} sum to {sum(found):g}, so they cannot be brought to the sum 1.",
            "Choose weights of a positive sum, or method=arithmetic, which takes weights as they are.",
        )
    return found
