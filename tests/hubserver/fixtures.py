"""Fixtures: an empty Hub for each test, and an environment that knows no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubserver import HubServer


@pytest.fixture(scope="session")
def hub_process() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(hub_process: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """An empty Hub, and an environment in which it is the only one: no token, no settings, state in ``tmp_path``."""
    hub_process.reset()
    for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING", "HUBKIT_"))]:
        if name != "HUBKIT_HOME":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", hub_process.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    _as_if_set_at_the_start(monkeypatch, hub_process.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    yield hub_process
    hub_process.faults.clear()


def _as_if_set_at_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The client reads HF_ENDPOINT once, when it is imported."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def token(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A write token of Ann's, who is in ``org``; it is in the environment."""
    token = hub.hub.add_user("ann", orgs=("org",))
    monkeypatch.setenv("HF_TOKEN", token)
    return token
