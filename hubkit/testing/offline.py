"""A stretch of code without the network."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn, TypeVar
from unittest.mock import patch

from hubkit.isolation import told
from hubkit.testing.error import ConformanceError

T = TypeVar("T")

_NOWHERE = "http://127.0.0.1:9"  # the discard port, where nothing listens
_CHILDREN = {
    "http_proxy": _NOWHERE, "https_proxy": _NOWHERE, "HTTP_PROXY": _NOWHERE, "HTTPS_PROXY": _NOWHERE,
    "PIP_NO_INDEX": "1", "npm_config_offline": "true", "HF_HUB_OFFLINE": "1",
}  # fmt: skip


class Offline(OSError):  # noqa: N818 - the state of the machine
    """Something asked for the network inside :func:`offline`."""


@contextmanager
def offline() -> Iterator[None]:
    """No network in here: connections and look-ups of this process raise, package clients are told to do without."""
    with ExitStack() as patches:
        for method in ("connect", "connect_ex", "sendto"):
            patches.enter_context(patch.object(socket.socket, method, _local_only(getattr(socket.socket, method))))
        for function in ("getaddrinfo", "gethostbyname", "create_connection"):
            patches.enter_context(patch.object(socket, function, _refuse))
        patches.enter_context(patch.dict(os.environ, _CHILDREN))
        yield


def second_run(call: Callable[[], T], name: str) -> T:
    """What ``call`` gives offline; :class:`ConformanceError` about ``name`` when it fails."""
    try:
        with offline():
            return call()
    except Exception as error:
        raise ConformanceError(f"{name}: the second run, with the network away, fails: {told(error)}") from error


def _refuse(*arguments: Any, **named: Any) -> NoReturn:
    raise Offline("the network was asked for where there is none")


def _local_only(method: Any) -> Any:
    """The method of a socket, for sockets of this machine alone."""

    def call(self: socket.socket, *arguments: Any) -> Any:
        return method(self, *arguments) if self.family == getattr(socket, "AF_UNIX", None) else _refuse()

    return call
