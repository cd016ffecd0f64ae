"""What a nightly check finds: an adapter that was published, in ways that a record can be wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hubserver import HubServer
from hubserver.artifacts import contents, record_for
from made_report import report

from hubkit import hookspecs, plugins
from hubkit.core import Core
from hubkit.evaluation.suite import ParallelSuite
from hubkit.registry.index import Index
from hubkit.registry.index_checks import below
from hubkit.registry.index_edit import add_record
from hubkit.registry.record import Record
from hubkit.runtime.encoder import Encoder
from hubkit.workflows.check_record import _evaluate, _outliers, check_records

pytest_plugins = ["hubserver.fixtures"]
TEXTS = tuple(f"umuntu wa {n} ni mwiza {n * n}" for n in range(24))
ENGLISH = tuple(f"person {n} is good {n * n}" for n in range(24))


class Tiny:
    name = "tiny"

    def load(self, language: Any) -> ParallelSuite | None:
        if language.tag != "rw":
            return None
        keys = tuple(map(str, range(len(TEXTS))))
        return ParallelSuite("tiny", "made up", "CC0-1.0", "prose", "rw", TEXTS, ENGLISH, keys)


@pytest.fixture(autouse=True)
def suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite ``tiny``, registered as a plugin registers one."""
    module = ModuleType("tiny_suite_plugin")
    module.Tiny = Tiny  # type: ignore[attr-defined]
    module.register_tasks = hookspecs.hookimpl(lambda: {"tiny": "tiny_suite_plugin:Tiny"})  # type: ignore[attr-defined]
    manager = plugins.PluginManager()
    manager._register(module, plugins.Plugin("tiny", "1"))
    monkeypatch.setitem(sys.modules, "tiny_suite_plugin", module)
    monkeypatch.setattr(plugins, "plugin_manager", lambda: manager)
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01,))


@pytest.fixture
def published(hub: HubServer, bert: Core, make_adapter: Any, save: Any) -> Callable[..., Record]:
    """Save an adapter for the tiny core and put it on the server; its record with the figures as measured."""

    def publish(name: str = "lang-rw", measure: bool = True, **manifest: Any) -> Record:
        adapter = make_adapter(bert, "lora", name=name)
        folder = save(adapter, bert, report=report(bert), **manifest)
        repo = f"org/{name}"
        record = record_for(folder, repo, hub.hub.put(repo, contents(folder)).oid)
        return changed(record, metrics=figures(bert, adapter)) if measure else record

    return publish


def figures(core: Core, adapter: Any) -> list[dict[str, Any]]:
    alone = Encoder(core)
    found = _evaluate("tiny", "rw", alone, alone.adapted(adapter))
    assert found is not None
    return [
        {
            "suite": "tiny",
            "metric": metric,
            "value": getattr(found.system("adapter"), view).mean,
            "core": getattr(found.system("core"), view).mean,
            "ci95": [-0.1, 0.1],
        }
        for metric, view in (("R@1", "raw"), ("R@1 centred", "centred"))
    ]


def changed(record: Record, **changes: Any) -> Record:
    return Record.model_validate(record.model_dump() | changes)


def problems(records: list[Record], core: Core, root: Path, say: Any = None) -> str:
    root.mkdir(exist_ok=True)
    for record in records:
        add_record(root, record)
    found = check_records(records, below(Index(root, "x")), [str(core.folder)], say)
    return "\n".join(map(str, found))


def test_what_is_as_declared(published: Any, bert: Core, tmp_path: Path) -> None:
    said: list[str] = []
    assert problems([published()], bert, tmp_path / "index", said.append) == ""
    assert said == ["lang-rw==0.1.0: as declared"]


def test_other_figures_than_declared(published: Any, bert: Core, tmp_path: Path) -> None:
    record = published()
    better = [entry.model_dump() | {"value": min(1.0, entry.value + 0.2)} for entry in record.metrics]
    text = problems([changed(record, metrics=better)], bert, tmp_path / "index")
    assert "R@1 of the adapter on tiny is" in text and "R@1 centred of the adapter" in text


def test_figures_in_a_language_that_the_suite_has_not(published: Any, bert: Core, tmp_path: Path) -> None:
    record = published()
    record = changed(record, metrics=[entry.model_dump() | {"language": "sw"} for entry in record.metrics])
    assert "suite tiny has nothing in sw" in problems([record], bert, tmp_path / "index")


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), ImportError("boom")])
def test_a_suite_that_fails_is_a_problem(
    error: BaseException, published: Any, bert: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, other = published(), published("fam-bantu", measure=False, kind="family")

    def fails(self: Any, language: Any) -> Any:
        raise error

    monkeypatch.setattr(Tiny, "load", fails)
    text = problems([record, other], bert, tmp_path / "index")
    assert text.startswith(
        f"lang-rw==0.1.0: suite tiny: 'tiny' of plugin tiny (tiny_suite_plugin:Tiny) fails: {type(error).__name__}"
    )
    assert text.count("suite tiny") == 1 and "fam-bantu" not in text


def test_a_suite_that_is_not_here_is_said(published: Any, bert: Core, tmp_path: Path) -> None:
    record = published()
    record = changed(record, metrics=[entry.model_dump() | {"suite": "their-own"} for entry in record.metrics])
    said: list[str] = []
    assert problems([record], bert, tmp_path / "index", said.append) == ""
    assert "R@1 on their-own cannot be measured here" in said[0]


def test_flipped_bytes(published: Any, bert: Core, hub: HubServer, tmp_path: Path) -> None:
    record = published(measure=False)
    files = {file.path: file.sha256 for file in record.files}
    wrong = [file.model_dump() for file in record.files]
    next(file for file in wrong if file["path"] == "adapter.safetensors")["sha256"] = files["golden.safetensors"]
    assert "hash" in problems([changed(record, files=wrong)], bert, tmp_path / "index")


def test_another_core(published: Any, other_core: Core, bert: Core, tmp_path: Path) -> None:
    text = problems([published(measure=False)], other_core, tmp_path / "index")
    assert text.startswith("lang-rw==0.1.0: ") and "core" in text


def test_on_what_it_stands(published: Any, bert: Core, tmp_path: Path) -> None:
    family = published("fam-bantu", measure=False, kind="family")
    language = published(
        "lang-rw", measure=False, dependencies=[{"name": "fam-bantu", "spec": ">=0.1", "role": "stack-under"}]
    )
    assert problems([family, language], bert, tmp_path / "index") == ""


def test_a_tensor_that_is_far_larger_than_in_other_layers() -> None:
    tensors = {f"encoder.layer.{n}.output.lora_A": torch.ones(2, 2) for n in range(6)}
    assert list(_outliers(tensors)) == []
    tensors["encoder.layer.3.output.lora_A"] = torch.full((2, 2), 100.0)
    (problem,) = _outliers(tensors)
    assert problem == "encoder.layer.3.output.lora_A is 100 times as large as in other layers"
