"""One adapter on its way into one repository: what is there, what is missing, and each step that brings it there."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.adapter.folder import MANIFEST_FILE, MAX_MANIFEST_BYTES, VerifiedFolder
from hubkit.errors import HubkitError, VerificationError
from hubkit.registry import cache, hub
from hubkit.registry.fetch import Place, read_remote
from hubkit.registry.record import RECORD_FILES, SIGNATURE_FILE

FREE_FILES = frozenset({".gitattributes", ".gitignore", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"})
"""Files that a repository may have before an adapter is published to it."""
Say = Callable[[str], None]


@dataclass
class Upload:
    """One publication under way. ``files`` are what is to be there; ``steps`` what had to be done."""

    content: VerifiedFolder
    repo_id: str
    key: Path | None
    signer: str | None
    say: Say
    files: dict[str, bytes] = field(init=False)
    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = {**self.content.files, MANIFEST_FILE: self.content.manifest_bytes}

    @property
    def tag(self) -> str:
        return f"v{self.content.manifest.version}"

    def did(self, step: str) -> None:
        self.steps.append(step)
        self.say(step)

    def listed(self, revision: str) -> dict[str, hub.RemoteFile]:
        return hub.persistently(lambda: hub.list_files(self.repo_id, revision))

    def changed(self, remote: Mapping[str, hub.RemoteFile]) -> list[str]:
        """Files that the repository does not have as they are here."""
        return [path for path, data in self.files.items() if not _is_same(data, remote.get(path))]

    def stale(self, remote: Mapping[str, hub.RemoteFile]) -> list[str]:
        """Files of an earlier version that this one does not have."""
        return sorted((set(remote) & RECORD_FILES) - set(self.files))

    def commit_of_tag(self) -> str | None:
        """The commit that carries the version's tag; ``None`` before it is set."""
        commit = hub.persistently(lambda: hub.list_tags(self.repo_id)).get(self.tag)
        if commit is None:
            return None
        remote = self.listed(commit)
        self._take_signature(remote, commit)
        if different := self.changed(remote) + [path for path in self.stale(remote) if path != SIGNATURE_FILE]:
            raise HubkitError(
                f"{self.repo_id} has {self.tag} with other content ({', '.join(different)}).",
                "A published version does not change: give the adapter a new version and publish that.",
            )
        return commit

    def _take_signature(self, remote: Mapping[str, hub.RemoteFile], commit: str) -> None:
        """Use the signature that is there if it is of our key over our files: a new one would differ in its bytes."""
        self.files.pop(SIGNATURE_FILE, None)
        if self.key is None:
            return
        from hubkit.registry.signing import MAX_SIGNATURE_BYTES, is_signed_with, sign_folder

        with cache.assembly(self.content.manifest.name) as folder:
            for path, data in self.files.items():
                (folder / path).write_bytes(data)
            if SIGNATURE_FILE in remote:
                there = self.read(commit, SIGNATURE_FILE, MAX_SIGNATURE_BYTES)
                if is_signed_with(folder, there, self.key):
                    self.files[SIGNATURE_FILE] = there
                    return
            self.files[SIGNATURE_FILE] = sign_folder(folder, self.key)

    def read(self, commit: str, path: str, limit: int) -> bytes:
        return hub.persistently(lambda: read_remote(Place(self.repo_id, commit), path, limit))

    def repository(self, private: bool) -> hub.RemoteRepo:
        """The repository, which is created if it is missing."""
        if (there := self.found(private)) is None:
            hub.persistently(lambda: hub.create_repo(self.repo_id, private))
            self.did(f"created {self.repo_id}")
            there = self.found(private)
        if there is None:
            raise hub.HubError(f"{self.repo_id} was created and cannot be seen.", "Check the token's rights.")
        return there

    def found(self, private: bool) -> hub.RemoteRepo | None:
        """The repository if it is there; one that anybody can see is refused where a private one is wanted."""
        there = hub.persistently(lambda: hub.find_repo(self.repo_id))
        if there is not None and private and not there.private:
            raise HubkitError(
                f"{self.repo_id} is public, and --private was asked for.", "Make it private first, or name another one."
            )
        return there

    def check_same_adapter(self, remote: Mapping[str, hub.RemoteFile], commit: str) -> None:
        """Refuse a repository of another adapter, or of anything else."""
        name = self.content.manifest.name
        if MANIFEST_FILE not in remote:
            if others := sorted(set(remote) - FREE_FILES):
                raise HubkitError(
                    f"{self.repo_id} holds files that are no hubkit adapter: {', '.join(others[:5])}.",
                    "Publish to a new repository.",
                )
            return
        data = self.read(commit, MANIFEST_FILE, MAX_MANIFEST_BYTES)
        try:
            held = str(json.loads(data)["name"])
        except (ValueError, LookupError, TypeError):
            held = "something else"
        if held != name:
            raise HubkitError(
                f"{self.repo_id} holds {hub.redacted(held)}, not {name}.", "Publish each adapter to its own repository."
            )

    def commit(self, head: str) -> str:
        """A commit of the main branch that has our files: the present one, or a new one on top of it.

        The commit call is not repeated blindly: after a failure the branch shows whether it took effect.
        """
        message = f"{self.content.manifest.name} {self.content.manifest.version}"
        for pause in (*hub.BACKOFF, None, None):
            remote = self.listed(head)
            self._take_signature(remote, head)
            changed, stale = self.changed(remote), self.stale(remote)
            if not changed and not stale:
                return head
            try:
                hub.commit_files(self.repo_id, {path: self.files[path] for path in changed}, stale, message, head)
                self.did(f"committed {len(changed)} files")
            except hub.HubError as error:
                if pause is None or not (error.retriable or error.status == 412):  # 412: the branch has moved
                    raise
                time.sleep(min(error.retry_after or pause, hub.MAX_WAIT))
            there = hub.persistently(lambda: hub.find_repo(self.repo_id))
            head = there.commit if there else head
        raise hub.HubError(f"{self.repo_id} does not keep what is committed.", "Run the same command again.")

    def read_back(self, commit: str) -> None:
        """Fetch every file again and compare."""

        def differs(path: str) -> bool:
            return self.read(commit, path, len(self.files[path])) != self.files[path]

        with ThreadPoolExecutor(8) as pool:
            wrong = [path for path, bad in zip(self.files, pool.map(differs, self.files), strict=True) if bad]
        if wrong:
            raise VerificationError(
                f"{self.repo_id}@{commit[:8]}… reads back otherwise than it was sent: {', '.join(wrong)}.",
                "It is not tagged. Run the command again; if it stays so, tell whoever runs the endpoint.",
            )
        self.say(f"read back {len(self.files)} files")

    def tag_as_published(self, commit: str) -> None:
        tags = hub.persistently(lambda: hub.list_tags(self.repo_id))
        if self.tag in tags:
            return
        hub.persistently(lambda: hub.create_tag(self.repo_id, self.tag, commit))
        self.did(f"tagged {self.tag}")
        if (found := hub.persistently(lambda: hub.list_tags(self.repo_id)).get(self.tag)) != commit:
            raise HubkitError(
                f"{self.tag} of {self.repo_id} was set to {found} by someone else.", "Run the command again."
            )


def _is_same(data: bytes, remote: hub.RemoteFile | None) -> bool:
    if remote is None or remote.size != len(data):
        return False
    if remote.sha256 is not None:
        return remote.sha256 == hashlib.sha256(data).hexdigest()
    return remote.git_oid == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
