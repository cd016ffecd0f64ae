"""The server against the genuine client: what it answers is what the client understands."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubserver import Fault, HubServer

pytest_plugins = ["hubserver.fixtures"]
CARD = (
    b"---\nlanguage: [sw]\nlicense: mit\ntags: [hubkit]\nbase_model: a/b\nbase_model_relation: adapter\n---\n# Card\n"
)


@pytest.fixture
def api(hub: HubServer, token: str) -> HfApi:
    return HfApi(endpoint=hub.url)


@pytest.fixture
def repo(api: HfApi) -> str:
    """A repository with a card, a file in a folder and a large file."""
    api.create_repo("org/model")
    operations = [
        CommitOperationAdd("README.md", CARD),
        CommitOperationAdd("a/b c.txt", b"text"),
        CommitOperationAdd("adapter.safetensors", bytes(range(256)) * 40),
    ]
    api.create_commit("org/model", operations, commit_message="first")
    return "org/model"


def test_who(api: HfApi, hub: HubServer) -> None:
    who = api.whoami()
    assert (who["name"], [org["name"] for org in who["orgs"]]) == ("ann", ["org"])
    with pytest.raises(requests.HTTPError, match="Invalid user token"):
        HfApi(endpoint=hub.url, token="hf_wrong").whoami()


def test_create_move_delete(api: HfApi, hub: HubServer) -> None:
    assert api.create_repo("org/one").repo_id == "org/one"
    assert api.create_repo("org/one", exist_ok=True).repo_id == "org/one"
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo("org/one")
    with pytest.raises(HfHubHTTPError, match="403"):
        api.create_repo("others/one")
    api.move_repo("org/one", "org/two")
    api.delete_repo("org/two")
    assert not api.repo_exists("org/two")


def test_a_commit_and_what_is_there_after_it(api: HfApi, repo: str, hub: HubServer) -> None:
    info = api.model_info(repo, files_metadata=True)
    assert info.sha == hub.hub.repos[repo].head.oid
    assert info.card_data is not None and info.card_data.license == "mit"
    assert {"hubkit", "sw", "license:mit", "base_model:adapter:a/b"} <= set(info.tags or [])
    tree = {entry.path: entry for entry in api.list_repo_tree(repo, recursive=True)}
    assert set(tree) == {".gitattributes", "README.md", "a", "a/b c.txt", "adapter.safetensors"}
    assert tree["adapter.safetensors"].lfs.size == 10240
    assert tree["a/b c.txt"].lfs is None
    assert [entry.path for entry in api.list_repo_tree(repo, "a")] == ["a/b c.txt"]
    (found, _) = api.get_paths_info(repo, ["a/b c.txt", "adapter.safetensors", "missing"])
    assert found.blob_id == tree["a/b c.txt"].blob_id
    assert [made.title for made in api.list_repo_commits(repo)] == ["first", "initial commit"]


def test_unchanged_files_make_no_commit(api: HfApi, repo: str) -> None:
    before = api.model_info(repo).sha
    operations = [CommitOperationAdd("README.md", CARD), CommitOperationAdd("a/b c.txt", b"text")]
    assert api.create_commit(repo, operations, commit_message="again").oid == before


def test_delete_and_parent(api: HfApi, repo: str) -> None:
    head = api.model_info(repo).sha
    api.create_commit(repo, [CommitOperationDelete("a/")], commit_message="less", parent_commit=head)
    assert "a/b c.txt" not in api.list_repo_files(repo)
    with pytest.raises(HfHubHTTPError, match="412"):
        api.create_commit(repo, [CommitOperationDelete("README.md")], commit_message="late", parent_commit=head)


def test_a_broken_card_is_refused(api: HfApi, repo: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        api.create_commit(repo, [CommitOperationAdd("README.md", b"---\na: [\n---\n")], commit_message="broken")


def test_large_files_in_parts(api: HfApi, repo: str, hub: HubServer) -> None:
    hub.hub.part_size = 1000
    data = bytes(range(250)) * 11
    api.upload_file(path_or_fileobj=data, path_in_repo="other.safetensors", repo_id=repo)
    assert hub.hub.repos[repo].head.files["other.safetensors"].data == data
    assert len(hub.requests("PUT", "/lfs/part/")) == 3


def test_tags_and_branches(api: HfApi, repo: str, hub: HubServer) -> None:
    head = api.model_info(repo).sha
    api.create_tag(repo, tag="v1.0.0", revision=head)
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_tag(repo, tag="v1.0.0")
    api.create_branch(repo, branch="feat/x")
    made = api.upload_file(path_or_fileobj=b"new", path_in_repo="new.txt", repo_id=repo, revision="feat/x")
    refs = api.list_repo_refs(repo)
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1.0.0": head}
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": head, "feat/x": made.oid}
    assert api.model_info(repo, revision="feat/x").sha == made.oid
    api.delete_tag(repo, tag="v1.0.0")
    api.delete_branch(repo, branch="feat/x")
    assert not api.list_repo_refs(repo).tags


def test_download(repo: str, hub: HubServer, tmp_path: Path) -> None:
    folder = Path(snapshot_download(repo, endpoint=hub.url, cache_dir=tmp_path / "cache"))
    assert (folder / "adapter.safetensors").read_bytes() == bytes(range(256)) * 40
    assert (folder / "a" / "b c.txt").read_bytes() == b"text"
    assert all("authorization" not in one.headers for one in hub.seen if one.origin == "cdn")
    assert any(one.origin == "cdn" for one in hub.seen)


def test_ranges(repo: str, hub: HubServer, token: str) -> None:
    url = f"{hub.url}/{repo}/resolve/main/adapter.safetensors"
    answer = requests.get(url, headers={"Range": "bytes=10230-"}, timeout=5)
    assert (answer.status_code, answer.content) == (206, bytes(range(246, 256)))
    assert answer.headers["content-range"] == "bytes 10230-10239/10240"
    assert requests.get(url, headers={"Range": "bytes=10240-"}, timeout=5).status_code == 416
    head = requests.head(url, timeout=5)
    assert (head.status_code, head.headers["x-linked-size"]) == (302, "10240")


def test_list_with_filters_and_pages(api: HfApi, hub: HubServer, repo: str) -> None:
    for number in range(7):
        hub.hub.put(f"org/sw{number}", {"README.md": CARD}, private=number == 0)
    hub.hub.put("other/plain", {"x.txt": b"x"})
    hub.hub.page_size = 3
    assert len(list(api.list_models())) == 9
    assert len(list(api.list_models(filter=["hubkit", "sw"]))) == 8
    assert len(list(api.list_models(filter="hubkit", limit=4))) == 4
    assert [found.id for found in api.list_models(search="SW3", cardData=True)] == ["org/sw3"]
    assert [found.id for found in api.list_models(author="other")] == ["other/plain"]
    assert "org/sw0" not in [found.id for found in HfApi(endpoint=hub.url, token=False).list_models()]


def test_typed_errors(repo: str, hub: HubServer, api: HfApi) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("org/none")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo, revision="none")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo, "none.txt", endpoint=hub.url)
    hub.hub.repos[repo].gated = True
    with pytest.raises(GatedRepoError):
        HfApi(endpoint=hub.url, token=False).model_info(repo)


def test_rights(repo: str, hub: HubServer) -> None:
    hub.hub.repos[repo].private = True
    reader = HfApi(endpoint=hub.url, token=hub.hub.add_user("rae", "read", ("org",)))
    assert reader.model_info(repo).private
    with pytest.raises(HfHubHTTPError, match="403"):
        reader.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id=repo)
    for other in (False, hub.hub.add_user("eve")):
        with pytest.raises(RepositoryNotFoundError):
            HfApi(endpoint=hub.url, token=other).model_info(repo)


URL = "/org/plain/resolve/main/x.bin"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("status", "GET .*", status=429, headers={"Retry-After": "7"}), 429),
        (Fault("drop", "GET .*"), requests.ConnectionError),
        (Fault("lost", "GET .*"), requests.ConnectionError),
        (Fault("hang", "GET .*", seconds=0.1), requests.ConnectionError),
        (Fault("truncate", "GET .*", after=10), requests.exceptions.ChunkedEncodingError),
        (Fault("corrupt", "GET .*"), b"x" * 50 + b"y" + b"x" * 49),
        (Fault("long", "GET .*", after=5), b"x" * 100 + bytes(5)),
        (Fault("slow", "GET .*", seconds=0.01), b"x" * 100),
        (Fault("drop", "GET .*", nth=2), b"x" * 100),
    ],
    ids=lambda value: value.kind + str(value.nth) if isinstance(value, Fault) else "",
)
def test_faults(fault: Fault, expected: object, hub: HubServer) -> None:
    hub.hub.lfs_above = 1_000_000
    hub.hub.put("org/plain", {"x.txt": b"x" * 100})
    hub.fail(fault)
    url = f"{hub.url}/org/plain/resolve/main/x.txt"
    if isinstance(expected, type):
        with pytest.raises(expected):
            requests.get(url, timeout=5)
    elif isinstance(expected, int):
        assert requests.get(url, timeout=5).status_code == expected
    else:
        assert requests.get(url, timeout=5).content == expected
