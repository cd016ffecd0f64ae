"""What an evaluation comes to, by fixed rules: read them before believing a word of a report."""

from __future__ import annotations

from collections.abc import Sequence

from hubkit.evaluation.report import Centring, Conclusion, Gain, System

GOOD_CORE = 0.9  # mean R@1 from which a core counts as good already


def conclude(core: System, gains: Sequence[Gain], centring: Centring) -> Conclusion:
    """The first rule that applies; differences within noise never count as a gain.

    1. No gain over the core, raw or centred: a loss, not needed (core ≥ .9 raw or centred), or not measurable.
    2. Centred no better than the centred core, and raw no better than that either: centring suffices.
    3. A wrong-family control was run and, centred, the adapter beats it: the gain is (partly) the language's own.
    4. It was run and not beaten: generic. It was not run: unattributed.
    """
    over = {gain.control: gain for gain in gains}
    if "core" not in over:
        return "not compared"
    raw, centred = over["core"].raw.verdict, over["core"].centred.verdict
    if "gain" not in {raw, centred}:
        return _without_gain(core, losing="loss" in {raw, centred})
    beyond = centring.adapter_over_it
    if centred != "gain" and (beyond is None or beyond.verdict != "gain"):
        return "centring suffices"
    if "wrong-family" not in over:
        return "unattributed gain"
    return "own gain" if over["wrong-family"].centred.verdict == "gain" else "generic gain"


def _without_gain(core: System, losing: bool) -> Conclusion:
    if losing:
        return "loss"
    good = max(core.raw.mean, core.centred.mean) >= GOOD_CORE
    return "no adapter needed" if good else "no measurable gain"
