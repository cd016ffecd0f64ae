"""Contributing: the report's figures come into the record, and what an index refuses is not uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hubserver import HubServer
from hubserver.artifacts import CARD
from made_report import evaluation

from hubkit.adapter.store import save_adapter
from hubkit.core import Core
from hubkit.errors import VerificationError
from hubkit.evaluation.assemble import build_report
from hubkit.evaluation.report import AdapterInfo, CoreInfo, Cost
from hubkit.languages import find
from hubkit.workflows.contribute import Request, contribute, plan_contribution

pytest_plugins = ["hubserver.fixtures"]
REPO = "org/hubkit-lang-rw"


def report(bert: Core) -> Any:
    return build_report(
        evaluation(),
        language=find("rw"),
        adapter=AdapterInfo(name="lang-rw", version="0.1.0", method="lora", strength=1.0),
        core=CoreInfo(id=bert.id, fingerprint=bert.fingerprint),
        seeds=[0],
        cost=Cost(device="cpu", seconds={"train": 1.0}, peak_memory_bytes=None, energy_kwh=None),
    )


@pytest.fixture
def folder(bert: Core, make_adapter: Any, make_manifest: Any, make_golden: Any, tmp_path: Path) -> Path:
    adapter = make_adapter(bert, "lora")
    content = report(bert).model_dump(mode="json")
    path = tmp_path / "lang-rw"
    save_adapter(path, adapter, bert, make_manifest(adapter, bert), make_golden(adapter, bert), content, CARD)
    return path


def test_the_report_s_figures_are_in_the_record(folder: Path, bert: Core, hub: HubServer, token: str) -> None:
    done = contribute(Request(folder, REPO, core=str(bert.folder)))
    record = done.publication.record
    assert record.metrics[0].suite == "made" and record.metrics[0].value > record.metrics[0].core
    assert record.conclusion == "unattributed gain"
    assert done.added is None
    assert plan_contribution(Request(folder, REPO, core=str(bert.folder))).upload == ()


def test_a_report_that_is_none(
    bert: Core, make_adapter: Any, make_manifest: Any, make_golden: Any, tmp_path: Path, hub: HubServer
) -> None:
    adapter = make_adapter(bert, "lora")
    save_adapter(
        tmp_path / "x", adapter, bert, make_manifest(adapter, bert), make_golden(adapter, bert), {"R@1": 1}, CARD
    )
    with pytest.raises(VerificationError, match="is not a report"):
        contribute(Request(tmp_path / "x", REPO, core=str(bert.folder)))
    assert hub.seen == []
