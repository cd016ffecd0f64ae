"""``hubkit fuse``: from adapters to an evaluated, installed fusion of them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hubkit.adapter.manifest import NAME_PATTERN, Dependency, is_adapter_name
from hubkit.adapter.store import Adapter, random_adapter
from hubkit.composition.data import as_recipe
from hubkit.composition.member import Member
from hubkit.composition.recipe import Fuse, Stack
from hubkit.composition.resolve import with_each_member
from hubkit.core import open_core
from hubkit.core.checkpoint import DEFAULT_CORE
from hubkit.durable import locked
from hubkit.errors import UsageError
from hubkit.evaluation.compare import damage, evaluate
from hubkit.evaluation.controls import encode_with, unrelated_suites
from hubkit.languages import Language, find
from hubkit.registry.installed import find_installed
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load
from hubkit.runtime.stacks import Resolving
from hubkit.settings import settings
from hubkit.training.budget import Budget, parse_budget
from hubkit.training.config import Files
from hubkit.training.fusion import RECIPE, TrainedFusion, fused_blocks, train_fusion
from hubkit.training.mixture import mix
from hubkit.training.strength import Choice
from hubkit.training.targets import Targets
from hubkit.workflows.cost import Cost
from hubkit.workflows.data import collect
from hubkit.workflows.events import Events, Silent
from hubkit.workflows.publishable import Made, publishable
from hubkit.workflows.steps import Evaluated
from hubkit.workflows.train import Outcome, next_version
from hubkit.workflows.tuning import MEAN_OVER
from hubkit.workflows.work import Work, config_of

DEFAULT_BUDGET = "120s"


@dataclass(frozen=True, slots=True)
class FuseRequest:
    """What the user asked for. ``branches`` is what stands between the brackets of ``fuse(…)``.

    ``language`` is that of the text, by default the first branch's; without ``data`` the registered sources are asked.
    """

    branches: str
    name: str
    data: tuple[str, ...] = ()
    language: str | None = None
    budget: str = DEFAULT_BUDGET
    core: str = DEFAULT_CORE
    data_license: str = "unspecified"
    suites: tuple[Path, ...] = ()
    seed: int = 0
    license: str = "Apache-2.0"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request whose branches are found, in the versions that the fusion will be of, and whose text is gathered."""

    branches: Fuse
    blocks: int
    work: Work

    def plan(self) -> dict[str, Any]:
        """What would be trained on what, as JSON values."""
        data, width = self.work.data, self.work.encoder.core.hidden_size
        return {
            "branches": [str(branch) for branch in self.branches.parts],
            "blocks": self.blocks,
            "parameters": self.blocks * (3 * width**2 + 2 * width),
            "language": data.language.tag,
            "sentences": {tag: len(pairs) for tag, pairs in data.pairs.items()},
            "suites": [{"name": suite.name, "pairs": len(suite)} for suite in data.suites],
            "taken out for meeting a suite": data.removed,
            "budget": str(self.work.budget),
        }


def fuse(request: FuseRequest, events: Events | None = None) -> Outcome:
    """Train, evaluate and install a fusion of installed adapters. Interrupted, the same request goes on.

    Raises the :class:`hubkit.errors.HubkitError` of the part that failed; nothing is installed then.
    """
    events = events or Silent()
    with locked(settings().adapters / f".{request.name}.training.lock", f"The adapter {request.name}"):
        prepared = prepare(request, events)
        work = prepared.work
        with _phase("training", work):
            trained = _train(request, prepared)
        with _phase("mean vector", work):
            acting, adapter = _with_mean_vector(work, trained)
        with _phase("evaluation", work):
            found = _evaluate(work, acting, adapter, trained.branches)
        with _phase("artifact", work):
            made = Made(
                work, next_version(request.name), adapter, Choice(1.0, {}, None), trained.trained, found,
                fused=_dependencies(prepared.branches), acting=acting,
            )  # fmt: skip
            outcome = Outcome(*publishable(made))
        shutil.rmtree(_run_folder(request, prepared), ignore_errors=True)
        work.targets.close()
    return outcome


def prepare(request: FuseRequest, events: Events | None = None) -> Prepared:
    """Find the branches and gather the text; nothing is trained.

    Raises :class:`UsageError` for a name that is no fusion's and for what cannot be fused.
    """
    events, cost, budget, branches = events or Silent(), Cost(), parse_budget(request.budget), fuse_of(request.branches)
    if not is_adapter_name(request.name) or not request.name.startswith("fuse-"):
        raise UsageError(
            f"{request.name!r} cannot be the name of a fusion.", f"Choose one like fuse-lakes ({NAME_PATTERN})."
        )
    events.phase("core")
    with cost.phase("core"):
        open_core(request.core, events.advance)  # it may have to be fetched, which is shown
        encoder = load(core=request.core)
        branches, blocks, own = _found(encoder, branches)
    events.phase("corpora")
    with cost.phase("corpora"):
        work = _gather(request, find(request.language or own), budget, encoder, cost, events)
    return Prepared(branches, blocks, work)


def fuse_of(text: str) -> Fuse:
    """``lang-rw, fam-bantu + lang-sn``, with or without ``fuse(…)`` around it, as a recipe without its fusion."""
    recipe = as_recipe(text if text.strip().startswith("fuse(") else f"fuse({text})")
    if not isinstance(recipe, Fuse) or recipe.fusion is not None or recipe.centre is not None:
        raise UsageError(f"{text!r} does not list the branches of a fusion.", 'Write them like "lang-rw, lang-sn".')
    if len(recipe.parts) < 2:
        raise UsageError(f"{text!r} is one branch.", "A fusion chooses between two or more.")
    return recipe


