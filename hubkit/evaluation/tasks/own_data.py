"""Where the user's own held-out data of a language lies: folders and files that are named by the language."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError, NotFoundError
from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.languages import Language

ENGLISH = "en"


def own_folder(task: str, path: Path | None) -> Path | None:
    """The folder of a task's data: ``path``, else ``settings().suites / task`` where that exists, else ``None``.

    A folder in it named ``data`` is taken for it. Raises :class:`NotFoundError` when ``path`` is not there.
    """
    if path is None:
        suites = settings().suites
        if suites is None or not (suites / task).is_dir():
            return None
        path = suites / task
    elif not Path(path).is_dir():
        raise NotFoundError(f"The folder {path} does not exist.", f"Give the folder with the data of {task}.")
    inner = Path(path) / "data"
    return inner if inner.is_dir() else Path(path)


def entry_of(folder: Path, language: Language, extensions: Sequence[str] = ()) -> Path | None:
    """The folder, or with ``extensions`` the file, that ``language`` has in ``folder``; ``None`` without one.

    It may be named by any code that hubkit knows: ``kin_Latn``, ``kin``, ``rw``. Of several the most exact is taken.
    """
    found = [path for path, tag in _named(folder, tuple(extensions)) if tag == language.tag]
    exact = (f"{language.iso639_3}_{language.script}", language.iso639_3, language.tag)

    def order(path: Path) -> tuple[int, str]:
        stem = path.name.partition(".")[0]
        return (exact.index(stem) if stem in exact else len(exact)), path.name

    return min(found, key=order, default=None)


def _named(folder: Path, extensions: tuple[str, ...]) -> list[tuple[Path, str]]:
    """The entries of a folder with the tag of the language that each is named by."""
    found = []
    for path in sorted(folder.iterdir()):
        fits = path.name.removesuffix(".gz").endswith(extensions) and path.is_file() if extensions else path.is_dir()
        if fits and (tag := _tag(path.name.partition(".")[0])) is not None:
            found.append((path, tag))
    return found


@lru_cache(maxsize=4096)
def _tag(name: str) -> str | None:
    from hubkit.languages import find

    try:
        return find(name).tag
    except HubkitError:
        return None


def split_of(folder: Path, names: Sequence[str], extensions: Sequence[str]) -> Path | None:
    """The file of a split: ``test.tsv``, ``test.tsv.gz``; the first of ``names`` that is there."""
    for name in names:
        for extension in extensions:
            for path in (folder / f"{name}{extension}", folder / f"{name}{extension}.gz"):
                if path.is_file():
                    return path
    return None


def needed_split(folder: Path, names: Sequence[str], extensions: Sequence[str], why: str) -> Path:
    """As :func:`split_of`; raises :class:`NotFoundError` that says why it is needed."""
    found = split_of(folder, names, extensions)
    if found is None:
        raise NotFoundError(f"{folder} has no {names[0]}{extensions[0]}, {why}.", f"Add {names[0]}{extensions[0]}.")
    return found


def english_of(folder: Path, why: str) -> Path:
    """The folder of English. Raises :class:`NotFoundError` that says why it is needed."""
    from hubkit.languages import find

    found = entry_of(folder, find(ENGLISH))
    if found is None:
        raise NotFoundError(f"{folder} has no English, {why}.", "Add the folder eng_Latn, eng or en.")
    return found
