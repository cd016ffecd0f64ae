"""Sources of plugins that fail, exit or give rubbish: left out and named, and the other sources go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from hubkit import hookimpl
from hubkit.corpora import gather as gathering
from hubkit.corpora.gather import gather, sources
from hubkit.corpora.plugin_source import BrokenSource, PluginSource
from hubkit.corpora.source import Domain, Pair, Source, SourceUnavailable
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.languages import Language
from hubkit.plugins import Plugin, PluginManager

GOOD = [Pair("Wali", "View", "theirs", "1", "CC0-1.0")]
OWN = [Pair("Sekles", "Save", "own", "1", "CC0-1.0")]


class Odd(BaseException):
    """Neither an error nor an exit."""


class UnsayableError(Exception):
    def __str__(self) -> str:
        raise ValueError


class Base:
    name, license, origin = "theirs", "CC0-1.0", "made here"
    domain: Domain = "prose"

    def pairs(self, language: Language) -> Any:
        return list(GOOD) if language.tag == "kab" else []


class Own(Base):
    """One of hubkit's own."""

    name = "own"

    def pairs(self, language: Language) -> Any:
        return list(OWN) if language.tag == "kab" else []


def raising(error: BaseException, where: str = "pairs") -> type:
    def fails(self: Any, *arguments: Any) -> Any:
        raise error

    return type("Raises", (Base,), {"__init__" if where == "init" else where: fails})


def giving(pairs: Any) -> type:
    return type("Gives", (Base,), {"pairs": lambda self, language: pairs})


def having(**attributes: Any) -> type:
    return type("Has", (Base,), attributes)


