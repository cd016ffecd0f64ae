"""The kit itself: it needs no test framework and no torch to be imported, and its checks fail where they should."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import hubkit
from hubkit import testing
from hubkit.plugins import HOOKS, load_registered, registered
from hubkit.testing import CHECKS, ConformanceError, offline, registering, tiny_core


def test_it_is_imported_without_pytest_and_torch() -> None:
    code = "import sys, hubkit.testing; print(sorted({'pytest', 'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    root = str(Path(hubkit.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": root})
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_no_file_of_it_imports_pytest() -> None:
    files = list(Path(testing.__file__).parent.glob("*.py"))
    assert len(files) > 8
    assert not [file.name for file in files if re.search(r"^\s*(import|from) pytest", file.read_text(), re.MULTILINE)]


def test_there_is_a_check_for_every_hook() -> None:
    assert set(CHECKS) == set(HOOKS)
    assert {check.__name__ for check in CHECKS.values()} < set(testing.__all__)
    assert all(check.__doc__ for check in CHECKS.values())


def test_a_failed_check_is_a_failed_assertion() -> None:
    assert issubclass(ConformanceError, AssertionError)


def test_offline_refuses_the_network_and_gives_it_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with offline():
            for attempt in (
                lambda: socket.create_connection(address),
                lambda: socket.socket().connect(address),
                lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", address),
                lambda: socket.getaddrinfo("localhost", 80),
                lambda: urllib.request.urlopen(f"http://{address[0]}:{address[1]}", timeout=1),
            ):
                with pytest.raises(OSError, match="the network was asked for"):
                    attempt()
            here, there = socket.socketpair()
            here.sendall(b"x")
            assert there.recv(1) == b"x"
        socket.create_connection(address).close()


def test_registering_ends() -> None:
    before = dict(registered("sources"))
    with pytest.raises(ZeroDivisionError), registering("sources", "mine", Path):
        assert load_registered("sources", "mine") is Path
        assert set(before) < set(registered("sources"))
        raise ZeroDivisionError
    assert dict(registered("sources")) == before


def test_one_thing_may_be_registered_twice() -> None:
    with registering("sources", "mine", Path):
        with registering("tasks", "mine", Path):
            assert load_registered("tasks", "mine") is Path
        assert load_registered("sources", "mine") is Path


def test_a_tiny_core_is_a_core(tmp_path: Path) -> None:
    from hubkit.runtime.encoder import Encoder

    core = tiny_core(tmp_path / "core")
    assert (core.model_type, core.hidden_size, core.prefix) == ("bert", 32, "q: ")
    assert tiny_core(tmp_path / "same").fingerprint == core.fingerprint
    assert tiny_core(tmp_path / "other", seed=1).fingerprint != core.fingerprint
    assert Encoder(core).encode(["Mwaramutse", "😀"]).shape == (2, 32)


def test_a_plugin_that_is_not_installed() -> None:
    with pytest.raises(ConformanceError, match="not installed"):
        testing.check_plugin("never-installed")
