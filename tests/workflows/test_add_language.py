"""``add_language`` from end to end on a toy world and a tiny core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import hubkit
from hubkit.adapter.store import load_adapter
from hubkit.core import Core
from hubkit.corpora.mediawiki import MediaWiki
from hubkit.durable import locked
from hubkit.errors import BusyError, NotFoundError, UsageError, VerificationError
from hubkit.registry.installed import find_installed, list_installed
from hubkit.runtime.languages import NoAdapterWarning
from hubkit.settings import settings
from hubkit.training.loop import Progress
from hubkit.training.recipe import Recipe
from hubkit.workflows.add_language import Outcome, Request, add_language
from hubkit.workflows.events import Silent

PROBES = ("Mwaramutse", "a rather longer sentence with many more words", "x")
RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8)


def request(core: Core, language: str = "rw", **more: object) -> Request:
    return Request(**{"language": language, "budget": "20steps", "core": str(core.folder), "recipe": RECIPE, **more})


@pytest.fixture
def outcome(bert: Core) -> Outcome:
    return add_language(request(bert))


def test_the_adapter_is_installed_complete_and_in_use(bert: Core, outcome: Outcome):
    folder = outcome.installed.folder
    assert {file.name for file in folder.iterdir()} == {
        "adapter_config.json", "adapter.safetensors", "centre.safetensors", "golden.json", "golden.safetensors",
        "report.json", "README.md", "manifest.json", "training.json",
    }  # fmt: skip
    adapter = load_adapter(folder, bert)
    assert adapter.strength == 0.5
    encoder = hubkit.load("lang-rw", core=str(bert.folder))
    assert [member.name for member in encoder.recipe.members()] == ["lang-rw"]
    with pytest.warns(NoAdapterWarning, match="no measurable gain on udhr"):
        assert str(hubkit.load("Kinyarwanda", core=str(bert.folder)).recipe) == "core"
    plain = hubkit.load(core=str(bert.folder))
    assert abs(encoder.encode("abc") - plain.encode("abc")).max() > 1e-6


def test_the_report_has_controls_damage_overlap_and_cost(outcome: Outcome):
    report = outcome.report
    assert [system.name for system in report.systems] == ["core", "adapter", "random", "wrong-family"]
    assert "Turkic" in report.system("wrong-family").description
    assert report.damage is not None
    assert {row.language for row in report.damage.rows} == {"fr", "hi", "ar", "tr", "de"}
    assert report.overlap is not None
    assert report.overlap["exact"] == report.overlap["normalised"] == report.overlap["words"] == 0
    assert report.cost is not None
    assert set(report.cost.seconds) == {"core", "corpora", "training", "strength", "control", "evaluation"}
    assert report.corpus["training: rw"]["sentences"] > 0
    assert report.sentences


def test_relatives_are_trained_on_and_unrelated_languages_are_not(outcome: Outcome):
    trained = {row for row in outcome.report.corpus if row.startswith("training: ")}
    assert trained == {"training: rw", "training: rn", "training: lg", "training: sn"}


def test_a_second_run_finds_the_control_and_is_the_next_version(bert: Core, outcome: Outcome):
    notes: list[str] = []

    class Notes(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    again = add_language(request(bert), Notes())
    assert again.installed.version == "0.1.1"
    assert any("trained before" in note for note in notes)
    assert len(list_installed()) == 2
    assert find_installed("lang-rw").version == "0.1.1"


def test_an_interrupted_run_goes_on_where_it_stopped(bert: Core):
    class Impatient(Silent):
        def training(self, progress: Progress) -> None:
            if progress.step == 12:
                raise KeyboardInterrupt

    class Watching(Silent):
        notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    with pytest.raises(KeyboardInterrupt):
        add_language(request(bert), Impatient())
    assert not list_installed()
    finished = add_language(request(bert), Watching())
    assert "resuming at step 12" in Watching.notes
    assert json.loads(finished.report.provenance["training"])["resumed"] is True
    assert not any((settings().runs).iterdir())


def test_text_that_meets_the_suite_is_taken_out(bert: Core, monkeypatch: pytest.MonkeyPatch, toy: SimpleNamespace):
    honest = MediaWiki.pairs

    def leaking(self, language):
        pairs = honest(self, language)
        if language.tag == "rw":
            leak = toy.sentence(200, "every")
            pairs.append(type(pairs[0])(toy.foreign(leak, "rw"), leak, "mediawiki", "leak", "CC0-1.0"))
        return pairs

    monkeypatch.setattr(MediaWiki, "pairs", leaking)
    report = add_language(request(bert)).report
    assert report.corpus["taken out for meeting a suite"]["pairs"] == 1
    assert report.overlap is not None
    assert report.overlap["exact"] == 0


def test_a_language_outside_udhr_is_judged_on_a_held_out_source(bert: Core):
    outcome = add_language(request(bert, "haw"))
    assert outcome.report.suite.name == "mediawiki"
    assert any("held out of training" in warning for warning in outcome.report.warnings)


def test_a_language_without_text_says_whom_it_asked(bert: Core):
    with pytest.raises(NotFoundError, match=r"mediawiki.*--data"):
        add_language(request(bert, "mi"))


def test_own_data_and_a_development_file(bert: Core, tmp_path: Path, toy: SimpleNamespace):
    data, dev = tmp_path / "mine.tsv", tmp_path / "dev.tsv"
    data.write_text(
        "".join(f"{toy.foreign(s, 'rw')}\t{s}\n" for s in (toy.sentence(i, "our") for i in range(300, 420)))
    )
    dev.write_text(
        "".join(f"{toy.foreign(s, 'rw')}\t{s}\n" for s in (toy.sentence(i, "their") for i in range(500, 640)))
    )
    report = add_language(request(bert, data=(str(data),), dev=(str(dev),), data_license="CC-BY-4.0")).report
    assert report.development_source == "dev.tsv"
    assert [point.strength for point in report.strength_curve] == [0.3, 0.5, 0.7, 1.0]
    assert report.corpus["file"]


def test_a_development_file_that_is_too_small_is_refused(bert: Core, tmp_path: Path, toy: SimpleNamespace):
    dev = tmp_path / "dev.tsv"
    dev.write_text("".join(f"{toy.foreign(s, 'rw')}\t{s}\n" for s in (toy.sentence(i, "their") for i in range(20))))
    with pytest.raises(UsageError, match="at least 100"):
        add_language(request(bert, dev=(str(dev),)))


def test_a_small_budget_warns(bert: Core):
    report = add_language(request(bert, budget="1step")).report
    assert any("too small" in warning for warning in report.warnings)


def test_two_runs_at_once_are_refused(bert: Core):
    with (
        locked(settings().adapters / ".lang-rw.training.lock", "The adapter lang-rw"),
        pytest.raises(BusyError, match=f"process {os.getpid()}"),
    ):
        add_language(request(bert))


@pytest.mark.parametrize(("language", "error"), [("xqq-nonsense", NotFoundError), ("Tonga", UsageError)])
def test_unknown_and_ambiguous_languages(bert: Core, language: str, error: type[Exception]):
    with pytest.raises(error):
        add_language(request(bert, language))


def test_a_damaged_adapter_is_refused_by_load(bert: Core, outcome: Outcome):
    weights = outcome.installed.folder / "adapter.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(VerificationError, match=r"adapter\.safetensors"):
        hubkit.load("lang-rw", core=str(bert.folder))


def test_plain_adapters_gives_the_same_vectors(bert: Core, outcome: Outcome):
    """In a process of its own, because the library changes transformers' classes."""
    program = f"""
import adapters, torch, numpy as np
from transformers import AutoModel, AutoTokenizer
model = AutoModel.from_pretrained({str(bert.folder)!r}, add_pooling_layer=False)
adapters.init(model)
name = model.load_adapter({str(outcome.installed.folder)!r}, use_safetensors=True)
model.set_active_adapters(name)
model.eval()
tokens = AutoTokenizer.from_pretrained({str(bert.folder)!r})(["q: " + t for t in {list(PROBES)!r}],
    padding=True, return_tensors="pt")
with torch.no_grad():
    hidden = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state
mask = tokens["attention_mask"][..., None]
vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
np.save({str(outcome.installed.folder.parent / "plain.npy")!r}, vectors.numpy())
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=300)
    import numpy as np

    theirs = np.load(outcome.installed.folder.parent / "plain.npy")
    ours = hubkit.load("lang-rw", core=str(bert.folder)).encode(list(PROBES))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"data": ("no-such-file.tsv",)}, NotFoundError),
        ({"dev": ("no-such-file.tsv",)}, NotFoundError),
        ({"suites": (Path("no-such-suite"),)}, NotFoundError),
        ({"budget": "soon"}, UsageError),
        ({"sources": ("no-such-source",)}, UsageError),
    ],
)
def test_a_wrong_request_stops_before_training(bert: Core, more: dict[str, object], error: type[Exception]):
    class NoTraining(Silent):
        def training(self, progress: Progress) -> None:
            pytest.fail("it trained")

    with pytest.raises(error):
        add_language(request(bert, **more), NoTraining())
    assert not list_installed()
