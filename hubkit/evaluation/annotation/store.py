"""Judgements on disk, a line each: what was answered is there, whatever happens next."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from pydantic import ValidationError

from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.evaluation.annotation.judgement import Judgement
from hubkit.settings import settings


def annotation_folder(language: str, suite: str | None = None) -> Path:
    """Where the judgements of a language (of one suite) lie: ``$HUBKIT_HOME/annotations/rw/udhr``."""
    folder = settings().home / "annotations" / language
    return folder if suite is None else folder / _plain(suite)


def annotation_file(language: str, suite: str, annotator: str) -> Path:
    """An annotator's file. Raises :class:`UsageError` for a name without a letter or digit."""
    return annotation_folder(language, suite) / f"{_plain(annotator)}.jsonl"


def _plain(name: str) -> str:
    """A name as a file may have it."""
    plain = re.sub(r"[^\w-]+", "-", name.casefold()).strip("-_")[:80]
    if not plain:
        raise UsageError(f"{name!r} has no letter and no digit.", "Give another name.")
    return plain


def append_judgement(path: Path, judgement: Judgement) -> None:
    """Write one line and wait until it is on the disk. A line that a crash left unfinished is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(judgement.model_dump(mode="json"), ensure_ascii=False) + "\n"
    with path.open("a+b") as handle:
        handle.seek(0)
        handle.truncate(_whole_bytes(handle.read()))
        handle.write(line.encode())
        handle.flush()
        os.fsync(handle.fileno())


def _whole_bytes(content: bytes) -> int:
    """Bytes up to the end of the last finished line."""
    return content.rfind(b"\n") + 1


def read_lines(path: Path) -> list[Judgement]:
    """Every finished line, corrections included.

    Raises :class:`NotFoundError` when there is no file, :class:`VerificationError` that names a line that is wrong.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"There are no judgements in {path}.", "Make some with `hubkit annotate TAG`.") from error
    found = []
    for number, line in enumerate(content[: _whole_bytes(content)].split(b"\n")[:-1], start=1):
        try:
            found.append(Judgement.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the line"
            raise VerificationError(
                f"Line {number} of {path} is no judgement: {where}: {first['msg']}.", "Correct or remove the line."
            ) from error
    return found


def read_judgements(path: Path) -> list[Judgement]:
    """The last judgement of every pair and system, in the order in which pairs were first judged."""
    latest: dict[tuple[str, str, str], Judgement] = {}
    for one in read_lines(path):
        latest[(one.id, one.system, one.core)] = one
    return list(latest.values())


def read_all(language: str) -> list[Judgement]:
    """The judgements of all annotators of a language on this machine; :class:`NotFoundError` when there are none."""
    folder = annotation_folder(language)
    found = [one for path in sorted(folder.glob("*/*.jsonl")) for one in read_judgements(path)]
    if not found:
        raise NotFoundError(
            f"There are no judgements of {language} in {folder}.", f"Make some with `hubkit annotate {language}`."
        )
    return found
