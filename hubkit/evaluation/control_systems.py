"""Everything that an adapter is compared with, by name: what there is, what each needs, and how it is made.

The centred core is no system but a view: every task measures each system raw and centred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hubkit.errors import HubkitError, UsageError
from hubkit.evaluation.controls.context import ControlContext, Unavailable, tested
from hubkit.evaluation.task import LEVELS, Level, Tested

__all__ = ["CONTROLS", "ControlContext", "ControlSpec", "Systems", "Unavailable", "control_systems", "names_at"]

Need = Literal["text", "training", "relatives", "installed", "extra"]


@dataclass(frozen=True, slots=True)
class ControlSpec:
    """A control as data. ``level`` is the smallest evaluation that runs it; None runs only where it is named.

    ``needs``: the adapter's training ``text``; ``training`` of its own; adapters of ``relatives``, or others, that are
    ``installed``; an ``extra`` package. ``cost`` is in words.
    """

    name: str
    description: str
    level: Level | None
    needs: tuple[Need, ...]
    cost: str


class Systems(list[Tested]):
    """Systems to measure; ``unavailable`` are those that were asked for and cannot be had."""

    def __init__(self, systems: Sequence[Tested] = (), unavailable: Sequence[Unavailable] = ()) -> None:
        super().__init__(systems)
        self.unavailable: tuple[Unavailable, ...] = tuple(unavailable)


_SPECS = (
    ControlSpec("core", "the frozen core alone", "smoke", (), "none"),
    ControlSpec("random", "a random adapter of equal size and strength", "smoke", (), "none"),
    ControlSpec("previous", "the previous version of this adapter", "smoke", ("installed",), "none"),
    ControlSpec(
        "ridge", "closed-form ridge towards the identity on the core's vectors", "standard", ("text",),
        "the core's vectors of up to 4,000 sentences, kept",
    ),
    ControlSpec(
        "wrong-family", "an adapter of an unrelated family at equal budget", "standard", ("training",),
        "as much training as the adapter, once for all languages",
    ),
    ControlSpec("relative", "the adapter of the nearest relative", "standard", ("relatives",), "none"),
    ControlSpec("family", "the family adapter alone", "standard", ("installed",), "none"),
    ControlSpec("proxy", "relatives' adapters merged by relatedness", "standard", ("relatives",), "none"),
    ControlSpec(
        "arithmetic", "a + λ (b − c) of relatives' adapters and the wrong family's", "full", ("relatives", "training"),
        "none beside the wrong family's",
    ),
    ControlSpec(
        "lora", "LoRA as PEFT trains it, at equal budget", "full", ("text", "training", "extra"),
        "about twice as much training as the adapter",
    ),
    ControlSpec(
        "full", "full fine-tuning at equal budget", "full", ("text", "training"),
        "two to three times as much training as the adapter, and the core's layers on disk once more",
    ),
    ControlSpec(
        "sentence-transformers", "another encoder: sentence-transformers:NAME, a folder or a model on the Hub", None,
        ("extra",), "that model's",
    ),
    ControlSpec("static", "a static table of token or word vectors: static:PATH", None, (), "next to none"),
)  # fmt: skip
CONTROLS: Mapping[str, ControlSpec] = {spec.name: spec for spec in _SPECS}
"""Every control by its name, in the order of a report."""
_EXTERNAL = ("sentence-transformers", "static")


def names_at(level: Level) -> list[str]:
    """The names of the controls that an evaluation of this level runs."""
    reached = LEVELS[: LEVELS.index(level) + 1]
    return [spec.name for spec in _SPECS if spec.level in reached]


def control_systems(names: Sequence[str], context: ControlContext) -> Systems:
    """The controls with these names, in their order, ready to encode; trained ones are trained now unless kept.

    A name is one of :data:`CONTROLS`, those of other encoders followed by a colon and what they open:
    ``static:FOLDER``. What cannot be had is left out, and told in ``unavailable``. Raises :class:`UsageError` for a
    name that is none, before anything is made.
    """
    wanted = [(name, _parsed(name)) for name in dict.fromkeys(names)]
    systems: list[Tested] = []
    unavailable: list[Unavailable] = []
    for name, (kind, what) in wanted:
        context.note(f"control {name}")
        try:
            systems.append(_made(kind, what, context))
        except HubkitError as error:
            unavailable.append(Unavailable(name, str(error)))
            context.note(f"control {name} is left out: {error}")
    return Systems(systems, unavailable)


def _parsed(name: str) -> tuple[str, str]:
    kind, colon, what = name.partition(":")
    if kind not in CONTROLS or (kind in _EXTERNAL) != bool(what) or (colon and not what):
        raise UsageError(
            f"There is no control {name!r}.",
            f"Known are: {', '.join(spec.name for spec in _SPECS if spec.name not in _EXTERNAL)}, "
            "sentence-transformers:NAME and static:PATH.",
        )
    return kind, what


def _made(kind: str, what: str, context: ControlContext) -> Tested:
    if kind in _EXTERNAL:
        from hubkit.evaluation.controls import external

        return external.sentence_transformer(what) if kind == "sentence-transformers" else external.static_table(what)
    return _makers()[kind](context)


def _makers() -> Mapping[str, Callable[[ControlContext], Tested]]:
    from hubkit.evaluation.controls import installed, other_family, ridge, trained

    return {
        "core": _core,
        "random": _random,
        "previous": installed.previous,
        "ridge": ridge.make,
        "wrong-family": other_family.make,
        "relative": installed.relative,
        "family": installed.family,
        "proxy": installed.proxy,
        "arithmetic": installed.arithmetic,
        "lora": trained.lora,
        "full": trained.full,
    }


def _core(context: ControlContext) -> Tested:
    return tested(context, "core", "the frozen core alone", context.encoder)


def _random(context: ControlContext) -> Tested:
    from hubkit.adapter.store import random_adapter

    chance = random_adapter(context.adapter, context.encoder.core, context.seed + 1)
    return tested(context, "random", CONTROLS["random"].description, context.acting(chance, "random"))
