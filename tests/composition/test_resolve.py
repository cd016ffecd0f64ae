"""Dependencies that are stacked under members, and weights by relatedness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit import Merge, Stack
from hubkit.adapter.manifest import Manifest
from hubkit.composition.grammar import parse
from hubkit.composition.member import Member
from hubkit.composition.resolve import Dependencies, expand, merge_weights, relatedness_weights, stacked_under
from hubkit.errors import NotFoundError, UsageError

NEEDS: Dependencies = {
    "lang-rw": [Member("fam-bantu", ">=1")],
    "lang-rn": [Member("fam-bantu", ">=1")],
    "lang-tr": [Member("fam-turkic")],
    "fam-bantu": [Member("fam-all")],
    "task-topic": [Member("fam-all"), Member("lang-rw")],
}


@pytest.mark.parametrize(
    ("recipe", "expanded"),
    [
        ("core", "core"),
        ("fam-all", "fam-all"),
        ("lang-rw", "fam-all + fam-bantu>=1 + lang-rw"),
        ("0.5*lang-rw - mean(lang-rw)", "fam-all + fam-bantu>=1 + 0.5*lang-rw - mean(lang-rw)"),
        ("0.5*fam-bantu==2.0 + lang-rw", "fam-all + 0.5*fam-bantu==2.0 + lang-rw"),
        ("lang-rw + lang-rn", "fam-all + fam-bantu>=1 + lang-rw + lang-rn"),
        ("lang-tr + lang-rw", "fam-turkic + lang-tr + fam-all + fam-bantu>=1 + lang-rw"),
        ("task-topic", "fam-all + fam-bantu>=1 + lang-rw + task-topic"),
        ("merge(lang-rw: 1, lang-rn: 2)", "fam-all + fam-bantu>=1 + merge(lang-rw: 1, lang-rn: 2)"),
        (
            "merge(lang-rw, lang-rn, method=relatedness, target=lg) - mean(lang-rn)",
            "fam-all + fam-bantu>=1 + merge(lang-rw, lang-rn, method=relatedness, target=lg) - mean(lang-rn)",
        ),
        ("merge(fam-bantu: 1, x: 1) + lang-rw", None),
        ("fam-all + merge(fam-bantu: 1, x: 1) + lang-rw", "fam-all + merge(fam-bantu: 1, x: 1) + lang-rw"),
        (
            "fuse(lang-rw, lang-tr, x, fusion=fuse-f) - mean(x)",
            "fuse(fam-all + fam-bantu>=1 + lang-rw, fam-turkic + lang-tr, x, fusion=fuse-f) - mean(x)",
        ),
        ("fam-bantu + fuse(lang-rw, lang-rn)", "fam-all + fam-bantu + fuse(lang-rw, lang-rn)"),
        ("fuse(fam-bantu + lang-rw, x)", "fuse(fam-all + fam-bantu + lang-rw, x)"),
        ("fuse(merge(lang-rw: 1), x)", None),
        ("fam-bantu + fuse(merge(lang-rw: 1), x)", "fam-all + fam-bantu + fuse(merge(lang-rw: 1), x)"),
        ("ensemble(core, fam-bantu: 1)", None),
        ("ensemble(core: 1, fam-bantu: 2)", "ensemble(core: 1, fam-all + fam-bantu: 2)"),
        ("ensemble(core, lang-tr)", "ensemble(core, fam-turkic + lang-tr, temperature=0.1)"),
        ("merge(lang-rw: 1, lang-tr: 1)", None),
        ("lang-rw + fam-bantu", None),
    ],
)
def test_expand(recipe: str, expanded: str | None) -> None:
    if expanded is None:
        with pytest.raises(UsageError):
            expand(parse(recipe), NEEDS)
    else:
        assert str(expand(parse(recipe), NEEDS)) == expanded
        assert str(expand(parse(expanded), NEEDS)) == expanded


def test_errors_name_who_needs_what() -> None:
    with pytest.raises(UsageError, match=r"lang-rw needs fam-all \+ fam-bantu under it, x nothing"):
        expand(Merge(["lang-rw", "x"]), NEEDS)
    with pytest.raises(UsageError, match=r"lang-rw needs fam-bantu under it\. Write fam-bantu before"):
        expand(Stack("fam-all", "lang-rw", "fam-bantu"), NEEDS)


def test_a_circle_is_named() -> None:
    circle = {"a": [Member("b")], "b": [Member("c")], "c": [Member("b")]}
    with pytest.raises(UsageError, match="b → c → b"):
        expand(Stack("x", "a"), circle)
    with pytest.raises(UsageError, match="a → a"):
        expand(Stack("a"), {"a": [Member("a")]})


def test_a_long_chain_ends_and_many_ways_to_one_are_walked_once() -> None:
    with pytest.raises(UsageError, match="chain"):
        expand(Stack("a0"), {f"a{number}": [Member(f"a{number + 1}")] for number in range(100_000)})
    diamonds = {f"a{number}": [Member(f"b{number}"), Member(f"c{number}")] for number in range(40)}
    diamonds |= {f"{side}{number}": [Member(f"a{number + 1}")] for number in range(40) for side in "bc"}
    expanded = expand(Stack("a0"), diamonds)
    assert len(expanded.members()) == len(set(expanded.members())) == 121


names = st.sampled_from("abcdef")


@given(st.lists(names, min_size=1, max_size=4, unique=True), st.dictionaries(names, st.lists(names, max_size=3)))
def test_what_is_needed_is_below_and_once(parts: list[str], needs: dict[str, list[str]]) -> None:
    dependencies = {name: [Member(other) for other in others] for name, others in needs.items()}
    try:
        expanded = expand(Stack(*parts), dependencies)
    except UsageError:
        return
    found = [member.name for member in expanded.members()]
    assert len(found) == len(set(found)) and [name for name in found if name in parts] == parts
    for place, name in enumerate(found):
        assert set(needs.get(name, ())) <= set(found[:place])
    assert expand(expanded, dependencies) == expanded


def test_the_manifest_says_what_is_stacked_under(
    make_manifest: Callable[..., Manifest], make_adapter: Callable[..., Any], bert: Any
) -> None:
    needs = [{"name": "fam-bantu", "spec": ">=1, <2", "role": "stack-under"}]
    manifest = make_manifest(make_adapter(bert, "lora"), bert, dependencies=needs)
    assert stacked_under(manifest) == (Member("fam-bantu", ">=1,<2"),)


def test_relatedness_weights() -> None:
    weights = relatedness_weights([["rn"], ["sw"], ["tr"]], "rw")
    assert sum(weights) == pytest.approx(1) and weights[0] > weights[1] > weights[2] == 0
    (near, mixed) = relatedness_weights([["rn"], ["rn", "tr"]], "rw")
    assert near == pytest.approx(2 * mixed)


def test_a_merge_by_relatedness_takes_the_languages_of_its_members() -> None:
    merge = Merge(["a", Merge(["b", "c"])], "relatedness", target="rw")
    languages = {"a": ["rn"], "b": ["rn"], "c": ["tr"]}
    assert merge_weights(merge, lambda member: languages[member.name]) == pytest.approx((2 / 3, 1 / 3))
    assert merge_weights(Merge({"a": 2, "b": 3})) == (2, 3)


def test_what_has_no_weight_by_relatedness() -> None:
    with pytest.raises(UsageError, match="None of tr, eu is related to Kinyarwanda"):
        relatedness_weights([["tr"], ["eu"]], "rw")
    with pytest.raises(UsageError, match="without a language"):
        relatedness_weights([["rn"], []], "rw")
    with pytest.raises(UsageError, match="not known"):
        merge_weights(Merge(["a"], "relatedness", target="rw"))
    with pytest.raises(NotFoundError):
        relatedness_weights([["rn"]], "no such language")
