"""What a folder must be to be published: strictly valid, with a card whose metadata lets the Hub find it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.folder import VerifiedFolder, read_verified
from hubkit.adapter.manifest import Manifest
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from hubkit.core import Core

LIBRARIES = frozenset({"hubkit", "adapters"})
ADAPTER_TAGS = frozenset({"adapter", "adapter-transformers"})


def checked_folder(folder: Path, core: Core | None = None) -> VerifiedFolder:
    """The bytes of a folder that may be published. Raises :class:`VerificationError` saying what is missing."""
    content = read_verified(Path(folder))
    if core is not None:
        from hubkit.adapter.store import load_adapter

        load_adapter(Path(folder), core)
    card = content.files.get("README.md")
    problems = ["there is none"] if card is None else card_problems(card, content.manifest)
    if problems:
        raise VerificationError(
            f"The card of {content.manifest.name} is not complete: {'; '.join(problems)}.",
            "Write the adapter again with a card that has this metadata.",
        )
    return content


def card_problems(card: bytes, manifest: Manifest) -> list[str]:
    """What a card's metadata lacks for the Hub to find it: language, licence, library, tags and base model."""
    import yaml

    from hubkit.core.checkpoint import catalogue

    parts = card.decode("utf-8", "replace").replace("\r\n", "\n").split("---\n", 2)
    try:
        values = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    except yaml.YAMLError:
        return ["its front matter is no YAML"]
    if not isinstance(values, dict):
        return ["it has no front matter"]
    tags, found = _listed(values, "tags"), _listed(values, "language")
    wanted = {language.bcp47.split("-")[0] for language in manifest.languages}
    base = catalogue().get(manifest.core.id, {}).get("base_model")
    checks = {
        f"language lacks {', '.join(sorted(wanted - found))}": wanted <= found,
        "license is missing": bool(values.get("license")),
        "library_name is neither hubkit nor adapters": values.get("library_name") in LIBRARIES,
        "tags lack hubkit": "hubkit" in tags,
        "tags lack adapter or adapter-transformers": bool(tags & ADAPTER_TAGS),
        f"base_model is not {base}": base is None or values.get("base_model") in (base, [base]),
    }
    return [problem for problem, holds in checks.items() if not holds]


def _listed(values: Mapping[str, Any], key: str) -> set[str]:
    value = values.get(key)
    return {str(entry) for entry in (value if isinstance(value, list) else [value])}
