"""Curves of a run in an experiment tracker that the user has: TensorBoard, trackio, Weights & Biases …

The library accelerate knows them all, each by its name; what is written is what a run shows (:class:`.watch.Progress`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError, UsageError
from hubkit.training.watch import Observer, Progress

PROJECT = "hubkit"
_GRADIENT_OF = "gradient of "


def tracker(name: str) -> Any:
    """accelerate's class of the tracker.

    Raises :class:`UsageError` for a name that accelerate does not know, :class:`HubkitError` when a package is missing.
    """
    try:
        from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
        from accelerate.utils import LoggerType
    except ImportError as error:
        raise HubkitError("The library accelerate is not installed.", 'Run `pip install "hubkit[track]"`.') from error
    if name not in LOGGER_TYPE_TO_CLASS:
        raise UsageError(f"There is no tracker {name!r}.", f"Known: {', '.join(sorted(LOGGER_TYPE_TO_CLASS))}.")
    needs = name in LoggerType.list() and name not in {str(each) for each in get_available_trackers()}
    if needs:
        package = '"hubkit[track]"' if name == "tensorboard" else name.replace("_", "-")
        raise HubkitError(f"The tracker {name} is not installed.", f"Run `pip install {package}`.")
    return LOGGER_TYPE_TO_CLASS[name]


@contextmanager
def tracking(
    names: Sequence[str], run: str, folder: Path, config: Mapping[str, Any], warn: Callable[[str], None]
) -> Iterator[list[Observer]]:
    """Observers of the run called ``run``, one for each tracker; what they keep on disk lies in ``folder``.

    ``config`` is told as hyperparameters. A tracker that fails later is left with a warning: the run goes on.
    """
    with ExitStack() as held:
        found: list[Observer] = []
        for name in names:
            opened = _open(name, run, folder)
            held.callback(_attempt, name, warn, opened.finish)
            _attempt(name, warn, partial(opened.store_init_configuration, flat(config)))
            found.append(_Tracking(name, opened, warn))
        yield found


def _open(name: str, run: str, folder: Path) -> Any:
    """Raises :class:`HubkitError` when the tracker does not start."""
    made = tracker(name)
    from accelerate import PartialState

    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    if made.requires_logging_directory:
        opened = made(run, place)
    elif name == "wandb":
        opened = made(PROJECT, name=run, dir=str(place))
    else:
        opened = made(PROJECT, name=run) if name == "trackio" else made(run)
    PartialState()  # accelerate's log, which its trackers write to, asks which process this is
    try:
        opened.start()
    except Exception as error:  # a service of somebody else's: no login, no network
        raise HubkitError(f"The tracker {name} does not start: {error}", "Train without --track.") from error
    return opened


class _Tracking:
    def __init__(self, name: str, opened: Any, warn: Callable[[str], None]) -> None:
        self._name, self._opened, self._warn = name, opened, warn
        self._works = True

    def __call__(self, progress: Progress) -> None:
        if self._works:
            call = partial(self._opened.log, scalars(progress), step=progress.step)
            self._works = _attempt(self._name, self._warn, call)


def _attempt(name: str, warn: Callable[[str], None], call: Callable[[], None]) -> bool:
    """Whether the call went well; where it did not, a warning says why."""
    try:
        call()
    except Exception as error:  # a service of somebody else's: whatever it raises must not end the run
        warn(f"The tracker {name} fails and is left out from here on: {error}")
        return False
    return True


def scalars(progress: Progress) -> dict[str, float]:
    """Name → figure of a step, grouped as ``train/``, ``gradient/`` and ``dev/``; losses are not smoothed."""
    found = {
        "train/learning_rate": progress.learning_rate,
        "train/sentences_per_second": progress.sentences_per_second,
    }
    for name, value in progress.now.items():
        if name == "gradient":
            found["gradient/norm"] = value
        elif name.startswith(_GRADIENT_OF):
            found[f"gradient/{name.removeprefix(_GRADIENT_OF)}"] = value
        else:
            found[f"train/{name}"] = value
    if progress.dev is not None:
        found["dev/macro"] = progress.dev
    return found | {f"dev/{tag}": score for tag, score in progress.scores.items()}


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, bool | str | int | float]:
    """Nested settings under dotted keys; lists as JSON, what is not set left out."""
    found: dict[str, bool | str | int | float] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, bool | str | int | float):
            found[prefix + key] = value
        elif value:
            found[prefix + key] = json.dumps(value, ensure_ascii=False)
    return found
