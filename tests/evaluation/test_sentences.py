from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from hubkit.evaluation.compare import evaluate
from hubkit.evaluation.report import LanguageInfo
from hubkit.evaluation.sentences import Compared, ComparisonReport, compare_sentences, limited
from hubkit.evaluation.suite import ParallelSuite

SUITE = ParallelSuite(
    "toy", "made up", "CC0-1.0", "prose", "rw", ("ta", "tb", "tc"), ("ea", "eb", "ec"), ("a", "b", "c")
)
ENGLISH = np.eye(3)


def encoder(*rows: tuple[float, float, float]) -> Callable[[list[str]], npt.ArrayLike]:
    return lambda texts: np.array([rows["abc".index(text[1])] for text in texts])


PERFECT = encoder((1, 0, 0), (0, 1, 0), (0, 0, 1))
SWAPPED = encoder((0, 1, 0), (1, 0, 0), (0, 0, 1))  # ta and tb have one another's place


def test_what_improved_with_its_ranks_and_the_winner_before() -> None:
    raw, centred = compare_sentences(SWAPPED, PERFECT, SUITE, ENGLISH)
    assert (raw.view, centred.view) == ("raw", "centred")
    assert raw.difference.value == pytest.approx(2 / 3) and raw.after.mean == 1
    assert [sentence.key for sentence in raw.improved] == ["a", "b"] and not raw.regressed
    first = raw.improved[0]
    assert first.change == 1.0
    assert (first.forward.rank_before, first.forward.rank_after) == (3, 1)  # ties stand before it
    assert first.forward.winner_before is not None and first.forward.winner_after is None
    assert (first.forward.winner_before.key, first.forward.winner_before.text) == ("b", "eb")
    assert first.backward.winner_before is not None
    assert (first.backward.winner_before.key, first.backward.winner_before.text) == ("b", "tb")
    assert (raw.nearer, raw.farther, raw.same) == (0, 0, 1)


def test_the_other_way_round_it_regressed() -> None:
    raw, _ = compare_sentences(PERFECT, SWAPPED, SUITE, ENGLISH)
    assert [sentence.change for sentence in raw.regressed] == [-1.0, -1.0] and not raw.improved
    assert raw.regressed[0].forward.winner_after is not None
    assert raw.regressed[0].forward.winner_before is None


def test_ranks_may_change_without_a_hit() -> None:
    far, near = encoder((0, 1, 0.5), (0, 1, 0), (0, 0, 1)), encoder((0.4, 1, 0.3), (0, 1, 0), (0, 0, 1))
    raw, _ = compare_sentences(far, near, SUITE, ENGLISH)
    moved = raw.nearer + raw.farther + raw.same + len(raw.improved) + len(raw.regressed)
    assert moved == 3 and raw.nearer + len(raw.improved) > 0


def test_the_same_system_twice() -> None:
    raw, _ = compare_sentences(PERFECT, PERFECT, SUITE, ENGLISH)
    assert raw.words[-1] == "Every sentence has the rank that it had."
    assert raw.same == 3 and raw.difference.value == 0


def test_the_most_changed_come_first() -> None:
    half = encoder((0, 1, 0), (0, 1, 0.1), (0, 0, 1))  # eb's own is nearest to it, ta is beside it
    raw, _ = compare_sentences(half, PERFECT, SUITE, ENGLISH)
    assert [abs(sentence.change) for sentence in raw.improved] == sorted(
        [abs(sentence.change) for sentence in raw.improved], reverse=True
    )


def test_figures_are_those_of_the_evaluation(world: object) -> None:
    core, adapter = world.encoder(2.2, 0.8, 1), world.encoder(1.4, 0.3, 2)  # type: ignore[attr-defined]
    suite = world.suite()  # type: ignore[attr-defined]
    english = core(list(suite.english))
    evaluation = evaluate({"core": core, "adapter": adapter}, suite, english)
    for compared in compare_sentences(core, adapter, suite, english):
        gain = evaluation.gain("core")
        assert gain is not None
        assert compared.difference == getattr(gain, compared.view)
        assert compared.improved_in_all > compared.regressed_in_all
        total = sum(sentence.change for sentence in (*compared.improved, *compared.regressed))
        assert total / len(suite) == pytest.approx(compared.difference.value)


def test_words_say_what_is_noise(world: object) -> None:
    one, two = world.encoder(2.0, 0.3, 1), world.encoder(2.0, 0.3, 2)  # type: ignore[attr-defined]
    suite = world.suite()  # type: ignore[attr-defined]
    raw, _ = compare_sentences(one, two, suite, one(list(suite.english)))
    assert raw.difference.verdict == "within noise"
    assert "within noise" in raw.words[0] and "58 pairs" in raw.words[0]
    assert "by chance" in raw.words[-1]


def test_few_pairs_are_no_gain() -> None:
    raw, _ = compare_sentences(SWAPPED, PERFECT, SUITE, ENGLISH)
    assert ": better" not in raw.words[0]


def test_lists_can_be_cut_and_say_so() -> None:
    found = compare_sentences(SWAPPED, PERFECT, SUITE, ENGLISH)
    whole = ComparisonReport(
        language=LanguageInfo(tag="rw", name="Kinyarwanda", iso639_3="kin"),
        before=Compared(name="core", description="the core"),
        after=Compared(name="rw", description="an adapter"),
        suites=found, created="2026-01-02T03:04:05Z", hubkit_version="0.1.0",
    )  # fmt: skip
    cut = limited(whole, 1).suites[0]
    assert (len(cut.improved), cut.improved_in_all) == (1, 2)
    assert limited(whole, None) == whole
