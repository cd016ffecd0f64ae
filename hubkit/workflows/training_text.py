"""The text that an adapter was trained on, gathered again; and whether a suite meets it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubkit.corpora.overlap import overlap
from hubkit.durable import write_json
from hubkit.errors import HubkitError
from hubkit.evaluation.report import read_report
from hubkit.settings import settings
from hubkit.workflows.steps import gather

if TYPE_CHECKING:
    from hubkit.workflows.cost import Cost
    from hubkit.workflows.events import Events
    from hubkit.workflows.subject import Subject
    from hubkit.workflows.work import Work

KINDS = ("exact", "normalised", "words")
_WORDS = {"exact": "word for word", "normalised": "but for case and signs", "words": "in eight words in a row"}


@dataclass(frozen=True, slots=True)
class Overlap:
    """By task: texts compared, and training texts that meet them by kind. ``how`` says what the training text was.

    ``tasks`` is empty where nothing could be compared.
    """

    how: str
    tasks: dict[str, dict[str, int]]

    def leaking(self) -> dict[str, str]:
        """Task → what of it was trained on, in words."""
        met = {name: {kind: own[kind] for kind in KINDS if own[kind]} for name, own in self.tasks.items()}
        return {
            name: ", ".join(f"{count} {_WORDS[kind]}" for kind, count in found.items())
            for name, found in met.items()
            if found
        }

    def counts(self, without: Collection[str] = ()) -> dict[str, int] | None:
        """Over all tasks but those; None where nothing was compared."""
        kept = [own for name, own in self.tasks.items() if name not in without]
        if not kept:
            return None
        summed = {key: sum(own[key] for own in kept) for key in ("suite", *KINDS)}
        return {"training": kept[0]["training"], **summed}


class TrainingText:
    """Gathered when it is first needed, and not again; ``problem`` says why it cannot be had."""

    def __init__(self, subject: Subject, cost: Cost, events: Events) -> None:
        self._subject, self._cost, self._events = subject, cost, events

    @cached_property
    def _found(self) -> Work | str:
        config = self._subject.config
        if config is None:
            return "how it was trained is not known"
        try:
            return gather(config, self._subject.encoder, self._cost, self._events)
        except HubkitError as error:
            return f"the text that it was trained on is not here: {error.what}"

    @property
    def work(self) -> Work:
        """The gathered text as a training run has it. Raises :class:`HubkitError` when it cannot be had."""
        found = self._found
        if isinstance(found, str):
            raise HubkitError(f"The training text cannot be had: {found}.", "Give what it was trained on.")
        return found

    @property
    def problem(self) -> str | None:
        """Why it cannot be had, if it cannot."""
        return self._found if isinstance(self._found, str) else None

    def is_exact(self) -> bool:
        """Whether the gathered text is what training had, by its hashes."""
        before = self._subject.recorded
        return before is not None and before.data == self.work.data.digests()

    def how(self) -> str:
        """What the gathered text is, compared with what training had."""
        before = self._subject.recorded
        count = sum(map(len, self.work.data.pairs.values()))
        if self.is_exact():
            return f"the {count:,} examples that it was trained on, by their hashes"
        if before is not None:
            then = sum(part["examples"] for name, part in before.data.items() if name.startswith("training "))
            return (
                f"text gathered again: {count:,} examples, which are not all the same as the {then:,} of its training"
            )
        return f"text gathered again from the sources of its manifest: {count:,} examples"

    def _examples(self) -> list[Any]:
        """The training examples. What meets a suite now was among them, unless as much was taken out then."""
        data = self.work.data
        found = [one for own in data.pairs.values() for one in own]
        if self.is_exact() or len(data.taken_out) <= self._taken_out_then():
            return found
        return [*found, *data.taken_out]

    def _taken_out_then(self) -> int:
        top = self._subject.top
        try:
            corpus = read_report(top.folder / "report.json").corpus if top is not None else {}
        except HubkitError:
            corpus = {}
        return int(corpus.get("taken out for meeting a suite", {}).get("pairs") or 0)

    def overlap(self, texts: Mapping[str, Sequence[str]]) -> Overlap:
        """Whether the texts of tasks (name → texts) met training; remembered, so that it is computed once."""
        subject = self._subject
        if subject.adapter is None:
            return Overlap("not checked: what is evaluated is no single adapter", {})
        digest = subject.top.manifest.digest if subject.top and subject.top.manifest else None
        content = json.dumps([1, digest, {name: _digest(own) for name, own in texts.items()}])
        key = hashlib.sha256(content.encode())
        path = settings().cache / "overlap" / f"{key.hexdigest()[:32]}.json"
        if path.is_file():
            return Overlap(**json.loads(path.read_text("utf-8")))
        if self.problem is not None:
            return Overlap(f"not checked: {self.problem}", {})
        found = self._compared(texts)
        write_json(path, asdict(found))
        return found

    def _compared(self, texts: Mapping[str, Sequence[str]]) -> Overlap:
        training = list(dict.fromkeys(text for one in self._examples() for text in _sides(one)))
        done: dict[str, dict[str, int]] = {}
        found: dict[str, dict[str, int]] = {}
        for name, own in texts.items():
            digest = _digest(own)
            if digest not in done:
                met = overlap(training, dict.fromkeys(own)).as_dict(examples=0)
                done[digest] = {key: met[key] for key in ("training", "suite", *KINDS)}
            found[name] = done[digest]
        return Overlap(self.how(), found)


def _sides(example: Any) -> list[str]:
    return [text for side in ("text", "english", "other") if (text := getattr(example, side, None))]


def _digest(texts: Sequence[str]) -> str:
    state = hashlib.sha256()
    for text in sorted(set(texts)):
        state.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return state.hexdigest()
