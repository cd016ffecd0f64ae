"""A model that nobody placed is where the settings say; "meta" stands for a device that is not the CPU."""

from __future__ import annotations

import pytest

import hubkit
from hubkit.core import Core
from hubkit.errors import UsageError
from hubkit.runtime.encoder import Encoder


def test_models_run_where_the_settings_say(bert: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Encoder(bert).device.type == "cpu"
    monkeypatch.setenv("HUBKIT_DEVICE", "meta")
    assert Encoder(bert).device.type == "meta"
    assert hubkit.load(core=str(bert.folder)).device.type == "meta"
    assert hubkit.load(core=str(bert.folder), device="cpu").device.type == "cpu"


@pytest.mark.parametrize("named", ["gpu", "cuda:77", "cpu:x"])
def test_a_device_that_is_not_there_is_named(named: str, bert: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_DEVICE", named)
    with pytest.raises(UsageError, match=f"'{named}' cannot be used.*HUBKIT_DEVICE"):
        Encoder(bert)