def _found(encoder: Encoder, branches: Fuse) -> tuple[Fuse, int, str]:
    """The branches with what they need under them and the versions that are installed; blocks; the first language."""
    fingerprint = encoder.core.fingerprint

    def pinned(member: Member) -> Member:
        version = find_installed(member.name, member.spec or None, fingerprint).version
        return Member(member.name, f"=={version}", member.strength)

    with ExitStack() as held:
        resolving = Resolving(encoder.bank, held)
        expanded: Fuse = with_each_member(resolving.expanded(with_each_member(branches, pinned)), pinned)
        blocks = fused_blocks(encoder.network, resolving.branches(expanded))
        first = expanded.parts[0]
        top = first.parts[-1] if isinstance(first, Stack) else first
        own = resolving.entry(top.members()[0]).languages
    _dependencies(expanded)
    return expanded, len(blocks), own[0]


def _gather(
    request: FuseRequest, language: Language, budget: Budget, encoder: Encoder, cost: Cost, events: Events
) -> Work:
    config = config_of(
        name=request.name, languages=(language.tag,), budget=request.budget, core=request.core, recipe=RECIPE,
        data=(Files(paths=request.data, license=request.data_license),) if request.data else (),
        sources=() if request.data else None, suites=tuple(map(str, request.suites)), seeds=(request.seed,),
        license=request.license, controls=False,
    )  # fmt: skip
    data = collect(config, events)
    for warning in data.warnings:
        events.warn(warning)
    mixture, alone = mix(data.pairs, language.tag, RECIPE.alpha, RECIPE.own), encoder.adapted(None)
    return Work(config, budget, encoder, Targets(alone), data, mixture, cost, events)


def _train(request: FuseRequest, prepared: Prepared) -> TrainedFusion:
    work = prepared.work
    trained = train_fusion(
        work.encoder, prepared.branches, request.name, work.mixture, work.targets, work.budget,
        _run_folder(request, prepared), seed=request.seed, observe=work.events.training,
    )  # fmt: skip
    if trained.trained.resumed:
        work.events.note(f"resumed; {trained.trained.state.step} steps in all")
    return trained


def _run_folder(request: FuseRequest, prepared: Prepared) -> Path:
    """The same request on the same text and branches has the same folder."""
    work = prepared.work
    fingerprint, digest = work.encoder.core.fingerprint, work.data.digest()
    parts = [RECIPE.model_dump(), str(prepared.branches), str(work.budget), fingerprint, digest, request.seed]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    return settings().runs / f"{request.name}-{key}"


def _with_mean_vector(work: Work, trained: TrainedFusion) -> tuple[Encoder, Adapter]:
    """An encoder with the fusion, and the fusion with the mean of unit vectors over the language's own text."""
    import torch

    acting = _acting(work.encoder, trained.adapter, trained.branches)
    texts = sorted({pair.text for pair in work.data.pairs[work.language.tag]})
    sample = [texts[index] for index in np.random.default_rng(0).permutation(len(texts))[:MEAN_OVER]]
    mean = acting.fit_centre(sample, show_progress_bar=False)
    return acting, replace(trained.adapter, centre=torch.from_numpy(mean))


def _acting(encoder: Encoder, fusion: Adapter, branches: Fuse) -> Encoder:
    """The encoder with a fusion that is not installed."""
    key = f"{fusion.name} in memory {id(fusion)}"
    encoder.bank.add(fusion, key)
    return encoder.with_recipe(Fuse(*branches.parts, fusion=Member(key)))


def _evaluate(work: Work, acting: Encoder, adapter: Adapter, branches: Fuse) -> Evaluated:
    """The fusion beside the core, a random fusion of the same branches, and each branch alone."""
    encoder = work.encoder
    chance = _acting(encoder, random_adapter(adapter, encoder.core, work.seed + 1), branches)
    systems = {"core": encode_with(encoder), "adapter": encode_with(acting), "random": encode_with(chance)}
    descriptions = {"random": "a random fusion of the same branches"}
    for number, branch in enumerate(branches.parts, start=1):
        systems[f"branch-{number}"] = encode_with(encoder.with_recipe(as_recipe(branch)))
        descriptions[f"branch-{number}"] = f"{branch} alone"
    evaluations = [evaluate(systems, suite, descriptions=descriptions) for suite in work.data.suites]
    unrelated = unrelated_suites(work.language, list(work.data.pairs), work.data.damage)
    return Evaluated(evaluations, damage(systems["core"], systems["adapter"], unrelated), [])


def _dependencies(branches: Fuse) -> tuple[Dependency, ...]:
    """Every adapter of the branches, once, in its version."""
    versions = {member.name: member.spec for member in branches.members()}
    if odd := [member for member in branches.members() if versions[member.name] != member.spec]:
        raise UsageError(f"{odd[0].name} is in the branches in several versions.", "Fuse one version of an adapter.")
    return tuple(Dependency(name=name, spec=spec, role="fuse") for name, spec in versions.items())


@contextmanager
def _phase(name: str, work: Work) -> Iterator[None]:
    work.events.phase(name)
    with work.cost.phase(name):
        yield
