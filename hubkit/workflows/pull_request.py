"""The text of the pull request that brings a record into an index: what is in it, what was checked, what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.registry.record import Record
    from hubkit.workflows.local_checks import Check


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Title and Markdown body."""

    title: str
    body: str


def pull_request(record: Record, checks: Sequence[Check], published: bool) -> PullRequest:
    """The text for ``record``. What others wrote (corpora, conclusions) is set as code, so that it is no markup."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("hubkit", "templates"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["code"] = _code
    named = [f"{_name_of(language.bcp47)} ({language.bcp47})" for language in record.languages]
    listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    body = environment.get_template("pull_request.md.j2").render(
        record=record, checks=checks, published=published, languages=listed
    )
    return PullRequest(f"{record.name} {record.version}: {listed}", body)


def _name_of(tag: str) -> str:
    from hubkit.languages import find

    try:
        return find(tag).name
    except HubkitError:
        return tag


def _code(text: object) -> str:
    """``text`` as a code span of a table's cell."""
    plain = " ".join(str(text).replace("|", "/").replace("`", "'").split())
    return f"`{plain}`" if plain else ""
