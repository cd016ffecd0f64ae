"""A sentence pair to be judged, and a judgement as its line in a file.

Three points, because the decision that is calibrated is one (do two sentences mean the same?) and 20 to 100 answers
cannot fill more. They map onto the six of Semantic Textual Similarity (Agirre et al. 2012, SemEval task 6): *same* is 4
and 5 (at most unimportant details differ), *related* 2 and 3 (something of importance differs or is missing),
*different* 0 and 1 (at most the topic is shared). XSTS (Licht et al. 2022, arXiv 2205.08533) asks the same
across languages, on five points.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from hubkit.evaluation.suite import ParallelSuite
from hubkit.evaluation.task_result import Strict

Label = Literal["same", "related", "different", "unsure"]
Kind = Literal["true", "wrong"]  # as the suite has it
LABELS: dict[Label, str] = {
    "same": "They mean the same; at most unimportant details differ.",
    "related": "They have something in common, but something that matters differs or is missing.",
    "different": "They mean different things, even if they are about the same topic.",
    "unsure": "You cannot tell.",
}
GRADES: dict[str, int] = {"different": 0, "related": 1, "same": 2}  # "unsure" has none
OPEN_LICENSES = (
    "cc0-", "cc-by-1", "cc-by-2", "cc-by-3", "cc-by-4", "cc-by-sa-", "pddl-", "odc-by-", "apache-2.0", "mit", "bsd-",
    "unicode-", "public domain", "text free of copyright",
)  # fmt: skip
"""How licences begin under which an annotation may carry the text; other texts are named by key and hash alone."""

Name = Annotated[str, Field(min_length=1, max_length=100)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair to be judged. ``weight`` pairs of the suite's ``stratum`` are represented by it."""

    kind: Kind
    key: str  # where in the suite the text stands
    english_key: str
    text: str
    english: str
    cosine: float
    centred: float
    stratum: str
    weight: float

    @property
    def id(self) -> str:
        """The pair by its texts."""
        return pair_id(digest(self.text), digest(self.english))


class Judgement(Strict):
    """One line of an annotation file. ``text`` and ``english`` are there only where the suite's licence allows it."""

    schema_version: Literal[1] = 1
    annotator: Name
    time: str  # ISO 8601, UTC
    language: str
    suite: str
    license: str
    system: str  # what the cosines are of: a recipe with its versions
    core: str
    seed: int
    kind: Kind
    key: str
    english_key: str
    text_sha256: Sha256
    english_sha256: Sha256
    text: str | None = None
    english: str | None = None
    cosine: float
    centred: float
    stratum: str
    weight: Annotated[float, Field(gt=0)]
    label: Label
    seconds: Annotated[float, Field(ge=0)] | None = None  # from showing the pair to the answer

    @property
    def id(self) -> str:
        """The pair by its texts."""
        return pair_id(self.text_sha256, self.english_sha256)

    @property
    def grade(self) -> int | None:
        """2 same, 1 related, 0 different; None where the annotator could not tell."""
        return GRADES.get(self.label)


def digest(text: str) -> str:
    """Hex sha256 of a text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def pair_id(text_sha256: str, english_sha256: str) -> str:
    """A short name of a pair that follows from its texts alone."""
    return hashlib.sha256(f"{text_sha256}{english_sha256}".encode()).hexdigest()[:16]


def may_carry_text(suite: ParallelSuite) -> bool:
    """Whether annotations of a suite may repeat its sentences: the user's own, and those under an open licence."""
    return suite.domain == "user" or suite.license.strip().lower().startswith(OPEN_LICENSES)
