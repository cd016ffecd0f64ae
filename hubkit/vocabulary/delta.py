"""A vocabulary delta: pieces that an adapter adds to its core's tokenizer, and one embedding row for each.

``vocabulary.json`` holds the pieces, ``vocabulary.safetensors`` the rows. Ids of the core never move: piece i has the
id ``base_size`` + i, where ``base_size`` is the number of rows in the core's embedding matrix.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubkit.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIECES = 1 << 16
MAX_CHARACTERS = 64
MAX_JSON_BYTES = 1 << 24
_REFUSED = {"Cc": "a control character", "Cs": "half a surrogate pair"} | dict.fromkeys(("Zs", "Zl", "Zp"), "a space")
_AGAIN = "Fetch the adapter again, or learn its vocabulary again."


class Piece(NamedTuple):
    """A token's text and, for a Unigram core, its log-probability on the core's scale (at most 0)."""

    text: str
    score: float


class VocabularyFile(BaseModel):
    """The content of ``vocabulary.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    base_size: Annotated[int, Field(ge=1, lt=1 << 31)]
    tokenizer_sha256: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    pieces: Annotated[
        tuple[tuple[str, Annotated[float, Field(ge=-1000, le=0, allow_inf_nan=False)]], ...],
        Field(min_length=1, max_length=MAX_PIECES),
    ]


@dataclass(frozen=True, eq=False)
class VocabularyDelta:
    """Pieces and their embedding rows (pieces, hidden), float32, for the core that has this size and tokenizer."""

    base_size: int
    tokenizer_sha256: str
    pieces: tuple[Piece, ...]
    rows: Tensor

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or len(self.rows) != len(self.pieces):
            raise UsageError(
                f"{len(self.pieces)} pieces were given with rows of shape {tuple(self.rows.shape)}.",
                "Pass one embedding row for each piece.",
            )

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def ids(self) -> dict[str, int]:
        """Piece → token id."""
        return {piece.text: self.base_size + place for place, piece in enumerate(self.pieces)}

    @property
    def digest(self) -> str:
        """Hex sha256 of what decides how text is cut; the rows are not in it."""
        return hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()

    def content(self) -> dict[str, Any]:
        """The content of ``vocabulary.json``. Raises :class:`VerificationError` when it would be refused."""
        check_pieces(self.pieces, "The vocabulary delta")
        pieces = tuple((piece.text, float(piece.score)) for piece in self.pieces)
        try:
            content = VocabularyFile(base_size=self.base_size, tokenizer_sha256=self.tokenizer_sha256, pieces=pieces)
        except ValidationError as error:
            raise _invalid("The vocabulary delta", error) from error
        return content.model_dump(mode="json")


def parse_vocabulary(data: bytes, where: str) -> VocabularyFile:
    """Parse ``vocabulary.json`` strictly. Raises :class:`VerificationError` that names ``where`` and the piece."""
    if len(data) > MAX_JSON_BYTES:
        raise VerificationError(f"{where} has {len(data)} bytes, at most {MAX_JSON_BYTES} are read.", _AGAIN)
    try:
        content = VocabularyFile.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise _invalid(where, error) from error
    check_pieces(pieces_of(content), where)
    return content


def pieces_of(content: VocabularyFile) -> tuple[Piece, ...]:
    """The pieces of a parsed file."""
    return tuple(Piece(*piece) for piece in content.pieces)


def check_pieces(pieces: Iterable[Piece], where: str) -> None:
    """Raises :class:`VerificationError` naming the first piece that is empty, too long, a duplicate, or no token."""
    seen: set[str] = set()
    for place, (text, _) in enumerate(pieces):
        if problem := problem_of(text) or ("is there twice" if text in seen else None):
            raise VerificationError(f"{where}: piece {place}, {text!r}, {problem}.", _AGAIN)
        seen.add(text)


def problem_of(text: str) -> str | None:
    """Why ``text`` can be no piece, None when it can."""
    if not text:
        return "is empty"
    if len(text) > MAX_CHARACTERS:
        return f"is longer than {MAX_CHARACTERS} characters"
    for character in text:
        if refused := _REFUSED.get(unicodedata.category(character)):
            return f"holds {refused}"
        if _is_noncharacter(ord(character)):
            return "holds a noncharacter"
    return None


def _is_noncharacter(code: int) -> bool:
    """Whether Unicode reserves the code point for internal use, as hubkit does for ids without a token."""
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def _invalid(where: str, error: ValidationError) -> VerificationError:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "the whole"
    return VerificationError(f"{where} is not valid: {place}: {first['msg']}.", _AGAIN)
