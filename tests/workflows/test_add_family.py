"""``add_family`` on a toy world and a tiny core."""

from __future__ import annotations

from dataclasses import replace

import pytest

import hubkit
from hubkit.core import Core
from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.tasks.udhr import Udhr
from hubkit.languages import Language, find
from hubkit.training.config import with_assignments
from hubkit.training.recipe import Recipe
from hubkit.workflows.add_family import FamilyRequest, add_family, name_of
from hubkit.workflows.train import Outcome, plan, train

RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)


@pytest.fixture(autouse=True)
def udhr_in_more_bantu_languages(toy_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zulu and Bemba have the declaration and no text, Shona has both."""
    known = Udhr.load

    def load(self: Udhr, language: Language) -> ParallelSuite | None:
        if language.tag in {"sn", "zu", "bem"}:
            suite = known(self, find("rw"))
            assert suite is not None
            return replace(suite, language=language.tag)
        return known(self, language)

    monkeypatch.setattr(Udhr, "load", load)


def request(core: Core, family: str = "bantu", **more: object) -> FamilyRequest:
    return FamilyRequest(**{"family": family, "budget": "6steps", "core": str(core.folder), "recipe": RECIPE, **more})


@pytest.fixture
def outcome(bert: Core) -> Outcome:
    return add_family(request(bert))


def test_the_family_is_trained_and_judged_in_relatives_that_have_no_text(bert: Core, outcome: Outcome):
    manifest = outcome.installed.manifest
    assert manifest is not None
    assert (manifest.name, manifest.kind) == ("fam-bantu", "family")
    assert {language.bcp47 for language in manifest.languages} == {"rw", "rn", "lg", "sn"}
    assert manifest.family is not None and manifest.family.endswith("Narrow Bantu")
    pooled = {each.name: each for each in outcome.report.pooled}
    assert pooled["trained"].languages == ["rw", "sn"]
    assert pooled["held out"].languages == ["bem", "zu"]
    assert pooled["held out"].own is not None and pooled["held out"].own["centred"].n == 60
    assert "Turkic" in outcome.report.system("wrong-family").description
    assert {metric["language"] for metric in outcome.report.metrics()} == {"rw", "sn", "zu", "bem"}
    first, second, *_ = outcome.report.sentences
    assert "that it was trained on (rw, sn)" in first
    assert "held out of training (bem, zu)" in second


def test_a_relative_without_an_adapter_is_served_by_the_family(bert: Core, outcome: Outcome):
    assert [str(member) for member in hubkit.load("fam-bantu", core=str(bert.folder)).recipe.members()] == ["fam-bantu"]
    assert not (outcome.installed.folder / "centre.safetensors").exists()


def test_languages_are_held_out_on_demand(bert: Core):
    made = plan(request(bert, held_out=("rw",)).config())
    assert made["held out"] == ["rw"] and "rw" not in made["sentences"]
    assert {suite["language"] for suite in made["suites"]} == {"rw", "sn"}


def test_the_languages_with_most_text_are_taken(bert: Core):
    made = plan(request(bert, most_languages=2).config())
    assert made["languages"] == ["rw", "lg"]


def test_where_every_relative_has_text_the_smallest_are_held_out(bert: Core, monkeypatch: pytest.MonkeyPatch):
    from hubkit.workflows import scope

    monkeypatch.setattr(scope, "FEWEST_TRAINED", 3)
    known = Udhr.load
    monkeypatch.setattr(
        Udhr, "load", lambda self, language: None if language.tag in {"zu", "bem"} else known(self, language)
    )
    assert plan(request(bert).config())["held out"] == ["sn"]


@pytest.mark.parametrize(
    ("family", "name"),
    [("bantu", "fam-bantu"), ("Narrow Bantu", "fam-narrow-bantu"), ("Indo-European", "fam-indo-european")],
)
def test_the_name_follows_from_the_family(family: str, name: str):
    assert name_of(family) == name


def test_an_unknown_family_is_answered_with_one_that_is_meant(bert: Core):
    with pytest.raises(NotFoundError, match="Bantu"):
        add_family(request(bert, "banto"))
    with pytest.raises(UsageError, match="makes no name"):
        name_of("班图")


def test_a_family_without_text_says_so(bert: Core):
    with pytest.raises(NotFoundError, match="No source has text"):
        add_family(request(bert, "mayan"))


def test_a_universal_adapter_is_trained_on_all_that_have_text(bert: Core):
    config = with_assignments(
        {"name": "fam-world", "kind": "universal", "core": str(bert.folder), "recipe": RECIPE.model_dump()},
        ["budget=4steps", "held_out=[yo]"], "here",
    )  # fmt: skip
    watched = train(config)
    manifest = watched.installed.manifest
    assert manifest is not None and (manifest.kind, manifest.family) == ("family", None)
    assert {language.bcp47 for language in manifest.languages} == {
        "rw", "rn", "lg", "sn", "tr", "az", "fr", "haw",
    }  # fmt: skip
    assert watched.report.system("wrong-family") is None
    assert {each.name for each in watched.report.pooled} == {"trained", "held out"}
