"""What an adapter is compared with: adapters that know nothing of its language.

The wrong-family adapter is trained once per core, recipe, seed and set of sources, with as many steps as the adapter it
is compared with (steps, because seconds buy more on a quiet machine), and kept for later adapters of about that size.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from safetensors import SafetensorError

from hubkit.adapter.store import Adapter, adapter_from_state
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.family import gather_many
from hubkit.durable import locked, written_folder
from hubkit.evaluation.compare import Encode
from hubkit.languages import Language, family_of, find
from hubkit.settings import settings
from hubkit.training.budget import Budget
from hubkit.training.loop import Observer, Training
from hubkit.training.mixture import mix
from hubkit.training.targets import Targets

if TYPE_CHECKING:
    from hubkit.core import Core
    from hubkit.corpora.source import Source
    from hubkit.evaluation.suite import ParallelSuite, Suite
    from hubkit.runtime.encoder import Encoder
    from hubkit.training.recipe import Recipe

FAMILIES = ("Turkic", "Narrow Bantu")
LANGUAGES_IN_CONTROL = 8
DAMAGE_LANGUAGES = 5
STEPS_OFF = (0.8, 1.5)  # a kept control may have this many times the adapter's steps
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Control:
    """A wrong-family adapter and how it came about."""

    adapter: Adapter
    family: str
    languages: tuple[str, ...]
    steps: int
    seconds: float
    cached: bool

    def description(self) -> str:
        """One line for the report."""
        return (
            f"an adapter of an unrelated family ({self.family}: {', '.join(self.languages)}), "
            f"equal recipe and {self.steps} steps"
        )


def wrong_family(language: Language) -> str:
    """The first of :data:`FAMILIES` that ``language`` does not belong to."""
    return next(family for family in FAMILIES if not _is_in(language, family))


def _is_in(language: Language, family: str) -> bool:
    return family in language.family or language in family_of(family)


def train_wrong_family(
    family: str, core: Core, recipe: Recipe, asked: Sequence[Source], targets: Targets, steps: int, seed: int,
    observe: Observer | None = None,
) -> Control:  # fmt: skip
    """The control adapter of ``family`` with about ``steps`` steps: a kept one, else trained now and kept."""
    parent = settings().controls / f"{family.lower().replace(' ', '-')}-{_key(family, core, recipe, asked, seed)}"
    with locked(parent.with_suffix(".lock"), f"the control adapter in {parent}", wait=True):
        if (kept := _kept(parent, core, recipe, steps)) is not None:
            return kept
        members = [language for language in family_of(family) if "-" not in language.tag]
        found = gather_many(members, asked, LANGUAGES_IN_CONTROL)
        pairs = {each.language.tag: sentences(each.all(), recipe.min_words, recipe.max_words) for each in found}
        run, mixture = parent / f"{steps}.run", mix(pairs, alpha=recipe.alpha)
        trained = Training(core, recipe, mixture, targets, Budget(steps=steps), seed, run).run(observe)
        facts = {
            "family": family,
            "languages": sorted(pairs),
            "steps": trained.state.step,
            "seconds": trained.state.seconds,
            "config": trained.config,
        }
        _write(parent / str(steps), trained.tensors, facts)
        shutil.rmtree(run)
    adapter = adapter_from_state("fam-control", recipe.method, trained.config, trained.tensors, core)
    return Control(adapter, family, tuple(sorted(pairs)), trained.state.step, trained.state.seconds, cached=False)


def _kept(parent: Path, core: Core, recipe: Recipe, steps: int) -> Control | None:
    """The intact kept control whose number of steps is nearest, if it is near enough."""
    fewest, most = (factor * steps for factor in STEPS_OFF)
    near = [int(folder.name) for folder in parent.glob("[0-9]*") if folder.name.isdigit()]
    for count in sorted(near, key=lambda count: abs(count - steps)):
        if fewest <= count <= most and (control := _read(parent / str(count), core, recipe)) is not None:
            return control
    return None


def _key(family: str, core: Core, recipe: Recipe, asked: Sequence[Source], seed: int) -> str:
    names = sorted(source.name for source in asked)
    parts = [_VERSION, family, core.fingerprint, recipe.model_dump(), names, seed]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _write(folder: Path, tensors: object, facts: dict[str, object]) -> None:
    from safetensors.torch import save_file

    with written_folder(folder) as aside:
        save_file(tensors, aside / "control.safetensors")  # type: ignore[arg-type]
        (aside / "control.json").write_text(json.dumps(facts, indent=2), "utf-8")


def _read(folder: Path, core: Core, recipe: Recipe) -> Control | None:
    from safetensors.torch import load_file

    try:
        facts = json.loads((folder / "control.json").read_text("utf-8"))
        tensors = load_file(folder / "control.safetensors")
        adapter = adapter_from_state("fam-control", recipe.method, facts["config"], tensors, core)
    except (OSError, ValueError, KeyError, SafetensorError):
        return None
    return Control(adapter, facts["family"], tuple(facts["languages"]), facts["steps"], facts["seconds"], cached=True)


def unrelated_suites(language: Language, trained_on: Sequence[str], suite: Suite) -> list[ParallelSuite]:
    """The suite in :data:`DAMAGE_LANGUAGES` languages of other families that training did not use."""
    listed = json.loads(Path(__file__).with_name("damage_languages.json").read_text("utf-8"))
    found: list[ParallelSuite] = []
    for tag in listed:
        other = find(tag)
        related = bool(other.family and language.family and other.family[0] == language.family[0])
        if tag in trained_on or related:
            continue
        if (loaded := suite.load(other)) is not None:
            found.append(loaded)
        if len(found) == DAMAGE_LANGUAGES:
            break
    return found


def encode_with(encoder: Encoder) -> Encode:
    """The encoder as a plain function of sentences, without a progress bar."""

    def encode(texts: list[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = encoder.encode(texts, show_progress_bar=False)
        return vectors

    return encode
