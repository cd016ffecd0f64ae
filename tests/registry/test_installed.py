from __future__ import annotations

import multiprocessing

import pytest

from hubkit.adapter.folder import read_manifest
from hubkit.adapter.store import load_adapter
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry import installed as module
from hubkit.registry.installed import find_installed, install_folder, list_installed
from hubkit.settings import settings


@pytest.fixture
def publish(bert, make_adapter, save, tmp_path):
    """(version, name) → a folder outside the installed ones."""

    def make(version="0.1.0", name="lang-rw", core=bert, seed=0):
        folder = tmp_path / "published" / f"{name}-{version}-{core.id}-{seed}"
        return save(make_adapter(core, "lora", name=name, seed=seed), core, folder, version=version)

    return make


def test_nothing_is_installed_at_first():
    assert list_installed() == []
    with pytest.raises(NotFoundError, match="No installed lang-rw can be used"):
        find_installed("lang-rw")


def test_install_copies_every_file(publish, bert):
    source = publish()
    installed = install_folder(source)
    assert installed.folder == settings().adapters / "lang-rw" / "0.1.0"
    assert {path.name: path.read_bytes() for path in installed.folder.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
    assert load_adapter(installed.folder, bert).name == "lang-rw"
    assert find_installed("lang-rw") == installed


def test_list_is_by_name_then_newest_first(publish):
    for version, name in (("0.9.0", "lang-rw"), ("0.10.0", "lang-rw"), ("0.10.0rc1", "lang-rw"), ("1.0.0", "lang-aa")):
        install_folder(publish(version, name))
    assert [(found.name, found.version) for found in list_installed()] == [
        ("lang-aa", "1.0.0"),
        ("lang-rw", "0.10.0"),
        ("lang-rw", "0.10.0rc1"),
        ("lang-rw", "0.9.0"),
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, "0.10.0"),
        ("==0.9.0", "0.9.0"),
        ("<0.10", "0.9.0"),
        (">=0.9,<1", "0.10.0"),
        ("==0.11.0rc1", "0.11.0rc1"),
        ("~=0.9.0", "0.9.0"),
    ],
)
def test_newest_that_satisfies(publish, spec, expected):
    for version in ("0.9.0", "0.10.0", "0.11.0rc1"):
        install_folder(publish(version))
    assert find_installed("lang-rw", spec).version == expected


def test_a_pre_release_is_found_when_there_is_no_other(publish):
    install_folder(publish("0.1.0a1"))
    assert find_installed("lang-rw").version == "0.1.0a1"


def test_every_rejected_version_is_explained(publish, other_core):
    install_folder(publish("0.1.0"))
    install_folder(publish("0.2.0", core=other_core))
    broken = settings().adapters / "lang-rw" / "0.3.0"
    broken.mkdir()
    with pytest.raises(NotFoundError) as caught:
        find_installed("lang-rw", ">=0.2", list_installed()[-1].manifest.core.fingerprint)
    text = str(caught.value)
    assert "0.1.0: is not >=0.2" in text
    assert f"0.2.0: was made for core {other_core.id}" in text
    assert "0.3.0: broken" in text


def test_a_malformed_spec_is_a_usage_error():
    with pytest.raises(UsageError, match="no version specifier"):
        find_installed("lang-rw", "newest")


def test_only_adapters_of_the_core_are_chosen(publish, bert, other_core):
    install_folder(publish("0.1.0"))
    install_folder(publish("0.2.0", core=other_core))
    assert find_installed("lang-rw", None, bert.fingerprint).version == "0.1.0"
    assert find_installed("lang-rw", None, other_core.fingerprint).version == "0.2.0"


def test_broken_folders_are_reported_and_the_rest_works(publish):
    install_folder(publish("0.1.0"))
    root = settings().adapters / "lang-rw"
    (root / "0.2.0").mkdir()
    (root / "not-a-version").mkdir()
    (root / ".0.1.0.tmp").mkdir()
    (root / "0.1.0").rename(root / "0.5.0")
    install_folder(publish("0.1.0"))
    found = {installed.version: installed for installed in list_installed()}
    assert set(found) == {"0.1.0", "0.2.0", "0.5.0", "not-a-version"}
    assert found["0.1.0"].error is None
    assert "no manifest.json" in found["0.2.0"].error
    assert "holds lang-rw 0.1.0" in found["0.5.0"].error
    assert find_installed("lang-rw").version == "0.1.0"


def test_a_damaged_folder_is_not_installed(publish):
    folder = publish()
    data = bytearray((folder / "adapter.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "adapter.safetensors").write_bytes(data)
    with pytest.raises(VerificationError):
        install_folder(folder)
    assert list_installed() == []


def test_versions_do_not_change_silently(publish):
    first = install_folder(publish(seed=0))
    before = (first.folder / "manifest.json").stat().st_mtime_ns
    install_folder(publish(seed=0))
    assert (first.folder / "manifest.json").stat().st_mtime_ns == before, "the same content is left alone"
    with pytest.raises(HubkitError, match="installed already with other content"):
        install_folder(publish(seed=1))
    content = (publish(seed=1) / "adapter.safetensors").read_bytes()
    install_folder(publish(seed=1), replace=True)
    assert (first.folder / "adapter.safetensors").read_bytes() == content


def test_installing_the_same_over_a_damaged_copy_needs_replace(publish):
    source = publish()
    installed = install_folder(source)
    (installed.folder / "README.md").write_text("changed")
    with pytest.raises(HubkitError, match="other content"):
        install_folder(source)
    install_folder(source, replace=True)
    assert (installed.folder / "README.md").read_bytes() == (source / "README.md").read_bytes()


def test_two_processes_install_at_once(publish):
    source = publish()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(install_folder, [source] * 4)
    assert {installed.version for installed in found} == {"0.1.0"}
    assert [installed.error for installed in list_installed()] == [None]


def test_only_the_versions_of_the_name_are_read(publish, monkeypatch):
    for name in ("lang-rw", "lang-sw", "lang-aa"):
        install_folder(publish(name=name))
    read = []
    monkeypatch.setattr(module, "read_manifest", lambda folder: read.append(folder) or read_manifest(folder))
    assert find_installed("lang-rw").version == "0.1.0"
    assert [folder.parent.name for folder in read] == ["lang-rw"]


@pytest.mark.parametrize("name", ["..", "../published", "lang-rw/..", "", ".", "lang-rw/0.1.0"])
def test_a_name_is_no_path(publish, name):
    install_folder(publish())
    with pytest.raises(NotFoundError):
        find_installed(name)
