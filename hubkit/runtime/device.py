"""Where a model runs that nobody placed."""

from __future__ import annotations

import torch

from hubkit.errors import UsageError
from hubkit.settings import settings


def default_device() -> torch.device:
    """The device in the settings: the CPU unless ``HUBKIT_DEVICE`` names another.

    Raises :class:`UsageError` when torch has no such device on this machine.
    """
    named = settings().device
    try:
        device = torch.device(named)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # as torch says it of each kind
        raise UsageError(
            f"The device {named!r} cannot be used: {str(error).splitlines()[0]}",
            "Set HUBKIT_DEVICE (or device in hubkit.toml) to one that torch has here, such as cpu.",
        ) from error
    return device
