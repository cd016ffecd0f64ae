from __future__ import annotations

import json
import unicodedata

import pytest
import torch

from hubkit.adapter import golden
from hubkit.adapter.golden import Golden, check_golden, parse_golden, probe_sentences, write_golden
from hubkit.errors import UsageError, VerificationError

SENTENCES = probe_sentences(("Mwaramutse", "Murakoze"))
UNIT = torch.nn.functional.normalize(torch.randn(len(SENTENCES), 8, generator=torch.Generator().manual_seed(0)), dim=1)


def read(folder):
    files = (folder / "golden.json").read_bytes(), (folder / "golden.safetensors").read_bytes()
    return parse_golden(*files, 8, folder)


def test_round_trip(tmp_path):
    write_golden(Golden(SENTENCES, UNIT, 2e-4), tmp_path)
    found = read(tmp_path)
    assert (found.sentences, found.tolerance) == (SENTENCES, 2e-4)
    assert torch.equal(found.vectors, UNIT)


def test_probes_cover_scripts_and_need_the_language():
    scripts = {
        unicodedata.name(character).split()[0] for probe in golden.PROBES for character in probe if character.isalpha()
    }
    assert {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "CJK", "ETHIOPIC", "GREEK"} <= scripts
    assert len(golden.PROBES) >= golden.MINIMUM
    with pytest.raises(UsageError, match="1 were given"):
        probe_sentences(("one",))


def test_difference_within_the_tolerance_passes_and_beyond_it_is_refused(tmp_path):
    stored = Golden(SENTENCES, UNIT)
    check_golden(stored, UNIT + 9e-5, tmp_path)
    with pytest.raises(VerificationError, match=r"differ by up to 0\.00011.*allows 0\.0001"):
        check_golden(stored, UNIT + 1.1e-4, tmp_path)
    with pytest.raises(VerificationError):
        check_golden(stored, UNIT * float("nan"), tmp_path)
    with pytest.raises(VerificationError):
        check_golden(stored, UNIT[:-1], tmp_path)


def test_too_few_sentences_or_a_wide_tolerance_cannot_be_written(tmp_path):
    with pytest.raises(UsageError):
        write_golden(Golden(SENTENCES[:7], UNIT[:7]), tmp_path)
    with pytest.raises(UsageError):
        write_golden(Golden(SENTENCES, UNIT, 0.1), tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"tolerance": {"float32": 1.0}},
        {"tolerance": {}},
        {"tolerance": {"float32": 1e-4, "float16": 1e-2}},
        {"sentences": ["only one"]},
        {"sentences": [1] * 12},
        {"schema_version": 2},
        {"more": 1},
    ],
)
def test_malformed_sentences_are_refused(tmp_path, change):
    write_golden(Golden(SENTENCES, UNIT), tmp_path)
    content = json.loads((tmp_path / "golden.json").read_text("utf-8"))
    (tmp_path / "golden.json").write_text(json.dumps({**content, **change}), "utf-8")
    with pytest.raises(VerificationError, match=r"golden\.json is not valid"):
        read(tmp_path)


def test_vectors_that_are_not_of_length_one_are_refused(tmp_path):
    write_golden(Golden(SENTENCES, UNIT * 1.01), tmp_path)
    with pytest.raises(VerificationError, match="not of length 1"):
        read(tmp_path)


def test_memory_is_per_manifest_core_and_torch(monkeypatch):
    golden.remember("a" * 64, "sha256:core")
    assert golden.is_remembered("a" * 64, "sha256:core")
    assert not golden.is_remembered("b" * 64, "sha256:core")
    assert not golden.is_remembered("a" * 64, "sha256:other")
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert not golden.is_remembered("a" * 64, "sha256:core")
