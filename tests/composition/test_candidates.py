"""What is known of installed adapters: read strictly, and a report that is wrong is no evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.adapter.manifest import REQUIRED_FILES, FileReference
from hubkit.composition.candidates import Candidate, candidates_installed, evidence_of
from hubkit.core import Core
from hubkit.settings import settings

Install = Callable[..., Candidate]


def change(value: float) -> dict[str, Any]:
    verdict = "gain" if value > 0.1 else "within noise"
    return {"value": value, "ci95": [value - 0.1, value + 0.1], "verdict": verdict, "n": 50, "minimum_detectable": 0.1}


def evaluation(language: str, conclusion: str, gain: float) -> dict[str, Any]:
    return {
        "suite": {"name": "udhr", "language": language, "n": 50},
        "systems": [{"name": "core", "raw": {"mean": 0.4}}],
        "gains": [
            {"control": "random", "raw": change(0.5), "centred": change(0.5)},
            {"control": "core", "raw": change(gain), "centred": change(0.0)},
        ],
        "conclusion": conclusion,
    }


def report(fingerprint: str) -> dict[str, Any]:
    row = {"language": "de", "suite": "udhr", "n": 58, "core": 1.0, "change": change(0.0)}
    extra = {
        "schema_version": 1,
        "core": {"id": "tiny", "fingerprint": fingerprint},
        "further": [evaluation("rn", "no measurable gain", 0.05)],
        "damage": {"rows": [row]},
    }
    return evaluation("rw", "generic gain", 0.2) | extra


def test_evidence_of_a_report():
    found = evidence_of(report("sha256:x"), "sha256:x")
    assert [(one.language, one.verdict, one.core) for one in found] == [
        ("rw", "helps", 0.4), ("rn", "unclear", 0.4), ("de", "needless", 1.0),
    ]  # fmt: skip
    assert str(found[0]) == "generic gain on udhr (n = 50): R@1 +0.20 [0.10, 0.30] raw, +0.00 [-0.10, 0.10] centred"
    assert [one.is_core_good for one in found] == [False, False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema_version": 2},
        {"core": {"fingerprint": "sha256:other"}},
        {"gains": [{"control": "core", "raw": {}, "centred": {}}]},
        {"systems": []},
        {"systems": [{"name": "core", "raw": {"mean": float("nan")}}]},
        {"suite": {"name": None, "language": "rw", "n": 50}},
        {"gains": None},
    ],
)
def test_a_malformed_report_is_an_error(wrong: dict[str, Any]):
    with pytest.raises((ValueError, TypeError, KeyError)):
        evidence_of(report("sha256:x") | wrong, "sha256:x")


def test_a_report_without_comparison_is_no_evidence_of_help():
    assert evidence_of(report("x") | {"gains": [], "further": [], "damage": None}, "x") == ()


def listed(path: str, content: bytes) -> FileReference:
    return FileReference(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@pytest.fixture
def install(bert: Core, make_manifest: Any) -> Install:
    """Write a manifest that lists this report.json and the file itself; return the adapter as a candidate."""

    def make(content: bytes | None) -> Candidate:
        adapter = SimpleNamespace(name="lang-rw", method="lora", scaling=1.0, strength=1.0)
        files = [listed(path, b"") for path in sorted(REQUIRED_FILES)]
        folder = settings().adapters / "lang-rw" / "0.1.0"
        folder.mkdir(parents=True)
        if content is not None:
            (folder / "report.json").write_bytes(content)
            files.append(listed("report.json", content))
        manifest = make_manifest(adapter, bert).sealed(tuple(files))
        (folder / "manifest.json").write_bytes(manifest.json_bytes())
        (found,) = candidates_installed()
        return found

    return make


def test_an_installed_adapter(install: Install, bert: Core):
    found = install(json.dumps(report(bert.fingerprint)).encode())
    assert (found.name, found.version, found.kind, found.languages) == ("lang-rw", "0.1.0", "language", ("rw",))
    assert found.core_fingerprint == bert.fingerprint
    assert (found.problem, found.note) == (None, None)
    assert found.evidence_for("rw").verdict == "helps"
    assert found.evidence_for("sw") is None


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (None, "it has no report"),
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"R@1": 0.5}', "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_a_broken_report_is_no_evidence(install: Install, content: bytes | None, note: str):
    found = install(content)
    assert (found.evidence, found.problem) == ((), None)
    assert note in found.note


def test_a_report_that_was_changed_afterwards_is_no_evidence(install: Install, bert: Core):
    content = json.dumps(report(bert.fingerprint)).encode()
    install(content)
    (settings().adapters / "lang-rw" / "0.1.0" / "report.json").write_bytes(content.replace(b"0.4", b"0.3"))
    (found,) = candidates_installed()
    assert found.evidence == ()
    assert "not the one that its manifest lists" in found.note


def test_a_broken_folder_is_a_candidate_with_a_problem(install: Install):
    install(None)
    shutil.rmtree(settings().adapters / "lang-rw" / "0.1.0")
    (settings().adapters / "lang-rw" / "0.2.0").mkdir()
    (found,) = candidates_installed()
    assert (found.name, found.version, found.kind) == ("lang-rw", "0.2.0", "language")
    assert found.problem.startswith("broken: ")
