"""``hubkit.load``: a language, an adapter's name or a folder → an encoder that is ready to use."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.adapter.manifest import is_adapter_name
from hubkit.adapter.store import Adapter, load_adapter
from hubkit.core import open_core
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.errors import NotFoundError, UsageError
from hubkit.languages import find
from hubkit.registry.installed import Installed, find_installed
from hubkit.runtime.encoder import Encoder

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.languages import Language


class NoAdapterWarning(UserWarning):
    """There is no adapter for the language that was asked for; the core answers alone."""


def load(adapter: str | os.PathLike[str] | None = None, core: str = DEFAULT_CORE, centre: bool = False) -> Encoder:
    """An encoder for a language, or with the adapter that is named.

    ``adapter`` is a language (tag, code or name), an installed adapter (``lang-rw``, ``lang-rw==0.1.0``), or an
    adapter's folder (a path with a separator, or a ``Path``); without it the core answers alone. ``centre`` makes
    :meth:`Encoder.encode` subtract the adapter's stored mean vector by default.

    A language without an installed adapter is answered by the core with a :class:`NoAdapterWarning`. Raises
    :class:`NotFoundError` for an unknown language or adapter and :class:`VerificationError` for one that is refused.

        >>> hubkit.load("rw").encode(["Mwaramutse"]).shape
        (1, 384)
    """
    opened = open_core(core)
    found, reason = _choose(adapter, opened.fingerprint)
    encoder = Encoder(opened, reason=reason)
    if found is None:
        return encoder
    verified = open_adapter(found, encoder)
    if centre and verified.centre is None:
        raise UsageError(
            f"{verified.name} has no stored mean vector.", "Load it without centre and pass centre=fit_centre(texts)."
        )
    return encoder.adapted(verified, centre=centre, reason=reason)


def open_adapter(folder: str | os.PathLike[str], encoder: Encoder, verify_golden: bool = True) -> Adapter:
    """Load an adapter folder strictly for this encoder's core; its golden vectors are checked once on this machine."""

    def encode(adapter: Adapter, sentences: Sequence[str]) -> Tensor:
        vectors: Tensor = encoder.adapted(adapter).encode(sentences, convert_to_tensor=True)
        return vectors

    return load_adapter(Path(folder), encoder.core, encode if verify_golden else None)


def _choose(adapter: str | os.PathLike[str] | None, core_fingerprint: str) -> tuple[Path | None, str | None]:
    """The adapter's folder, or None for the core alone; and why."""
    if adapter is None:
        return None, None
    if not isinstance(adapter, str) or _is_path(adapter):
        return Path(adapter).expanduser(), f"it is the folder {adapter}"
    name, spec = _name_and_spec(adapter)
    if is_adapter_name(name):
        installed = find_installed(name, spec, core_fingerprint)
        return installed.folder, f"it is the newest installed version of {adapter}"
    return _choose_for_language(find(adapter), core_fingerprint)


def _is_path(text: str) -> bool:
    return text.startswith((".", "~")) or "/" in text or os.sep in text


def _name_and_spec(text: str) -> tuple[str, str | None]:
    """``lang-rw==0.1.0`` → (``lang-rw``, ``==0.1.0``)."""
    match = re.match(r"^([A-Za-z0-9-]+)\s*([=<>!~].*)?$", text)
    return (match[1], match[2]) if match else (text, None)


def _choose_for_language(language: Language, core_fingerprint: str) -> tuple[Path | None, str]:
    try:
        installed: Installed = find_installed(f"lang-{language.tag}", None, core_fingerprint)
    except NotFoundError as error:
        reason = f"The core answers alone, without an adapter for {language.name} ({language.tag}): {error.what}"
        warnings.warn(
            f"{reason} Run `hubkit add-language {language.tag}` to train one.", NoAdapterWarning, stacklevel=4
        )
        return None, reason
    return installed.folder, f"it is the newest installed adapter for {language.name} ({language.tag})"
