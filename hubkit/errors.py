"""Errors that say what happened, where, and how to fix it.

Every error a user can cause is a :class:`HubkitError`; the command line prints it as one paragraph and exits with its
``exit_code`` (the contract: 1 failed, 2 usage, 3 verification refused, 4 not found).
"""

from __future__ import annotations


class HubkitError(Exception):
    """An operation failed. ``str(error)`` is one paragraph: what, where, how to fix."""

    exit_code = 1

    def __init__(self, what: str, fix: str | None = None) -> None:
        self.what = what
        self.fix = fix
        super().__init__(f"{what} {fix}" if fix else what)


class UsageError(HubkitError):
    """The request itself is malformed."""

    exit_code = 2


class VerificationError(HubkitError):
    """A hash, fingerprint, tensor check or golden vector did not match: it is refused and nothing was changed."""

    exit_code = 3


class NotFoundError(HubkitError):
    """A name, language, corpus or file cannot be found or resolved."""

    exit_code = 4


class BusyError(HubkitError):
    """Another process holds the lock of what this one wants to write."""
