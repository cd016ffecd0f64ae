"""Signatures by OpenSSF model signing, with a key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hubkit.errors import HubkitError, UsageError, VerificationError
from hubkit.registry import signing
from hubkit.registry.signing import PASSWORD, check_signature, is_signed_with, sign_folder, signer_of


def make_key(path: Path, curve: str = "prime256v1") -> Path:
    """A private key, and beside it the public one (``.pub``)."""
    subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", path], check=True)
    public = ["openssl", "ec", "-in", path, "-pubout", "-out", path.with_suffix(".pub")]
    subprocess.run(public, check=True, capture_output=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lang-rw").mkdir()
    for name in ("a.safetensors", "manifest.json"):
        (tmp_path / "lang-rw" / name).write_text(name)
    return tmp_path / "lang-rw"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    pytest.importorskip("model_signing.signing")
    return make_key(tmp_path / "key.pem")


def check(folder: Path, signature: bytes, key: Path) -> None:
    path = folder.parent / "model.sig"
    path.write_bytes(signature)
    check_signature(folder, path, key.with_suffix(".pub"))


def test_a_signature_is_checked_with_the_public_key(folder: Path, key: Path) -> None:
    signature = sign_folder(folder, key)
    check(folder, signature, key)
    assert is_signed_with(folder, signature, key)
    assert sorted(path.name for path in folder.iterdir()) == ["a.safetensors", "manifest.json"]
    assert signer_of(key).startswith("sha256:") and signer_of(key) == signer_of(key)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_curves(curve: str, folder: Path, key: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.pem", curve)
    check(folder, sign_folder(folder, other), other)


@pytest.mark.parametrize("change", ["a bit", "one more", "one less", "another name"])
def test_any_change_is_seen(change: str, folder: Path, key: Path) -> None:
    signature = sign_folder(folder, key)
    file = folder / "a.safetensors"
    if change == "a bit":
        file.write_bytes(b"b" + file.read_bytes()[1:])
    elif change == "one more":
        (folder / "README.md").write_text("x")
    elif change == "one less":
        file.unlink()
    else:
        file.rename(folder / "b.safetensors")
    with pytest.raises(VerificationError, match="is not signed by the key") as caught:
        check(folder, signature, key)
    assert len(str(caught.value)) < 500
    assert not is_signed_with(folder, signature, key)


def test_another_key(folder: Path, key: Path, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other.pem")
    with pytest.raises(VerificationError, match="is not signed by the key"):
        check(folder, sign_folder(folder, other), key)
    assert signer_of(other) != signer_of(key)


@pytest.mark.parametrize("broken", ["", "{}", "[]", "\x00", "{" * 100])
def test_no_signature(broken: str, folder: Path, key: Path) -> None:
    with pytest.raises(VerificationError):
        check(folder, broken.encode(), key)


def test_a_payload_that_was_exchanged(folder: Path, key: Path) -> None:
    bundle = json.loads(sign_folder(folder, key))
    (folder / "a.safetensors").write_text("other")
    bundle["dsseEnvelope"]["payload"] = json.loads(sign_folder(folder, key))["dsseEnvelope"]["payload"]
    with pytest.raises(VerificationError):
        check(folder, json.dumps(bundle).encode(), key)


def test_a_signature_without_end(folder: Path, key: Path) -> None:
    with pytest.raises(VerificationError, match="more than"):
        check(folder, b" " * (signing.MAX_SIGNATURE_BYTES + 1), key)


def test_a_key_with_a_password(folder: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:secret", "-out", locked]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(UsageError, match="password is wrong") as caught:
        sign_folder(folder, locked)
    monkeypatch.setenv(PASSWORD, "secret")
    check(folder, sign_folder(folder, locked), key)
    assert "secret" not in str(caught.value)


def test_what_is_no_key(folder: Path, key: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no key")
    rsa = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genrsa", "-out", rsa, "2048"], check=True, capture_output=True)
    for path, says in ((wrong, "is no private key"), (rsa, "is no elliptic-curve key")):
        with pytest.raises(UsageError, match=says):
            sign_folder(folder, path)
    with pytest.raises(UsageError, match="is no public key"):
        check_signature(folder, folder / "manifest.json", wrong)
    with pytest.raises(FileNotFoundError):
        signer_of(tmp_path / "missing.pem")


def test_without_the_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    monkeypatch.setitem(sys.modules, "model_signing.signing", None)
    monkeypatch.setitem(sys.modules, "model_signing.verifying", None)
    for call in (lambda: sign_folder(folder, tmp_path / "k"), lambda: check_signature(folder, folder, tmp_path / "k")):
        with pytest.raises(HubkitError, match=r"pip install 'hubkit\[signing\]'"):
            call()
