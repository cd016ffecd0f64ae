"""The cache of files by their hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import filelock
import pytest

from hubkit.registry import cache
from hubkit.settings import settings


def put(data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    with cache.blob_lock(digest):
        cache.partial_path(digest).write_bytes(data)
        assert cache.keep(digest, len(data))
    return digest


def test_a_complete_download_becomes_a_blob() -> None:
    digest = put(b"content")
    assert cache.blob_path(digest) == settings().cache / "blobs" / "sha256" / digest[:2] / digest
    assert cache.blob_path(digest).read_bytes() == b"content"
    assert not cache.partial_path(digest).exists()


@pytest.mark.parametrize("data", [b"contenT", b"conten", b"contents", b""])
def test_a_wrong_download_is_removed(data: bytes) -> None:
    digest = hashlib.sha256(b"content").hexdigest()
    with cache.blob_lock(digest):
        cache.partial_path(digest).write_bytes(data)
        assert not cache.keep(digest, 7)
    assert not cache.partial_path(digest).exists() and not cache.blob_path(digest).exists()


def test_only_regular_files_are_intact(tmp_path: Path) -> None:
    digest = put(b"content")
    path = cache.blob_path(digest)
    assert cache.is_intact(path, digest, 7)
    assert not cache.is_intact(path, digest, 8)
    assert not cache.is_intact(tmp_path / "missing", digest, 7)
    assert not cache.is_intact(tmp_path, digest, 7)
    (tmp_path / "link").symlink_to(path)
    assert not cache.is_intact(tmp_path / "link", digest, 7)
    os.mkfifo(tmp_path / "pipe")
    assert not cache.is_intact(tmp_path / "pipe", digest, 0)


def test_a_blob_is_placed_and_its_use_noted(tmp_path: Path) -> None:
    digest = put(b"content")
    os.utime(cache.blob_path(digest), (1, 1))
    with cache.assembly("lang-rw") as folder:
        cache.place(digest, folder / "a")
        assert (folder / "a").samefile(cache.blob_path(digest))
    assert not folder.exists() and cache.blob_path(digest).exists()
    assert cache.list_blobs()[0].used > 1e9


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    digest = put(b"content")
    monkeypatch.setattr(os, "link", refuse)
    cache.place(digest, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert not (tmp_path / "a").samefile(cache.blob_path(digest))


def test_the_lock_is_held(tmp_path: Path) -> None:
    digest = put(b"content")
    with cache.blob_lock(digest), pytest.raises(filelock.Timeout), cache.blob_lock(digest, wait=False):
        pass
    assert cache.remove(cache.list_blobs())[0].sha256 == digest
    assert cache.list_blobs() == []


def test_damage_is_found() -> None:
    digest, other = put(b"content"), put(b"other")
    cache.blob_path(digest).write_bytes(b"Content")
    cache.partial_path(other).write_bytes(b"half")
    assert [blob.sha256 for blob in cache.damaged_blobs()] == [digest]
    assert [blob.partial for blob in cache.list_blobs() if blob.sha256 == other] == [False, True]


def test_nothing_else_is_listed() -> None:
    put(b"content")
    (cache.blobs_folder() / "README").write_text("x")
    (cache.blobs_folder() / "zz").mkdir()
    assert len(cache.list_blobs()) == 1
