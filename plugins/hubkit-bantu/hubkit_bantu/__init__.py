"""Languages: bantu.

``languages.tsv`` has a header and a row for each language, separated by tabs:

- ``tag``: BCP 47, the shortest form; ``xx-x-name`` for a variety that has no tag of its own
- ``iso639_3``: three letters, those of the macrolanguage or ``qaa`` to ``qtz`` where there are none
- ``name``: in English, ``native_name``: in itself, ``other_names``: separated by ``|``
- ``macrolanguage``: ISO 639-3, ``glottocode``: Glottolog, ``script``: ISO 15924
- ``family``: the groups from the root of the tree down, separated by ``|``, spelt as in hubkit's own table; the
  relatives that an adapter also learns from follow from it

A tag that hubkit has already is an error. The row that is there is an example: replace it.

    hubkit languages art-x-bantu
"""

from __future__ import annotations

from pathlib import Path

from hubkit import hookimpl


@hookimpl
def register_languages() -> dict[str, str]:
    """Name → the function that says where the table lies."""
    return {"bantu": "hubkit_bantu:table"}


def table() -> Path:
    """The path of the table."""
    return Path(__file__).with_name("languages.tsv")
