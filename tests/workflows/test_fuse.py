"""``fuse`` from end to end on a toy world and a tiny core."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hubkit.adapter.store import load_adapter
from hubkit.durable import locked
from hubkit.errors import BusyError, NotFoundError, UsageError
from hubkit.registry.installed import find_installed, install_folder, list_installed
from hubkit.registry.publishable import checked_folder
from hubkit.runtime.load import load
from hubkit.settings import settings
from hubkit.training.loop import Progress
from hubkit.workflows.events import Silent
from hubkit.workflows.fuse import FuseRequest, fuse, fuse_of, prepare

PROBES = ["Mwaramutse", "a rather longer sentence with many more words", "x"]


@pytest.fixture
def members(bert, make_adapter, save) -> None:
    """Three installed adapters: two languages and a family, on which one of them stands."""
    english = {"bcp47": "sn", "iso639_3": "sna", "glottocode": None, "name": "Shona"}
    install_folder(save(make_adapter(bert, "seq_bn", seed=2, name="fam-bantu"), bert, kind="family"))
    needed = [{"name": "fam-bantu", "spec": ">=0.1,<1", "role": "stack-under"}]
    install_folder(save(make_adapter(bert, "seq_bn", seed=0, name="lang-rw"), bert, dependencies=needed))
    install_folder(save(make_adapter(bert, "double_seq_bn", seed=1, name="lang-sn"), bert, languages=[english]))


@pytest.fixture
def data(tmp_path: Path, toy) -> str:
    """Parallel text in a toy Kinyarwanda."""
    english = [toy.sentence(number, "some") for number in range(150)]
    path = tmp_path / "rw.tsv"
    path.write_text("".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in english), "utf-8")
    return str(path)


def request(bert, data: str, **more: object) -> FuseRequest:
    given = {"branches": "lang-rw, lang-sn", "name": "fuse-ab", "data": (data,) if data else (), "budget": "12steps"}
    return FuseRequest(core=str(bert.folder), **{**given, **more})


@pytest.fixture
def outcome(bert, members, data):
    return fuse(request(bert, data))


def test_the_fusion_is_installed_complete_and_in_use(bert, outcome):
    folder = outcome.installed.folder
    assert {file.name for file in folder.iterdir()} == {
        "adapter_fusion_config.json", "model_adapter_fusion.safetensors", "centre.safetensors", "golden.json",
        "golden.safetensors", "report.json", "README.md", "manifest.json", "training.json",
    }  # fmt: skip
    adapter = load_adapter(folder, bert)
    assert adapter.fused == ("fam-bantu + lang-rw", "lang-sn")
    by_name, branch = load("fuse-ab", core=str(bert.folder)), load("lang-sn", core=str(bert.folder))
    assert abs(by_name.encode(PROBES) - branch.encode(PROBES)).max() > 1e-4
    recipe = "fuse(lang-rw, lang-sn, fusion=fuse-ab)"
    by_recipe = load(recipe=recipe, core=str(bert.folder))
    np.testing.assert_array_equal(by_name.encode(PROBES), by_recipe.encode(PROBES))
    centred = load("fuse-ab", core=str(bert.folder), centre=True)
    assert abs(centred.encode(PROBES) - by_name.encode(PROBES)).max() > 1e-4


def test_the_manifest_pins_every_adapter_of_the_branches(outcome):
    manifest = outcome.installed.manifest
    assert (manifest.kind, manifest.method, manifest.version) == ("fusion", "fusion", "0.1.0")
    assert {(needed.name, needed.spec, needed.role) for needed in manifest.dependencies} == {
        ("fam-bantu", "==0.1.0", "fuse"), ("lang-rw", "==0.1.0", "fuse"), ("lang-sn", "==0.1.0", "fuse"),
    }  # fmt: skip
    assert [language.bcp47 for language in manifest.languages] == ["rw"]
    assert [row.source for row in manifest.training_data] == ["file"]
    assert manifest.compute.steps == 12


def test_the_report_compares_with_each_branch(outcome):
    report = outcome.report
    named = {system.name: system.description for system in report.systems}
    assert list(named) == ["core", "adapter", "random", "branch-1", "branch-2"]
    assert named["branch-1"] == "fam-bantu==0.1.0 + lang-rw==0.1.0 alone"
    assert report.suite.name == "udhr"
    assert report.overlap is not None and report.overlap["exact"] == 0
    assert report.damage is not None


def test_the_folder_could_be_published(bert, outcome):
    content = checked_folder(outcome.installed.folder, bert)
    card = content.files["README.md"].decode()
    assert 'hubkit.load("fuse-ab")' in card
    assert "It fuses fam-bantu ==0.1.0, lang-rw ==0.1.0, lang-sn ==0.1.0" in card


def test_no_run_is_left_and_a_second_one_is_the_next_version(bert, outcome, data):
    assert not list(settings().runs.glob("fuse-*"))
    again = fuse(request(bert, data, seed=1))
    assert again.installed.version == "0.1.1"
    assert {one.version for one in list_installed() if one.name == "fuse-ab"} == {"0.1.0", "0.1.1"}


def test_an_interrupted_run_goes_on(bert, members, data):
    class Interrupting(Silent):
        def training(self, progress: Progress) -> None:
            if progress.step == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fuse(request(bert, data), Interrupting())
    (run,) = settings().runs.glob("fuse-ab-*")
    assert (run / "checkpoint.safetensors").is_file()
    report = fuse(request(bert, data)).report
    assert json.loads(report.provenance["training"])["resumed"] is True
    assert not run.exists()


def test_the_plan_trains_nothing(bert, members, data):
    plan = prepare(request(bert, data)).plan()
    assert plan["branches"] == ["fam-bantu==0.1.0 + lang-rw==0.1.0", "lang-sn==0.1.0"]
    assert plan["blocks"] == 4
    assert plan["parameters"] == 4 * (3 * 32 * 32 + 2 * 32)
    assert plan["language"] == "rw"
    assert plan["sentences"]["rw"] > 100
    assert not settings().runs.exists()
    assert not [one for one in list_installed() if one.name == "fuse-ab"]


def test_text_in_another_language_and_from_the_sources(bert, members, data):
    assert prepare(request(bert, data, language="Shona")).plan()["language"] == "sn"
    plan = prepare(request(bert, "", branches="lang-sn, lang-rw")).plan()
    assert plan["language"] == "sn"
    assert "rw" in plan["sentences"], "relatives' text too"


def test_what_meets_a_suite_is_taken_out(bert, members, data, toy):
    held_out = [toy.sentence(number, "every") for number in range(200, 210)]
    with Path(data).open("a", encoding="utf-8") as handle:
        handle.writelines(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in held_out)
    assert prepare(request(bert, data)).plan()["taken out for meeting a suite"] == 10


@pytest.mark.parametrize("text", ["lang-rw, lang-sn", "fuse(lang-rw, lang-sn)", " fuse( lang-rw,lang-sn ) "])
def test_branches_are_written_with_or_without_the_form(text):
    assert str(fuse_of(text)) == "fuse(lang-rw, lang-sn)"


@pytest.mark.parametrize(
    ("branches", "said"),
    [
        ("lang-rw", "is one branch"),
        ("fuse(lang-rw, lang-sn, fusion=fuse-x)", "does not list the branches"),
        ("fuse(lang-rw, lang-sn) + lang-rw", "does not list the branches"),
        ("lang-rw, lang-rw", "twice"),
        ("lang-rw,, lang-sn", "cannot be read"),
        ("", "empty"),
    ],
)
def test_what_is_no_list_of_branches(bert, data, branches, said):
    with pytest.raises(UsageError, match=said):
        fuse(request(bert, data, branches=branches))


@pytest.mark.parametrize("name", ["lang-ab", "fuse", "fuse-", "fuse-a/b", "../fuse-a"])
def test_a_name_that_no_fusion_has(bert, data, name):
    with pytest.raises(UsageError, match="cannot be the name of a fusion"):
        prepare(request(bert, data, name=name))


def test_branches_that_are_not_there_or_cannot_be_fused(bert, members, make_adapter, save, data):
    with pytest.raises(NotFoundError, match="lang-xx"):
        prepare(request(bert, data, branches="lang-rw, lang-xx"))
    install_folder(save(make_adapter(bert, "lora", name="lang-lg"), bert))
    with pytest.raises(UsageError, match=r"lang-lg.*cannot be fused"):
        prepare(request(bert, data, branches="lang-rw, lang-lg"))
    install_folder(save(make_adapter(bert, "seq_bn", seed=5, name="lang-rw"), bert, version="0.2.0"))
    with pytest.raises(UsageError, match="several versions"):
        prepare(request(bert, data, branches="lang-rw==0.1.0 + lang-sn, lang-rw==0.2.0"))


def test_one_run_at_a_time(bert, members, data):
    with locked(settings().adapters / ".fuse-ab.training.lock", "it"), pytest.raises(BusyError):
        fuse(request(bert, data))


def test_a_fusion_of_a_fusion_is_refused(bert, outcome, data):
    with pytest.raises(UsageError, match="is a fusion"):
        prepare(replace(request(bert, data), branches="fuse-ab, lang-sn", name="fuse-abc"))
    assert find_installed("fuse-ab").version == "0.1.0"
