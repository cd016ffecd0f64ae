from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from safetensors import SafetensorError

from hubkit.corpora.source import Pair
from hubkit.evaluation.controls import NotHadError, kept
from hubkit.evaluation.controls.kept import control_folder, digest, kept_or_trained
from hubkit.settings import settings


class Trainer:
    """Counts how often it trains; every run's tensor is its number."""

    def __init__(self, steps=100, value=None):
        self.runs, self.steps, self.value = 0, steps, value

    def __call__(self, run):
        self.runs += 1
        run.mkdir(parents=True)
        (run / "checkpoint.safetensors").write_bytes(b"state")
        tensor = torch.full((3,), float(self.runs) if self.value is None else self.value)
        state = SimpleNamespace(step=self.steps, seconds=1.5)
        return SimpleNamespace(tensors={"a": tensor}, config={"r": 2}, state=state), {"languages": ["tr"]}


@pytest.fixture
def parent(own_home):
    return control_folder("toy", "core", 1)


@pytest.fixture
def told():
    return []


def test_it_is_trained_once(parent, told):
    train = Trainer()
    first = kept_or_trained(parent, 100, train, told.append)
    second = kept_or_trained(parent, 100, train, told.append)
    assert (train.runs, first.cached, second.cached, told) == (1, False, True, [])
    assert torch.equal(first.tensors["a"], second.tensors["a"])
    assert (second.config, second.steps, second.seconds, second.parameters) == ({"r": 2}, 100, 1.5, 3)
    assert second.facts["languages"] == ["tr"]
    assert [entry.name for entry in parent.iterdir()] == ["100"]


@pytest.mark.parametrize(("steps", "runs"), [(67, 1), (125, 1), (66, 2), (126, 2)])
def test_one_of_nearly_as_many_steps_is_used(parent, told, steps, runs):
    train = Trainer()
    kept_or_trained(parent, 100, train, told.append)
    kept_or_trained(parent, steps, train, told.append)
    assert train.runs == runs


def test_the_nearest_is_used(parent, told):
    kept_or_trained(parent, 100, Trainer(100, 1.0), told.append)
    kept_or_trained(parent, 140, Trainer(140, 2.0), told.append)
    found = [kept_or_trained(parent, steps, pytest.fail, told.append).steps for steps in (115, 125)]
    assert found == [100, 140]


def damage_nothing(folder):
    (folder / "control.safetensors").write_bytes(b"")


def damage_a_byte(folder):
    content = bytearray((folder / "control.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "control.safetensors").write_bytes(content)


def damage_facts(folder):
    (folder / "control.json").write_text("{")


def damage_old_facts(folder):
    (folder / "control.json").write_text(json.dumps({"steps": 100}))


def damage_missing(folder):
    (folder / "control.safetensors").unlink()


@pytest.mark.parametrize(
    "damage", [damage_nothing, damage_a_byte, damage_facts, damage_old_facts, damage_missing], ids=lambda d: d.__name__
)
def test_a_damaged_one_is_trained_again_with_a_note(parent, told, damage):
    train = Trainer()
    kept_or_trained(parent, 100, train, told.append)
    damage(parent / "100")
    again = kept_or_trained(parent, 120, train, told.append)
    assert (train.runs, again.cached) == (2, False)
    assert len(told) == 1 and "is damaged" in told[0] and "trained again" in told[0]
    assert [entry.name for entry in parent.iterdir()] == ["120"]
    assert kept_or_trained(parent, 100, train, told.append).cached
    assert len(told) == 1


@pytest.mark.parametrize("error", [OSError("No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_leaves_no_half_files(parent, told, monkeypatch, error):
    def full(*_, **__):
        raise error

    train = Trainer()
    with monkeypatch.context() as patch:
        patch.setattr("safetensors.torch.save_file", full)
        control = kept_or_trained(parent, 100, train, told.append)
    assert torch.equal(control.tensors["a"], torch.ones(3))
    assert "cannot be kept" in told[0] and "No space left" in told[0]
    assert [entry.name for entry in parent.iterdir()] == ["100.run"]  # so that it need not be trained again


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_that_diverged_is_not_kept(parent, told, value):
    with pytest.raises(NotHadError, match="diverged: after 100 steps"):
        kept_or_trained(parent, 100, Trainer(value=value), told.append)
    assert not list(parent.iterdir())


def test_an_interrupted_one_keeps_its_checkpoint(parent, told):
    def interrupted(run):
        Trainer()(run)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_or_trained(parent, 100, interrupted, told.append)
    assert (parent / "100.run" / "checkpoint.safetensors").is_file()


def test_one_who_comes_later_waits(parent, told):
    begun = threading.Event()

    def slowly(run):
        begun.set()
        time.sleep(0.3)
        return Trainer()(run)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(kept_or_trained, parent, 100, slowly, told.append)
        begun.wait(10)
        second = pool.submit(kept_or_trained, parent, 100, pytest.fail, told.append)
        assert (first.result(30).cached, second.result(30).cached) == (False, True)


def test_what_decides_decides_the_folder():
    folders = {control_folder("toy", core, seed) for core in ("a", "b") for seed in (0, 1)}
    assert len(folders) == 4
    assert control_folder("toy", "a", 0) in folders
    assert control_folder("toy", "a", 0).parent == settings().controls
    assert kept.STEPS_OFF == (0.8, 1.5)


def test_every_pair_is_in_the_digest():
    pairs = {"rw": [Pair("a", "b", "s", "1", "CC0")], "rn": [Pair("c", "d", "s", "2", "CC0")]}
    other = {**pairs, "rn": [Pair("c", "e", "s", "2", "CC0")]}
    assert digest(pairs) == digest(dict(reversed(pairs.items()))) != digest(other)
