"""Real wheels of good and hostile plugins in a virtual environment, and the program as its user meets it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugin_wheels import Environment, build_wheel, hooks

GOOD = """
import click
from hubkit import hookimpl

@hookimpl
def register_sources():
    return {"good": "hubkit_test_good:Source"}

@hookimpl
def register_commands():
    return {"greet": "hubkit_test_good:greet", "greet-badly": "hubkit_test_good:nothing", "no-click": "json:dumps"}

class Source:
    pass

@click.command()
def greet():
    '''Say hello to whoever runs it.'''
    click.echo("hello")
"""
SOURCE = """
class {name}:
    name, license, domain, origin = "{source}", "CC0-1.0", "prose", "made here"

    def pairs(self, language):
        {does}
"""
LATER = (
    hooks(
        sources={name: f"hubkit_test_later:{name.title()}" for name in ("pebble", "exiting", "rubbish", "importing")},
        languages={"nowhere": "hubkit_test_later:nowhere"},
        tasks={"falling": "hubkit_test_later:Falling"},
        methods={"a-claim": "hubkit_test_later:Claim"},
        commands={"crash": "hubkit_test_later:crash"},
    )
    + SOURCE.format(name="Pebble", source="pebble", does="return [P('ibuye ni rinini', 'the stone is big')]")
    + SOURCE.format(name="Exiting", source="exiting", does="raise SystemExit(9)")
    + SOURCE.format(name="Rubbish", source="rubbish", does="return [('a', 'b')]")
    + SOURCE.format(name="Importing", source="importing", does="import a_package_that_nobody_has")
    + """
import click

def P(text, english):
    from hubkit.corpora.source import Pair
    return Pair(text, english, "pebble", "1", "CC0-1.0")

def nowhere():
    return "/no/such/table.tsv"

class Falling:
    name = "falling"

    def load(self, language):
        raise SystemExit(8)

class Claim:
    def problems(self, config):
        raise SystemExit(7)

@click.command()
def crash():
    "Fall down."
    print("on its way")
    raise RuntimeError("a bug of theirs")
