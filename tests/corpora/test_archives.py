from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import archives
from hubkit.corpora.archives import members
from hubkit.corpora.source import SourceUnavailable
from hubkit.errors import VerificationError

Make = Callable[[Path, dict[str, bytes]], Path]
FILES = {"usr/a.json": b"one", "usr/b.txt": b"two", "usr/c.json": b"three"}

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb here")


def read(archive: Path) -> dict[str, bytes]:
    return dict(members(archive, lambda name: name.endswith(".json")))


@needs_dpkg
def test_reads_wanted_members_of_a_deb(tmp_path: Path, make_deb: Make) -> None:
    assert read(make_deb(tmp_path / "p.deb", FILES)) == {"usr/a.json": b"one", "usr/c.json": b"three"}


def test_reads_wanted_members_of_a_tgz(tmp_path: Path, make_tgz: Make) -> None:
    assert read(make_tgz(tmp_path / "p.tgz", FILES)) == {"usr/a.json": b"one", "usr/c.json": b"three"}


def test_reads_wanted_members_of_a_wheel(tmp_path: Path, make_wheel: Make) -> None:
    assert read(make_wheel(tmp_path / "p.whl", FILES)) == {"usr/a.json": b"one", "usr/c.json": b"three"}


@pytest.mark.parametrize("name", ["../../etc/a.json", "/etc/a.json", "usr/../../a.json", "..\\a.json"])
def test_members_that_lead_out_of_the_archive_are_refused(
    tmp_path: Path, make_tgz: Make, make_wheel: Make, name: str
) -> None:
    for archive in (make_tgz(tmp_path / "p.tgz", {name: b"x"}), make_wheel(tmp_path / "p.whl", {name: b"x"})):
        with pytest.raises(VerificationError, match="leads out of the archive") as caught:
            read(archive)
        assert caught.value.exit_code == 3


def test_oversized_members_are_refused(tmp_path: Path, make_wheel: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 4)
    with pytest.raises(VerificationError, match="has 5 bytes"):
        read(make_wheel(tmp_path / "p.whl", FILES))


@needs_dpkg
def test_a_cut_off_archive_is_refused(tmp_path: Path, make_deb: Make, make_tgz: Make, make_wheel: Make) -> None:
    big = {f"usr/{number}.json": bytes(range(256)) * number for number in range(60)}
    for archive in (
        make_deb(tmp_path / "p.deb", big), make_tgz(tmp_path / "p.tgz", big), make_wheel(tmp_path / "p.whl", big)
    ):  # fmt: skip
        archive.write_bytes(archive.read_bytes()[:-150])
        with pytest.raises(VerificationError, match=f"{archive.name} cannot be read"):
            read(archive)


@pytest.mark.parametrize("name", ["p.deb", "p.tgz", "p.whl"])
@needs_dpkg
def test_garbage_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"garbage" * 100)
    with pytest.raises(VerificationError, match="cannot be read"):
        read(tmp_path / name)


def test_deb_without_dpkg_says_what_to_install(tmp_path: Path, make_deb: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_deb(tmp_path / "p.deb", FILES)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="dpkg-deb is not installed"):
        read(archive)


@needs_dpkg
def test_stopping_early_ends_the_reader(tmp_path: Path, make_deb: Make) -> None:
    found = members(make_deb(tmp_path / "p.deb", FILES), lambda name: True)
    assert next(iter(found))[1] == b"one"
    found.close()  # type: ignore[attr-defined]


def test_a_deb_that_dpkg_finds_damaged_is_refused(
    tmp_path: Path, make_deb: Make, clients: Callable[[str, str], Path]
) -> None:
    whole = tar_of(FILES)
    clients("dpkg-deb", f"sys.stdout.buffer.write({whole!r})\nsys.stdout.flush()\nsys.exit(2)")
    with pytest.raises(VerificationError, match="dpkg-deb finds it damaged"):
        read(make_deb(tmp_path / "p.deb", FILES))


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
