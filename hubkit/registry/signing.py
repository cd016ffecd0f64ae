"""Signatures over an adapter's folder: OpenSSF model signing (https://github.com/ossf/model-signing-spec) with a key.

The package ``model-signing`` comes with ``pip install hubkit[signing]``. Keys are elliptic (P-256, P-384 or P-521) in
PEM; a signature is a Sigstore bundle, ``model.sig``, over the sha256 of every file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError, UsageError, VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

MAX_SIGNATURE_BYTES = 1 << 20
PASSWORD = "HUBKIT_KEY_PASSWORD"  # environment variable; a key without a password needs none


def sign_folder(folder: Path, private_key: Path) -> bytes:
    """A signature over every file of ``folder``. Raises :class:`UsageError` for a key that cannot be used."""
    _read_private_key(private_key)
    signing = _package("signing")
    with tempfile.TemporaryDirectory() as outside:
        target = Path(outside) / "model.sig"
        signer = signing.Config().use_elliptic_key_signer(private_key=private_key, password=_password())
        signer.set_hashing_config(_hashing()).sign(folder, target)
        return target.read_bytes()


def signer_of(private_key: Path) -> str:
    """Whose signature it will be: ``sha256:…`` over the public key (DER, SubjectPublicKeyInfo)."""
    return _key_hash(_read_private_key(private_key).public_key())


def is_signed_with(folder: Path, signature: bytes, private_key: Path) -> bool:
    """Whether ``signature`` over ``folder`` is of this key."""
    from cryptography.hazmat.primitives import serialization

    public = _read_private_key(private_key).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with tempfile.TemporaryDirectory() as outside:
        (Path(outside) / "key.pem").write_bytes(pem)
        (Path(outside) / "model.sig").write_bytes(signature)
        try:
            check_signature(folder, Path(outside) / "model.sig", Path(outside) / "key.pem")
        except VerificationError:
            return False
    return True


def check_signature(folder: Path, signature: Path, public_key: Path) -> None:
    """Check that ``signature`` is over exactly the files of ``folder`` and of this key (PEM).

    Raises :class:`VerificationError` otherwise, :class:`UsageError` for a key that cannot be used.
    """
    verifying = _package("verifying")
    who = _key_hash(_read_public_key(public_key))
    if signature.stat().st_size > MAX_SIGNATURE_BYTES:
        raise VerificationError(f"{signature.name} has more than {MAX_SIGNATURE_BYTES} bytes.", "It is refused.")
    try:
        verifier = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
        verifier.set_hashing_config(_hashing()).verify(folder, signature)
    except Exception as error:  # the package and those below it raise errors of many kinds
        reason = " ".join(str(error).partition(": Expected")[0].split())[:200]
        raise VerificationError(
            f"{folder.name} is not signed by the key {who[:19]}…: {reason or type(error).__name__}.",
            "Ask its publisher for the right public key; do not use it otherwise.",
        ) from error


def _hashing() -> Any:
    """sha256 of every file; links are refused."""
    return _package("hashing").Config().use_file_serialization(hashing_algorithm="sha256", allow_symlinks=False)


def _package(module: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"model_signing.{module}")
    except ImportError as error:
        raise HubkitError("The package model-signing is not installed.", "pip install 'hubkit[signing]'") from error


def _password() -> bytes | None:
    return os.environ.get(PASSWORD, "").encode() or None


def _read_private_key(path: Path) -> EllipticCurvePrivateKey:
    _package("signing")
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), _password())
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is no private key in PEM, or its password is wrong.", f"Set {PASSWORD}.") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise UsageError(f"{path} is no elliptic-curve key.", _MAKE)
    return key


def _read_public_key(path: Path) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path} is no public key in PEM.", _MAKE) from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise UsageError(f"{path} is no elliptic-curve key.", _MAKE)
    return key


def _key_hash(key: EllipticCurvePublicKey) -> str:
    import hashlib

    from cryptography.hazmat.primitives import serialization

    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


_MAKE = "Make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem; openssl ec -in key.pem -pubout."