"""
)
TABLE = "tag\tiso639_3\tname\tscript\n"
GIVES = "from pathlib import Path\ndef path():\n    return Path(__file__).with_suffix('.tsv')\n"
HELLO = hooks(commands={"hello": "{}:hello"}, methods={"{}": "json:dumps"})
PLUGINS = {
    "good": GOOD,
    "missing": "import a_package_that_nobody_has",
    "exits": "raise SystemExit(3)",
    "raises": "raise RuntimeError('boom')",
    "odd": "class Odd(BaseException):\n    pass\nraise Odd('neither error nor exit')",
    "unsayable": "class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E",
    "syntax": "def (",
    "unknown": hooks(colours={}, sources={"lost": "json:dumps"}),
    "signature": "from hubkit import hookimpl\n\n@hookimpl\ndef check_record(records):\n    return []\n",
    "fails": hooks(sources="1 / 0", objectives={"kept": "json:dumps"}),
    "hookexits": hooks(tasks="exit(5)"),
    "nonstring": hooks(sources={"x": "json.dumps"}),
    "klass": hooks(sources="{'x': dict}"),
    "list": hooks(methods="['x']"),
    "spaces": hooks(commands={"rm -rf": "json:dumps"}),
    "prints": hooks(sources={"loud": "json:dumps"}) + "print('hello', '\\x1b[31mthere')",
    "slow": hooks(sources={"late": "json:dumps"}) + "import os, time\ntime.sleep(1.1 * bool(os.environ.get('SLOW')))",
    "one": HELLO.replace("{}", "one"),
    "two": HELLO.replace("{}", "two"),
    "later": LATER,
    "tables": hooks(languages={"theirs": "hubkit_test_tables:path"}) + GIVES,
    "tables2": hooks(languages={"others": "hubkit_test_tables2:path"}) + GIVES,
    "thief": hooks(commands={"plugins": "os:getcwd", "encode": "os:getcwd"}, methods={"lora": "json:dumps"}),
    "unmarked": "def register_sources():\n    return {}",
    "empty": "",
    "asks": "from hubkit.languages import find\nfind('rw')",
    "interrupts": "import os\nif os.environ.get('INTERRUPT'):\n    raise KeyboardInterrupt\n" + hooks(sources={}),
}
TABLES = {
    "tables": {"hubkit_test_tables.tsv": TABLE + "RW\tkin\tRwandan\tLatn\nqaa\tqaa\tTestish\tLatn\n"},
    "tables2": {"hubkit_test_tables2.tsv": TABLE + "qaa\tqaa\tOtherish\tLatn\nqab\tqab\tTwoly\tLatn\n"},
}
BROKEN = {
    "missing": "ModuleNotFoundError: No module named 'a_package_that_nobody_has'",
    "exits": "SystemExit: 3",
    "raises": "RuntimeError: boom",
    "odd": "Odd: neither error nor exit",
    "unsayable": "E",
    "syntax": "SyntaxError: ",
    "unknown": "register_colours",
    "signature": "'records'",
    "fails": "register_sources: ZeroDivisionError: division by zero",
    "hookexits": "register_tasks: SystemExit: 5",
    "nonstring": "'x' is registered as 'json.dumps', not as 'module:attribute'",
    "klass": "'x' is registered as <class 'dict'>",
    "list": "it returned ['x'], not a mapping",
    "spaces": "'rm -rf' is no name",
    "unmarked": "register_sources is not marked with @hookimpl",
    "empty": "no function that is called like a hook",
    "asks": "asks what is registered while plugins are being imported",
    "nowhere": "No module named 'hubkit_test_no_such_module'",
    "attribute": "has no attribute 'plugin'",
    "later": "hubkit_test_later:nowhere gives no table of languages: The language table /no/such/table.tsv cannot",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """One with all of them; making it takes two seconds, so the tests share it."""
    folder = tmp_path_factory.mktemp("plugins")
    wheels = [
        build_wheel(folder, f"hubkit_test_{name}", {f"hubkit_test_{name}.py": source, **TABLES.get(name, {})})
        for name, source in PLUGINS.items()
    ]
    wheels.append(build_wheel(folder, "hubkit_test_nowhere", {}, {"nowhere": "hubkit_test_no_such_module"}))
    wheels.append(build_wheel(folder, "hubkit_test_attribute", {}, {"attribute": "json:plugin"}))
    made = Environment(folder / "venv")
    made.install(*wheels)
    return made


@pytest.fixture(scope="module")
def seen(environment: Environment) -> dict[str, dict[str, Any]]:
    """``hubkit plugins --json`` with all of them."""
    return environment.plugins(SLOW="1")


def test_every_plugin_is_shown(seen: dict[str, dict[str, Any]]) -> None:
    assert {*PLUGINS, "hubkit", "nowhere", "attribute"} <= set(seen)
    good = seen["good"]
    assert (good["status"], good["version"], good["error"], good["warnings"]) == ("ok", "1.2", None, [])
    assert good["hooks"] == ["register_commands", "register_sources"]
    assert "sources: good" in good["registers"] and "commands: greet" in good["registers"]
    assert 0 < good["seconds"] < 1


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_says_why(name: str, seen: dict[str, dict[str, Any]]) -> None:
    assert seen[name]["status"] == "broken"
    assert BROKEN[name] in seen[name]["error"]
    assert "\n" not in seen[name]["error"]


def test_a_hook_that_fails_takes_its_plugin_s_others_not_along(seen: dict[str, dict[str, Any]]) -> None:
    assert seen["fails"]["registers"] == ["objectives: kept"]


def test_a_slow_import_is_named(seen: dict[str, dict[str, Any]]) -> None:
    slow = seen["slow"]
    assert slow["status"] == "slow" and slow["seconds"] > 1.1
    assert slow["warnings"] == [f"import took {slow['seconds']:.1f} s"]
    assert slow["registers"] == ["sources: late"]


def test_what_is_printed_at_import_stays_out_of_the_results(seen: dict[str, dict[str, Any]]) -> None:
    assert seen["prints"]["status"] == "ok"
    assert seen["prints"]["warnings"] == ["it prints when it is imported: hello [31mthere"]


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_clash_names_both_and_the_rest_of_them_works(name: str, seen: dict[str, dict[str, Any]]) -> None:
    assert seen[name]["status"] == "clash"
    assert seen[name]["error"] == "The name 'hello' is registered twice in commands: by one and by two."
    assert seen[name]["registers"] == [f"methods: {name}"]


def test_hubkit_s_names_stay_hubkit_s(seen: dict[str, dict[str, Any]]) -> None:
    assert seen["hubkit"]["status"] == "ok"
    assert {"commands: plugins", "commands: encode", "methods: lora"} <= set(seen["hubkit"]["registers"])
    assert seen["thief"]["status"] == "clash" and seen["thief"]["registers"] == []
    for what in ("'plugins'", "'encode'", "'lora'"):
        assert f"{what} is registered twice in" in seen["thief"]["error"]
    assert "by hubkit and by thief" in seen["thief"]["error"]


def test_help_works_among_them(environment: Environment) -> None:
    done = environment.hubkit("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ") and line.split()}
    assert "Say hello to whoever runs it." in lines["greet"]
    assert "(broken:" in lines["greet-badly"] and "(broken:" in lines["no-click"]
    assert "Show plugins" in lines["plugins"] and "encode" in lines
    assert "hello" not in lines


@pytest.mark.parametrize(
    ("command", "code", "texts"),
    [
        ("greet", 0, ["hello"]),
        ("hello", 1, ["'hello' is registered twice in commands: by one and by two", "HUBKIT_LOAD_PLUGINS"]),
        ("greet-badly", 1, ["'greet-badly' of plugin good", "no attribute 'nothing'"]),
        ("no-click", 1, ["json:dumps of plugin good is no click command"]),
        ("encode --help", 0, ["Encode the lines of INPUT"]),
    ],
)
def test_a_command_among_them(command: str, code: int, texts: list[str], environment: Environment) -> None:
    done = environment.hubkit(*command.split())
    assert done.returncode == code
    assert all(text in done.stdout + done.stderr for text in texts)
    assert "Traceback" not in done.stderr


def test_the_user_limits_which_are_loaded(environment: Environment) -> None:
    rows = environment.plugins(HUBKIT_LOAD_PLUGINS="good, one,never-installed")
    assert {name for name, row in rows.items() if row["status"] == "ok"} == {"hubkit", "good", "one"}
    assert rows["never-installed"]["error"] == "it is not installed, and HUBKIT_LOAD_PLUGINS names it"
    assert {rows[name]["status"] for name in PLUGINS if name not in ("good", "one")} == {"off"}
    none = environment.hubkit("plugins", HUBKIT_LOAD_PLUGINS="")
    assert "good 1.2  off (HUBKIT_LOAD_PLUGINS leaves it out)\n" in none.stdout
    assert "sources: good" not in none.stdout


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("good,raises", "Plugin raises 1.2 is broken: RuntimeError: boom."),
        ("fails", "Plugin fails 1.2 is broken: register_sources: ZeroDivisionError"),
        ("one,two", "registered twice in commands: by one and by two."),
        ("thief", "registered twice in methods: by hubkit and by thief."),
        ("prints", "it prints when it is imported"),
        ("slow", "import took"),
        ("typo", "Plugin typo ? is broken: it is not installed"),
    ],
)
def test_strict_makes_any_problem_an_error(names: str, text: str, environment: Environment) -> None:
    done = environment.hubkit("languages", "rw", HUBKIT_LOAD_PLUGINS=names, HUBKIT_STRICT_PLUGINS="1", SLOW="1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Plugin ") and text in done.stderr


def test_strict_has_nothing_against_a_good_one(environment: Environment) -> None:
    done = environment.hubkit("greet", HUBKIT_LOAD_PLUGINS="good", HUBKIT_STRICT_PLUGINS="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


def test_an_interrupt_is_the_user_s(environment: Environment) -> None:
    done = environment.hubkit("plugins", HUBKIT_LOAD_PLUGINS="interrupts", INTERRUPT="1")
    assert done.returncode == 130
    assert "Interrupted" in done.stderr and "Traceback" not in done.stderr


def test_a_damaged_distribution_hides_no_other(environment: Environment, tmp_path: Path) -> None:
    info = tmp_path / "hubkit_test_damaged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hubkit-test-damaged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_bytes(b"[hubkit]\nthis is no entry point\n\xff\xfe = x\n")
    where = environment.run("-c", "import hubkit; print(hubkit.__path__[0])").stdout.strip()
    rows = environment.plugins(HUBKIT_LOAD_PLUGINS="good", PYTHONPATH=f"{Path(where).parent}:{tmp_path}")
    assert rows["good"]["status"] == "ok"
    (damaged,) = [row for name, row in rows.items() if "damaged" in name]
    assert damaged["status"] == "broken" and "entry_points.txt cannot be read" in damaged["error"]


def test_tables_that_clash_are_told_and_the_rest_of_them_works(
    environment: Environment, seen: dict[str, dict[str, Any]]
) -> None:
    assert (seen["tables"]["status"], seen["tables2"]["status"]) == ("clash", "clash")
    assert "The language RW is given twice: by hubkit and by plugin tables (" in seen["tables"]["error"]
    assert "The language qaa is given twice: by plugin tables (" in seen["tables2"]["error"]
    for tag, name in (("rw", "Kinyarwanda"), ("qab", "Twoly")):
        done = environment.hubkit("languages", "show", tag, HUBKIT_LOAD_PLUGINS="tables,tables2,later")
        assert done.returncode == 0 and name in done.stdout
        assert done.stderr.count("left out") == 3
    done = environment.hubkit("languages", "show", "qaa", HUBKIT_LOAD_PLUGINS="tables,tables2")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Error: The language qaa is given twice: by plugin tables (" in done.stderr


ALONE = """
from hubkit.adapter.method import method, method_of
from hubkit.corpora.gather import gather, sources
from hubkit.errors import HubkitError
from hubkit.evaluation.suite import loaded
from hubkit.languages import find

