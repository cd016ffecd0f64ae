"""``hubkit install`` and ``hubkit update``: from an index, from a lock file, from the cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hubserver import Fault, HubServer
from hubserver.artifacts import contents, record_for, write_adapter

from hubkit.core.checkpoint import catalogue
from hubkit.registry.index_edit import add_record, yank
from hubkit.registry.installed import list_installed

pytest_plugins = ["hubserver.fixtures"]
Run = Callable[..., Any]
CORE = catalogue()["e5-small"]["fingerprint"]


@pytest.fixture(autouse=True)
def server(home: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> HubServer:
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01,))
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "index"))
    return hub


Offer = Callable[..., Path]


@pytest.fixture
def offer(server: HubServer, tmp_path: Path) -> Offer:
    """Publish and index an adapter for the default core; its folder."""

    def make(name: str = "lang-rw", version: str = "0.1.0", *, deps: tuple[str, ...] = (), **options: Any) -> Path:
        core = {"id": "e5-small", "fingerprint": CORE, "tokenizer_sha256": CORE, "pooling": "mean", "prefix": "query: "}
        dependencies = [{"name": each, "spec": ">=0.1"} for each in deps]
        folder = write_adapter(
            tmp_path / "offered" / f"{name}-{version}", name, version, core=core, dependencies=dependencies, **options
        )
        commit = server.hub.put(f"org/hubkit-{name}", contents(folder))
        add_record(tmp_path / "index", record_for(folder, f"org/hubkit-{name}", commit.oid))
        return folder

    return make


def installed() -> list[str]:
    assert all(each.error is None for each in list_installed())
    return [f"{each.name} {each.version}" for each in list_installed()]


def test_a_name_a_range_a_language(offer: Offer, run: Run, server: HubServer) -> None:
    folder = offer(version="0.1.0")
    offer(version="0.2.0", seed=2)
    offer("lang-sw")
    ended = run("install", "lang-rw<0.2")
    assert ended.code == 0, ended.err
    assert "lang-rw 0.1.0 (0.0 MB) installed in " in ended.out
    assert installed() == ["lang-rw 0.1.0"]
    assert contents(list_installed()[0].folder) == contents(folder)
    assert run("install", "-l", "rw", "-l", "Swahili").code == 0
    assert installed() == ["lang-rw 0.2.0", "lang-rw 0.1.0", "lang-sw 0.1.0"]


def test_what_it_stands_on_comes_first(offer: Offer, run: Run) -> None:
    offer("fam-bantu")
    offer("lang-rw", deps=("fam-bantu",))
    ended = run("install", "lang-rw", "--json", "--quiet")
    assert [row["name"] for row in json.loads(ended.out)] == ["fam-bantu", "lang-rw"]
    assert ended.err == ""


def test_dry_run(offer: Offer, run: Run, server: HubServer) -> None:
    offer()
    ended = run("install", "rw", "--dry-run")
    assert "lang-rw 0.1.0 (0.0 MB) would be installed" in ended.out
    assert installed() == [] and server.seen == []


def test_a_lock_file_and_nothing_else(offer: Offer, run: Run, tmp_path: Path, server: HubServer) -> None:
    """The story of one who uses a language: lock, install, later another version, a yank, and offline."""
    offer("fam-bantu")
    first = offer("lang-rw", deps=("fam-bantu",))
    offer("lang-sw")
    assert run("lock", "rw", "sw").code == 0
    offer("lang-rw", "0.2.0", seed=2)
    yank(tmp_path / "index", "lang-rw", "0.1.0", "bad data")
    assert run("install", "lang-rw", "--lock", "hubkit.lock").code == 0
    assert installed() == ["fam-bantu 0.1.0", "lang-rw 0.1.0"]
    assert contents(list_installed()[1].folder) == contents(first)
    shutil.rmtree(tmp_path / "home" / "adapters")
    server.seen.clear()
    assert run("install", "lang-rw", "--lock", "hubkit.lock", "--offline").code == 0
    assert server.seen == []
    ended = run("install", "--lock", "hubkit.lock", "--offline")
    assert ended.code == 4 and "is not in the cache" in ended.err
    ended = run("update", "--lock", "hubkit.lock")
    assert ended.code == 0 and "~ lang-rw 0.1.0" in ended.out, ended.err
    assert installed() == ["fam-bantu 0.1.0", "lang-rw 0.2.0", "lang-rw 0.1.0", "lang-sw 0.1.0"]
    assert "is up to date" in run("update", "--lock", "hubkit.lock").out
    assert json.loads((tmp_path / "hubkit.lock").read_text())["adapters"][0]["version"] == "0.2.0"


def test_offline_from_the_indexes(offer: Offer, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(version="0.1.0")
    assert run("install", "rw").code == 0
    offer(version="0.2.0", seed=2)
    ended = run("install", "rw", "--offline")
    assert ended.code == 0 and installed() == ["lang-rw 0.1.0"], "the newest of those that are here"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run("install", "lang-rw==0.2.0").code == 4


def test_by_commit(offer: Offer, run: Run, server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    offer()
    monkeypatch.setenv("HUBKIT_INDEX", "")
    ended = run("install", f"org/hubkit-lang-rw@{server.hub.repos['org/hubkit-lang-rw'].head.oid}", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["name"] == "lang-rw" and installed() == ["lang-rw 0.1.0"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "Nothing was asked for"),
        (["lang-xx"], 4, "lang-xx"),
        (["lang-rw>=9"], 4, "lang-rw"),
        (["lang-rw>>1"], 2, "no version specifier"),
        (["no such language"], 4, "no such language"),
        (["rw", "--lock", "missing.lock"], 4, "There is no lock file"),
        (["org/x@main"], None, ""),
        (["org/x@" + "0" * 40], 4, "not found"),
        (["org/x@" + "0" * 40, "--dry-run"], 2, "has no record"),
        (["rw", "--key", "missing.pem"], 2, "does not exist"),
    ],
)
def test_bad_requests(arguments: list[str], code: int | None, says: str, offer: Offer, run: Run) -> None:
    offer()
    ended = run("install", *arguments)
    assert ended.code == code if code is not None else ended.code in (2, 4)
    assert says in ended.err and installed() == []


def test_refusals_have_their_exit_codes(offer: Offer, run: Run, server: HubServer) -> None:
    offer()
    server.fail(Fault("corrupt", "GET .*README.md", times=99))
    ended = run("install", "rw")
    assert ended.code == 3 and "does not have the hash" in ended.err and installed() == []
    server.faults.clear()
    server.fail(Fault("status", "GET .*", times=99, status=500))
    ended = run("install", "rw")
    assert ended.code == 1 and "goes on where it stopped" in ended.err and installed() == []


def test_a_key_refuses_what_is_not_signed(offer: Offer, run: Run, tmp_path: Path) -> None:
    offer()
    (tmp_path / "key.pub").write_text("a key")
    ended = run("install", "rw", "--key", "key.pub")
    assert ended.code == 3 and "is not signed" in ended.err and installed() == []


# update


def test_update(offer: Offer, run: Run, tmp_path: Path) -> None:
    offer()
    offer("lang-sw")
    run("install", "rw", "sw")
    assert "lang-rw 0.1.0 stays: is the newest" in run("update").out
    offer("fam-bantu")
    offer("lang-rw", "0.2.0", deps=("fam-bantu",), seed=2)
    offer("lang-sw", "0.2.0rc1", seed=2)
    assert "lang-rw 0.1.0 → 0.2.0" in run("update", "--dry-run").out
    assert installed() == ["lang-rw 0.1.0", "lang-sw 0.1.0"]
    ended = run("update")
    assert ended.code == 0, ended.err
    assert installed() == ["fam-bantu 0.1.0", "lang-rw 0.2.0", "lang-rw 0.1.0", "lang-sw 0.1.0"]
    assert "lang-sw 0.1.0 → 0.2.0rc1" in run("update", "lang-sw", "--pre").out
    content = json.loads(run("update", "--json").out)
    assert {row["name"]: row["newer"] for row in content["adapters"]}["lang-rw"] is None


def test_update_says_what_stays_and_why(offer: Offer, run: Run, tmp_path: Path) -> None:
    offer()
    run("install", "rw")
    write_adapter(tmp_path / "home" / "adapters" / "lang-aa" / "0.1.0", "lang-aa")
    yank(tmp_path / "index", "lang-rw", "0.1.0", "bad data")
    ended = run("update")
    assert ended.code == 0, ended.err
    assert "lang-aa 0.1.0 stays: is in no index" in ended.out
    assert "lang-rw 0.1.0 stays: " in ended.out and "bad data" in ended.out
    assert run("update", "lang-zu").code == 4


def test_update_of_a_lock_s_part(offer: Offer, run: Run) -> None:
    offer()
    offer("lang-sw")
    run("lock", "rw", "sw")
    offer(version="0.2.0", seed=2)
    offer("lang-sw", "0.2.0", seed=2)
    ended = run("update", "lang-sw", "--lock", "hubkit.lock", "--json")
    assert ended.code == 0, ended.err
    assert installed() == ["lang-rw 0.1.0", "lang-sw 0.2.0"]
    assert run("update", "lang-zu", "--lock", "hubkit.lock").code == 4
