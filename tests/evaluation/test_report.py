from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from hubkit.errors import NotFoundError, VerificationError
from hubkit.evaluation.report import Report, read_report, write_report


def test_round_trip(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == report


def test_plain_json_with_a_schema_version(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "report.json")
    value = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert value["schema_version"] == 1
    assert value["overlap"] == {"training": 1000, "suite": 58, "exact": 0, "normalised": 0, "words": 0}
    assert {system["name"] for system in value["systems"]} == {"core", "adapter", "wrong-family", "random"}


def test_unknown_field_is_refused_by_name(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**report.model_dump(mode="json"), "surprise": 1}))
    with pytest.raises(VerificationError, match="surprise"):
        read_report(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no report"):
        read_report(tmp_path / "report.json")


def test_not_a_number_is_refused(report: Report) -> None:
    value = report.model_dump(mode="json")
    value["gains"][0]["raw"]["value"] = float("nan")
    with pytest.raises(ValidationError, match="finite"):
        Report.model_validate(value)


def test_metrics_as_an_index_record_holds_them(report: Report) -> None:
    raw, centred = report.metrics()[:2]
    assert (raw["suite"], raw["metric"], centred["metric"]) == ("udhr", "R@1", "R@1 centred")
    assert raw["value"] > raw["core"] and set(raw["controls"]) == {"wrong-family", "random"}
    assert len(raw["ci95"]) == 2 and len(report.metrics()) == 4


def test_sentences_include_the_circumstances(report: Report) -> None:
    said = " ".join(report.sentences)
    for part in ("unrelated languages (de, tr)", "No overlap between", "On udhr too (58 pairs, prose)"):
        assert part in said
