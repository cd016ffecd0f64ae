"""Publishing: by one commit and one tag, whatever fails and however often it is run."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hubserver import Fault, HubServer
from hubserver.artifacts import CARD, contents, manifest_of, write_adapter
from huggingface_hub import HfApi, snapshot_download

from hubkit.errors import HubkitError, UsageError, VerificationError
from hubkit.registry import hub as hub_module
from hubkit.registry.fetch import fetch_record
from hubkit.registry.publish import plan, publish
from hubkit.registry.publishable import card_problems
from hubkit.registry.record import parse_record
from hubkit.settings import settings

pytest_plugins = ["hubserver.fixtures"]
REPO = "org/hubkit-lang-rw"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, hub: HubServer, token: str) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF", (0.01, 0.01, 0.01))
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "lang-rw")


def state(server: HubServer) -> tuple[int, dict[str, bytes], dict[str, str]]:
    """Commits after the first, files at the head but the Hub's own, tags."""
    repo = server.hub.repos[REPO]
    files = {path: blob.data for path, blob in repo.head.files.items() if path != ".gitattributes"}
    return len(repo.history()) - 1, files, repo.tags


def is_published(server: HubServer, folder: Path, commits: int = 1) -> bool:
    made, files, tags = state(server)
    head = server.hub.repos[REPO].head.oid
    return made == commits and files == contents(folder) and tags == {"v0.1.0": head}


def test_from_nothing(folder: Path, hub: HubServer) -> None:
    said: list[str] = []
    done = publish(folder, REPO, say=said.append)
    assert is_published(hub, folder)
    assert said == [f"created {REPO}", "committed 6 files", "read back 6 files", "tagged v0.1.0"]
    assert done.steps == (f"created {REPO}", "committed 6 files", "tagged v0.1.0")
    assert len(hub.requests("POST", "/commit/")) == 1


def test_the_record_installs_it(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = publish(folder, REPO, conclusion="It gains.")
    line = done.record_path.read_bytes()
    assert parse_record(line.rstrip(b"\n"), "it") == done.record
    assert (done.record.source.repo_id, done.record.conclusion) == (REPO, "It gains.")
    assert done.record.source.commit == hub.hub.repos[REPO].head.oid
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "other"))
    monkeypatch.delenv("HF_TOKEN")
    assert contents(fetch_record(done.record)) == contents(folder)


@pytest.mark.parametrize(
    ("family", "label"), [("Atlantic-Congo > Narrow Bantu", "Narrow Bantu"), ("Bantu", "Bantu"), ("Tupí > é", None)]
)
def test_a_path_in_the_family_tree(family: str, label: str | None, tmp_path: Path) -> None:
    assert publish(write_adapter(tmp_path / "lang-rw", family=family), REPO).record.family == label


def test_the_genuine_client_gets_it_too(folder: Path, hub: HubServer, tmp_path: Path) -> None:
    publish(folder, REPO)
    got = snapshot_download(REPO, revision="v0.1.0", endpoint=hub.url, cache_dir=tmp_path / "cache")
    assert contents(folder).items() <= contents(Path(got)).items()
    (found,) = HfApi(endpoint=hub.url).list_models(filter=["hubkit", "rw", "adapter-transformers"])
    assert found.id == REPO


def test_again_there_is_nothing_to_do(folder: Path, hub: HubServer) -> None:
    first = publish(folder, REPO)
    hub.seen.clear()
    second = publish(folder, REPO)
    assert second.steps == () and second.record == first.record
    assert not [one for one in hub.seen if one.method not in ("GET", "HEAD")]
    assert is_published(hub, folder)


def test_private(folder: Path, hub: HubServer) -> None:
    publish(folder, REPO, private=True)
    assert hub.hub.repos[REPO].private
    publish(folder, REPO)
    hub.hub.repos[REPO].private = False
    with pytest.raises(HubkitError, match="is public, and --private was asked for"):
        publish(folder, REPO, private=True)


def test_the_next_version_replaces_the_files(folder: Path, hub: HubServer, tmp_path: Path) -> None:
    old = write_adapter(tmp_path / "old", extra={"centre.safetensors": b"old"})
    new = write_adapter(tmp_path / "new", version="0.2.0", seed=2)
    publish(old, REPO)
    hub.hub.put(REPO, {"figure.png": b"mine"})
    publish(new, REPO)
    commits, files, tags = state(hub)
    assert commits == 3 and files == {**contents(new), "figure.png": b"mine"}
    assert set(tags) == {"v0.1.0", "v0.2.0"}
    assert publish(old, REPO).steps == (), "the older one is still there under its tag"
    assert state(hub)[0] == 3


