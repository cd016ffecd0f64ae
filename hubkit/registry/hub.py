"""The Hub over HTTP: uploads and lists through huggingface_hub, downloads as plain requests; only this module does it.

The token goes to the endpoint's own origin and nowhere else, whatever a redirect or an upload address says; no cookie
is kept; no request waits for ever; no error shows the token.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import huggingface_hub
import requests
import urllib3
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelInfo
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import _http
from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

from hubkit.errors import HubkitError, NotFoundError
from hubkit.version import __version__

DEFAULT_ENDPOINT = "https://huggingface.co"
TIMEOUT = (10.0, 60.0)  # seconds to connect, and from one byte to the next
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
MAX_WAIT = 60.0  # seconds, whatever Retry-After says
CHUNK = 1 << 17  # bytes; an interrupt waits for one
AGENT = f"hubkit/{__version__}"
_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN, with a token that may do this."
_LATER = "Run the same command again later: it goes on where it stopped."
_PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_TRUE = {"1", "ON", "YES", "TRUE"}
_local = threading.local()
_one_client = threading.RLock()
Result = TypeVar("Result")
RemoteModel = ModelInfo


class HubError(HubkitError):
    """The Hub refused, failed or could not be reached. ``retriable``: the same request may work in a moment."""

    status: int | None = None
    retry_after: float | None = None  # seconds

    def __init__(self, what: str, fix: str | None = None, retriable: bool = False) -> None:
        super().__init__(what, fix)
        self.retriable = retriable


@dataclass(frozen=True, slots=True)
class RemoteRepo:
    """A repository: the commit of its main branch, and who may see it."""

    commit: str
    private: bool


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository as the Hub describes it. ``sha256`` is only known of large files."""

    path: str
    size: int
    git_oid: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Body:
    """An answer with (the rest of) a file: where its first byte belongs, how many are announced, and the bytes."""

    start: int
    length: int | None
    chunks: Iterator[bytes]


