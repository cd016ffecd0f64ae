"""A training configuration: read, changed, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hubkit.errors import NotFoundError, UsageError
from hubkit.training.config import TrainingConfig, read_training_config, with_assignments
from hubkit.training.config_file import read_config, validated
from hubkit.training.recipe import Recipe


def config(*assignments: str, **values: Any) -> TrainingConfig:
    return with_assignments({"name": "lang-rw", **values}, assignments, "here")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.yaml", "name: lang-rw\nrecipe: {batch_size: 8}\nseeds: [1, 2]\n"),
        ("run.toml", 'name = "lang-rw"\nseeds = [1, 2]\n[recipe]\nbatch_size = 8\n'),
        ("run.json", '{"name": "lang-rw", "recipe": {"batch_size": 8}, "seeds": [1, 2]}'),
    ],
)
def test_three_formats_say_the_same(tmp_path: Path, file: str, text: str):
    (tmp_path / file).write_text(text)
    read = read_training_config(tmp_path / file, ["recipe.batch_size=16"])
    assert read == config("recipe.batch_size=16", seeds=[1, 2])
    assert (read.kind, read.recipe.batch_size, read.seeds) == ("language", 16, (1, 2))


def test_assignments_have_the_types_of_yaml():
    made = config(
        "recipe.learning_rate=1e-3", "recipe.hyperparameters.r=8", "sources=[]", "controls=false", "under=fam-bantu",
        "recipe.patience=null", "data.0.license=CC0-1.0", data=[{"paths": "a.tsv"}],
    )  # fmt: skip
    assert made.recipe == Recipe(learning_rate=1e-3, hyperparameters={"r": 8})
    assert (made.sources, made.controls, made.under) == ((), False, "fam-bantu")
    assert made.data[0].paths == ("a.tsv",) and made.data[0].license == "CC0-1.0"


@pytest.mark.parametrize(
    ("name", "kind", "languages"),
    [
        ("lang-rw", "language", ("rw",)),
        ("fam-bantu", "family", ("bantu",)),
        ("lang-sr-Cyrl", "language", ("sr-Cyrl",)),
    ],
)
def test_the_name_says_what_is_trained(name: str, kind: str, languages: tuple[str, ...]):
    made = with_assignments({"name": name}, [], "here")
    assert (made.kind, made.asked_languages()) == (kind, languages)


def test_a_universal_adapter_is_of_all_languages():
    made = with_assignments({"name": "fam-world", "kind": "universal"}, [], "here")
    assert made.asked_languages() == ("all",)


def test_a_task_adapter_has_to_name_its_languages():
    with pytest.raises(UsageError, match="names no language"):
        with_assignments({"name": "task-topic"}, [], "here").asked_languages()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"recipes": {}}, "unknown key recipes.* Did you mean recipe"),
        ({"recipe": {"batchsize": 8}}, r"unknown key recipe\.batchsize.* Did you mean batch_size"),
        ({"data": [{"path": "a.tsv"}]}, r"unknown key data\.0\.path.* Did you mean paths"),
        ({"objectives": [{"objectiv": "mlm"}]}, r"unknown key objectives\.0\.objectiv.* Did you mean objective"),
        ({"zzz": 1}, "unknown key zzz.* Known are: name"),
        ({"recipe": {"batch_size": "many"}}, r"recipe\.batch_size.*'many'"),
        ({"recipe": {"learning_rate": -1}}, r"recipe\.learning_rate.*greater than 0"),
        ({"budget": "0steps"}, "is not a budget"),
        ({"budget": "soon"}, "is not a budget"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "distinct"),
        ({"seeds": [-1]}, "from 0 on"),
        ({"strength": 0}, "strength"),
        ({"name": "rw"}, "cannot be the name"),
        ({"name": "lang-"}, "cannot be the name"),
        ({"name": "fam-bantu", "kind": "language"}, "is not named fam-bantu"),
        ({"kind": "langauge"}, "kind"),
        ({"held_out": ["sn"]}, "held_out is for families"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_meant(values: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        config(**values)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("recipe.batchsize=8", "Did you mean batch_size"),
        ("batch_size", "changes nothing"),
        ("name.x=1", "is no table|there is nothing to set"),
        ("recipe.batch_size=[", "cannot be read"),
        ("data.3.license=MIT", "there is nothing to set|is no table"),
    ],
)
def test_wrong_assignments(assignment: str, said: str):
    with pytest.raises(UsageError, match=said):
        config(assignment, data=[{"paths": "a.tsv"}])


def test_assignments_leave_the_given_values_alone():
    given = {"name": "lang-rw", "recipe": {"batch_size": 8}}
    with_assignments(given, ["recipe.batch_size=16"], "here")
    assert given == {"name": "lang-rw", "recipe": {"batch_size": 8}}


@pytest.mark.parametrize(
    ("file", "text"),
    [("run.yaml", "a: ["), ("run.toml", "a ="), ("run.json", "{"), ("run.txt", "a: 1"), ("run.yaml", "- a")],
)
def test_a_broken_file_is_a_usage_error_that_names_it(tmp_path: Path, file: str, text: str):
    (tmp_path / file).write_text(text)
    with pytest.raises(UsageError, match=file):
        read_config(tmp_path / file)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(NotFoundError):
        read_config(tmp_path / "none.yaml")


def test_the_first_of_several_problems_is_told_with_their_number():
    with pytest.raises(UsageError, match=r"unknown key a .*1 more"):
        validated(TrainingConfig, {"a": 1}, "here")
