"""The few questions to git that an index needs: which commit, what changed since another one, what was there then.

git is run without hooks, file-system monitors, external diff programs or prompts, so that a repository's own settings
start nothing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hubkit.errors import HubkitError, NotFoundError

_OPTIONS = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
_TIMEOUT_SECONDS = 120


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["git", *_OPTIONS, *arguments], cwd=folder, env=environment, capture_output=True, check=False,
            stdin=subprocess.DEVNULL, timeout=_TIMEOUT_SECONDS,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise HubkitError("git is not installed, or not in PATH.", "Install git.") from error
    except subprocess.TimeoutExpired as error:
        raise HubkitError(f"git did not answer within {_TIMEOUT_SECONDS} s in {folder}.", "Try again.") from error


def _answer(folder: Path, *arguments: str) -> bytes:
    done = _git(folder, *arguments)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise HubkitError(f"git {arguments[0]} failed in {folder}: {said[-1] if said else 'no reason given'}.")
    return done.stdout


def commit_of(folder: Path, revision: str) -> str:
    """The 40 digits of a revision. Raises :class:`HubkitError` outside a repository, :class:`NotFoundError` else."""
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if b"dubious ownership" in inside.stderr:
        raise HubkitError(
            f"git refuses the repository of {folder}: it belongs to another user.",
            f"Run `git config --global --add safe.directory {folder}` if you trust it.",
        )
    if inside.stdout.strip() != b"true":
        raise HubkitError(
            f"{folder} is in no git repository, so there is nothing to compare it with.",
            "Run `git init` and commit, or use `hubkit index validate`, which compares nothing.",
        )
    done = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.returncode:
        raise NotFoundError(
            f"git knows no commit {revision!r} in {folder}.", "Fetch it first, or name another one with --base."
        )
    return done.stdout.decode().strip()


def head_of(folder: Path) -> str | None:
    """The commit that is checked out; ``None`` outside a repository, without git, or before the first commit."""
    try:
        return commit_of(folder, "HEAD")
    except HubkitError:
        return None


def changed_since(folder: Path, commit: str) -> list[str]:
    """Paths below ``folder`` (relative to it) that differ from ``commit``, new and deleted ones too, sorted."""
    tracked = _answer(
        folder, "diff", "--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff", "--no-textconv", commit,
        "--", ".",
    )  # fmt: skip
    new = _answer(folder, "ls-files", "--others", "-z", "--", ".")
    return sorted({os.fsdecode(path) for path in (*tracked.split(b"\0"), *new.split(b"\0")) if path})


def files_at(folder: Path, commit: str) -> set[str]:
    """Paths below ``folder`` (relative to it) in ``commit``."""
    listed = _answer(folder, "ls-tree", "-r", "-z", "--name-only", commit, "--", ".")
    return {os.fsdecode(path) for path in listed.split(b"\0") if path}


def content_at(folder: Path, commit: str, path: str) -> bytes:
    """The bytes of a file (relative to ``folder``) in ``commit``."""
    return _answer(folder, "cat-file", "blob", f"{commit}:./{path}")
