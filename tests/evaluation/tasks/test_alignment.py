from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hubkit.evaluation.tasks.alignment import align, foldings, plausible

LONG = "Everyone has the right to a rather long sentence of many words."
SHORT = "Nobody shall be short of rest."
WORDS = st.lists(st.sampled_from(["one two three four five", "now therefore", "six seven eight nine"]), min_size=1)


def test_equal_paragraphs_are_paired_one_by_one() -> None:
    rows = list(align({"1": [LONG.upper(), SHORT.upper()]}, {"1": [LONG, SHORT]}))
    assert rows == [("1.1", LONG.upper(), LONG), ("1.2", SHORT.upper(), SHORT)]


def test_unequal_counts_are_paired_as_a_section() -> None:
    assert list(align({"1": ["a whole"]}, {"1": [LONG, SHORT]})) == [("1", "a whole", f"{LONG} {SHORT}")]


def test_equal_counts_of_implausible_lengths_are_paired_as_a_section() -> None:
    """A translation that moved the paragraph break: pairing by position would be wrong."""
    texts = ["x" * 5, "y" * 90]
    assert not plausible(texts, [LONG, SHORT])
    assert [key for key, _, _ in align({"1": texts}, {"1": [LONG, SHORT]})] == ["1"]


def test_missing_and_overlong_sections_are_left_out() -> None:
    preamble = [LONG] * 20
    assert list(align({"2": [LONG]}, {"1": [LONG]})) == []
    assert list(align({"preamble": ["all in one"]}, {"preamble": preamble})) == []


def test_fragments_are_no_pairs_of_their_own() -> None:
    english = {"p": [LONG, "Now, therefore,", "The Assembly", SHORT]}
    whole = " ".join(english["p"][1:])
    apart = [LONG, "Now, therefore,", "The Assembly", SHORT]
    together = [LONG, "Now, therefore, The Assembly", SHORT]
    onwards = [LONG, whole]
    assert [key for key, _, _ in align({"p": apart}, english)] == ["p.1", "p.4"]
    assert [key for key, _, _ in align({"p": together}, english)] == ["p.1", "p.4"]
    assert list(align({"p": onwards}, english)) == [("p.1", LONG, LONG), ("p.2-4", whole, whole)]


@given(WORDS)
def test_foldings_keep_all_words_in_order(originals: list[str]) -> None:
    for parts in foldings(originals):
        assert " ".join(part.text for part in parts) == " ".join(originals)
