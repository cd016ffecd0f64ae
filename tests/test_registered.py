"""What a plugin registered, when hubkit runs it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.plugins import make_registered, run_registered
from hubkit.registered import OWN, Registered
from hubkit.testing import registering

THEIRS = Registered("thing", "theirs:Thing", "theirs")


class Odd(BaseException):
    """Neither an error nor an exit."""


def fails(error: BaseException) -> Any:
    def call(**_: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3), Odd("boom"), ImportError("boom")])
def test_whatever_it_raises_names_the_plugin(error: BaseException) -> None:
    with pytest.raises(HubkitError, match=r"'thing' of plugin theirs \(theirs:Thing\) fails: ") as caught:
        THEIRS.run(fails(error))
    assert type(error).__name__ in str(caught.value) and "HUBKIT_LOAD_PLUGINS" in str(caught.value)
    assert caught.value.__cause__ is error


def test_what_it_says_to_the_user_goes_through() -> None:
    error = UsageError("What.", "Do.")
    with pytest.raises(UsageError) as caught:
        THEIRS.run(fails(error))
    assert caught.value is error


def test_an_interrupt_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        THEIRS.run(fails(KeyboardInterrupt()))


def test_hubkit_s_own_bugs_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        Registered("thing", "hubkit:Thing", OWN).run(lambda: 1 / 0)


def test_what_it_prints_does_not_reach_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert THEIRS.run(lambda: print("hello") or 3) == 3
    assert capsys.readouterr().out == ""


def test_make_registered() -> None:
    with registering("tasks", "mine", SimpleNamespace):
        assert make_registered("tasks", "mine", weight=2).weight == 2
    with registering("tasks", "mine", fails(SystemExit(3))), pytest.raises(HubkitError, match="SystemExit: 3"):
        make_registered("tasks", "mine")
    with pytest.raises(NotFoundError, match=r"No task is called 'mine'.*udhr"):
        make_registered("tasks", "mine")


def test_run_registered() -> None:
    with registering("tasks", "mine", SimpleNamespace), pytest.raises(HubkitError, match="'mine' of plugin the test"):
        run_registered("tasks", "mine", fails(ValueError("boom")))
    with pytest.raises(ValueError, match="boom"):
        run_registered("tasks", "nobody's", fails(ValueError("boom")))
    with pytest.raises(ValueError, match="boom"):
        run_registered("tasks", "udhr", fails(ValueError("boom")))
    assert run_registered("tasks", "nobody's", lambda: 3) == 3
