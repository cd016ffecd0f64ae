"""``training.json``: what an adapter was trained with, and the way back: the same configuration on the same text."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hubkit.adapter.manifest import TRAINING_FILE
from hubkit.composition.member import member_from_text
from hubkit.durable import sha256
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.registry.installed import find_installed
from hubkit.training.code import code_digest
from hubkit.training.config import TrainingConfig
from hubkit.version import __version__

if TYPE_CHECKING:
    from hubkit.workflows.work import Work

_PACKAGES = ("adapters", "numpy", "safetensors", "tokenizers", "torch", "transformers")


class Recorded(BaseModel):
    """The content of ``training.json``. Of a file outside the folder where the run began, only the name is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    config: dict[str, Any]
    under: str | dict[str, str | None] | None = None  # in pinned versions
    data: dict[str, dict[str, Any]]  # part → number of examples, sha256
    suites: list[dict[str, Any]] = []
    files: dict[str, str] = {}  # as in the configuration → sha256
    packages: dict[str, str]
    python: str
    hubkit: str
    code: str  # hash of the training code


def record(work: Work) -> Recorded:
    """What ``work`` is made with."""
    paths = _paths(work.config)
    return Recorded(
        config=_without_folders(work.config.model_dump(mode="json")),
        under=work.pinned(),
        data=work.data.digests(),
        suites=[{"name": suite.name, "language": suite.language, "pairs": len(suite)} for suite in work.data.suites],
        files={_shown(path): sha256(Path(path)) for path in paths if Path(path).is_file()},
        packages=_versions(),
        python=platform.python_version(),
        hubkit=__version__,
        code=code_digest(work.config.recipe.objective),
    )


def recorded(name: str) -> Recorded:
    """What the installed adapter (``lang-rw`` or ``lang-rw==0.1.0``) was trained with.

    Raises :class:`NotFoundError` when it is not installed, or says nothing of it.
    """
    member = member_from_text(name)
    found = find_installed(member.name, member.spec or None)
    path = found.folder / TRAINING_FILE
    if not path.is_file():
        raise NotFoundError(
            f"{found.name} {found.version} does not say how it was trained: it has no {TRAINING_FILE}.",
            "Train it anew with a configuration of your own.",
        )
    try:
        return Recorded.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise VerificationError(f"{path} cannot be read: {error.errors()[0]['msg']}.", "Fetch it again.") from None


def check_same(before: Recorded, work: Work) -> list[str]:
    """Raise :class:`VerificationError` that says which text is another than it was; else what else differs."""
    now = record(work)
    changed = [
        f"{part} ({_count(before, part)} then, {_count(now, part)} now)"
        for part in sorted({*before.data, *now.data})
        if before.data.get(part) != now.data.get(part)
    ]
    if changed or before.under != now.under:
        files = [name for name, digest in before.files.items() if now.files.get(name) not in (None, digest)]
        what = "; ".join([*changed, *(f"the file {name}" for name in files)]) or f"{before.under} is {now.under} now"
        raise VerificationError(
            f"The run cannot be repeated, its text has changed: {what}.",
            "Train with the new text: copy the configuration, and leave out --from.",
        )
    notes = [f"{name} was {was}, is {now.packages.get(name)}" for name, was in before.packages.items()
             if now.packages.get(name) != was]  # fmt: skip
    if before.code != now.code:
        notes.append(f"the training code is another (hubkit {before.hubkit}, now {now.hubkit})")
    return notes


def _count(of: Recorded, part: str) -> str:
    found = of.data.get(part)
    return "none" if found is None else f"{found['examples']:,}"


def _paths(config: TrainingConfig) -> list[str]:
    files = [*config.data, *(each for objective in config.objectives for each in objective.data)]
    paths = [path for each in files for path in each.paths]
    return [*paths, *(path for some in config.development.values() for path in some), *config.suites]


def _without_folders(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with absolute paths cut to the file's name: where a user's files lie is nobody's business."""
    for files in (*config["data"], *(each for objective in config["objectives"] for each in objective["data"])):
        files["paths"] = [_shown(path) for path in files["paths"]]
    config["development"] = {tag: [_shown(path) for path in paths] for tag, paths in config["development"].items()}
    config["suites"] = [_shown(path) for path in config["suites"]]
    config["core"] = _shown(config["core"])
    return config


def _shown(path: str) -> str:
    return Path(path).name if Path(path).is_absolute() else path


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def config_from(name: str, assignments: list[str]) -> tuple[TrainingConfig, Recorded]:
    """The configuration of an installed adapter with changes, which may say only where things lie.

    Raises :class:`UsageError` for a change of anything else: then it would be another run.
    """
    from hubkit.training.config import with_assignments

    before = recorded(name)
    places = ("core", "data", "development", "suites", "objectives")
    if other := [each for each in assignments if each.partition("=")[0].partition(".")[0] not in places]:
        raise UsageError(
            f"{other[0]} changes the run that --from repeats.", f"Only {', '.join(places)} may say where files lie."
        )
    return with_assignments(before.config, assignments, f"{TRAINING_FILE} of {name}"), before
