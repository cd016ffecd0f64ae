"""The order of languages: the target first, then ever further relatives, each group worth a phase."""

from __future__ import annotations

import pytest
from hubkit.errors import NotFoundError
from hubkit.languages import find, relatedness

from hubkit_bantu import curated
from hubkit_bantu.curriculum import FEWEST_SENTENCES, LEAST_RELATED, curriculum


@pytest.mark.parametrize("tag", ["rw", "zu", "sw", "lg", "rw-x-fumbira", "bnt-x-phuthi"])
def test_groups(tag: str) -> None:
    groups = curriculum(tag)
    assert groups[0][0] == tag
    near = [[relatedness(find(tag), find(each)) for each in group if each != tag] for group in groups]
    for nearer, further in zip(near, near[1:], strict=False):
        assert not nearer or min(nearer) > max(further)
    assert all(value >= LEAST_RELATED for group in near for value in group)
    for group in groups[:-1]:
        assert sum(map(curated.sentences, group)) >= FEWEST_SENTENCES
    every = [each for group in groups for each in group]
    assert len(set(every)) == len(every) > 10


def test_nguni_before_sotho_before_swahili() -> None:
    order = [each for group in curriculum("zu") for each in group]
    assert order.index("xh") < order.index("tn") < order.index("sw")


def test_only_some() -> None:
    assert curriculum("rw", ["zu", "rn", "rw", "fr"], fewest=1) == [["rw"], ["rn"], ["zu"]]


def test_an_unknown_language() -> None:
    with pytest.raises(NotFoundError):
        curriculum("qqq")


def test_what_was_counted() -> None:
    assert {"rw", "sw", "zu", "lg"} <= set(curated.languages())
    assert ("libreoffice", "svt") in curated.dropped("zu")
    assert not curated.dropped("sw")
    assert "libreoffice" in curated.sources("zu") and "cldr" not in curated.sources("zu")
    assert curated.sentences("rw") > 1000
    for tag in curated.languages():
        assert "Narrow Bantu" in find(tag).family
