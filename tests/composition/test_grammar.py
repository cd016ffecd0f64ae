"""Recipes as text and as JSON: both ways, for any recipe; and errors that show the place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hubkit import Ensemble, Fuse, Merge, Stack
from hubkit.composition.data import from_data
from hubkit.composition.grammar import MAX_LENGTH, parse
from hubkit.composition.member import PUNCTUATION, Member
from hubkit.composition.recipe import CoreAlone, Recipe
from hubkit.errors import UsageError

EXAMPLES: dict[str, Recipe] = {
    "core": CoreAlone(),
    "fam-bantu + lang-rw": Stack("fam-bantu", "lang-rw"),
    "0.5*fam-bantu + lang-rw": Stack(("fam-bantu", 0.5), "lang-rw"),
    "merge(lang-rw: 0.6, lang-rn: 0.4, method=ties, density=0.3)": Merge(
        {"lang-rw": 0.6, "lang-rn": 0.4}, "ties", density=0.3
    ),
    "merge(lang-rw, lang-rn, method=relatedness, target=lg)": Merge(["lang-rw", "lang-rn"], "relatedness", target="lg"),
    "merge(a: 1, b: 0.5, c: -0.5, method=arithmetic)": Merge.arithmetic("a", 0.5, "b", "c"),
    "fuse(lang-rw, fam-bantu + lang-rn, fusion=fuse-lakes)": Fuse(
        "lang-rw", Stack("fam-bantu", "lang-rn"), fusion="fuse-lakes"
    ),
    "ensemble(lang-rw, fam-bantu, temperature=0.1)": Ensemble("lang-rw", "fam-bantu"),
    "ensemble(lang-rw: 0.75, core: 0.25)": Ensemble("lang-rw", CoreAlone(), weights=[0.75, 0.25]),
    "fam-bantu + lang-rw - mean(lang-rw)": Stack("fam-bantu", "lang-rw", centre="lang-rw"),
    'lang-rw==0.1.0 + 2*"lang-rn>=1,<2"': Stack("lang-rw==0.1.0", ("lang-rn>=1,<2", 2)),
    "stack(merge(a: 1)) - mean(a)": Stack(Merge(["a"]), centre="a"),
    "merge(a: 1e20, b: 1e-07)": Merge({"a": 1e20, "b": 1e-7}),
    '"-" + "my own" - mean("my own")': Stack("-", "my own", centre="my own"),
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_text(text: str) -> None:
    assert parse(text) == EXAMPLES[text]
    assert str(EXAMPLES[text]) == text


def test_other_ways_to_write_the_same() -> None:
    assert parse("") == parse(" \n") == parse(" core ") == CoreAlone()
    assert parse("merge(a, b)") == parse(" merge ( a : 1 , b : 1.0 , ) ") == Merge(["a", "b"])
    assert parse("stack(a, b)") == parse("a+b") == Stack("a", "b")
    assert parse("merge(method=ties, a, b, density=.5)") == Merge(["a", "b"], "ties", density=0.5)
    assert parse('"lang-rw"') == Stack("lang-rw")
    assert parse("merge + fuse + mean") == Stack("merge", "fuse", "mean")
    assert parse("0.5*0.5") == Stack(("0.5", 0.5))


letters = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="".join(PUNCTUATION))
names = st.one_of(
    st.sampled_from(["lang-rw", "fam-bantu", "to", "lang-to", "merge", "-", "0.5", "1e5", "mean", "two words"]),
    st.text(letters, min_size=1, max_size=8).filter(lambda name: name != "core"),
)
numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
positive = st.floats(min_value=1e-300, max_value=1e290)
specs = st.sampled_from(["", "==0.1.0", ">=1,<2", "~=1.2", "!=1.*", "==1!2.0", ">=1.0.dev1", "==1.0+local.1", "<1.0-1"])
members = st.builds(Member, names, specs, st.none() | numbers.filter(bool))


def lists(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(parts, min_size=1, max_size=3, unique=True)


@st.composite
def merge_recipes(draw: st.DrawFn, parts: st.SearchStrategy[Any] = members) -> Merge:
    inner = draw(lists(parts))
    method = draw(st.sampled_from(["linear", "ties", "dare", "arithmetic", "relatedness"]))
    if method == "relatedness":
        return Merge(inner, method, target=draw(names))
    weights = [draw(positive) for _ in inner]
    density = draw(st.none() | st.floats(0.01, 1)) if method in ("ties", "dare") else None
    seed = draw(st.none() | st.integers(0, 2**63 - 1)) if method == "dare" else None
    return Merge(inner, method, weights=weights, density=density, seed=seed)


@st.composite
def centred(draw: st.DrawFn, wholes: st.SearchStrategy[Any]) -> Any:
    """The recipe with one of its members as centre, perhaps."""
    data = draw(wholes).to_data()
    recipe = from_data(data)
    if not recipe.members() or not draw(st.booleans()):
        return recipe
    return from_data({**data, "centre": draw(st.sampled_from(recipe.members())).name})


merges = merge_recipes(members | merge_recipes(members | merge_recipes()))
stacks_of_members = st.builds(lambda parts: Stack(*parts), st.lists(members, min_size=1, max_size=3))
fuses = st.builds(
    lambda parts, fusion: Fuse(*parts, fusion=fusion),
    lists(members | merges | stacks_of_members.filter(lambda stack: len(stack.parts) > 1)),
    st.none() | st.builds(Member, names, specs),
)
stacks = st.builds(lambda parts: Stack(*parts), st.lists(members | merges | fuses, min_size=1, max_size=3))
wholes = centred(stacks | merges | fuses)
ensembles = st.one_of(
    st.builds(lambda parts, heat: Ensemble(*parts, temperature=heat), lists(wholes | st.just(CoreAlone())), positive),
    lists(wholes).flatmap(
        lambda parts: st.lists(positive, min_size=len(parts), max_size=len(parts)).map(
            lambda weights: Ensemble(*parts, weights=weights)
        )
    ),
)
recipes = wholes | centred(ensembles)


@given(recipes)
def test_text_and_json_read_back_as_the_recipe(recipe: Recipe) -> None:
    assert parse(str(recipe)) == recipe
    assert from_data(json.loads(json.dumps(recipe.to_data()))) == recipe
    assert hash(parse(str(recipe))) == hash(recipe)


@given(st.text(st.sampled_from('ab"-+*(),:=<>!~ .0159') | st.characters(), max_size=30))
@example("merge(" * 1000)
@example('"')
@example("a" * 300)
def test_any_text_is_a_recipe_or_a_usage_error(text: str) -> None:
    try:
        recipe = parse(text)
    except UsageError:
        return
    assert parse(str(recipe)) == recipe


WRONG = {  # text → place, problem
    "merge(lang-rw: 0.6": (18, ") is expected, not the end"),
    "lang-rw >= 1": (8, "'>' is not expected"),
    "lang-rw>=1,<2": (10, "quotes around"),
    "merge(a: nan)": (9, "'nan' is no number"),
    "merge(a: 1, b)": (0, "merge has weights for some only"),
    "fuse(a, a)": (0, "a is twice"),
    "a + fuse(b + merge(c, d), e)": (4, "cannot be a branch"),
    "fuse(a: 1)": (0, "fuse has no weights"),
    "merge(a, soup=1)": (9, "merge has no option soup"),
    "merge(a, method=ties, method=dare)": (22, "method is there twice"),
    "merge(a, method=dare, seed=0.5)": (27, "'0.5' is no whole number"),
    "0.5*merge(a)": (4, "merge(…) has no strength"),
    "half*a": (0, "'half' is no number"),
    "0*a": (0, "strength of a is 0"),
    "a - b": (4, "only a mean can be subtracted"),
    "a - mean(b)": (0, "which is not in the recipe"),
    "core + a": (5, "core is what every adapter acts on"),
    "a + core": (4, "core is no adapter"),
    "__import__('os').system('true')": (10, "'(' is not expected"),
    "a b": (2, "'b' is not expected"),
    "a +": (3, "an adapter is expected, not the end"),
    '"lang-rw': (0, "an adapter is expected"),
    "merge()": (0, "A Merge is empty"),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_shows_the_place(text: str) -> None:
    place, problem = WRONG[text]
    with pytest.raises(UsageError) as caught:
        parse(text)
    first, line, marked, fix = str(caught.value).split("\n")
    assert line[2:] == text and marked == " " * (place + 2) + "^" and fix.strip()
    assert problem in first + fix


def test_an_error_in_a_long_text_shows_its_surroundings() -> None:
    with pytest.raises(UsageError) as caught:
        parse(" + ".join(["lang-rw"] * 20 + ["("] + ["lang-rw"] * 20))
    _, line, marked, _ = str(caught.value).split("\n")
    assert len(line) < 140 and line[marked.index("^")] == "("


def test_limits() -> None:
    with pytest.raises(UsageError, match="characters"):
        parse("a" * (MAX_LENGTH + 1))
    with pytest.raises(UsageError, match="nested too deep"):
        parse("merge(" * 9 + "a" + ")" * 9)
    with pytest.raises(UsageError, match="too large"):
        parse("merge(" + ", ".join(f"a{number}" for number in range(10_000)) + ")")
