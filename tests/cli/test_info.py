"""``hubkit info``: an installed adapter, and the plan for a language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from hubkit.adapter.manifest import REQUIRED_FILES, FileReference, Manifest
from hubkit.core.checkpoint import catalogue

Run = Callable[..., Any]
CORE = catalogue()["e5-small"]["fingerprint"]


def change(value: float) -> dict[str, Any]:
    return {"value": value, "ci95": [value - 0.1, value + 0.1]}


def report(tag: str, conclusion: str, gain: float) -> dict[str, Any]:
    over_core = {"control": "core", "raw": change(gain), "centred": change(0.05)}
    return {
        "schema_version": 1,
        "core": {"fingerprint": CORE},
        "suite": {"name": "udhr", "language": tag, "n": 50},
        "systems": [{"name": "core", "raw": {"mean": 0.38}}],
        "gains": [over_core],
        "conclusion": conclusion,
        "damage": {"rows": [{"language": "de", "suite": "udhr", "n": 58, "core": 1.0, "change": change(0.0)}]},
    }


def manifest(tag: str, name: str, iso639_3: str, version: str, **changes: Any) -> Manifest:
    source = {"source": "tiny", "origin": "made up", "license": "CC0-1.0", "pairs": 1234, "languages": [tag, "sw"]}
    core = {"id": "e5-small", "fingerprint": CORE, "tokenizer_sha256": CORE, "pooling": "mean", "prefix": "query: "}
    content: dict[str, Any] = {
        "name": f"lang-{tag}",
        "version": version,
        "kind": "language",
        "languages": [{"bcp47": tag, "iso639_3": iso639_3, "name": name}],
        "family": "Narrow Bantu",
        "method": "lora",
        "scaling": 2.0,
        "strength": 0.5,
        "core": core,
        "license": "Apache-2.0",
        "training_data": [source],
        "seeds": [0, 1],
        "hyperparameters": {},
        "compute": {"device": "cpu", "seconds": 180.0},
        "hubkit": "0.1.0",
        "created": datetime(2026, 1, 2, tzinfo=timezone.utc),
    }
    return Manifest.model_validate({**content, **changes})


@pytest.fixture
def install(home: Path) -> Callable[..., Path]:
    """Install what `hubkit info` reads of an adapter: its manifest and its report."""

    def make(
        tag: str = "rw", name: str = "Kinyarwanda", iso639_3: str = "kin", version: str = "0.1.0",
        conclusion: str | None = "generic gain", gain: float = 0.2, **changes: Any,
    ) -> Path:  # fmt: skip
        folder = home / "adapters" / f"lang-{tag}" / version
        folder.mkdir(parents=True)
        data = json.dumps(report(tag, conclusion, gain)).encode() if conclusion else b""
        contents = dict.fromkeys(sorted(REQUIRED_FILES), b"") | ({"report.json": data} if data else {})
        files = tuple(
            FileReference(path=path, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
            for path, content in contents.items()
        )
        sealed = manifest(tag, name, iso639_3, version, **changes).sealed(files)
        (folder / "report.json").write_bytes(data)
        (folder / "manifest.json").write_bytes(sealed.json_bytes())
        return folder

    return make


def squeezed(text: str) -> str:
    """The text of a table without its frame, on one line."""
    return " ".join("".join(" " if letter in "│┃" else letter for letter in text).split())


def test_an_adapter(run: Run, install: Callable[..., Path]) -> None:
    install(version="0.1.0")
    install(version="0.2.0", dependencies=[{"name": "fam-bantu", "spec": ">=1,<2"}])
    ended = run("info", "lang-rw")
    shown = squeezed(ended.out)
    assert ended.code == 0
    for part in (
        "lang-rw 0.2.0", "Kinyarwanda (rw)", "lora, scaling 2, strength 0.5", "e5-small",
        "fam-bantu>=1,<2 (stack-under)", "Apache-2.0", "180 s on cpu, seeds 0, 1", "2026-01-02 by hubkit 0.1.0",
        "0.2.0, 0.1.0", "tiny 1,234 2 CC0-1.0 made up", "rw udhr 50 0.38", "generic gain", "de udhr 58 1.00",
    ):  # fmt: skip
        assert part in shown, part


@pytest.mark.parametrize(
    ("reference", "version"),
    [("lang-rw@0.1.0", "0.1.0"), ("lang-rw@<0.2", "0.1.0"), ("lang-rw==0.1.0", "0.1.0"), ("lang-rw@>=0.1", "0.2.0")],
)
def test_a_version_is_chosen(run: Run, install: Callable[..., Path], reference: str, version: str) -> None:
    install(version="0.1.0")
    install(version="0.2.0")
    assert json.loads(run("info", reference, "--json").out)["version"] == version


def test_an_adapter_as_json(run: Run, install: Callable[..., Path]) -> None:
    folder = install()
    (folder.parent / "0.9.0").mkdir()
    data = json.loads(run("info", "lang-rw", "--json").out)
    assert (data["name"], data["version"], data["folder"]) == ("lang-rw", "0.1.0", str(folder))
    assert data["size"] == (folder / "report.json").stat().st_size
    assert [found["version"] for found in data["versions"]] == ["0.9.0", "0.1.0"]
    assert "manifest.json" in data["versions"][0]["error"]
    assert data["evidence"][0]["raw"] == {"value": 0.2, "low": 0.1, "high": pytest.approx(0.3)}
    assert [found["verdict"] for found in data["evidence"]] == ["helps", "needless"]
    assert data["manifest"]["license"] == "Apache-2.0"


def test_an_adapter_without_a_report(run: Run, install: Callable[..., Path]) -> None:
    install(conclusion=None)
    assert "Nobody knows whether it helps: it has no report." in run("info", "lang-rw").out


def test_a_broken_version_is_told(run: Run, install: Callable[..., Path]) -> None:
    (install().parent / "0.9.0").mkdir()
    assert "0.9.0 (broken), 0.1.0" in squeezed(run("info", "lang-rw").out)
    ended = run("info", "lang-rw@0.9.0")
    assert ended.code == 4
    assert "0.9.0: broken" in ended.err


def test_a_plan(run: Run, install: Callable[..., Path]) -> None:
    install()
    install("lg", "Ganda", "lug")
    install("sw", "Swahili", "swh", conclusion="no adapter needed", gain=0.0)
    ended = run("info", "-l", "Rundi")
    shown = squeezed(ended.out)
    assert ended.code == 0
    assert "Recipe: merge(lang-rw==0.1.0, lang-lg==0.1.0, method=relatedness, target=rn)" in ended.out
    assert "✓ lang-rw 0.1.0 is 0.80 related, and helps its own language: generic gain on udhr (n = 50)" in shown
    assert "– lang-sw 0.1.0 is 0.46 related, but is not used: in sw, no adapter needed" in shown
    assert "add-language" not in shown


def whole_report() -> bytes:
    """A report that has every field it must have."""
    from hubkit.evaluation.report import Report

    nothing = {"value": 0.0, "ci95": (0.0, 0.0), "verdict": "within noise", "n": 50, "minimum_detectable": 0.1}
    suite = {"name": "udhr", "origin": "o", "license": "l", "domain": "prose", "language": "rw", "n": 50}
    content: dict[str, Any] = {
        "suite": suite, "systems": [], "gains": [], "centring": {"core": nothing, "adapter_over_it": None},
        "own_share": None, "conclusion": "not compared", "sentences": ["Nothing was compared."],
        "language": {"tag": "rw", "name": "Kinyarwanda", "iso639_3": "kin"},
        "adapter": {"name": "lang-rw", "version": "0.1.0", "method": "lora"},
        "core": {"id": "e5-small", "fingerprint": CORE}, "created": "2026-01-02T03:04:05Z", "hubkit_version": "0.1.0",
    }  # fmt: skip
    return Report.model_validate(content).model_dump_json().encode()


def test_the_report_as_a_page(run: Run, install: Callable[..., Path], tmp_path: Path) -> None:
    folder, page = install(), tmp_path / "report.html"
    (folder / "report.json").write_bytes(whole_report())
    ended = run("info", "lang-rw", "--html", str(page), "--json")
    assert ended.code == 0 and json.loads(ended.out)["name"] == "lang-rw"
    assert "Nothing was compared." in page.read_text("utf-8")


def test_a_report_that_is_not_whole_makes_no_page(run: Run, install: Callable[..., Path], tmp_path: Path) -> None:
    install()
    ended = run("info", "lang-rw", "--html", str(tmp_path / "report.html"))
    assert (ended.code, ended.out) == (3, "")
    assert "is not a report" in ended.err and not (tmp_path / "report.html").exists()


def test_a_plan_as_json(run: Run, install: Callable[..., Path]) -> None:
    install()
    data = json.loads(run("info", "-l", "kin", "--json").out)
    assert (data["language"], data["recipe"]) == ("rw", "lang-rw==0.1.0")
    assert [(step["step"], step["chosen"]) for step in data["steps"]] == [("own", True)]


def test_a_plan_without_adapters_says_how_to_make_one(run: Run) -> None:
    out = run("info", "-l", "rw").out
    assert "Recipe: core" in out
    assert "hubkit add-language rw" in out


def test_no_advice_to_train_where_the_core_is_good(run: Run, install: Callable[..., Path]) -> None:
    install()
    out = run("info", "-l", "de").out
    assert "is good in German already" in squeezed(out)
    assert "add-language" not in out


def test_a_plan_for_another_core(run: Run, install: Callable[..., Path], bert: Any) -> None:
    install()
    data = json.loads(run("info", "-l", "rw", "--core", str(bert.folder), "--json").out)
    assert data["recipe"] == "core"
    assert "it was made for another core" in data["steps"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "takes an adapter or a language"),
        (("lang-rw", "-l", "rw"), 2, "takes an adapter or a language"),
        (("rw",), 2, "hubkit info -l TAG"),
        (("lang-rw@",), 2, "is not the name of an adapter"),
        (("../lang-rw",), 2, "is not the name of an adapter"),
        (("lang-rw@newest",), 2, "no version specifier"),
        (("lang-rw", "--core", "e5-small"), 2, "--core goes with --language"),
        (("-l", "rw", "--html", "report.html"), 2, "--html goes with an adapter"),
        (("lang-xx",), 4, "No installed lang-xx"),
        (("-l", "klingonese"), 4, "No language is known as"),
    ],
)
def test_what_cannot_be_shown(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    ended = run("info", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
