"""Trackers: what a run shows is in their files, one that fails does not end the run, one that is missing is said."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from hubkit.errors import HubkitError, UsageError
from hubkit.training import tracking as module
from hubkit.training.tracking import flat, scalars, tracker, tracking
from hubkit.training.watch import Progress

LOSSES = {"loss": 1.5, "contrastive": 1.2, "mlm": 3.0, "gradient": 0.7, "gradient of mlm": 0.2}
CONFIG = {"name": "lang-rw", "recipe": {"learning_rate": 0.002, "beside": []}, "seeds": [0, 1], "under": None}


def progress(step: int = 3, **more: Any) -> Progress:
    smoothed = dict.fromkeys(LOSSES, 9.0)
    return Progress(
        0.5, step, 9.0, 60.0, 12.0, 0.4, smoothed, LOSSES, 1e-3, {"rw": 0.5, "sn": 0.3}, {"rw": 0.4, "sn": 0.2}, **more
    )


def test_the_figures_of_a_step_are_those_of_the_step_itself() -> None:
    assert scalars(progress()) == {
        "train/loss": 1.5, "train/contrastive": 1.2, "train/mlm": 3.0, "gradient/norm": 0.7, "gradient/mlm": 0.2,
        "train/learning_rate": 1e-3, "train/sentences_per_second": 60.0, "dev/macro": 0.4, "dev/rw": 0.5, "dev/sn": 0.3,
    }  # fmt: skip


def test_without_development_text_there_is_no_score() -> None:
    assert not any(name.startswith("dev/") for name in scalars(Progress(0.5, 3, 1.0, 60.0, None, None)))


def test_settings_are_told_flat() -> None:
    assert flat(CONFIG) == {"name": "lang-rw", "recipe.learning_rate": 0.002, "seeds": "[0, 1]"}


def test_tensorboard_has_the_curves_and_the_settings(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    warnings: list[str] = []
    for steps in ((1, 2), (3,)):  # a run that was interrupted
        with tracking(["tensorboard"], "lang-rw-1", tmp_path, CONFIG, warnings.append) as observers:
            for step in steps:
                observers[0](progress(step))
    written = EventAccumulator(str(tmp_path / "tensorboard" / "lang-rw-1")).Reload()
    assert set(scalars(progress())) <= set(written.Tags()["scalars"])
    losses = written.Scalars("train/mlm")
    assert [event.step for event in losses] == [1, 2, 3] and losses[0].value == 3.0
    settings = next(tmp_path.rglob("hparams.yml")).read_text()
    assert "recipe.learning_rate: 0.002" in settings
    assert not warnings


class Fails:
    """A tracker whose service goes away."""

    requires_logging_directory = True
    logged = 0

    def __init__(self, run: str, folder: Path) -> None: ...

    def start(self) -> None: ...

    def store_init_configuration(self, values: dict[str, Any]) -> None: ...

    def log(self, values: dict[str, float], step: int) -> None:
        Fails.logged += 1
        raise ConnectionError("gone")

    def finish(self) -> None: ...


def test_a_tracker_that_fails_is_left_with_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "tracker", lambda name: Fails)
    warnings: list[str] = []
    with tracking(["mine"], "run", tmp_path, {}, warnings.append) as observers:
        observers[0](progress())
        observers[0](progress())
    assert Fails.logged == 1
    assert warnings == ["The tracker mine fails and is left out from here on: gone"]


class Refuses(Fails):
    """A tracker that needs a login. It writes to accelerate's log first, as those of the services do."""

    def start(self) -> None:
        pytest.importorskip("accelerate.logging").get_logger(__name__).debug("starting")
        raise PermissionError("no login")


def test_a_tracker_that_does_not_start_is_said_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    monkeypatch.setattr(module, "tracker", lambda name: Refuses)
    with pytest.raises(HubkitError, match="mine does not start: no login"), tracking(["mine"], "r", tmp_path, {}, str):
        pytest.fail("it started")


def test_a_tracker_that_nobody_knows() -> None:
    with pytest.raises(UsageError, match="no tracker 'tensorbord'") as raised:
        tracker("tensorbord")
    assert "tensorboard" in str(raised.value.fix) and "wandb" in str(raised.value.fix)


@pytest.mark.parametrize(("name", "package"), [("tensorboard", '"hubkit[track]"'), ("comet_ml", "comet-ml")])
def test_a_tracker_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", list)
    with pytest.raises(HubkitError, match=f"{name} is not installed") as raised:
        tracker(name)
    assert f"pip install {package}" in raised.value.fix


def test_without_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    true = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.startswith("accelerate"):
            raise ImportError(name)
        return true(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HubkitError, match="accelerate is not installed"):
        tracker("tensorboard")
