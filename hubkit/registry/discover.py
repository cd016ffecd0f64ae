"""Adapters on the Hub that no index lists: what their publishers say of them, to look at, not to install by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.errors import UsageError
from hubkit.registry import hub
from hubkit.registry.record import PREFIXES
from hubkit.registry.search import Hit, Query

LIBRARY_TAG = "hubkit"
MAX_MODELS = 500  # looked at for one search
_NAME = re.compile(r"(?:fam|fuse|lang|task)(?:-[A-Za-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class HubResult:
    """A repository that calls itself a hubkit adapter. Nothing of it is verified.

    ``name`` is guessed from the repository's; ``commit`` is its main branch's, for ``hubkit.load("ORG/NAME@COMMIT")``.
    """

    repo_id: str
    commit: str | None
    name: str | None
    languages: tuple[str, ...]
    license: str | None
    base_model: str | None
    tags: tuple[str, ...]
    downloads: int
    likes: int
    updated: str | None


def hub_search(
    query: str = "",
    *,
    language: str | None = None,
    kind: str | None = None,
    method: str | None = None,
    license: str | None = None,
    base_model: str | None = None,
    limit: int = 20,
) -> list[HubResult]:
    """Adapters on the Hub, most downloaded first, by the Hub's tags.

    ``language`` is a tag, code or name; every word of ``query`` must be in the id, a tag or a language's name. Raises
    :class:`~hubkit.registry.hub.HubError` when the Hub cannot be reached, :class:`UsageError` offline.
    """
    if hub.is_offline():
        raise UsageError("HF_HUB_OFFLINE forbids the network.", "Unset it, or search the indexes alone.")
    wanted = _tag(language) if language else None
    tags = [LIBRARY_TAG, *([wanted.split("-")[0]] if wanted else []), *([method] if method else [])]
    tags += [f"license:{license.lower()}"] if license else []
    tags += [f"base_model:{base_model}"] if base_model else []
    found = (_result(model) for model in hub.persistently(lambda: hub.list_models(tags, MAX_MODELS)))
    chosen = [result for result in found if _is_wanted(result, query, wanted, kind)]
    return chosen[:limit]


def find_on_hub(query: Query) -> list[Hit]:
    """A further place for :meth:`hubkit.registry.search.Searcher.search`; such a hit's name is its repository.

    A family, a gain and a core's fingerprint are not known of what lies on the Hub: with one of them asked, () it is.
    """
    if query.family is not None or query.min_gain is not None or (query.core or "").startswith("sha256:"):
        return []
    found = hub_search(
        query.text, language=query.language, kind=query.kind, method=query.method, license=query.license,
        limit=query.limit,
    )  # fmt: skip
    return [_hit(result, query) for result in found]


def _hit(result: HubResult, query: Query) -> Hit:
    kinds = {prefix: kind for kind, prefix in PREFIXES.items()}
    return Hit(
        name=result.repo_id,
        version=(result.commit or "")[:8],
        kind=kinds.get(f"{(result.name or '').split('-')[0]}-", "language"),
        languages=result.languages,
        family=None,
        method=query.method or "?",
        core=result.base_model or "?",
        fingerprint="",
        license=result.license or "?",
        gain=None,
        evidence=0,
        conclusion=None,
        size=0,
        published=result.updated or "",
        origin="the Hub, unverified",
        words=len(query.text.split()),
    )


def _tag(language: str) -> str:
    from hubkit.languages import find

    return find(language).tag


def _result(model: hub.RemoteModel) -> HubResult:
    card: dict[str, Any] = model.card_data.to_dict() if model.card_data else {}  # type: ignore[no-untyped-call]
    tags = tuple(_plain(tag) for tag in model.tags or ())
    name = _NAME.search(model.id.split("/")[-1])
    codes = _listed(card, "language_bcp47") or _listed(card, "language")
    licenses = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    base = _listed(card, "base_model")
    return HubResult(
        repo_id=model.id,
        commit=model.sha,
        name=name[0] if name else None,
        languages=codes,
        license=licenses[0] if licenses else None,
        base_model=base[0] if base else None,
        tags=tags,
        downloads=model.downloads or 0,
        likes=model.likes or 0,
        updated=model.last_modified.isoformat() if model.last_modified else None,
    )


def _listed(card: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = card.get(key) or ()
    return tuple(_plain(str(entry)) for entry in (value if isinstance(value, list | tuple) else [value]))


def _plain(text: str) -> str:
    """At most 100 characters that can be printed: a stranger wrote them."""
    return "".join(letter for letter in text if letter.isprintable())[:100]


def _is_wanted(result: HubResult, query: str, language: str | None, kind: str | None) -> bool:
    if kind is not None and not (result.name or "").startswith(PREFIXES.get(kind, kind)):
        return False
    if language is not None and "-" in language and language not in result.languages:
        return False
    text = " ".join([result.repo_id, *result.tags, *map(_name_of, result.languages)]).lower()
    return all(word in text for word in query.lower().split())


def _name_of(code: str) -> str:
    from hubkit.errors import HubkitError
    from hubkit.languages import find

    try:
        return find(code).name
    except HubkitError:
        return ""
