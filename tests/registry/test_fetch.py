"""Fetching: what the record lists, from a server that fails, lies or is not there; killed at any moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hubserver import Fault, HubServer
from hubserver.artifacts import contents, random_bytes, record_for, reference, write_adapter

from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry import cache, fetch
from hubkit.registry.fetch import Place, fetch_commit, fetch_files, fetch_record
from hubkit.registry.installed import list_installed
from hubkit.registry.record import Record
from hubkit.settings import settings

pytest_plugins = ["hubserver.fixtures"]
REPO = "org/hubkit-lang-rw"
WEIGHTS = "adapter.safetensors"
Offered = Callable[..., tuple[Record, Path]]


@pytest.fixture(autouse=True)
def quick(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01, 0.01))


@pytest.fixture
def offered(hub: HubServer, tmp_path: Path) -> Offered:
    """Put an adapter on the server; (its record, its folder)."""

    def offer(**options: Any) -> tuple[Record, Path]:
        folder = write_adapter(tmp_path / "offered" / str(len(hub.hub.repos)), **options)
        commit = hub.hub.put(REPO, contents(folder))
        return record_for(folder, REPO, commit.oid), folder

    return offer


def changed(record: Record, **changes: Any) -> Record:
    return Record.model_validate(record.model_dump() | changes)


def weights(record: Record) -> str:
    """The request for the weights' content."""
    return f"GET /{REPO}/{next(file.sha256 for file in record.files if file.path == WEIGHTS)}"


def downloads(server: HubServer) -> list[str]:
    return sorted(one.path.rsplit("/", 1)[-1] for one in server.requests("GET", "/resolve/"))


def no_blob_is_wrong() -> bool:
    return cache.damaged_blobs() == []


def test_a_record_is_installed_and_nothing_else_is_fetched(offered: Offered, hub: HubServer) -> None:
    record, folder = offered(size=3_000_000)
    hub.hub.put(REPO, {"pytorch_model.bin": b"pickle", "large.safetensors": b"x"})
    seen: list[tuple[str, int, int]] = []
    installed = fetch_record(record, lambda *step: seen.append(step))
    assert installed == settings().adapters / "lang-rw" / "0.1.0"
    assert contents(installed) == contents(folder)
    assert downloads(hub) == sorted(file.path for file in record.files)
    assert all(f"/resolve/{record.source.commit}/" in one.path for one in hub.requests("GET", "/resolve/"))
    assert {path: (done, total) for path, done, total in seen}[WEIGHTS] == (3_000_000, 3_000_000)
    assert list((settings().cache / "assembled").iterdir()) == []


def test_what_is_installed_is_not_fetched_again(offered: Offered, hub: HubServer) -> None:
    record, _ = offered()
    fetch_record(record)
    hub.seen.clear()
    fetch_record(record)
    assert hub.seen == []


