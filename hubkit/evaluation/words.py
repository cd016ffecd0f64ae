"""The words of a report, built from its numbers: what changed, how much of it anything else would have given too.

Numbers are R@1 without the leading zero, changes with their 95 % interval: ``+.17 [.09, .25]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubkit.evaluation.report import (
    Centring,
    Change,
    Conclusion,
    Damage,
    Evaluation,
    Gain,
    OwnShare,
    SeedScore,
    Share,
    SuiteInfo,
    System,
)
from hubkit.evaluation.statistics import MINIMUM_ITEMS, Verdict

FINE_FROM = 400  # items from which a third decimal means something
CLEAR: tuple[Verdict, ...] = ("gain", "loss")

CONCLUSIONS: dict[Conclusion, str] = {
    "own gain": "In short: the adapter helps this language, beyond what centring or another family's adapter gives.",
    "generic gain": "In short: the adapter helps, but no part of the centred gain is shown to be this language's own: "
    "an adapter of another family does about as well.",
    "unattributed gain": "In short: the adapter helps; without a wrong-family control nobody knows how much of that is "
    "this language's own.",
    "centring suffices": "In short: the adapter is not shown to do more than removing the mean does, which needs no "
    "training: centre the core instead.",
    "no measurable gain": "In short: no gain over the core was measured.",
    "no adapter needed": "In short: no adapter needed: the core is good in this language already.",
    "loss": "In short: the adapter makes retrieval worse: use the core.",
    "not compared": "In short: no adapter was compared.",
}


def number(value: float, digits: int = 2) -> str:
    """``0.378`` → ``.38``, ``1.0`` → ``1.00``, ``-0.05`` → ``−.05``."""
    text = f"{abs(value):.{digits}f}"
    text = text.removeprefix("0")
    return f"−{text}" if value < 0 and float(f"{value:.{digits}f}") else text


def signed(value: float, digits: int = 2) -> str:
    """Like :func:`number`, with a plus where it is positive: ``+.17``."""
    text = number(value, digits)
    return f"+{text}" if not text.startswith("−") and float(f"{value:.{digits}f}") else text


def change(difference: Change) -> str:
    """``+.17 [.09, .25]``; a third decimal where there are items enough, or where two would blur the verdict."""
    blurred = difference.verdict in CLEAR and min(map(abs, difference.ci95)) < 0.005
    digits = 3 if difference.n >= FINE_FROM or blurred else 2
    low, high = difference.ci95
    return f"{signed(difference.value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def judged(difference: Change) -> str:
    """The change, with ``, within noise`` or ``, too few items`` where that is so."""
    return change(difference) + ("" if difference.verdict in CLEAR else f", {difference.verdict}")


def evaluation_sentences(
    suite: SuiteInfo,
    systems: Sequence[System],
    gains: Sequence[Gain],
    centring: Centring,
    own: OwnShare | None,
    conclusion: Conclusion,
) -> list[str]:
    """The whole evaluation in sentences, the conclusion last."""
    named = {system.name: system for system in systems}
    over = {gain.control: gain for gain in gains}
    said = [_small_suite(suite), _raw(suite, named, over), _centring(suite, named["core"], centring)]
    said += [_centred(suite, named, over)]
    if own is not None and "wrong-family" in over:
        said += _wrong_family(suite, named["wrong-family"], over["wrong-family"], own)
    said += [_control(suite, named[name], gain) for name, gain in over.items() if name not in {"core", "wrong-family"}]
    if over:
        said.append(CONCLUSIONS[conclusion])
    return [sentence for sentence in said if sentence]


def _shown(suite: SuiteInfo, value: float) -> str:
    return number(value, 3 if suite.n >= FINE_FROM else 2)


def _small_suite(suite: SuiteInfo) -> str:
    if suite.n >= MINIMUM_ITEMS:
        return ""
    return f"The suite {suite.name} has only {suite.n} pairs: nothing is said of a difference below {MINIMUM_ITEMS}."


def _raw(suite: SuiteInfo, named: Mapping[str, System], over: Mapping[str, Gain]) -> str:
    core = _shown(suite, named["core"].raw.mean)
    where = f"on {suite.name} ({suite.n} pairs)"
    if "core" not in over:
        return f"The core's raw R@1 {where} is {core}."
    gain, adapter = over["core"].raw, _shown(suite, named["adapter"].raw.mean)
    if gain.verdict not in CLEAR:
        unseen = f"a change below about {number(gain.minimum_detectable)} would mostly go unseen here"
        return f"Raw R@1 {where} goes from {core} to {adapter} ({judged(gain)}); {unseen}."
    verb = "rises" if gain.verdict == "gain" else "falls"
    return f"Raw R@1 {where} {verb} from {core} to {adapter} ({change(gain)})."


def _centring(suite: SuiteInfo, core: System, centring: Centring) -> str:
    gives = (
        f"Removing the mean alone, without training, gives {_shown(suite, core.centred.mean)} ({judged(centring.core)})"
    )
    beyond = centring.adapter_over_it
    if beyond is None:
        return f"{gives}."
    if beyond.verdict not in CLEAR:
        return f"{gives}; the raw adapter does not differ clearly from that ({change(beyond)})."
    position = "above" if beyond.verdict == "gain" else "below"
    return f"{gives}; the raw adapter is {position} that ({change(beyond)})."


def _centred(suite: SuiteInfo, named: Mapping[str, System], over: Mapping[str, Gain]) -> str:
    if "core" not in over:
        return ""
    gain = over["core"].centred
    reached = _shown(suite, named["adapter"].centred.mean)
    against = _shown(suite, named["core"].centred.mean)
    said = f"Centred, the adapter reaches {reached} against the centred core's {against} ({judged(gain)})."
    if gain.verdict == "gain" and over["core"].raw.verdict != "gain":
        said += " The gain shows only with centring: use the adapter with it."
    return said


def _wrong_family(suite: SuiteInfo, wrong: System, over: Gain, own: OwnShare) -> list[str]:
    reaches = f"A wrong-family control ({wrong.description}) reaches {_shown(suite, wrong.raw.mean)} raw"
    centred = (
        f"Centred, the adapter is {change(over.centred)} against the wrong family's {_shown(suite, wrong.centred.mean)}"
    )
    meaning = {
        "gain": f": this part is the language's own{_share_words(own.centred)}.",
        "loss": ": another family's adapter is better, so none of the centred gain is the language's own.",
        "within noise": ": within noise, so no part of the centred gain is shown to be the language's own.",
        "too few items": ": too few pairs to say whether any of it is the language's own.",
    }[over.centred.verdict]
    return [f"{reaches}{_generic_words(own.raw, over.raw)}.", centred + meaning]


def _generic_words(share: Share, over_wrong: Change) -> str:
    """How much of the raw gain is generic; says nothing of a share where there is no clear gain to share out."""
    if share.share is None or share.ci95 is None:
        return f" ({signed(share.generic)} over the core); there is no clear raw gain to share out"
    if over_wrong.verdict != "gain":
        return f"; against that the adapter is {judged(over_wrong)}, so all of the raw gain may be generic"
    low, high = 1 - share.ci95[1], 1 - share.ci95[0]
    interval = f"95 % interval {_percent(low)} to {_percent(high)}"
    if share.generic <= 0:
        return f": none of the raw gain is generic ({interval})"
    return f", so about {_percent(1 - share.share)} of the raw gain is generic ({interval})"


def _share_words(share: Share) -> str:
    if share.share is None or share.ci95 is None:
        return ""
    low, high = share.ci95
    return f", about {_percent(share.share)} of the centred gain over the core ({_percent(low)} to {_percent(high)})"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _control(suite: SuiteInfo, control: System, over: Gain) -> str:
    raw, centred = _shown(suite, control.raw.mean), _shown(suite, control.centred.mean)
    return (
        f"Control {control.name} ({control.description}) has {raw} raw and {centred} centred; "
        f"against it the adapter is {judged(over.raw)}, raw; {judged(over.centred)}, centred."
    )


def damage_sentence(damage: Damage) -> str:
    """What happened to unrelated languages, on average and in the worst of them."""
    languages = ", ".join(row.language for row in damage.rows)
    before, after = number(damage.core), number(damage.adapter)
    lost = [row for row in damage.rows if row.change.verdict == "loss"]
    verdict = {
        "gain": "they gain too, as a generic effect would have it",
        "loss": "the adapter damages them: use it for its own language only",
        "within noise": "no damage measured",
        "too few items": "too few pairs to say whether that is damage",
    }[damage.mean.verdict]
    worse = "".join(f"; {row.language} loses: {change(row.change)}" for row in lost)
    return (
        f"On {len(damage.rows)} unrelated languages ({languages}) raw R@1 goes from {before} to {after} "
        f"({change(damage.mean)}): {verdict}{worse}."
    )


def seed_sentence(scores: Sequence[SeedScore]) -> str:
    """The range over training seeds."""
    raw, centred = [score.raw for score in scores], [score.centred for score in scores]
    return (
        f"Over {len(scores)} training seeds R@1 lies between {number(min(raw))} and {number(max(raw))} raw, "
        f"{number(min(centred))} and {number(max(centred))} centred; the intervals above are of items, not of seeds."
    )


def overlap_sentence(overlap: Mapping[str, int]) -> str:
    """Whether anything of the suite was in the training text; the keys are those of ``hubkit.corpora.overlap``."""
    kinds = [("exact", "word for word"), ("normalised", "but for case and signs"), ("words", "in eight words in a row")]
    found = [f"{overlap[kind]} {words}" for kind, words in kinds if overlap.get(kind)]
    compared = f"{overlap.get('training', 0):,} training texts and {overlap.get('suite', 0):,} texts of the suite"
    if not found:
        return f"No overlap between {compared}."
    return f"OVERLAP between {compared}: {', '.join(found)}. Scores on this suite may be too high."


def further_sentence(evaluation: Evaluation) -> str:
    """Another suite's result: the changes over the core and the conclusion."""
    suite, gain = evaluation.suite, evaluation.gain("core")
    where = f"On {suite.name} too ({suite.n} pairs, {suite.domain})"
    if gain is None:
        return f"{where}: {' '.join(evaluation.sentences)}"
    judgement = CONCLUSIONS[evaluation.conclusion].removeprefix("In short: ")
    figures = f"{judged(gain.raw)}, raw; {judged(gain.centred)}, centred"
    return f"{where}, over the core: {figures}. Conclusion there: {judgement}"
