"""Check published versions as a user would meet them: fetch, hash, load strictly, golden vectors, declared figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError, NotFoundError
from hubkit.registry.index_checks import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from hubkit.core import Core
    from hubkit.evaluation.report import Evaluation
    from hubkit.registry.record import Record
    from hubkit.registry.record_fields import Metric, RecordCore
    from hubkit.runtime.encoder import Encoder

TOLERANCE = 0.01  # R@1; beside it, one item and a half may fall the other way on another machine
OUTLIER = 30.0  # root mean square against the median of the same tensors of other layers
FEWEST_LAYERS = 4
_VIEWS = {"R@1": "raw", "R@1 centred": "centred"}
Say = Callable[[str], None]
Below = Callable[["Record"], Sequence["Record"]]
"""A record → what it stands on and itself, in the order of the stack."""


def check_records(
    records: Iterable[Record], below: Below, cores: Sequence[str] = (), say: Say | None = None
) -> list[Problem]:
    """Everything wrong with these versions. ``cores`` are specs of cores beside those that are known by name."""
    opened = _open_cores(cores)
    problems: list[Problem] = []
    for record in records:
        found = list(_problems(record, below, opened, say or (lambda text: None)))
        problems += [Problem(record.key, what) for what in found]
        if say is not None:
            say(f"{record.key}: {'; '.join(found) or 'as declared'}")
    return problems


def _open_cores(specs: Sequence[str]) -> dict[str, Core]:
    from hubkit.core import open_core

    return {core.fingerprint: core for core in map(open_core, specs)}


def _problems(record: Record, below: Below, cores: dict[str, Core], say: Say) -> Iterator[str]:
    from hubkit.registry.fetch import fetch_record

    try:
        if record.kind == "finding":
            _fetch_only(record)
            return
        core, folders = _core_of(record.core, cores), [fetch_record(each) for each in below(record)]
    except HubkitError as error:
        yield error.what
        return
    yield from adapter_problems(record, folders, core, say)


def adapter_problems(record: Record, folders: Sequence[Path], core: Core, say: Say) -> Iterator[str]:
    """What is wrong with an adapter as it acts. Its files lie in the last of ``folders``; what it stands on, before."""
    try:
        alone, adapted, tensors = _encoder(core, folders)
    except HubkitError as error:
        yield error.what
        return
    yield from _outliers(tensors)
    yield from _figures(record, alone, adapted, say)
    yield from gate_problems(record.kind, folders[-1])


def gate_problems(kind: str, folder: Path) -> Iterator[str]:
    """Why an index should not take the adapter in ``folder``, by its report; a task adapter is judged otherwise."""
    from hubkit.evaluation.gate import gate
    from hubkit.evaluation.report import read_report

    if kind == "task":
        return
    try:
        found = gate(read_report(folder / "report.json"))
    except HubkitError as error:
        yield error.what
        return
    if not found.passed:
        yield f"does not pass the gate: {'; '.join(found.reasons)}"


def _fetch_only(record: Record) -> None:
    """Fetch and hash the files of a record that has no adapter, if it has any."""
    from hubkit.registry.cache import assembly
    from hubkit.registry.fetch import Place, fetch_files

    if record.source is None:
        return
    with assembly(record.name) as folder:
        fetch_files(Place(record.repository.repo_id, record.repository.commit), record.files, folder)


def _core_of(wanted: RecordCore, cores: dict[str, Core]) -> Core:
    from hubkit.core import open_core

    if wanted.fingerprint not in cores:
        core = open_core(wanted.id)
        if core.fingerprint != wanted.fingerprint:
            raise NotFoundError(
                f"core {wanted.id} has another fingerprint here: {core.fingerprint}.", "Name its folder with --core."
            )
        cores[core.fingerprint] = core
    return cores[wanted.fingerprint]


def _encoder(core: Core, folders: Sequence[Path]) -> tuple[Encoder, Encoder, Mapping[str, Tensor]]:
    """The core alone, the adapters on it, and the tensors of the uppermost; every file verified on the way."""
    from hubkit.composition.data import as_recipe
    from hubkit.composition.recipe import Fuse, Recipe, Stack
    from hubkit.runtime.encoder import Encoder
    from hubkit.runtime.load import open_adapter

    alone = Encoder(core)
    adapters = []
    for folder in folders:
        adapters.append(open_adapter(folder, alone))
        alone.bank.add(adapters[-1])
    top = adapters[-1]
    if top.fused:
        recipe: Recipe = Fuse(*map(as_recipe, top.fused), fusion=top.name)  # type: ignore[arg-type]
    else:
        recipe = Stack(*(adapter.name for adapter in adapters))
    return alone, alone.with_recipe(recipe), top.tensors


def _outliers(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Tensors far larger than the same ones of other layers: what a planted trigger may look like."""
    groups: dict[str, dict[str, float]] = {}
    for key, tensor in tensors.items():
        size = float(tensor.float().pow(2).mean().sqrt())
        groups.setdefault(re.sub(r"\d+", "*", key), {})[key] = size
    for sizes in groups.values():
        usual = median(sizes.values())
        for key, size in sizes.items():
            if len(sizes) >= FEWEST_LAYERS and usual > 0 and size > OUTLIER * usual:
                yield f"{key} is {size / usual:.0f} times as large as in other layers"


def _figures(record: Record, core: Encoder, adapted: Encoder, say: Say) -> Iterator[str]:
    """Measure the declared figures again, on every registered suite."""
    from hubkit.plugins import registered

    evaluations: dict[tuple[str, str], Evaluation | None] = {}
    for entry in record.metrics:
        tag = entry.language or record.languages[0].bcp47
        if entry.metric not in _VIEWS or entry.suite not in registered("tasks"):
            say(f"{record.key}: {entry.metric} on {entry.suite} cannot be measured here")
            continue
        if (entry.suite, tag) not in evaluations:
            try:
                evaluations[entry.suite, tag] = _evaluate(entry.suite, tag, core, adapted)
            except HubkitError as error:  # a plugin's suite among others
                yield f"suite {entry.suite}: {error.what}"
                return
        evaluation = evaluations[entry.suite, tag]
        if evaluation is None:
            yield f"suite {entry.suite} has nothing in {tag}, a figure on it is declared"
        else:
            yield from _deviations(entry, evaluation)


def _evaluate(suite: str, tag: str, core: Encoder, adapted: Encoder) -> Evaluation | None:
    from hubkit.evaluation.compare import evaluate
    from hubkit.evaluation.suite import loaded
    from hubkit.languages import find

    texts = loaded(suite, find(tag))

    def encode(encoder: Encoder) -> Callable[[Sequence[str]], Any]:
        return lambda sentences: encoder.encode(list(sentences), show_progress_bar=False)

    return None if texts is None else evaluate({"core": encode(core), "adapter": encode(adapted)}, texts)


def _deviations(entry: Metric, evaluation: Evaluation) -> Iterator[str]:
    tolerance = max(TOLERANCE, 1.5 / max(1, evaluation.suite.n))
    for name, declared in (("adapter", entry.value), ("core", entry.core)):
        system = evaluation.system(name)
        assert system is not None
        found = getattr(system, _VIEWS[entry.metric]).mean
        if abs(found - declared) > tolerance:
            yield (
                f"{entry.metric} of the {name} on {entry.suite} is {found:.4f} here, {declared:.4f} is declared "
                f"(tolerance {tolerance:.4f})"
            )
