"""Bantu languages for hubkit: varieties, noun classes, spelling, curated sources, and an order to train in.

- languages: 47 varieties that hubkit's own table has no row for (``languages.tsv``)
- the source ``bantu``: hubkit's sources without what is no good, in one spelling (:mod:`hubkit_bantu.sources`)
- the command ``hubkit bantu``: ``segment``, ``normalise``, ``classes``, ``sources``, ``curriculum``

From Python: :func:`hubkit_bantu.segmentation.mark`, :func:`hubkit_bantu.orthography.normalise`,
:func:`hubkit_bantu.curriculum.curriculum`, :func:`hubkit_bantu.vocabulary.prefix_aware_delta`.
"""

from __future__ import annotations

from pathlib import Path

from hubkit import hookimpl


@hookimpl
def register_languages() -> dict[str, str]:
    """Name → the function that says where the table lies."""
    return {"bantu": "hubkit_bantu:table"}


@hookimpl
def register_sources() -> dict[str, str]:
    """Name → where it is found; that is imported when somebody asks for the name."""
    return {"bantu": "hubkit_bantu.sources:BantuText"}


@hookimpl
def register_commands() -> dict[str, str]:
    """Name → where it is found; that is imported when somebody asks for the name."""
    return {"bantu": "hubkit_bantu.commands:bantu"}


def table() -> Path:
    """The path of the table of languages.

    Its tags are of private use (BCP 47, section 2.2.7): no registered subtag names these varieties. ``iso639_3`` is
    the code that ISO 639-3 has for the language which it counts them to, and ``bnt``, ISO 639-2's "Bantu (Other)", for
    the languages that it does not have.
    """
    return Path(__file__).with_name("languages.tsv")
