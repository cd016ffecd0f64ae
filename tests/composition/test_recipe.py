"""Recipes as data: what nests in what, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from hubkit import Ensemble, Fuse, Merge, Stack
from hubkit.composition.member import Member
from hubkit.composition.recipe import CoreAlone
from hubkit.errors import UsageError

NAN = float("nan")


def test_forms_are_values() -> None:
    one = Stack(("fam-bantu", 0.5), Merge({"lang-rw": 0.6, "lang-rn": 0.4}), centre="lang-rw")
    other = Stack(
        Member("fam-bantu", strength=0.5), Merge(["lang-rw", "lang-rn"], weights=[0.6, 0.4]), centre="lang-rw"
    )
    assert one == other and hash(one) == hash(other)
    assert copy.deepcopy(one) == one == pickle.loads(pickle.dumps(one))
    with pytest.raises(AttributeError):
        one.centre = None  # type: ignore[misc]


def test_members_come_in_order() -> None:
    recipe = Stack("a", Merge({"b": 1, Merge({"c": 1}): 2}), Fuse(Stack("d", "a"), "e", fusion="fuse-f"))
    assert [member.name for member in recipe.members()] == ["a", "b", "c", "d", "a", "e", "fuse-f"]
    assert CoreAlone().members() == ()


def test_a_stack_of_one_is_that_one_inside_other_forms() -> None:
    assert Fuse(Stack("a"), Stack(Merge({"b": 1}))) == Fuse("a", Merge({"b": 1}))
    assert Stack(Stack("a"), "b") == Stack("a", "b")
    assert Merge([Stack("a"), "b"]) == Merge(["a", "b"])
    assert Ensemble("a", "b") == Ensemble(Stack("a"), Stack("b"))


def test_arithmetic() -> None:
    merge = Merge.arithmetic("a", 0.5, "b", "c")
    assert (merge.method, merge.weights) == ("arithmetic", (1.0, 0.5, -0.5))
    assert Merge.arithmetic("a", 0.5, "b", "b") == Merge({"a": 1}, "arithmetic")
    assert Merge.arithmetic("a", 0.5, "a", "c").weights == (1.5, -0.5)
    with pytest.raises(UsageError, match="λ"):
        Merge.arithmetic("a", NAN, "b", "c")


def test_defaults() -> None:
    assert Merge(["a", "b"]).weights == (1.0, 1.0)
    assert Merge(["a", "b"], "ties").density == 0.2
    assert (Merge(["a", "b"], "dare").density, Merge(["a", "b"], "dare").seed) == (0.5, 0)
    assert Ensemble("a", "b").temperature == 0.1
    assert Ensemble("a", "b", weights=[1, 2]).temperature is None


WRONG: dict[str, Any] = {
    "A Stack is empty": lambda: Stack(),
    "A Merge is empty": lambda: Merge({}),
    "A Fuse is empty": lambda: Fuse(),
    "An Ensemble": lambda: Ensemble(Ensemble("a")),
    "A Stack holds": lambda: Stack(Stack("a", "b"), "c"),
    "cannot be there. A Stack holds": lambda: Stack(Ensemble("a")),
    "A Merge holds": lambda: Merge({Stack("a", "b"): 1}),
    "fuse(a, b) cannot be there. A Merge holds": lambda: Merge({Fuse("a", "b"): 1}),
    "The branches of a Fuse": lambda: Fuse(Fuse("a", "b"), "c"),
    "a + merge(b: 1) cannot be a branch": lambda: Fuse(Stack("a", Merge({"b": 1}))),
    "core cannot be there": lambda: Stack(CoreAlone(), "a"),  # type: ignore[arg-type]
    "a is twice in a Fuse": lambda: Fuse("a", "a"),
    "a is twice in a Merge": lambda: Merge(["a", "a"]),
    "a is twice in a Ensemble": lambda: Ensemble("a", Stack("a")),
    "strength of a must be a finite": lambda: Stack(("a", NAN)),
    "strength of a is 0": lambda: Stack(("a", 0)),
    "has its strength twice": lambda: Stack(("0.5*a", 0.5)),
    "weight or strength": lambda: Merge([("a", 0.5), "b"]),
    "A weight of the merge must be a finite": lambda: Merge({"a": 1, "b": NAN}),
    "A weight of the Ensemble must be": lambda: Ensemble("a", "b", weights=[1, float("inf")]),
    "weights of the merge sum to 0": lambda: Merge({"a": 1, "b": -1}),
    "weights of the merge sum to -1": lambda: Merge({"a": -1}, "dare"),
    "All weights of the merge are 0": lambda: Merge({"a": 0, "b": 0}, "arithmetic"),
    "merge of 2 has 1 weights": lambda: Merge(["a", "b"], weights=[1]),
    "weights twice": lambda: Merge({"a": 1}, weights=[1]),
    "weight of the Ensemble is negative": lambda: Ensemble("a", "b", weights=[2, -1]),
    "weights and a temperature": lambda: Ensemble("a", "b", weights=[1, 1], temperature=1),
    "The temperature of an Ensemble is": lambda: Ensemble("a", temperature=0),
    "no merge method 'soup'": lambda: Merge(["a"], "soup"),  # type: ignore[arg-type]
    "linear has no density": lambda: Merge(["a"], density=0.5),
    "is a share, not 1.5": lambda: Merge(["a"], "ties", density=1.5),
    "ties draws nothing": lambda: Merge(["a"], "ties", seed=1),
    "seed of a merge cannot be 0.5": lambda: Merge(["a"], "dare", seed=0.5),  # type: ignore[arg-type]
    "lacks its target": lambda: Merge(["a"], "relatedness"),
    "by relatedness has weights": lambda: Merge({"a": 1}, "relatedness", target="rw"),
    "linear has no target": lambda: Merge(["a"], target="rw"),
    "A Merge of ab alone": lambda: Merge("ab"),
    "The fusion f has a strength": lambda: Fuse("a", fusion="0.5*f"),
    "The mean of b was measured under b": lambda: Stack("a", centre="b"),
    "is centred, inside another form": lambda: Fuse(Stack("a", centre="a"), "b"),
    "too large": lambda: Stack(*["a"] * 257),
    "3 cannot be there": lambda: Stack(3),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_refused(what: str) -> None:
    with pytest.raises(UsageError) as caught:
        WRONG[what]()
    assert what in str(caught.value) and caught.value.fix


def test_nesting_ends() -> None:
    recipe = Merge(["a"])
    for _ in range(7):
        recipe = Merge([recipe])
    with pytest.raises(UsageError, match="too large"):
        Merge([recipe])


def test_an_adapter_may_be_stacked_twice() -> None:
    assert len(Stack("a", "a").parts) == 2


def test_an_ensemble_holds_whole_recipes() -> None:
    recipe = Ensemble(CoreAlone(), Stack("a", centre="a"), Fuse("b", "c"), centre="b")
    assert str(recipe) == "ensemble(core, a - mean(a), fuse(b, c), temperature=0.1) - mean(b)"


def test_the_fusion_may_be_the_centre() -> None:
    assert Fuse("a", "b", fusion="fuse-ab", centre="fuse-ab").centre == "fuse-ab"