Register = Callable[[Any], None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    """Have hubkit know ``own`` as a source of its own and this class as the source ``theirs`` of the plugin ``p``."""
    manager = PluginManager()
    gathering._warn.cache_clear()

    def make(source: Any) -> None:
        module: Any = ModuleType("hubkit_test_sources")
        module.Theirs, module.Own = source, Own
        module.register_sources = hookimpl(register_sources)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        manager._register(module, Plugin("p", "1"))
        for implementation in manager._pluggy.hook.register_sources.get_hookimpls():
            if implementation.plugin_name == "hubkit":
                monkeypatch.setattr(implementation, "function", lambda: {"own": "hubkit_test_sources:Own"})
        monkeypatch.setattr("hubkit.plugins.plugin_manager", lambda: manager)

    yield make
    gathering._warn.cache_clear()


def register_sources() -> dict[str, str]:
    return {"theirs": "hubkit_test_sources:Theirs"}


def test_a_good_one_is_a_source_like_any_other(register: Register, kabyle: Language) -> None:
    register(Base)
    own, theirs = sources()
    assert isinstance(own, Own) and isinstance(theirs, PluginSource) and isinstance(theirs, Source)
    assert (theirs.name, theirs.license, theirs.domain, theirs.origin) == ("theirs", "CC0-1.0", "prose", "made here")
    gathered = gather(kabyle, [own, theirs])
    assert gathered.pairs == {"own": OWN, "theirs": GOOD} and gathered.problems == {}


NONE_AT_ALL: dict[str, tuple[Any, str]] = {
    "is nothing": (None, "TypeError"),
    "raises when it is made": (raising(ValueError("boom"), "init"), "ValueError: boom"),
    "exits when it is made": (raising(SystemExit(3), "init"), "SystemExit: 3"),
    "lacks a package": (raising(ImportError("No module named 'x'"), "init"), "ImportError: No module named 'x'"),
    "is odd": (raising(Odd(), "init"), "Odd"),
    "cannot be said": (raising(UnsayableError(), "init"), "UnsayableError"),
    "wants arguments": (having(__init__=lambda self, folder: None), "TypeError"),
    "has no name": (having(name=None), "its name is None, no text"),
    "has an empty licence": (having(license=" "), "its license is ' ', no text"),
    "has a domain of its own": (having(domain="poetry"), "its domain is 'poetry', none of interface"),
    "has no pairs": (having(pairs=None), "no method pairs"),
    "calls itself otherwise": (having(name="own"), "it is registered as 'theirs' and calls itself 'own'"),
    "fails in a property": (having(origin=property(lambda self: 1 / 0)), "ZeroDivisionError"),
}


@pytest.mark.parametrize("case", NONE_AT_ALL)
def test_what_is_no_source_is_left_out(
    case: str, register: Register, kabyle: Language, caplog: pytest.LogCaptureFixture
) -> None:
    source, why = NONE_AT_ALL[case]
    register(source)
    (own,) = sources()
    (message,) = caplog.messages
    assert "source theirs of plugin p does not work" in message and why in message and "left out" in message
    assert gather(kabyle, [own]).all() == OWN
    with pytest.raises(BrokenSource, match=r"The source theirs of plugin p does not work") as asked:
        sources(["theirs", "own"])
    assert why in str(asked.value) and "--source" in str(asked.value)


def test_a_target_that_is_not_there(
    register: Register, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    register(Base)
    monkeypatch.delattr(sys.modules["hubkit_test_sources"], "Theirs")
    assert [source.name for source in sources()] == ["own"]
    assert "'theirs' of plugin p cannot be loaded" in caplog.text
    with pytest.raises(BrokenSource, match="'theirs' of plugin p cannot be loaded"):
        sources(["theirs"])


def pair(**changes: Any) -> Pair:
    return Pair(**{"text": "a", "english": "b", "source": "theirs", "key": "1", "license": "x", **changes})


FAILS_WHEN_ASKED: dict[str, tuple[Any, str]] = {
    "raises": (raising(ValueError("boom")), "ValueError: boom"),
    "exits": (raising(SystemExit(3)), "SystemExit: 3"),
    "lacks a package": (raising(ImportError("No module named 'x'")), "ImportError: No module named 'x'"),
    "is odd": (raising(Odd()), "Odd"),
    "gives nothing": (giving(None), "pairs() returned NoneType, not a list"),
    "gives a text": (giving("pairs"), "pairs() returned str, not a list"),
    "gives a generator": (giving(iter(GOOD)), "not a list"),
    "gives tuples": (giving([("Wali", "View")]), "no hubkit.corpora.source.Pair"),
    "gives a pair without a text": (giving([pair(text=None)]), "which is no text"),
    "gives a number as a licence": (giving([pair(license=3)]), "which is no text"),
    "gives another's pairs": (giving([pair(source="own")]), "says it is of the source 'own'"),
    "gives half a character": (giving([pair(text="\ud800")]), "UnicodeEncodeError"),
}
SAYS_SO_ITSELF: dict[str, tuple[Any, str]] = {
    "a wrong request": (raising(UsageError("Set FOLDER.", "Do.")), "Plugin p: Set FOLDER. Do."),
    "not found": (raising(NotFoundError("It is not there.")), "Plugin p: It is not there."),
    "tampered with": (raising(VerificationError("It is refused.")), "Plugin p: It is refused."),
    "any error of hubkit's": (raising(HubkitError("It failed.")), "Plugin p: It failed."),
}


@pytest.mark.parametrize("case", [*FAILS_WHEN_ASKED, *SAYS_SO_ITSELF])
def test_one_that_fails_is_noted_and_the_others_go_on(
    case: str, register: Register, kabyle: Language, caplog: pytest.LogCaptureFixture
) -> None:
    source, why = (FAILS_WHEN_ASKED | SAYS_SO_ITSELF)[case]
    register(source)
    for _ in range(3):
        gathered = gather(kabyle, sources())
    assert gathered.pairs == {"own": OWN}
    assert why in gathered.problems["theirs"] and "lugin p" in gathered.problems["theirs"]
    (message,) = caplog.messages
    assert why in message


@pytest.mark.parametrize("case", [*FAILS_WHEN_ASKED, *SAYS_SO_ITSELF])
def test_one_that_was_asked_for_by_name_is_an_error(case: str, register: Register, kabyle: Language) -> None:
    source, why = (FAILS_WHEN_ASKED | SAYS_SO_ITSELF)[case]
    register(source)
    with pytest.raises(BrokenSource) as stopped:
        gather(kabyle, sources(["own", "theirs"]))
    assert why in str(stopped.value) and stopped.value.exit_code == 1


@pytest.mark.parametrize("names", [None, ["own", "theirs"]])
def test_one_that_cannot_fetch_is_noted_in_its_own_words(
    names: list[str] | None, register: Register, kabyle: Language
) -> None:
    register(raising(SourceUnavailable("The network is away.", "Try again.")))
    gathered = gather(kabyle, sources(names))
    assert gathered.pairs == {"own": OWN}
    assert gathered.problems == {"theirs": "The network is away. Try again."}


@pytest.mark.parametrize("where", ["init", "pairs"])
def test_an_interrupt_is_the_user_s(where: str, register: Register, kabyle: Language) -> None:
    register(raising(KeyboardInterrupt(), where))
    with pytest.raises(KeyboardInterrupt):
        gather(kabyle, sources())


def test_what_it_prints_does_not_reach_the_results(
    register: Register, kabyle: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    class Prints(Base):
        def pairs(self, language: Language) -> Any:
            print("hello")
            return list(GOOD)

    register(Prints)
    gather(kabyle, sources())
    assert capsys.readouterr().out == ""


def test_a_bug_of_hubkit_s_own_is_not_hidden(
    register: Register, kabyle: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(Base)
    monkeypatch.setattr(Own, "pairs", lambda self, language: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gather(kabyle, sources())