def test_large_files_in_parts(hub: HubServer, tmp_path: Path) -> None:
    hub.hub.part_size = 100_000
    folder = write_adapter(tmp_path / "lang-rw", size=1_234_567)
    publish(folder, REPO)
    assert is_published(hub, folder)
    assert len(hub.requests("PUT", "/lfs/part/")) == 13


# What is refused


def test_a_version_that_exists_with_other_content(folder: Path, hub: HubServer, tmp_path: Path) -> None:
    publish(folder, REPO)
    other = write_adapter(tmp_path / "other", seed=5)
    with pytest.raises(HubkitError, match=r"has v0\.1\.0 with other content \(adapter\.safetensors, manifest\.json\)"):
        publish(other, REPO)
    assert is_published(hub, folder)


def test_a_tag_that_stands_elsewhere(folder: Path, hub: HubServer) -> None:
    repo = hub.hub.create(REPO)
    repo.tags["v0.1.0"] = repo.head.oid
    with pytest.raises(HubkitError, match="give the adapter a new version"):
        publish(folder, REPO)
    assert state(hub)[0] == 0


@pytest.mark.parametrize(
    ("present", "says"),
    [
        ({"model.safetensors": b"x", "config.json": b"{}"}, "no hubkit adapter: config.json, model.safetensors"),
        ({"manifest.json": b'{"name": "lang-sw"}'}, "holds lang-sw, not lang-rw"),
        ({"manifest.json": b"[1]"}, "holds something else"),
    ],
)
def test_a_repository_of_something_else(present: dict[str, bytes], says: str, folder: Path, hub: HubServer) -> None:
    hub.hub.put(REPO, present)
    with pytest.raises(HubkitError, match=says):
        publish(folder, REPO)
    with pytest.raises(HubkitError, match=says):
        plan(folder, REPO)
    assert state(hub)[0] == 1


def test_a_repository_with_a_readme_is_fine(folder: Path, hub: HubServer) -> None:
    hub.hub.put(REPO, {"README.md": b"# Soon\n"})
    publish(folder, REPO)
    assert is_published(hub, folder, commits=2)


@pytest.mark.parametrize("repo_id", ["lang-rw", "a/b/c", "org/..", "../x", "org/a b", "", "https://x/y"])
def test_no_repository(repo_id: str, folder: Path, hub: HubServer) -> None:
    with pytest.raises(UsageError, match="is no repository"):
        publish(folder, repo_id)
    assert hub.seen == []


def test_without_a_token(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubkitError, match=r"There is no token for the Hub.*hf auth login"):
        publish(folder, REPO)
    assert hub.seen == []


