"""A toy language with text, sources, relatives' adapters that are installed, and a context on a tiny core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hubkit.core import Core
from hubkit.corpora.source import Pair
from hubkit.evaluation.controls import ControlContext
from hubkit.languages import Language, find
from hubkit.registry.installed import install_folder
from hubkit.runtime.encoder import Encoder
from hubkit.training.recipe import Recipe
from hubkit.training.targets import Targets

NOUNS = ("boat", "rain", "road", "cat", "song", "hill", "lamp", "bread", "river", "door")
VERBS = ("sees", "likes", "leaves", "finds", "hears", "paints", "cleans")
RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, batch_size=8, learning_rate=5e-3)


def toy_pairs(tag: str, count: int = 60) -> list[Pair]:
    """Words backwards, with the tag as an ending."""
    english = [f"the {NOUNS[i % 10]} {VERBS[i % 7]} the {NOUNS[i * 7 % 10]} number {i}" for i in range(count)]
    texts = [" ".join(word[::-1] + tag[-1] for word in text.split()) for text in english]
    return [
        Pair(text, meant, "toy", str(i), "CC0-1.0") for i, (text, meant) in enumerate(zip(texts, english, strict=True))
    ]


@dataclass
class ToySource:
    """A source of Turkic and Bantu toy text that counts how often it is asked."""

    name: str = "toy"
    license: str = "CC0-1.0"
    domain: Any = "interface"
    origin: str = "made here"
    tags: tuple[str, ...] = ("tr", "az")
    asked: list[str] = field(default_factory=list)

    def pairs(self, language: Language) -> list[Pair]:
        self.asked.append(language.tag)
        return toy_pairs(language.tag) if language.tag in self.tags else []


@pytest.fixture
def toy_source() -> ToySource:
    return ToySource()


class Notes:
    """Remembers every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def notes() -> Notes:
    return Notes()


MakeContext = Callable[..., ControlContext]


@pytest.fixture
def make_context(bert: Core, make_adapter: Any, toy_source: ToySource, notes: Notes) -> MakeContext:
    """(fields that differ) → the context of lang-rw on the tiny core, six steps."""

    def make(**changes: Any) -> ControlContext:
        encoder = changes.pop("encoder", None) or Encoder(bert)
        adapter = changes.pop("adapter", None) or make_adapter(encoder.core, "seq_bn", strength=0.5)
        given = {
            "language": find("rw"), "recipe": RECIPE, "targets": Targets(encoder), "steps": 6,
            "pairs": {"rw": toy_pairs("rw"), "rn": toy_pairs("rn", 30)}, "sources": [toy_source], "events": notes,
        }  # fmt: skip
        return ControlContext(adapter=adapter, encoder=encoder, **{**given, **changes})

    return make


Install = Callable[..., None]


@pytest.fixture
def install(bert: Core, make_adapter: Any, save: Any, tmp_path: Any) -> Install:
    """(tag or family's name, …) → its adapter is installed."""

    def put(tag: str, *, method: str = "seq_bn", version: str = "0.1.0", seed: int = 1, core: Core = bert,
            family: str | None = None, trained_on: tuple[str, ...] = (), **hyper: Any) -> None:  # fmt: skip
        name = f"fam-{tag}" if family else f"lang-{tag}"
        adapter = make_adapter(core, method, seed=seed, name=name, strength=0.5 if method != "ia3" else 1.0, **hyper)
        found = find("sw" if family else tag)
        about: dict[str, Any] = {
            "name": name, "version": version, "family": family, "kind": "family" if family else "language",
            "training_data": [{"source": "toy", "origin": "made here", "license": "CC0-1.0", "pairs": 2,
                               "languages": [found.tag, *trained_on]}],
            "languages": [{"bcp47": found.tag, "iso639_3": found.iso639_3, "name": found.name}],
        }  # fmt: skip
        install_folder(save(adapter, core, tmp_path / "made" / name / version, **about))

    return put
