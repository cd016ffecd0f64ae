from __future__ import annotations

import os
import shutil

import pytest

from hubkit.adapter.folder import read_file, read_manifest, read_verified
from hubkit.errors import NotFoundError, VerificationError


@pytest.fixture
def folder(bert, make_adapter, save):
    return save(make_adapter(bert, "lora"), bert)


def test_reads_every_file(folder):
    content = read_verified(folder)
    assert set(content.files) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert all((folder / name).read_bytes() == data for name, data in content.files.items())


def test_no_folder_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        read_verified(tmp_path / "nothing")


def test_no_manifest(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(VerificationError, match=r"has no manifest\.json"):
        read_verified(folder)


@pytest.mark.parametrize(
    "name", ["adapter.safetensors", "adapter_config.json", "golden.json", "golden.safetensors", "README.md"]
)
class TestEachFile:
    def refused(self, folder, name):
        with pytest.raises(VerificationError) as caught:
            read_verified(folder)
        assert str(folder / name) in str(caught.value)

    def test_missing(self, folder, name):
        (folder / name).unlink()
        self.refused(folder, name)

    def test_cut(self, folder, name):
        (folder / name).write_bytes((folder / name).read_bytes()[:-1])
        self.refused(folder, name)

    def test_longer(self, folder, name):
        with (folder / name).open("ab") as handle:
            handle.write(b"\0")
        self.refused(folder, name)

    def test_link_to_the_same_content(self, folder, name, tmp_path):
        shutil.move(folder / name, tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        self.refused(folder, name)

    def test_folder_in_its_place(self, folder, name):
        (folder / name).unlink()
        (folder / name).mkdir()
        self.refused(folder, name)

    def test_pipe_in_its_place_does_not_block(self, folder, name):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        self.refused(folder, name)


@pytest.mark.parametrize("name", ["pytorch_adapter.bin", "model.py", ".hidden", "Adapter.safetensors"])
def test_a_file_that_is_not_listed(folder, name):
    (folder / name).write_bytes(b"x")
    with pytest.raises(VerificationError, match=r"is not listed in manifest\.json") as caught:
        read_verified(folder)
    assert str(folder / name) in str(caught.value)


def test_a_manifest_that_is_a_link(folder, tmp_path):
    shutil.move(folder / "manifest.json", tmp_path / "m.json")
    (folder / "manifest.json").symlink_to(tmp_path / "m.json")
    with pytest.raises(VerificationError):
        read_manifest(folder)


def test_a_dangling_link_as_manifest(folder):
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("nowhere")
    with pytest.raises(VerificationError, match="a link"):
        read_manifest(folder)


def test_a_manifest_must_list_the_required_files(bert, make_adapter, make_manifest, tmp_path):
    manifest = make_manifest(make_adapter(bert, "lora"), bert).sealed(())
    (tmp_path / "manifest.json").write_bytes(manifest.json_bytes())
    with pytest.raises(VerificationError, match=r"does not list adapter\.safetensors"):
        read_manifest(tmp_path)


def test_read_file_has_a_limit(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(VerificationError, match="11 bytes, at most 10"):
        read_file(tmp_path / "big", 10)
    assert read_file(tmp_path / "big", 11) == b"x" * 11
