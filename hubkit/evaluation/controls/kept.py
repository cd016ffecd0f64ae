"""Controls that are trained once and kept: ``controls/<name>-<hash of what decides them>/<steps>/``.

A kept one of nearly as many steps is used again; a damaged one is trained again; an interrupted training goes on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from hubkit.durable import locked, sha256, written_folder
from hubkit.evaluation.controls.context import NotHadError, PairsByTag
from hubkit.settings import settings

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.training.loop import Trained

STEPS_OFF = (0.8, 1.5)  # a kept control may have this many times the adapter's steps
_VERSION = 3
_TENSORS, _FACTS = "control.safetensors", "control.json"
Train = Callable[[Path], tuple["Trained", dict[str, Any]]]
"""Folder for checkpoints → the finished run, and facts about what it was trained on."""


@dataclass(frozen=True, slots=True)
class KeptControl:
    """A trained control: its tensors, their configuration, how long it was trained, and on what."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    steps: int
    seconds: float
    cached: bool
    facts: Mapping[str, Any]

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        return sum(tensor.numel() for tensor in self.tensors.values())


def control_folder(name: str, *decides: Any) -> Path:
    """Where controls of this name lie that have all these in common, whatever their number of steps."""
    text = json.dumps([_VERSION, *decides], sort_keys=True, default=str)
    return settings().controls / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def digest(pairs: PairsByTag) -> str:
    """Hash of all pairs in their order."""
    state = hashlib.sha256()
    for tag in sorted(pairs):
        for pair in pairs[tag]:
            state.update(f"{tag}\0{pair.text}\0{pair.english}\n".encode())
    return state.hexdigest()


def kept_or_trained(parent: Path, steps: int, train: Train, note: Callable[[str], None]) -> KeptControl:
    """The kept control in ``parent`` whose steps are nearest to ``steps``, if near enough; else one trained now.

    Another process that trains it is waited for. When it cannot be written it is used all the same, and that is noted;
    the checkpoint stays, so that the next time it is only read. Raises :class:`NotHadError` when training diverged.
    """
    with locked(parent.with_name(f"{parent.name}.lock"), f"The control in {parent}", wait=True):
        if (kept := _nearest(parent, steps, note)) is not None:
            return kept
        run = parent / f"{steps}.run"
        trained, facts = train(run)
        if not all(tensor.isfinite().all() for tensor in trained.tensors.values()):
            shutil.rmtree(run, ignore_errors=True)
            raise NotHadError(f"its training diverged: after {trained.state.step} steps it is not finite")
        done, seconds = trained.state.step, trained.state.seconds
        facts = {**facts, "steps": done, "seconds": seconds, "config": trained.config}
        try:
            _write(parent / str(steps), trained.tensors, facts)
        except (OSError, SafetensorError) as error:
            note(f"the control cannot be kept in {parent}: {error}")
        else:
            shutil.rmtree(run, ignore_errors=True)
        return KeptControl(trained.tensors, trained.config, done, seconds, False, facts)


def _nearest(parent: Path, steps: int, note: Callable[[str], None]) -> KeptControl | None:
    """The intact one whose number of steps is nearest, if it is near enough; damaged ones are removed."""
    fewest, most = (factor * steps for factor in STEPS_OFF)
    there = [int(folder.name) for folder in parent.glob("[0-9]*") if folder.name.isdigit()]
    for count in sorted((count for count in there if fewest <= count <= most), key=lambda count: abs(count - steps)):
        folder = parent / str(count)
        try:
            return _read(folder)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            note(f"the control kept in {folder} is damaged ({error}) and is trained again")
            shutil.rmtree(folder, ignore_errors=True)
    return None


def _write(folder: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    with written_folder(folder) as aside:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside / _TENSORS)
        content = {**facts, "sha256": sha256(aside / _TENSORS)}
        (aside / _FACTS).write_text(json.dumps(content, indent=2), "utf-8")


def _read(folder: Path) -> KeptControl:
    from safetensors.torch import load_file

    facts = json.loads((folder / _FACTS).read_text("utf-8"))
    if sha256(folder / _TENSORS) != facts["sha256"]:
        raise ValueError(f"{_TENSORS} does not have the sha256 in {_FACTS}")
    tensors = load_file(folder / _TENSORS)
    return KeptControl(tensors, facts["config"], facts["steps"], facts["seconds"], True, facts)
