"""Write a plugin's distribution from the template: names checked, files rendered, a whole folder or none."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from hubkit.errors import UsageError
from hubkit.plugins import GROUP, registered
from hubkit.version import __version__

PREFIX = "hubkit-"
LONGEST = 40  # characters of a name
_TEMPLATES = Path(__file__).parents[1] / "templates" / "plugin"
_NAME = re.compile(r"[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")  # PEP 508
_AUTHOR = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*(?:<(?P<email>[^<>\s@]+@[^<>\s@]+)>)?")
KINDS = {
    "objective": ("objectives", "Objective", "An objective", "an objective"),
    "language": ("languages", "", "Languages", "a table of languages"),
    "source": ("sources", "Source", "A source of text", "a source"),
    "task": ("tasks", "Task", "A held-out suite", "a suite"),
}
"""Kind → what it is registered among, the ending of its class, and what it is called in texts."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be written. ``folder`` is by default ``./hubkit-NAME``, ``author`` ``NAME <EMAIL>`` or a name."""

    name: str
    kind: str
    folder: Path | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A distribution that is not written yet: its names, and its files by path."""

    distribution: str
    package: str
    name: str
    folder: Path
    files: dict[str, str]


def plan_plugin(request: Request) -> Plan:
    """Check the names and render the files. Raises :class:`UsageError` for what cannot be, or is there already."""
    name = _short_name(request.name)
    project, package = f"{PREFIX}{name}", f"{PREFIX}{name}".replace("-", "_")
    _check_free(name, project, package, request.kind)
    folder = (request.folder or Path(project)).expanduser().absolute()
    if os.path.lexists(folder):
        raise UsageError(f"{folder} is there already.", "Choose another place with --path; nothing is overwritten.")
    kinds, ending, description, what = KINDS[request.kind]
    author, email = _author(request.author or f"The {project} contributors")
    title = name.replace("-", " ").title()
    values = {
        "distribution": project, "package": package, "name": name, "kind": request.kind, "kinds": kinds,
        "title": title, "class_name": f"{title.replace(' ', '')}{ending}", "what": what, "author": author,
        "email": email, "description": f"{description}: {name}", "version": __version__,
        "tag": f"art-x-{name.replace('-', '')[:8]}",
    }  # fmt: skip
    return Plan(project, package, name, folder, dict(_rendered(request.kind, values)))


def write_plugin(plan: Plan) -> None:
    """Write the folder, whole or not at all; :class:`UsageError` if it has come to be there meanwhile."""
    plan.folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=plan.folder.parent, prefix=f".{plan.folder.name}."))
    try:
        for path, text in plan.files.items():
            (aside / path).parent.mkdir(parents=True, exist_ok=True)
            (aside / path).write_text(text, "utf-8")
        aside.chmod(0o755)
        if os.path.lexists(plan.folder):
            raise UsageError(f"{plan.folder} is there already.", "Choose another place with --path.")
        os.rename(aside, plan.folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _short_name(given: str) -> str:
    """The name without ``hubkit-``, normalised as package indexes do (PEP 503)."""
    from packaging.utils import canonicalize_name

    name = canonicalize_name(given).removeprefix(PREFIX)
    if not _NAME.fullmatch(given) or not given.isascii():
        raise UsageError(
            f"{given!r} is no name of a distribution.", "Use letters, digits and hyphens, such as my-text."
        )
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or name == PREFIX.rstrip("-"):
        raise UsageError(f"{given!r} makes no Python identifier.", "Begin it with a letter, such as my-text.")
    if len(name) > LONGEST:
        raise UsageError(f"{given!r} has more than {LONGEST} characters.", "Choose a shorter name.")
    return name


def _check_free(name: str, project: str, package: str, kind: str) -> None:
    """Raise :class:`UsageError` when one of the names is taken here."""
    known = registered(KINDS[kind][0])
    if name in known.clashes or name in known:
        owners = [claim.plugin for claim in known.clashes.get(name, ())] or [known[name].plugin]
        raise UsageError(f"The {kind} {name!r} is registered by {' and '.join(owners)}.", "Choose another name.")
    if name in entry_points(group=GROUP).names:
        raise UsageError(f"A plugin called {name!r} is installed.", "Choose another name, or uninstall it.")
    try:
        distribution(project)
    except PackageNotFoundError:
        if find_spec(package) is None:
            return
    raise UsageError(f"{project} is installed here.", "Choose another name, or uninstall it.")


def _author(given: str) -> tuple[str, str | None]:
    found = _AUTHOR.fullmatch(given.strip())
    if found is None or not given.isprintable():
        raise UsageError(
            f"{given!r} names no author.", "Give a name, or a name and an address: 'Ann Uwase <ann@example.org>'."
        )
    return found["name"], found["email"]


def _rendered(kind: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, text) of every file; in paths of the template ``PACKAGE`` is the package and ``dot-`` a leading dot."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
    )
    environment.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=False)
    for root in ("common", kind):
        for file in sorted(path for path in (_TEMPLATES / root).rglob("*") if _is_template(path)):
            inside = PurePosixPath(*(_real_name(part, values) for part in file.relative_to(_TEMPLATES / root).parts))
            source = environment.get_template(file.relative_to(_TEMPLATES).as_posix())
            yield (
                str(inside).removesuffix(".j2"),
                source.render(values) if file.suffix == ".j2" else file.read_text("utf-8"),
            )


def _is_template(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _real_name(part: str, values: dict[str, Any]) -> str:
    name = part.replace("PACKAGE", values["package"])
    return f".{name.removeprefix('dot-')}" if name.startswith("dot-") else name
