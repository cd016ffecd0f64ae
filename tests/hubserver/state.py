"""What a Hub holds: users with tokens, repositories of commits of files, objects of the large file storage."""

from __future__ import annotations

import fnmatch
import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

import yaml

LFS_PATTERNS = ("*.safetensors", "*.bin", "*.onnx", "*.zip")
ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS).encode()


class HubError(Exception):
    """An answer other than success, with the headers the client's typed errors are made from."""

    def __init__(self, status: int, message: str, code: str | None = None, **extra: Any) -> None:
        self.status, self.message, self.code, self.extra = status, message, code, extra


@dataclass(frozen=True)
class Blob:
    """A file's content, and whether it lies in the large file storage."""

    data: bytes
    lfs: bool = False

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @cached_property
    def oid(self) -> str:
        """git's hash: of the content, or of the pointer to the large file storage."""
        content = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def describe(self, path: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(self.data), "oid": self.oid}
        if self.lfs:
            entry["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": len(self.pointer)}
        return entry


@dataclass(frozen=True)
class Commit:
    """A state of all files."""

    oid: str
    title: str
    date: datetime
    files: dict[str, Blob]
    parent: Commit | None = None


@dataclass
class Repo:
    """A repository: its branches and tags, and every commit there ever was."""

    id: str
    private: bool = False
    gated: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    downloads: int = 0
    likes: int = 0

    def add_commit(self, branch: str, title: str, files: dict[str, Blob]) -> Commit:
        parent = self.commits.get(self.branches.get(branch, ""))
        now = datetime.now(timezone.utc)
        listing = "".join(f"{path} {blob.oid}\n" for path, blob in sorted(files.items()))
        identity = f"{self.id}{parent.oid if parent else ''}{title}{len(self.commits)}{listing}"
        commit = Commit(hashlib.sha1(identity.encode()).hexdigest(), title, now, files, parent)
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit

    def resolve(self, revision: str) -> Commit:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    @property
    def head(self) -> Commit:
        return self.resolve("main")

    def history(self, revision: str = "main") -> list[Commit]:
        """Newest first."""
        found = [self.resolve(revision)]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found

    def card(self, commit: Commit) -> dict[str, Any]:
        """The front matter of ``README.md``."""
        readme = commit.files.get("README.md")
        parts = readme.data.decode("utf-8", "replace").split("---\n", 2) if readme else []
        if len(parts) < 3 or parts[0].strip():
            return {}
        values = yaml.safe_load(parts[1])
        return values if isinstance(values, dict) else {}

    def describe(self, commit: Commit, blobs: bool = False) -> dict[str, Any]:
        card = self.card(commit)
        siblings = [
            {"rfilename": path, **({"size": len(blob.data), "blobId": blob.oid} if blobs else {})}
            for path, blob in sorted(commit.files.items())
        ]
        return {
            "_id": hashlib.sha1(self.id.encode()).hexdigest()[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.split("/")[0],
            "sha": commit.oid,
            "private": self.private,
            "gated": "auto" if self.gated else False,
            "disabled": False,
            "downloads": self.downloads,
            "likes": self.likes,
            "lastModified": commit.date.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "createdAt": self.history()[-1].date.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "tags": tags_of(card),
            "library_name": card.get("library_name"),
            "pipeline_tag": card.get("pipeline_tag"),
            "cardData": card,
            "siblings": siblings,
        }


def tags_of(card: dict[str, Any]) -> list[str]:
    """The tags that the Hub derives from a card."""

    def listed(key: str) -> list[str]:
        value = card.get(key) or []
        return [str(entry) for entry in (value if isinstance(value, list) else [value])]

    found = [*listed("library_name"), *listed("tags"), *listed("language"), *listed("pipeline_tag")]
    found += [f"license:{entry}" for entry in listed("license")]
    found += [f"dataset:{entry}" for entry in listed("datasets")]
    for base in listed("base_model"):
        found += [f"base_model:{base}"]
        found += [f"base_model:{relation}:{base}" for relation in listed("base_model_relation")]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class User:
    """Whom a token stands for; ``role`` is read or write."""

    name: str
    role: str
    orgs: tuple[str, ...] = ()


@dataclass
class Hub:
    """A whole Hub. ``url`` and ``cdn_url`` are set when it is served."""

    url: str = ""
    cdn_url: str = ""
    users: dict[str, User] = field(default_factory=dict)  # token → user
    repos: dict[str, Repo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)  # sha256 → content, the large file storage
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    lfs_above: int = 10_000_000  # bytes; files that match LFS_PATTERNS go there whatever their size
    part_size: int | None = None  # bytes; larger objects are uploaded in parts
    page_size: int = 1000
    ranges: bool = True  # whether a part of a file can be asked for
    secret = "signed"  # what a signed address carries
    _counter: itertools.count[int] = field(default_factory=itertools.count)

    def add_user(self, name: str, role: str = "write", orgs: tuple[str, ...] = ()) -> str:
        """A new token for a user."""
        token = f"hf_{name}{role}{next(self._counter)}SecretOf{name}"
        self.users[token] = User(name, role, orgs)
        return token

    def user(self, authorization: str | None) -> User | None:
        if not authorization:
            return None
        found = self.users.get(authorization.removeprefix("Bearer ").strip())
        if found is None:
            raise HubError(401, "Invalid credentials in Authorization header")
        return found

    def create(self, repo_id: str, private: bool = False) -> Repo:
        if repo_id in self.repos:
            raise HubError(409, "You already created this model repo", url=f"{self.url}/{repo_id}")
        repo = self.repos[repo_id] = Repo(repo_id, private)
        repo.add_commit("main", "initial commit", {".gitattributes": Blob(ATTRIBUTES)})
        return repo

    def may(self, user: User | None, namespace: str, write: bool) -> bool:
        mine = user is not None and (namespace == user.name or namespace in user.orgs)
        return mine and (not write or (user is not None and user.role == "write"))

    def repo(self, repo_id: str, user: User | None, write: bool = False) -> Repo:
        """The repository, if this user may read (or write) it."""
        repo, namespace = self.repos.get(repo_id), repo_id.split("/")[0]
        if repo is None or (repo.private and not self.may(user, namespace, False)):
            raise HubError(401 if user is None else 404, "Repository not found", "RepoNotFound")
        if repo.gated and not self.may(user, namespace, False):
            raise HubError(403 if user else 401, f"Access to model {repo_id} is restricted", "GatedRepo")
        if write and user is None:
            raise HubError(401, "Invalid username or password.")
        if write and not self.may(user, namespace, True):
            raise HubError(403, "You don't have the rights to write to this repository")
        return repo

    def is_lfs(self, path: str, size: int) -> bool:
        return size > self.lfs_above or any(fnmatch.fnmatch(path, pattern) for pattern in LFS_PATTERNS)

    def put(self, repo_id: str, files: dict[str, bytes], title: str = "put", private: bool = False) -> Commit:
        """Commit ``files`` to ``main`` without the protocol; the repository is created when it is not there."""
        repo = self.repos.get(repo_id) or self.create(repo_id, private)
        blobs = {path: Blob(data, self.is_lfs(path, len(data))) for path, data in files.items()}
        self.objects.update({blob.sha256: blob.data for blob in blobs.values() if blob.lfs})
        return repo.add_commit("main", title, {**repo.head.files, **blobs})