def endpoint() -> str:
    """``HF_ENDPOINT``, or the public Hub."""
    return (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def is_offline() -> bool:
    """Whether ``HF_HUB_OFFLINE`` forbids the network."""
    return (os.environ.get("HF_HUB_OFFLINE") or "").upper() in _TRUE


def has_token() -> bool:
    """Whether huggingface_hub finds a token, in ``HF_TOKEN`` or where `hf auth login` put it."""
    return huggingface_hub.get_token() is not None


def persistently(call: Callable[[], Result]) -> Result:
    """``call()``, again after a pause as long as the failure is one that passes. The call must bear being repeated."""
    for pause in BACKOFF:
        try:
            return call()
        except HubError as failure:
            if not failure.retriable:
                raise
            time.sleep(min(failure.retry_after or pause, MAX_WAIT))
    return call()


class _Session(requests.Session):
    """Sends Authorization to one origin only, also after a redirect; has no cookies, no .netrc, no endless wait."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = _origin(home)
        self.max_redirects = 5
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = lambda request: request  # requests would ask .netrc for another

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if _origin(request.url or "") != self.home:
            request.headers.pop("Authorization", None)
        request.headers.pop("Cookie", None)  # a redirect's own, which the session's policy does not see
        options["timeout"] = options.get("timeout") or TIMEOUT
        return super().send(request, **options)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """``send`` decides for every request alike."""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _session(at: str) -> requests.Session:
    """This thread's session for an endpoint; only the Hub's own gets the token, a mirror does not."""
    token = _implicit_token() if at == endpoint() else None
    key = (os.getpid(), at, token)
    if getattr(_local, "key", None) != key:
        session = _Session(at)
        session.headers["User-Agent"] = AGENT
        session.headers["Accept-Encoding"] = "identity"  # nothing that grows when it is unpacked
        if token is not None:
            session.headers["Authorization"] = f"Bearer {token}"
        _local.key, _local.session = key, session
    found: requests.Session = _local.session
    return found


def _implicit_token() -> str | None:
    if (os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN") or "").upper() in _TRUE:
        return None
    return huggingface_hub.get_token()


@contextmanager
def opened(at: str, repo_id: str, commit: str, path: str, start: int = 0) -> Iterator[Body]:
    """A file at a commit, from byte ``start`` on if the server can, from the endpoint ``at``.

    Raises :class:`HubError`, also while chunks are read, and :class:`NotFoundError`.
    """
    url = f"{at}/{quote(repo_id)}/resolve/{quote(commit, safe='')}/{quote(path, safe='')}"
    headers = {"Range": f"bytes={start}-"} if start else {}
    try:
        with _session(at).get(url, headers=headers, stream=True) as response:
            response.raise_for_status()
            length = response.headers.get("Content-Length", "")
            chunks = response.raw.stream(CHUNK, decode_content=False)
            yield Body(_first_byte(response), int(length) if length.isdigit() else None, chunks)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _failure(error, f"{repo_id} at {at}") from None


def _first_byte(response: requests.Response) -> int:
    if response.status_code != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if match is None:
        raise HubError(f"{urlsplit(response.url).hostname} sent a part of a file without saying which.", _LATER)
    return int(match[1])


@dataclass(frozen=True, slots=True)
class _Sessions:
    """What huggingface_hub makes its sessions with."""

    at: str

    def __call__(self) -> requests.Session:
        return _Session(self.at)


@contextmanager
def connected() -> Iterator[None]:
    """Keep connections between calls; huggingface_hub uses our sessions, silently, until the outermost block ends."""
    log = logging.getLogger("huggingface_hub")
    with _one_client:
        before, level, bars = _http._GLOBAL_BACKEND_FACTORY, log.level, not are_progress_bars_disabled()
        if before == (ours := _Sessions(endpoint())):
            yield
            return
        huggingface_hub.configure_http_backend(ours)
        log.setLevel(logging.CRITICAL)  # its warnings hold signed addresses
        if bars:
            disable_progress_bars()
        try:
            yield
        finally:
            huggingface_hub.configure_http_backend(before)
            log.setLevel(level)
            if bars:
                enable_progress_bars()


@contextmanager
def _client(repo_id: str) -> Iterator[HfApi]:
    """huggingface_hub's client; its errors become :class:`HubError`."""
    at = endpoint()
    with connected():
        try:
            yield HfApi(endpoint=at, library_name="hubkit", library_version=__version__)
        except HubkitError:
            raise
        except (requests.RequestException, RuntimeError, ValueError, LookupError, TypeError, EOFError) as error:
            raise _failure(error, f"{repo_id} at {at}") from None


def find_repo(repo_id: str) -> RemoteRepo | None:
    """The repository; ``None`` when there is none (or this token may not see it)."""
    with _client(repo_id) as api:
        try:
            found = api.model_info(repo_id)
            return RemoteRepo(str(found.sha), bool(found.private))
        except RepositoryNotFoundError as error:
            if error.response is not None and error.response.status_code == 401 and _had_token(error.response):
                raise
            return None


def create_repo(repo_id: str, private: bool) -> None:
    """Create a model repository; nothing happens when it is there."""
    with _client(repo_id) as api:
        api.create_repo(repo_id, private=private, exist_ok=True)


def list_files(repo_id: str, revision: str) -> dict[str, RemoteFile]:
    """Path → file, all files at a revision."""
    with _client(repo_id) as api:
        entries = list(api.list_repo_tree(repo_id, recursive=True, revision=revision))
    files = (entry for entry in entries if isinstance(entry, RepoFile))
    return {
        file.path: RemoteFile(file.path, file.size, file.blob_id, file.lfs.sha256 if file.lfs else None)
        for file in files
    }


def dataset_file(repo_id: str, path: str, revision: str, cache: Path) -> Path:
    """A file of a dataset repository at a revision, from ``cache`` where it is there; a commit's needs no network then.

    Raises :class:`HubError` and :class:`NotFoundError`.
    """
    with _client(repo_id) as api:
        found = api.hf_hub_download(repo_id, path, repo_type="dataset", revision=revision, cache_dir=cache)
    return Path(found)


def list_tags(repo_id: str) -> dict[str, str]:
    """Tag → commit."""
    with _client(repo_id) as api:
        return {ref.name: ref.target_commit for ref in api.list_repo_refs(repo_id).tags}


def create_tag(repo_id: str, tag: str, commit: str) -> None:
    """Tag a commit; a tag that is there stays where it is."""
    with _client(repo_id) as api:
        api.create_tag(repo_id, tag=tag, revision=commit, exist_ok=True)


def commit_files(repo_id: str, files: Mapping[str, bytes], removed: Iterable[str], message: str, parent: str) -> None:
    """Add ``files`` and remove others in one commit on top of ``parent``. Not repeated: its outcome may be unknown."""
    added = [CommitOperationAdd(path, data) for path, data in files.items()]
    deleted = [CommitOperationDelete(path) for path in removed]
    with _client(repo_id) as api:
        api.create_commit(repo_id, [*added, *deleted], commit_message=message, parent_commit=parent)


def list_models(tags: Iterable[str], limit: int) -> list[RemoteModel]:
    """Repositories with all these tags that the token may see, most downloaded first, with their card's metadata."""
    with _client("the list of models") as api:
        order: dict[str, Any] = {"sort": "downloads", "direction": -1}
        return list(api.list_models(filter=list(tags), limit=limit, full=True, cardData=True, **order))


def _failure(error: BaseException, where: str) -> HubkitError:
    """What went wrong, in one sentence without the token."""
    if isinstance(error, RuntimeError) and error.__cause__ is not None:  # an upload's thread wraps its error
        return _failure(error.__cause__, where)
    response = getattr(error, "response", None)
    if isinstance(response, requests.Response) and response.status_code >= 400:
        return _answered(response, getattr(error, "server_message", None), where)
    if isinstance(error, (*_PASSING, urllib3.exceptions.HTTPError)):
        reason = type(error.args[0] if error.args and isinstance(error.args[0], Exception) else error).__name__
        return HubError(f"{where}: the connection failed ({reason}).", _LATER, retriable=True)
    if isinstance(error, requests.exceptions.JSONDecodeError) or "from the passed HF ID" in str(error):
        return HubError(f"{where}: the answer cannot be read.", _LATER, retriable=True)
    said = redacted(f"{type(error).__name__}: {error}")
    return HubError(f"{where}: {said}.", "Check the card's metadata, and that HF_ENDPOINT is a Hub.")


def _answered(response: requests.Response, message: str | None, where: str) -> HubkitError:
    status = response.status_code
    said = redacted(message or response.headers.get("X-Error-Message") or response.reason or "")
    if status == 404 or (response.headers.get("X-Error-Code") == "RepoNotFound" and not _had_token(response)):
        return NotFoundError(f"{where}: not found ({said}).", "Check the spelling; a private repository needs a token.")
    passing = status == 429 or status >= 500
    fix = _LATER if passing else _LOGIN if status in (401, 403) else None
    error = HubError(f"{where}: refused with {status} ({said}).", fix, retriable=passing)
    after = response.headers.get("Retry-After", "")
    error.status, error.retry_after = status, float(after) if after.isdigit() else None
    return error


def _had_token(response: requests.Response) -> bool:
    return "Authorization" in response.request.headers


def redacted(text: str) -> str:
    """One line of at most 300 characters that can be printed, without anything that looks like a token."""
    if token := huggingface_hub.get_token():
        text = text.replace(token, "<token>")
    text = re.sub(r"\b(hf_|api_)\w+", "<token>", " ".join(text.split()))
    return "".join(letter for letter in text if letter.isprintable())[:300]