def test_with_a_wrong_token(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_thiswaswrong")
    with pytest.raises(HubkitError, match=r"refused with 401 .*Invalid credentials") as caught:
        publish(folder, REPO)
    assert "hf_thiswaswrong" not in str(caught.value)


@pytest.mark.parametrize("there", [False, True])
def test_without_the_right_to_write(there: bool, folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        hub.hub.create(REPO)
    monkeypatch.setenv("HF_TOKEN", hub.hub.add_user("rae", "read", ("org",)))
    with pytest.raises(HubkitError, match=r"refused with 403 .*don't have the rights"):
        publish(folder, REPO)


def test_offline(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE"):
        publish(folder, REPO)
    assert hub.seen == []


def test_a_damaged_folder(folder: Path, hub: HubServer) -> None:
    (folder / "golden.json").write_bytes(b"x")
    with pytest.raises(VerificationError, match=r"golden\.json"):
        publish(folder, REPO)
    (folder / "golden.json").unlink()
    with pytest.raises(VerificationError):
        publish(folder, REPO)
    assert hub.seen == []


def test_what_the_server_changes_is_seen(folder: Path, hub: HubServer) -> None:
    hub.fail(Fault("corrupt", f"GET /{REPO}/resolve/.*/golden.json", times=99))
    with pytest.raises(VerificationError, match=r"reads back otherwise than it was sent: golden\.json"):
        publish(folder, REPO)
    assert state(hub)[2] == {}, "what was not read back is not tagged"
    hub.faults.clear()
    publish(folder, REPO)
    assert is_published(hub, folder)


# The card


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (None, "there is none"),
        ("# lang-rw\n", "it has no front matter"),
        ("---\n[\n---\n", "its front matter is no YAML"),
        ("---\n- a\n---\n", "it has no front matter"),
        (CARD.replace('- "rw"', '- "sw"'), "language lacks rw"),
        (CARD.replace('license: "apache-2.0"\n', ""), "license is missing"),
        (CARD.replace("adapters", "peft"), "library_name is neither"),
        (CARD.replace('- "hubkit"\n', ""), "tags lack hubkit"),
        (CARD.replace('- "adapter-transformers"\n', ""), "tags lack adapter"),
    ],
)
def test_an_incomplete_card(card: str | None, says: str, tmp_path: Path, hub: HubServer) -> None:
    folder = write_adapter(tmp_path / "lang-rw", card=card or "")
    if card is None:
        data = contents(folder)
        shutil.rmtree(folder)
        folder = write_without_card(tmp_path / "again", data)
    with pytest.raises(VerificationError, match=f"card of lang-rw is not complete: .*{says}"):
        publish(folder, REPO)
    assert hub.seen == []


def write_without_card(folder: Path, data: dict[str, bytes]) -> Path:
    from hubserver.artifacts import reference

    folder.mkdir()
    kept = {path: content for path, content in data.items() if path not in ("README.md", "manifest.json")}
    for path, content in kept.items():
        (folder / path).write_bytes(content)
    sealed = manifest_of().sealed(tuple(reference(*item) for item in kept.items()))
    (folder / "manifest.json").write_bytes(sealed.json_bytes())
    return folder


def test_the_base_model_of_a_known_core() -> None:
    core = {**manifest_of().core.model_dump(), "id": "e5-small"}
    manifest = manifest_of(core=core)
    assert [text for text in card_problems(CARD.encode(), manifest) if text.startswith("base_model is not")]
    named = CARD.replace("---\n#", 'base_model: "intfloat/multilingual-e5-small"\n---\n#')
    assert card_problems(named.encode(), manifest) == []
    assert card_problems(named.replace("\n", "\r\n").encode(), manifest) == []


# A plan


def test_a_plan_writes_nothing(folder: Path, hub: HubServer, tmp_path: Path) -> None:
    planned = plan(folder, REPO)
    assert planned.create and planned.tag == "v0.1.0" and set(planned.upload) == set(contents(folder))
    assert hub.hub.repos == {}
    publish(folder, REPO)
    assert plan(folder, REPO).upload == () and not plan(folder, REPO).create
    new = write_adapter(tmp_path / "new", version="0.2.0")
    assert plan(new, REPO).upload == ("manifest.json",)
    assert is_published(hub, folder)


# Failures at every step


def requests_of_a_publication(folder: Path, server: HubServer) -> list[tuple[str, str]]:
    publish(folder, REPO)
    found = [(one.method, one.path) for one in server.seen]
    token = os.environ["HF_TOKEN"]
    user = server.hub.users[token]
    server.reset()
    server.hub.users[token] = user
    return found


KINDS: list[Any] = ["lost", "drop", "status", "truncate"]


@pytest.mark.parametrize("first", [0, 2])
def test_a_failure_anywhere_is_lived_through(first: int, folder: Path, hub: HubServer) -> None:
    """Each request in turn fails once, in one way or another; the same run goes on."""
    token = os.environ["HF_TOKEN"]
    user = hub.hub.users[token]
    steps = len(requests_of_a_publication(folder, hub))
    assert steps > 15
    for nth in range(1, steps + 1):
        hub.reset()
        hub.hub.users[token] = user
        kind = KINDS[(first + nth) % 4]
        hub.fail(Fault(kind, ".*", nth=nth, after=5))
        publish(folder, REPO)
        assert is_published(hub, folder), f"after {kind} at request {nth}"


def test_a_run_that_failed_anywhere_goes_on(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """From one request on everything fails, so the run does; the next run ends it without doing anything twice."""
    monkeypatch.setattr(hub_module, "BACKOFF", ())
    token = os.environ["HF_TOKEN"]
    user = hub.hub.users[token]
    for nth in range(1, len(requests_of_a_publication(folder, hub)) + 1):
        hub.reset()
        hub.hub.users[token] = user
        kind = KINDS[nth % 2]
        hub.fail(Fault("lost", ".*", nth=nth))  # this one has its effect
        hub.fail(Fault(kind, ".*", nth=nth, times=10_000))
        with pytest.raises(HubkitError):
            publish(folder, REPO)
        hub.faults.clear()
        publish(folder, REPO)
        assert is_published(hub, folder), f"after {kind} from request {nth} on"


def test_the_client_alone_commits_twice_or_not_at_all(folder: Path, hub: HubServer) -> None:
    """What publishing adds: huggingface_hub does not repeat the commit call."""
    hub.hub.create(REPO)
    hub.fail(Fault("status", "POST .*/commit/.*"))
    with pytest.raises(Exception, match="503"):
        HfApi(endpoint=hub.url).upload_folder(folder_path=folder, repo_id=REPO)
    assert state(hub)[0] == 0
    publish(folder, REPO)
    assert is_published(hub, folder)


def test_another_commit_in_between(folder: Path, hub: HubServer) -> None:
    hub.hub.create(REPO)
    original = hub_module.commit_files
    meddled = []

    def meddle(*arguments: Any) -> None:
        if not meddled:
            meddled.append(hub.hub.put(REPO, {"LICENSE": b"theirs"}))
        original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub_module, "commit_files", meddle)
        publish(folder, REPO)
    commits, files, _ = state(hub)
    assert commits == 2 and files == {**contents(folder), "LICENSE": b"theirs"}


def test_a_tag_that_someone_else_sets_in_between(folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    original = hub_module.create_tag

    def meddle(repo_id: str, tag: str, commit: str) -> None:
        hub.hub.repos[REPO].tags[tag] = hub.hub.repos[REPO].history()[-1].oid
        original(repo_id, tag, commit)

    monkeypatch.setattr(hub_module, "create_tag", meddle)
    with pytest.raises(HubkitError, match="by someone else"):
        publish(folder, REPO)


def _publish(folder: Path) -> None:
    publish(folder, REPO)
    os._exit(0)


def test_killed_at_any_moment(folder: Path, hub: HubServer) -> None:
    """kill -9 at 30 moments of publishing: the next run always ends in one commit and one tag."""
    context, moments, killed = multiprocessing.get_context("fork"), random.Random(1), 0
    token = os.environ["HF_TOKEN"]
    user = hub.hub.users[token]
    for _ in range(30):
        hub.reset()
        hub.hub.users[token] = user
        child = context.Process(target=_publish, args=(folder,))
        child.start()
        time.sleep(moments.uniform(0.01, 0.25))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join(10)
        killed += child.exitcode == -signal.SIGKILL
        publish(folder, REPO)
        assert is_published(hub, folder)
    assert killed >= 10


def test_two_at_once(folder: Path, hub: HubServer) -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_publish, args=(folder,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    publish(folder, REPO)
    assert is_published(hub, folder)


# Signatures


@pytest.fixture
def key(tmp_path: Path) -> Path:
    pytest.importorskip("model_signing.signing")
    return make_key(tmp_path / "key.pem")


def make_key(path: Path) -> Path:
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path], check=True)
    subprocess.run(["openssl", "ec", "-in", path, "-pubout", "-out", path.with_suffix(".pub")], check=True)
    return path


def test_signed(folder: Path, hub: HubServer, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = publish(folder, REPO, sign=key)
    assert done.record.provenance is not None and done.record.provenance.signer.startswith("sha256:")
    again = publish(folder, REPO, sign=key)
    assert again.steps == () and again.record == done.record
    installed = fetch_record(done.record, public_key=key.with_suffix(".pub"))
    assert contents(installed) == contents(folder)
    with pytest.raises(VerificationError, match="is not signed by the key"):
        fetch_record(done.record, public_key=make_key(tmp_path / "other.pem").with_suffix(".pub"))
    assert settings().adapters.is_dir()


def test_signed_after_an_interruption(folder: Path, hub: HubServer, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "BACKOFF", ())
    hub.fail(Fault("lost", "POST .*/commit/.*"))
    hub.fail(Fault("drop", "POST .*/tag/.*", times=9))
    with pytest.raises(HubkitError):
        publish(folder, REPO, sign=key)
    hub.faults.clear()
    publish(folder, REPO, sign=key)
    assert state(hub)[0] == 1, "the signature that is there is used, not a new one"


def test_an_unsigned_version_is_not_signed_later(folder: Path, hub: HubServer, key: Path) -> None:
    done = publish(folder, REPO)
    with pytest.raises(HubkitError, match=r"other content \(model\.sig\)"):
        publish(folder, REPO, sign=key)
    with pytest.raises(VerificationError, match="is not signed"):
        fetch_record(done.record, public_key=key.with_suffix(".pub"))