def test_a_damaged_installation_is_mended_from_the_cache(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    installed = fetch_record(record)
    (installed / WEIGHTS).write_bytes(b"damaged")
    hub.seen.clear()
    assert contents(fetch_record(record)) == contents(folder)
    assert hub.seen == []


def test_another_adapter_in_its_place_is_left_alone(offered: Offered, tmp_path: Path) -> None:
    record, _ = offered()
    mine = write_adapter(settings().adapters / "lang-rw" / "0.1.0", seed=7)
    before = contents(mine)
    with pytest.raises(HubkitError, match="installed already with other content"):
        fetch_record(record)
    assert contents(mine) == before


def test_a_flipped_bit_is_refused(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    hub.fail(Fault("corrupt", weights(record), times=99))
    with pytest.raises(VerificationError, match=r"adapter\.safetensors.* does not have the hash"):
        fetch_record(record)
    assert list_installed() == [] and no_blob_is_wrong()
    hub.faults.clear()
    assert contents(fetch_record(record)) == contents(folder)


@pytest.mark.parametrize("name", ["manifest.json", "README.md"])
def test_small_files_are_checked_too(offered: Offered, hub: HubServer, name: str) -> None:
    record, _ = offered()
    hub.fail(Fault("corrupt", f"GET .*/{name}", times=99))
    with pytest.raises(VerificationError, match="does not have the hash"):
        fetch_record(record)
    assert list_installed() == []


def test_more_bytes_than_listed_are_not_read(offered: Offered, hub: HubServer) -> None:
    record, _ = offered()
    fault = hub.fail(Fault("long", weights(record), times=99, after=20_000_000))
    with pytest.raises(VerificationError, match="does not have 5000 bytes"):
        fetch_record(record)
    assert fault.seen == 1
    assert sum(path.stat().st_size for path in cache.blobs_folder().rglob("*") if path.is_file()) < 10_000


def test_a_larger_file_is_refused_before_it_is_read(offered: Offered, hub: HubServer) -> None:
    record, _ = offered(size=2_000_000)
    files = [replace_size(file, 1_000) if file.path == WEIGHTS else file for file in record.files]
    steps: list[tuple[str, int, int]] = []
    with pytest.raises(VerificationError, match="does not have 1000 bytes"):
        fetch_record(changed(record, files=files), lambda *step: steps.append(step))
    assert not [step for step in steps if step[0] == WEIGHTS]
    digest = next(file.sha256 for file in record.files if file.path == WEIGHTS)
    assert not cache.partial_path(digest).exists(), "not one byte of it was read"


def replace_size(file: Any, size: int) -> Any:
    return file.model_copy(update={"size": size})


def test_a_moved_tag_changes_nothing(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    other = write_adapter(folder.parent / "evil", seed=66)
    commit = hub.hub.put(REPO, contents(other))
    hub.hub.repos[REPO].tags["v0.1.0"] = hub.hub.repos[REPO].branches["main"] = commit.oid
    assert contents(fetch_record(record)) == contents(folder)


@pytest.mark.parametrize("commit", ["main", "v0.1.0", "a" * 39, "A" * 40, "../x"])
def test_only_whole_commits(commit: str) -> None:
    with pytest.raises(UsageError, match="is no commit"):
        Place(REPO, commit)


@pytest.mark.parametrize("path", ["../outside", "a/b", "/etc/x", ".hidden", "", "a\\b", "x\0", "..", "a\n"])
def test_no_name_leads_out_of_the_folder(path: str, tmp_path: Path) -> None:
    good = reference("adapter.safetensors", b"x")
    with pytest.raises(VerificationError, match="no file that an adapter can have"):
        fetch_files(Place(REPO, "a" * 40), [good.model_copy(update={"path": path})], tmp_path)
    with pytest.raises(VerificationError):
        fetch_files(Place(REPO, "a" * 40), [good.model_copy(update={"sha256": "../" * 21 + "x"})], tmp_path)


def test_names_that_the_server_gives_are_not_used(offered: Offered, hub: HubServer, tmp_path: Path) -> None:
    """The header that leads the client's own download out of its cache."""
    record, folder = offered()
    evil = {"etag": '"../../../../evil"', "x-linked-etag": '"../../evil"', "content-disposition": "filename=../evil"}
    hub.fail(Fault("headers", "GET .*", times=99, headers=evil))
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    assert contents(fetch_record(record)) == contents(folder)
    assert {path for path in tmp_path.rglob("*") if "home" not in path.parts} == before


def test_a_link_in_the_cache_is_not_followed(offered: Offered, tmp_path: Path) -> None:
    record, folder = offered()
    digest = next(file.sha256 for file in record.files if file.path == WEIGHTS)
    secret = tmp_path / "secret"
    secret.write_bytes((folder / WEIGHTS).read_bytes())
    cache.blob_path(digest).parent.mkdir(parents=True)
    cache.blob_path(digest).symlink_to(secret)
    fetch_record(record)
    assert not cache.blob_path(digest).is_symlink() and not secret.is_symlink()


def test_a_damaged_blob_is_fetched_again(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    installed = fetch_record(record)
    for blob in cache.list_blobs():
        blob.path.write_bytes(b"x" * blob.size)
    shutil.rmtree(installed)
    assert contents(fetch_record(record)) == contents(folder)
    assert no_blob_is_wrong()


def test_an_interrupted_file_goes_on(offered: Offered, hub: HubServer) -> None:
    record, folder = offered(size=1_000_000)
    hub.fail(Fault("truncate", weights(record), after=700_000))
    assert contents(fetch_record(record)) == contents(folder)
    ranges = [one.headers.get("range") for one in hub.seen if one.origin == "cdn"]
    started = [text for text in ranges if text]
    assert len(started) == 1 and 300_000 < int(started[0][6:-1]) <= 700_000
    assert no_blob_is_wrong()


def test_it_goes_on_in_the_next_run_too(offered: Offered, hub: HubServer) -> None:
    record, folder = offered(size=1_000_000)
    hub.fail(Fault("truncate", weights(record), after=400_000))
    hub.fail(Fault("drop", weights(record), times=99))
    with pytest.raises(HubkitError, match="connection"):
        fetch_record(record)
    hub.faults.clear()
    assert [blob.partial for blob in cache.list_blobs() if blob.size > 5000] == [True]
    assert contents(fetch_record(record)) == contents(folder)
    assert not any(blob.partial for blob in cache.list_blobs())


@pytest.mark.parametrize("left", [b"wrong" * 100, b"x" * 5000, b"x" * 9000])
def test_wrong_leftovers_cost_a_second_try(offered: Offered, left: bytes) -> None:
    record, folder = offered()
    digest = next(file.sha256 for file in record.files if file.path == WEIGHTS)
    cache.partial_path(digest).parent.mkdir(parents=True)
    cache.partial_path(digest).write_bytes(left)
    assert contents(fetch_record(record)) == contents(folder)


def test_a_server_without_ranges(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    hub.hub.ranges = False
    digest = next(file.sha256 for file in record.files if file.path == WEIGHTS)
    cache.partial_path(digest).parent.mkdir(parents=True)
    cache.partial_path(digest).write_bytes((folder / WEIGHTS).read_bytes()[:3000])
    assert contents(fetch_record(record)) == contents(folder)


def test_a_file_that_ends_before_what_is_there(offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    short = {**contents(folder), WEIGHTS: b"short"}
    other = changed(record, source={"repo_id": REPO, "commit": hub.hub.put(REPO, short).oid})
    digest = next(file.sha256 for file in record.files if file.path == WEIGHTS)
    cache.partial_path(digest).parent.mkdir(parents=True)
    cache.partial_path(digest).write_bytes((folder / WEIGHTS).read_bytes()[:3000])
    with pytest.raises(VerificationError, match="does not have 5000 bytes"):
        fetch_record(other)


@pytest.mark.parametrize(
    "fault",
    [Fault("status", "GET .*", status=code, times=2) for code in (429, 500, 502, 503, 504)]
    + [Fault(kind, "GET .*", times=2) for kind in ("drop", "lost", "truncate")],
    ids=lambda fault: f"{fault.kind}{fault.status}",
)
def test_passing_failures_are_tried_again(fault: Fault, offered: Offered, hub: HubServer) -> None:
    record, folder = offered()
    hub.fail(replace(fault, seen=0))
    assert contents(fetch_record(record)) == contents(folder)


def test_lasting_failures_end(offered: Offered, hub: HubServer) -> None:
    record, _ = offered()
    hub.fail(Fault("status", "GET .*", times=999, status=503))
    with pytest.raises(HubkitError, match="refused with 503"):
        fetch_record(record)
    assert list_installed() == []


def test_a_server_that_hangs(offered: Offered, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = offered()
    monkeypatch.setattr("hubkit.registry.hub.TIMEOUT", (1.0, 0.3))
    hub.fail(Fault("hang", "GET .*README.md", seconds=20.0))
    started = time.monotonic()
    assert contents(fetch_record(record)) == contents(folder)
    assert time.monotonic() - started < 10


def test_what_is_not_there(offered: Offered, hub: HubServer) -> None:
    record, _ = offered()
    del hub.hub.repos[REPO]
    with pytest.raises(NotFoundError, match="not found"):
        fetch_record(record)


def test_no_server(offered: Offered, monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = offered()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubkitError, match="connection failed"):
        fetch_record(record)


def test_mirrors_are_asked_first_and_need_no_trust(
    offered: Offered, hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    record, folder = offered()
    with HubServer() as mirror:
        mirror.hub.repos, mirror.hub.objects = hub.hub.repos, hub.hub.objects
        monkeypatch.setenv("HUBKIT_MIRRORS", f"http://127.0.0.1:9, {mirror.url}/")
        mirror.fail(Fault("corrupt", "GET .*README.md"))
        assert contents(fetch_record(record)) == contents(folder)
        assert downloads(mirror) == sorted(file.path for file in record.files)
        assert downloads(hub) == ["README.md"]
        assert not [one for one in mirror.seen if "authorization" in one.headers]


def test_the_token_stays_with_its_origin(offered: Offered, hub: HubServer, token: str) -> None:
    record, _ = offered()
    hub.hub.repos[REPO].private = True
    fetch_record(record)
    assert all(one.headers["authorization"] == f"Bearer {token}" for one in hub.seen if one.origin == "hub")
    assert [one for one in hub.seen if one.origin == "cdn"]
    assert not [one for one in hub.seen if one.origin == "cdn" and {"authorization", "cookie"} & set(one.headers)]


def test_offline_uses_the_cache_alone(offered: Offered, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = offered()
    with pytest.raises(NotFoundError, match="is not in the cache"):
        fetch_record(record, offline=True)
    with monkeypatch.context() as patch, pytest.raises(NotFoundError, match="is not in the cache"):
        patch.setenv("HF_HUB_OFFLINE", "1")
        fetch_record(record)
    assert hub.seen == []
    installed = fetch_record(record)
    shutil.rmtree(installed)
    hub.seen.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert contents(fetch_record(record)) == contents(folder)
    assert hub.seen == []


def test_a_record_that_its_manifest_denies(offered: Offered) -> None:
    record, _ = offered()
    with pytest.raises(VerificationError, match="another version than its record"):
        fetch_record(changed(record, version="9.0.0"))
    fewer = [file for file in record.files if file.path != "README.md"]
    with pytest.raises(VerificationError):
        fetch_record(changed(record, files=fewer))
    assert list_installed() == []


def test_a_finding_has_nothing_to_install(offered: Offered) -> None:
    record, _ = offered()
    with pytest.raises(UsageError, match="is a finding"):
        fetch_record(record.model_copy(update={"kind": "finding"}))


def test_a_full_disk_is_seen_before(offered: Offered, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    record, _ = offered()
    usage = fetch.shutil.disk_usage("/")
    monkeypatch.setattr("hubkit.registry.fetch.shutil.disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(HubkitError, match="are to be fetched, and 1000 are free"):
        fetch_record(record)
    assert hub.seen == []


def test_a_commit_without_a_record(offered: Offered, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = offered()
    place = (record.source.repo_id, record.source.commit)
    assert contents(fetch_commit(*place)) == contents(folder)
    hub.seen.clear()
    assert contents(fetch_commit(*place, offline=True)) == contents(folder)
    assert hub.seen == []
    with pytest.raises(UsageError):
        fetch_commit(REPO, "main")
    with pytest.raises(NotFoundError):
        fetch_commit(REPO, "f" * 40, offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NotFoundError):
        fetch_commit(REPO, "f" * 40)
    assert hub.seen == []


def test_a_manifest_without_end(hub: HubServer) -> None:
    commit = hub.hub.put(REPO, {"manifest.json": b"{" + b" " * (2 << 20)})
    with pytest.raises(VerificationError, match="more than"):
        fetch_commit(REPO, commit.oid)


def test_hostile_manifests(hub: HubServer, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "evil")
    content = json.loads((folder / "manifest.json").read_text())
    content["files"][0]["path"] = "../../evil"
    commit = hub.hub.put(REPO, {**contents(folder), "manifest.json": json.dumps(content).encode()})
    with pytest.raises(VerificationError, match="not a valid manifest"):
        fetch_commit(REPO, commit.oid)


def test_many_files_come_at_once(hub: HubServer, tmp_path: Path) -> None:
    files = {f"file{number}.bin": random_bytes(1000, number) for number in range(24)}
    commit = hub.hub.put(REPO, files)
    hub.fail(Fault("slow", "GET .*", times=99, seconds=0.1))
    (tmp_path / "out").mkdir()
    started = time.monotonic()
    fetch_files(Place(REPO, commit.oid), [reference(*item) for item in files.items()], out := tmp_path / "out")
    assert contents(out) == files
    assert time.monotonic() - started < 24 * 2 * 0.1 / 2


def test_an_interrupt_calls_the_rest_off(hub: HubServer, tmp_path: Path) -> None:
    files = {f"file{number}.bin": random_bytes(100_000, number) for number in range(24)}
    commit = hub.hub.put(REPO, files)

    def interrupt(path: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_files(Place(REPO, commit.oid), [reference(*item) for item in files.items()], tmp_path, interrupt)
    assert len(downloads(hub)) < 24


def test_an_interrupt_stops_a_long_file(hub: HubServer, tmp_path: Path) -> None:
    files = {"a.txt": b"short", "b.bin": random_bytes(600_000)}
    commit = hub.hub.put(REPO, files)
    hub.fail(Fault("slow", f"GET /{REPO}/[0-9a-f]+", seconds=0.1))  # 15 s in all

    def interrupt(path: str, done: int, total: int) -> None:
        if path == "a.txt":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch_files(Place(REPO, commit.oid), [reference(*item) for item in files.items()], tmp_path, interrupt)
    assert time.monotonic() - started < 7


def _fetch(line: str) -> None:
    fetch_record(Record.model_validate_json(line))
    os._exit(0)


def test_processes_share_the_cache(offered: Offered, hub: HubServer) -> None:
    record, folder = offered(size=500_000)
    context = multiprocessing.get_context("fork")
    line = record.line().decode()
    children = [context.Process(target=_fetch, args=(line,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0] * 4
    assert downloads(hub) == sorted(file.path for file in record.files), "each file is fetched once"
    assert contents(settings().adapters / "lang-rw" / "0.1.0") == contents(folder)


def test_killed_at_any_moment(offered: Offered, hub: HubServer) -> None:
    """kill -9 at 30 moments: never a wrong byte, and the next run ends well."""
    record, folder = offered(size=400_000)
    hub.fail(Fault("slow", "GET .*", times=10_000, seconds=0.0003))
    context, line, killed = multiprocessing.get_context("fork"), record.line().decode(), 0
    moments = random.Random(0)
    for _ in range(30):
        child = context.Process(target=_fetch, args=(line,))
        child.start()
        time.sleep(moments.uniform(0.001, 0.12))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(10)
        killed += child.exitcode == -signal.SIGKILL
        assert no_blob_is_wrong()
        assert all(installed.error is None for installed in list_installed())
        if list_installed():
            assert contents(list_installed()[0].folder) == contents(folder)
            cache.remove(cache.list_blobs())
            shutil.rmtree(list_installed()[0].folder)
    hub.faults.clear()
    assert contents(fetch_record(record)) == contents(folder)
    assert killed >= 15
