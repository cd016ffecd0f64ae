"""What objectives are trained on beside sentence pairs: text, and text with classes, tags or scores as numbers.

found = read_examples("labelled", {"sw": [Path("topics.sw.tsv")], "en": [Path("topics.en.tsv")]})
found.examples["sw"], found.labels, found.warnings
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkit.corpora.conll import read_conll
from hubkit.corpora.labelled import read_labelled, read_scored, read_text
from hubkit.errors import UsageError
from hubkit.training.objective import Data

FEWEST = 2  # examples that a batch needs
FEW = 50  # fewer of a language, or of a class, are worth a warning
OUTSIDE = "O"  # the tag of words in no span


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence. ``source`` is the file that it comes from, ``key`` where it stands there."""

    text: str
    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence, or a pair of them, with the number of its class."""

    text: str
    label: int
    source: str
    key: str
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A sentence, or a pair of them, with a score."""

    text: str
    score: float
    source: str
    key: str
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """The words of a sentence with the number of each one's tag."""

    words: tuple[str, ...]
    tags: tuple[int, ...]
    source: str
    key: str

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)


Example = Text | Labelled | Scored | Tagged


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples by language tag, the names of classes or tags in the order of their numbers, and what looks wrong."""

    examples: Mapping[str, Sequence[Example]]
    labels: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)


def read_examples(
    data: Data,
    paths: Mapping[str, Sequence[Path]],
    labels: Sequence[str] | None = None,
    scores: tuple[float, float] | None = None,
    spans: bool = True,
) -> Examples:
    """The examples in files by language tag, for an objective that needs ``data``.

    ``text`` is plain text, ``labelled`` and ``scored`` are TSV or JSON lines, ``tagged`` is CoNLL (with ``spans`` in
    IOB2). ``labels`` are the only names that may occur; the default is those that do. ``scores`` are the least and the
    largest that may. Raises :class:`UsageError` that names file, line and fix.
    """
    if data == "text":
        found = Examples({tag: [each for path in some for each in _text(path)] for tag, some in paths.items()})
    elif data == "scored":
        read = {tag: [each for path in some for each in _scored(path, scores)] for tag, some in paths.items()}
        found = Examples(read)
    elif data == "labelled":
        found = _labelled(paths, labels)
    elif data == "tagged":
        found = _tagged(paths, labels, spans)
    else:
        raise UsageError(f"Data of the kind {data!r} is not read here.", "Choose text, labelled, scored or tagged.")
    found.warnings.extend(_checked(found))
    return found


def _text(path: Path) -> list[Text]:
    return [Text(each.text, path.name, each.key) for each in read_text(path)]


def _scored(path: Path, scores: tuple[float, float] | None) -> list[Scored]:
    found = read_scored(path)
    for each in found:
        if scores is not None and not scores[0] <= each.score <= scores[1]:
            raise UsageError(
                f"{path}, {each.key}: the score {each.score:g} is outside {scores[0]:g} … {scores[1]:g}.",
                "Correct it, or give the range that scores have.",
            )
    return [Scored(each.text, each.score, path.name, each.key, each.other) for each in found]


def _labelled(paths: Mapping[str, Sequence[Path]], labels: Sequence[str] | None) -> Examples:
    read = {tag: [(path, each) for path in some for each in read_labelled(path)] for tag, some in paths.items()}
    names = tuple(labels or sorted({each.label for rows in read.values() for _, each in rows}))
    numbers = {name: number for number, name in enumerate(names)}
    found = {
        tag: [
            Labelled(each.text, _number(each.label, numbers, path, each.key), path.name, each.key, each.other)
            for path, each in rows
        ]
        for tag, rows in read.items()
    }
    return Examples(found, names, _rare(names, [each.label for rows in found.values() for each in rows]))


def _tagged(paths: Mapping[str, Sequence[Path]], labels: Sequence[str] | None, spans: bool) -> Examples:
    read = {tag: [(path, each) for path in some for each in read_conll(path, spans)] for tag, some in paths.items()}
    seen = sorted({name for rows in read.values() for _, each in rows for name in each.tags} - {OUTSIDE})
    names = tuple(labels or [*([OUTSIDE] if spans else []), *seen])
    numbers = {name: number for number, name in enumerate(names)}
    found = {
        tag: [
            Tagged(each.words, tuple(_number(name, numbers, path, each.key) for name in each.tags), path.name, each.key)
            for path, each in rows
        ]
        for tag, rows in read.items()
    }
    return Examples(found, names, _rare(names, [tag for rows in found.values() for each in rows for tag in each.tags]))


def _number(name: str, numbers: Mapping[str, int], path: Path, key: str) -> int:
    if name not in numbers:
        raise UsageError(
            f"{path}, {key}: {name!r} is none of the {len(numbers)} names {', '.join(numbers)}.",
            "Correct it, or add it to the names.",
        )
    return numbers[name]


def _rare(names: Sequence[str], found: Sequence[int]) -> list[str]:
    counts = Counter(found)
    few = [f"{name} ({counts[number]})" for number, name in enumerate(names) if counts[number] < FEWEST]
    return [f"Too few examples to learn from: {', '.join(few)}."] if few else []


def _checked(found: Examples) -> list[str]:
    """Warnings. Raises :class:`UsageError` when there is too little for a batch, or a single class."""
    total = sum(map(len, found.examples.values()))
    if total < FEWEST:
        raise UsageError(f"There are {total} examples in all.", f"A batch needs {FEWEST}; give some hundreds.")
    if len(found.labels) == 1:
        raise UsageError(f"Every example has the same label, {found.labels[0]}.", "Give examples of two at least.")
    few = {tag: len(some) for tag, some in found.examples.items() if len(some) < FEW}
    return [
        f"{tag} has {count} examples: what is learnt from so few will not carry over." for tag, count in few.items()
    ]
