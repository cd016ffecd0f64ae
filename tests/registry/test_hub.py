"""The one module that talks to the Hub: where the token goes, what errors say, what is on the Hub."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
from hubserver import Fault, HubServer
from huggingface_hub.utils import _http, are_progress_bars_disabled

import hubkit
from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.registry import hub as module
from hubkit.registry.discover import hub_search

pytest_plugins = ["hubserver.fixtures"]
PACKAGE = Path(hubkit.__file__).parent
CLIENTS = {"huggingface_hub", "requests", "httpx", "urllib3", "aiohttp", "ftplib", "smtplib"}
CLIENT_MODULES = {"urllib.request", "http.client"}
REPO = "org/hubkit-lang-rw"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF", (0.01, 0.01))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_other_module_talks_to_the_network() -> None:
    for path in PACKAGE.rglob("*.py"):
        names = imports(path)
        used = {name for name in names if name.split(".")[0] in CLIENTS} | (names & CLIENT_MODULES)
        if path != PACKAGE / "registry" / "hub.py":
            assert not used, f"{path.relative_to(PACKAGE)} imports {', '.join(sorted(used))}"
    assert "requests" in imports(PACKAGE / "registry" / "hub.py")


def read(at: str, repo_id: str = REPO, path: str = "a.safetensors", start: int = 0) -> bytes:
    with module.opened(at, repo_id, "main", path, start) as body:
        return b"".join(body.chunks)


def test_a_file_and_the_rest_of_a_file(hub: HubServer) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"0123456789", "b ü#?.txt": b"small"})
    assert read(hub.url) == b"0123456789"
    assert read(hub.url, path="b ü#?.txt") == b"small"
    with module.opened(hub.url, REPO, "main", "a.safetensors", 4) as body:
        assert (body.start, body.length, b"".join(body.chunks)) == (4, 6, b"456789")
    hub.hub.ranges = False
    with module.opened(hub.url, REPO, "main", "a.safetensors", 4) as body:
        assert (body.start, body.length) == (0, 10)


def test_nothing_is_unpacked_on_the_way(hub: HubServer) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"0123456789"})
    hub.fail(Fault("headers", "GET .*", times=9, headers={"content-encoding": "gzip"}))
    assert read(hub.url) == b"0123456789"
    assert {one.headers["accept-encoding"] for one in hub.seen} == {"identity"}


# The token


@pytest.fixture
def stranger() -> HubServer:
    """Another origin that answers everything."""
    with HubServer() as server:
        server.hub.put(REPO, {"a.safetensors": b"evil"})
        yield server  # type: ignore[misc]


def leaks(server: HubServer) -> list[str]:
    return [one.path for one in server.seen if {"authorization", "cookie"} & set(one.headers)]


def test_a_redirect_takes_no_token_along(hub: HubServer, stranger: HubServer, token: str) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"good"})
    elsewhere = {"location": f"{stranger.url}/{REPO}/resolve/main/a.safetensors"}
    hub.fail(Fault("headers", "GET .*/resolve/.*", headers=elsewhere))
    read(hub.url)
    assert hub.seen[0].headers["authorization"] == f"Bearer {token}"
    assert stranger.seen and not leaks(stranger)


def test_a_redirect_within_the_origin_keeps_the_token(hub: HubServer, token: str) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"good"}, private=True)
    hub.hub.put("org/moved", {"a.safetensors": b"old"})
    there = {"location": f"{hub.url}/{REPO}/resolve/main/a.safetensors"}
    hub.fail(Fault("headers", "GET /org/moved/.*", headers=there))
    assert read(hub.url, "org/moved") == b"good"


def test_a_mirror_gets_no_token(stranger: HubServer, hub: HubServer, token: str) -> None:
    read(stranger.url)
    assert stranger.seen and not leaks(stranger)


def test_an_upload_takes_no_token_along(
    hub: HubServer, stranger: HubServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server names the address to verify an upload at; the client sends the token there."""
    hub.hub.create("org/x")
    stranger.hub.objects["0" * 64] = b""
    url = hub.hub.url
    monkeypatch.setattr(hub.hub, "url", stranger.url)
    with pytest.raises(HubkitError):
        module.commit_files("org/x", {"a.safetensors": b"data"}, [], "message", hub.hub.repos["org/x"].head.oid)
    assert url == hub.hub.url or stranger.seen
    assert stranger.requests("PUT", "/lfs/put/") and not leaks(stranger)


def test_a_next_page_takes_no_token_along(hub: HubServer, stranger: HubServer, token: str) -> None:
    hub.hub.put("org/a", {"README.md": b"---\ntags: [hubkit]\n---\n"})
    hub.fail(Fault("headers", "GET /api/models.*", headers={"link": f'<{stranger.url}/api/models>; rel="next"'}))
    module.list_models(["hubkit"], 500)
    assert stranger.seen and not leaks(stranger)


