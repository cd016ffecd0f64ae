"""A source of text: lexicon.

hubkit asks every source for sentences with their English, cleans them, and trains on them. This one reads files that
come with the package. A source that fetches does so once, into ``hubkit.settings.settings().downloads`` (see
``hubkit.corpora.packages``), works offline afterwards, and raises ``hubkit.corpora.source.SourceUnavailable`` when it
cannot. No text of an evaluation suite belongs in here.

    hubkit add-language sw --source lexicon
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import hookimpl
from hubkit.corpora.source import Domain, Pair

if TYPE_CHECKING:
    from hubkit.languages import Language

DATA = Path(__file__).with_name("data")


@hookimpl
def register_sources() -> dict[str, str]:
    """Name → where it is found; that is imported when somebody asks for the name."""
    return {"lexicon": "hubkit_lexicon:LexiconSource"}


class LexiconSource:
    """Lines of text, tab, English in ``data/TAG.tsv``."""

    name = "lexicon"
    license = "CC0-1.0"
    domain: Domain = "prose"  # or "interface", "lexicon", "mixed"
    origin = "files that come with hubkit-lexicon"

    def pairs(self, language: Language) -> list[Pair]:
        """All pairs of ``language``, uncleaned; ``[]`` when there is no file of it."""
        file = DATA / f"{language.tag}.tsv"
        if not file.is_file():
            return []
        rows = [line.split("\t") for line in file.read_text("utf-8").splitlines()]
        return [
            Pair(row[0], row[1], self.name, f"{file.name}:{number}", self.license)
            for number, row in enumerate(rows, start=1)
            if len(row) == 2
        ]
