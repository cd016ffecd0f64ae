from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluation.controls import NotHadError, other_family, wrong_family
from hubkit.languages import find


@pytest.mark.parametrize(
    ("tag", "family"), [("rw", "Turkic"), ("tr", "Narrow Bantu"), ("az", "Narrow Bantu"), ("kab", "Turkic")]
)
def test_the_family_is_unrelated(tag, family):
    assert wrong_family(find(tag)) == family


def test_it_is_trained_once_at_the_adapters_strength(make_context, toy_source, notes):
    context = make_context()
    system = other_family.make(context)
    assert "Turkic: az, tr" in system.description and "6 steps" in system.description
    asked = len(toy_source.asked)
    assert asked and not {"rw", "rn"} & set(toy_source.asked)
    again = other_family.make(context)
    assert len(toy_source.asked) == asked
    texts = ["Mwaramutse neza", "x"]
    np.testing.assert_allclose(again.encode(texts), system.encode(texts), atol=1e-6)
    control = other_family.control_of(context)
    assert control.cached and control.steps == 6
    adapted = context.encoder.adapted(control.adapter.with_strength(0.5))
    np.testing.assert_allclose(system.encode(texts), adapted.encode(texts), atol=1e-6)
    assert notes.lines == []


def test_another_recipe_or_seed_is_another_control(make_context):
    first = other_family.control_of(make_context())
    seeded = other_family.control_of(make_context(seed=1))
    recipe = make_context().recipe.model_copy(update={"learning_rate": 1e-3})
    slower = other_family.control_of(make_context(recipe=recipe))
    assert not first.cached and not seeded.cached and not slower.cached


def test_no_text_of_the_family(make_context, toy_source):
    toy_source.tags = ()
    with pytest.raises(NotHadError, match="no text of the family Turkic"):
        other_family.make(make_context())


def test_no_sources(make_context):
    with pytest.raises(NotHadError, match="no source"):
        other_family.make(make_context(sources=[]))
