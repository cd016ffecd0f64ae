from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hubkit.composition.member import Member
from hubkit.composition.recipe import Stack
from hubkit.errors import UsageError
from hubkit.evaluation.compare import DESCRIPTIONS, evaluate
from hubkit.evaluation.control_systems import CONTROLS, _makers, control_systems, names_at
from hubkit.evaluation.report import System
from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task import LEVELS

TEXTS = ["Mwaramutse neza", "a much longer sentence with many words", "x"]
EXTERNAL = {"sentence-transformers", "static"}


def test_every_control_is_data_and_can_be_made():
    assert set(CONTROLS) == set(_makers()) | EXTERNAL
    for name, spec in CONTROLS.items():
        assert spec.name == name and spec.description and spec.cost
        assert spec.level in LEVELS or name in EXTERNAL


def test_a_level_has_the_controls_of_those_below():
    smoke, standard, full = (names_at(level) for level in LEVELS)
    assert set(smoke) < set(standard) < set(full) == set(CONTROLS) - EXTERNAL
    assert smoke == ["core", "random", "previous"]
    assert {"lora", "full", "arithmetic"} == set(full) - set(standard)


def test_names_are_those_that_reports_describe():
    assert set(names_at("full")) - {"arithmetic"} <= set(DESCRIPTIONS)
    pattern = System.model_fields["name"].metadata[0].pattern
    assert all(re.fullmatch(pattern, name) for name in CONTROLS)


@pytest.mark.parametrize("name", ["nonsense", "static", "static:", "sentence-transformers", "core:x", ""])
def test_an_unknown_name_stops_before_anything_is_made(make_context, notes, name):
    with pytest.raises(UsageError, match="There is no control"):
        control_systems(["core", name], make_context())
    assert notes.lines == []


def test_all_of_them_encode_and_are_compared(make_context, install, tmp_path):
    pytest.importorskip("peft")
    for seed, tag in enumerate(("rn", "lg"), start=1):
        install(tag, seed=seed)
    install("rw", version="0.0.1", seed=5)
    install("bantu", family="Narrow Bantu", seed=6)
    words = np.array(["boat", "rain", "neza"])
    np.savez(tmp_path / "table.npz", words=words, vectors=np.eye(3))
    context = make_context()
    names = [*names_at("full"), f"static:{tmp_path / 'table.npz'}"]
    systems = control_systems(names, context)
    assert systems.unavailable == ()
    assert [system.name for system in systems] == [*names_at("full"), "static-table"]
    vectors = {system.name: np.asarray(system.encode(TEXTS)) for system in systems}
    for name, found in vectors.items():
        assert np.isfinite(found).all() and len(found) == 3
        if name not in ("core", "static-table"):
            assert np.abs(found - vectors["core"]).max() > 1e-6, name
    pairs = context.pairs["rw"][:25]
    suite = ParallelSuite(
        "toy", "made here", "CC0-1.0", "mixed", "rw", tuple(pair.text for pair in pairs),
        tuple(pair.english for pair in pairs), tuple(pair.key for pair in pairs),
    )  # fmt: skip
    own = [system for system in systems if system.name != "static-table"]
    result = evaluate({system.name: system.encode for system in own}, suite)
    assert [system.name for system in result.systems] == names_at("full")


def test_what_cannot_be_had_is_left_out_with_its_reason(make_context, toy_source, notes, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "peft", None)
    toy_source.tags = ()
    systems = control_systems([*names_at("full"), f"static:{tmp_path / 'nothing'}"], make_context())
    assert [system.name for system in systems] == ["core", "random", "ridge", "full"]
    reasons = {one.name: one.reason for one in systems.unavailable}
    assert set(reasons) == {
        "previous", "wrong-family", "relative", "family", "proxy", "arithmetic", "lora",
        f"static:{tmp_path / 'nothing'}",
    }  # fmt: skip
    assert "hubkit[evaluation]" in reasons["lora"]
    assert "no text of the family" in reasons["wrong-family"]
    assert "no earlier version" in reasons["previous"]
    assert any("lora is left out" in line for line in notes.lines)


def test_a_damaged_relative_is_a_reason(make_context, install, own_home):
    install("rn")
    weights = next(Path(own_home).glob("adapters/lang-rn/*/adapter.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (unavailable,) = control_systems(["relative"], make_context()).unavailable
    assert "adapter.safetensors" in unavailable.reason


def test_controls_act_over_what_the_adapter_is_stacked_on(make_context, install):
    install("bantu", family="Narrow Bantu", seed=1)
    under = Stack(Member("fam-bantu", "==0.1.0"))
    context = make_context(under=under)
    systems = {one.name: one for one in control_systems(["family", "random", "wrong-family"], context)}
    alone = systems["family"].encode(TEXTS)
    for name in ("random", "wrong-family"):
        encoder = systems[name].encoder
        assert encoder.recipe.members()[0].name == "fam-bantu"
        assert np.abs(systems[name].encode(TEXTS) - alone).max() > 1e-5
    again = control_systems(["wrong-family"], make_context())
    assert np.abs(again[0].encode(TEXTS) - systems["wrong-family"].encode(TEXTS)).max() > 1e-5


def test_a_name_twice_is_one_system(make_context):
    assert [system.name for system in control_systems(["core", "random", "core"], make_context())] == ["core", "random"]


def test_only_what_an_adapter_has_is_enough_for_some(make_context):
    context = make_context(recipe=None, targets=None, steps=0, pairs=None, sources=())
    systems = control_systems(names_at("standard"), context)
    assert [system.name for system in systems] == ["core", "random"]