def test_no_cookie_is_kept_and_no_netrc_read(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"good", "b.txt": b"b"})
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    hub.fail(Fault("headers", "GET .*", times=9, headers={"set-cookie": "a=b; Path=/"}))
    read(hub.url)
    read(hub.url, path="b.txt")
    module.find_repo(REPO)
    assert len(hub.seen) == 4 and not leaks(hub)


def test_the_token_is_of_huggingface_hub_s_own_rules(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"x"}, private=True)
    with pytest.raises(NotFoundError, match="a private repository needs a token"):
        read(hub.url)
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text(hub.hub.add_user("bob", "read", ("org",)) + "\n")
    assert read(hub.url) == b"x"
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(NotFoundError):
        read(hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.hub.add_user("ann", "read", ("org",)))
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    assert read(hub.url) == b"x"


CALLS: list[Callable[[], object]] = [
    lambda: module.find_repo(REPO),
    lambda: module.list_files(REPO, "main"),
    lambda: module.create_repo("org/new", False),
    lambda: module.list_tags(REPO),
    lambda: module.create_tag(REPO, "v1", "main"),
    lambda: module.commit_files(REPO, {"x.safetensors": b"x"}, [], "message", "a" * 40),
    lambda: module.list_models(["hubkit"], 10),
    lambda: read(module.endpoint()),
]


@pytest.mark.parametrize("call", CALLS, ids=range(len(CALLS)))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
def test_no_error_shows_the_token(call: Callable[[], object], status: int, hub: HubServer, token: str) -> None:
    """Not even when the server sends it back."""
    hub.hub.put(REPO, {"a.safetensors": b"x"})
    hub.fail(Fault("status", ".*", times=99, status=status, headers={"x-error-message": f"no {token} here hf_other1"}))
    try:
        call()
    except HubkitError as error:
        shown = "".join(traceback.format_exception(error)) + str(error)
        assert token not in shown and "hf_other1" not in shown
        assert "<token>" in str(error) or status == 409  # which the client takes for an answer
    else:
        assert status in (404, 409), "these may mean that a repository is missing, or there already"


def test_a_token_of_another_shape_is_not_shown_either(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "oddly.shaped-secret")
    hub.fail(Fault("status", ".*", times=9, status=400, headers={"x-error-message": "no oddly.shaped-secret here"}))
    with pytest.raises(HubkitError, match="no <token> here"):
        module.list_tags(REPO)


# Errors


@pytest.mark.parametrize(
    ("status", "kind", "retriable", "says"),
    [
        (401, module.HubError, False, "hf auth login"),
        (403, module.HubError, False, "hf auth login"),
        (404, NotFoundError, None, "Check the spelling"),
        (412, module.HubError, False, "412"),
        (429, module.HubError, True, "goes on where it stopped"),
        (500, module.HubError, True, "goes on where it stopped"),
        (503, module.HubError, True, "goes on where it stopped"),
    ],
)
def test_what_a_status_means(
    status: int, kind: type[HubkitError], retriable: bool | None, says: str, hub: HubServer, token: str
) -> None:
    hub.fail(Fault("status", ".*", times=99, status=status, headers={"Retry-After": "7"}))
    for call in (lambda: module.list_files(REPO, "main"), lambda: read(hub.url)):
        with pytest.raises(kind, match=says) as caught:
            call()
        if isinstance(caught.value, module.HubError):
            assert (caught.value.status, caught.value.retriable) == (status, retriable)
            assert caught.value.retry_after == 7.0


def test_retry_after_is_waited_for(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"x"})
    waits: list[float] = []
    monkeypatch.setattr("hubkit.registry.hub.time.sleep", waits.append)
    hub.fail(Fault("status", ".*", status=429, headers={"Retry-After": "7"}))
    hub.fail(Fault("status", ".*", nth=1, status=429, headers={"Retry-After": "100000"}))
    module.persistently(lambda: read(hub.url))
    assert waits == [7.0, module.MAX_WAIT]


@pytest.mark.parametrize("kind", ["drop", "truncate"])
def test_a_cut_connection_may_be_tried_again(kind: str, hub: HubServer) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"x" * 5000})
    hub.fail(Fault(kind, "GET .*", times=99, after=10))  # type: ignore[arg-type]
    for call in (lambda: module.list_files(REPO, "main"), lambda: read(hub.url)):
        with pytest.raises(module.HubError) as caught:
            call()
        assert caught.value.retriable


