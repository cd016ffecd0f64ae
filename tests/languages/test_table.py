"""The table: complete, sorted, consistent; tables of plugins are merged and checked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hubkit import hookimpl
from hubkit.errors import HubkitError, NotFoundError
from hubkit.languages import codes, family, find, names, table
from hubkit.languages.codes import script_names
from hubkit.languages.table import COLUMNS, Language, Row, clashes, languages, read, rows
from hubkit.plugins import Plugin, PluginManager

HEADER = "tag\tiso639_3\tname\tscript\n"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Tables are read again before and after."""
    forget()
    yield
    forget()


def forget() -> None:
    for module in (codes, family, names, table):
        for value in list(vars(module).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


Plugins = Callable[..., PluginManager]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_plugins: None) -> Plugins:
    """Let hubkit know these functions as the tables of plugins: ``plugins(theirs=function)``."""

    def make(**functions: Any) -> PluginManager:
        manager = PluginManager()
        for name, function in functions.items():
            module: Any = ModuleType(f"hubkit_test_tables_{name}")
            module.table = function
            module.register_languages = hookimpl(named("register_languages", {name: f"{module.__name__}:table"}))
            monkeypatch.setitem(sys.modules, module.__name__, module)
            manager._register(module, Plugin(name, "1"))
        monkeypatch.setattr("hubkit.plugins.plugin_manager", lambda: manager)
        return manager

    return make


@pytest.fixture
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBKIT_STRICT_PLUGINS", raising=False)


def named(name: str, value: object) -> Any:
    def hook() -> object:
        return value

    hook.__name__ = name
    return hook


def gives(folder: Path, name: str, *lines: str, header: str = HEADER) -> Callable[[], Path]:
    file = folder / f"{name}.tsv"
    file.write_text(header + "".join(f"{line}\n" for line in lines), "utf-8")
    return lambda: file


def status(manager: PluginManager) -> dict[str, str]:
    return {plugin.name: plugin.status for plugin in manager.plugins if plugin.name != "hubkit"}


def test_tags_are_sorted_and_unique() -> None:
    tags = [language.tag for language in languages()]
    assert tags == sorted(tags)
    assert len({tag.lower() for tag in tags}) == len(tags) > 7000


def test_names_are_unique() -> None:
    counts = Counter(language.name.lower() for language in languages())
    assert not {name for name, count in counts.items() if count > 1}


def test_columns_are_well_formed() -> None:
    for language in languages():
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-x-[a-z]+)?", language.tag)
        assert re.fullmatch(r"[a-z]{3}", language.iso639_3)
        assert re.fullmatch(r"[a-z]{3}", language.macrolanguage or "swa")
        assert re.fullmatch(r"[a-z0-9]{4}[0-9]{4}", language.glottocode or "swah1253")
        assert language.script in script_names()
        assert all(node == node.strip() and node for node in (*language.family, language.name))


def test_tags_are_the_shortest() -> None:
    two_letters = {language.iso639_3 for language in languages() if len(language.tag) == 2}
    longer = {language.tag for language in languages() if len(language.tag) == 3 and language.iso639_3 in two_letters}
    assert not longer


def test_groups_have_one_place_in_the_tree() -> None:
    places: dict[str, set[tuple[str, ...]]] = {}
    for language in languages():
        for depth, node in enumerate(language.family):
            places.setdefault(node, set()).add(language.family[:depth])
    assert not {node: paths for node, paths in places.items() if len(paths) > 1}


def test_file_is_small() -> None:
    assert table.path().stat().st_size < 1_500_000


def test_plugin_table_is_merged(plugins: Plugins, tmp_path: Path) -> None:
    header = "script\ttag\tname\tiso639_3\n"
    manager = plugins(theirs=gives(tmp_path, "theirs", "Latn\tqaa\tTestish\tqaa", header=header))
    found = {row.language.tag: row.language for row in rows()}
    assert found["qaa"] == Language("qaa", "Testish", None, "qaa", None, None, "Latn", ())
    assert "rw" in found
    assert list(found) == sorted(found)
    assert status(manager) == {"theirs": "ok"}