asked = [source for source in sources() if source.name in ("pebble", "exiting", "rubbish", "importing")]
gathered = gather(find("rw"), asked)
print([pair.english for pair in gathered.all()])
for _, problem in sorted(gathered.problems.items()):
    print(problem)
print(method_of(method("lora").adapterhub_config()))
for ask in (lambda: gather(find("rw"), sources(["pebble", "rubbish"])), lambda: loaded("falling", find("rw"))):
    try:
        ask()
    except HubkitError as error:
        print(error.what)
"""


def test_its_parts_fail_alone(environment: Environment) -> None:
    """A source, a suite and a method that exit, and a package that is not there."""
    done = environment.run("-c", ALONE, HUBKIT_LOAD_PLUGINS="later,fails")
    assert done.returncode == 0, done.stderr
    english, exiting, importing, rubbish, method, asked, suite = done.stdout.splitlines()
    assert (english, method) == ("['the stone is big']", "lora")
    for line, source, why in (
        (exiting, "exiting", "SystemExit: 9"),
        (importing, "importing", "ModuleNotFoundError: No module named 'a_package_that_nobody_has'"),
        (rubbish, "rubbish", "no hubkit.corpora.source.Pair"),
        (asked, "rubbish", "no hubkit.corpora.source.Pair"),
    ):
        assert f"The source {source} of plugin later does not work: " in line and why in line
    assert "'falling' of plugin later (hubkit_test_later:Falling) fails: SystemExit: 8" in suite


def test_a_bug_in_its_command_is_its_own(environment: Environment) -> None:
    done = environment.hubkit("crash", HUBKIT_LOAD_PLUGINS="later")
    assert (done.returncode, done.stdout) == (1, "on its way\n")
    assert done.stderr.startswith("Error: `hubkit crash` of plugin later failed: RuntimeError: a bug of theirs.")
    assert "Traceback" not in done.stderr
    debug = environment.hubkit("--debug", "crash", HUBKIT_LOAD_PLUGINS="later")
    assert debug.returncode == 1 and "hubkit_test_later.py" in debug.stderr and "Traceback" in debug.stderr


@pytest.mark.parametrize("command", ["--help", "plugins"])
def test_nothing_loads_torch(command: str, environment: Environment) -> None:
    code = (
        "import sys\nfrom hubkit.cli.main import main\n"
        f"try:\n    main(['{command}'])\n"
        "finally:\n    print(sorted({'torch', 'transformers'} & set(sys.modules)), file=sys.stderr)"
    )
    done = environment.run("-c", code)
    assert (done.returncode, done.stderr) == (0, "[]\n")