def test_something_that_is_no_hub(monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> None:
    hub.hub.put(REPO, {"x.txt": b"x"})
    for endpoint in (f"{hub.url}/{REPO}/resolve/main/x.txt?", "ftp://127.0.0.1", "nonsense"):
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        with pytest.raises(HubkitError):
            module.list_files(REPO, "main")


def test_circles_end(hub: HubServer) -> None:
    hub.hub.put(REPO, {"a.safetensors": b"x"})
    hub.fail(Fault("headers", "GET .*", times=99, headers={"location": f"{hub.url}/{REPO}/resolve/main/a.safetensors"}))
    with pytest.raises(module.HubError) as caught:
        read(hub.url)
    assert not caught.value.retriable and len(hub.seen) < 10


def test_the_client_is_left_as_it_was(hub: HubServer) -> None:
    before = _http._GLOBAL_BACKEND_FACTORY
    with pytest.raises(NotFoundError):
        module.list_tags("org/none")
    assert before is _http._GLOBAL_BACKEND_FACTORY
    assert not are_progress_bars_disabled()
    assert type(huggingface_hub.utils.get_session()).__name__ == "Session"


def test_the_endpoint_is_read_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://example.org/")
    assert module.endpoint() == "http://example.org"
    monkeypatch.delenv("HF_ENDPOINT")
    assert module.endpoint() == "https://huggingface.co"


def test_it_works_where_the_client_knows_another_endpoint(hub: HubServer, token: str) -> None:
    """In a process of its own, where HF_ENDPOINT is set after huggingface_hub was imported."""
    hub.hub.create("org/x")
    code = f"""
import huggingface_hub.constants, os
os.environ["HF_ENDPOINT"] = {hub.url!r}
from hubkit.registry import hub
hub.commit_files("org/x", {{"a.txt": b"data"}}, [], "m", hub.find_repo("org/x").commit)
assert "a.txt" in hub.list_files("org/x", "main")
"""
    environment = {key: value for key, value in os.environ.items() if key != "HF_ENDPOINT"}
    environment["PYTHONPATH"] = str(PACKAGE.parent)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# Discovery


def card(**values: object) -> bytes:
    import yaml

    content = {"tags": ["hubkit", "adapter-transformers", "lora"], "license": "apache-2.0", **values}
    return f"---\n{yaml.safe_dump(content)}---\n# Card\n".encode()


@pytest.fixture
def models(hub: HubServer) -> HubServer:
    put = hub.hub.put
    put("ann/hubkit-lang-sw", {"README.md": card(language=["sw"], base_model="intfloat/multilingual-e5-small")})
    put("bob/swahili-lang-sw", {"README.md": card(language="sw", tags=["hubkit", "seq_bn"], license="mit")})
    put("ann/hubkit-fam-bantu", {"README.md": card(language=["sw", "rw"])})
    put("cat/serbian", {"README.md": card(language=["sr"], language_bcp47=["sr-Latn"])})
    put("dan/unrelated", {"README.md": b"---\nlanguage: sw\n---\n"})
    put("eve/nothing", {"x.txt": b""})
    hub.hub.repos["bob/swahili-lang-sw"].downloads = 9
    return hub


def ids(**options: object) -> list[str]:
    return [result.repo_id for result in hub_search(**options)]  # type: ignore[arg-type]


def test_search_by_tags(models: HubServer) -> None:
    everything = {"ann/hubkit-lang-sw", "bob/swahili-lang-sw", "ann/hubkit-fam-bantu", "cat/serbian"}
    assert set(ids()) == everything
    assert ids(language="Swahili")[0] == "bob/swahili-lang-sw"
    assert set(ids(language="swh")) == everything - {"cat/serbian"}
    assert ids(language="sr-Latn") == ["cat/serbian"]
    assert ids(kind="family") == ["ann/hubkit-fam-bantu"]
    assert ids(method="seq_bn") == ids(license="MIT") == ["bob/swahili-lang-sw"]
    assert ids(base_model="intfloat/multilingual-e5-small") == ["ann/hubkit-lang-sw"]
    assert len(ids(limit=2)) == 2


def test_search_by_words(models: HubServer) -> None:
    assert set(ids(query="swahili")) == {"ann/hubkit-lang-sw", "bob/swahili-lang-sw", "ann/hubkit-fam-bantu"}
    assert ids(query="Swahili bantu") == ["ann/hubkit-fam-bantu"]
    assert ids(query="nothing of this") == []


def test_what_a_result_has(models: HubServer) -> None:
    (result,) = hub_search(base_model="intfloat/multilingual-e5-small")
    assert (result.name, result.languages, result.license) == ("lang-sw", ("sw",), "apache-2.0")
    assert result.commit == models.hub.repos["ann/hubkit-lang-sw"].head.oid
    assert hub_search(query="serbian")[0].name is None


def test_a_stranger_s_words_cannot_move_the_cursor(hub: HubServer) -> None:
    hub.hub.put("eve/x", {"README.md": card(license="\x1b[2Jevil", language=["\x1b[31m" + "x" * 500])})
    (result,) = hub_search()
    shown = f"{result.license}{''.join(result.languages)}{''.join(result.tags)}"
    assert "\x1b" not in shown and len(shown) < 1000


def test_as_hits_beside_those_of_the_indexes(models: HubServer) -> None:
    from hubkit.registry.discover import find_on_hub
    from hubkit.registry.search import Query

    (hit,) = find_on_hub(Query(text="swahili", kind="family"))
    assert (hit.name, hit.kind, hit.evidence, hit.gain) == ("ann/hubkit-fam-bantu", "family", 0, None)
    assert hit.origin == "the Hub, unverified" and hit.words == 1
    assert find_on_hub(Query(language="sw", family="Bantu")) == find_on_hub(Query(min_gain=0.1)) == []


def test_no_search_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE"):
        hub_search("x")