def test_a_tag_of_hubkit_stays_hubkit_s(plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows_of_theirs = ("RW\tkin\tRwandan\tLatn", "sw\tswh\tTheirs\tLatn", "qaa\tqaa\tTestish\tLatn")
    manager = plugins(theirs=gives(tmp_path, "theirs", *rows_of_theirs))
    assert (find("rw").name, find("sw").name, find("qaa").name) == ("Kinyarwanda", "Swahili", "Testish")
    assert status(manager) == {"theirs": "clash"}
    (message,) = caplog.messages
    assert "The language RW is given twice: by hubkit and by plugin theirs" in message
    assert "theirs.tsv" in message and "The language sw is given twice" in message
    assert clashes() == {}


def test_many_clashes_are_one_warning(plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plugins(theirs=gives(tmp_path, "theirs", *(f"{tag}\tkin\tX{tag}\tLatn" for tag in ("rw", "sw", "zu", "xh", "sn"))))
    assert find("zu").name == "Zulu"
    (message,) = caplog.messages
    assert message.count("is given twice") == 3 and "So it is with 2 more." in message


def test_a_tag_of_two_plugins_is_neither_s_and_asking_for_it_says_so(
    plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = plugins(
        one=gives(tmp_path, "one", "qaa\tqaa\tTestish\tLatn", "qab\tqab\tOnely\tLatn"),
        two=gives(tmp_path, "two", "qaa\tqaa\tOtherish\tLatn", "qac\tqac\tTwoly\tLatn"),
    )
    assert (find("rw").tag, find("qab").name, find("qac").name) == ("rw", "Onely", "Twoly")
    for query in ("qaa", "QAA"):
        with pytest.raises(
            HubkitError, match=r"language qaa is given twice: by plugin one \(.* by plugin two \("
        ) as no:
            find(query)
        assert "HUBKIT_LOAD_PLUGINS" in str(no.value) and not isinstance(no.value, NotFoundError)
    assert status(manager) == {"one": "clash", "two": "clash"}
    assert len(caplog.messages) == 2


class Odd(BaseException):
    """Neither an error nor an exit."""


def fails(error: BaseException) -> Callable[[], Any]:
    def function() -> Any:
        raise error

    return function


UNREADABLE: dict[str, Callable[[Path], Any]] = {
    "returns nothing": lambda folder: lambda: None,
    "raises": lambda folder: fails(RuntimeError("no")),
    "exits": lambda folder: fails(SystemExit(3)),
    "is odd": lambda folder: fails(Odd()),
    "is no function": lambda folder: 3,
    "is nowhere": lambda folder: lambda: folder / "nowhere.tsv",
    "is a folder": lambda folder: lambda: folder,
    "is no path": lambda folder: lambda: "a\0b",
    "lacks a column": lambda folder: gives(folder, "bad", header="tag\tname\n"),
    "has an empty cell": lambda folder: gives(folder, "bad", "qaa\tqaa\t\tLatn"),
    "has a tag twice": lambda folder: gives(folder, "bad", "qaa\tqaa\tA\tLatn", "QAA\tqaa\tB\tLatn"),
    "has what is no tag": lambda folder: gives(folder, "bad", "../../x\tqaa\tA\tLatn"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_table_that_cannot_be_read_is_left_out(
    case: str, plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = gives(tmp_path, "good", "qab\tqab\tGoodish\tLatn")
    manager = plugins(bad=UNREADABLE[case](tmp_path), good=good)
    assert (find("rw").tag, find("qab").name) == ("rw", "Goodish")
    assert status(manager) == {"bad": "broken", "good": "ok"}
    (message,) = caplog.messages
    assert message.startswith("plugin bad: hubkit_test_tables_bad:table gives no table of languages: ")
    find("sw")
    assert len(caplog.messages) == 1


def test_strictly_it_is_an_error(plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins(bad=lambda: None)
    monkeypatch.setenv("HUBKIT_STRICT_PLUGINS", "1")
    with pytest.raises(HubkitError, match="Plugin bad 1 is broken: hubkit_test_tables_bad:table gives no table"):
        find("rw")


def test_an_interrupt_is_the_user_s(plugins: Plugins) -> None:
    plugins(slow=fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        find("rw")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tag\tname\nqaa\tTestish\n", "no column iso639_3, script"),
        (HEADER + "qaa\tqaa\t\tLatn\n", "line 2"),
        ("", "no column"),
        ("tag\tiso639_3\tname\tscript\n\xff", "cannot be read"),
    ],
)
def test_malformed_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.tsv"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(HubkitError, match=message) as refused:
        read(file)
    assert str(file) in str(refused.value)


def test_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HubkitError, match="cannot be read"):
        read(tmp_path / "nowhere.tsv")


def test_all_columns_are_read(tmp_path: Path) -> None:
    file = tmp_path / "full.tsv"
    cells = ("qaa", "qab", "Testish", "Test", "qac", "test1234", "Latn", "Root|Branch", "Proofish|Trial")
    file.write_text("\t".join(COLUMNS) + "\n" + "\t".join(cells) + "\n", "utf-8")
    language = Language("qaa", "Testish", "Test", "qab", "qac", "test1234", "Latn", ("Root", "Branch"))
    assert read(file) == [Row(language, ("Proofish", "Trial"))]


def test_import_is_light() -> None:
    heavy = "torch transformers numpy pandas rich urielplus langcodes"
    code = (
        f"import sys, hubkit.languages, hubkit.cli.languages; print([m for m in {heavy.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
