"""What the adapter store, training and the runtime rely on in a method."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import Method, Shapes
from hubkit.adapter.sites import Bottleneck, Coupling, Fusion, LowRank, Scale
from hubkit.errors import UsageError
from hubkit.testing.error import ConformanceError, require, require_text

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.core import Core
    from hubkit.core.architecture import Architecture

_SITES = (LowRank, Scale, Bottleneck, Coupling, Fusion)
_NAMES = ("lang-rw", "fam-bantu")
_SENTENCES = ("a", "", "a sentence of some words", "a much longer sentence, which the others are padded to")
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class _Trial:
    """A method with a configuration on a tiny core."""

    method: Method
    config: dict[str, Any]
    core: Core
    model_config: Any
    places: Architecture

    @property
    def shapes(self) -> Shapes:
        return self.method.expected_tensors(self.config, self.model_config, self.places)

    def tensors(self, seed: int, scale_like: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        import torch

        generator = torch.Generator().manual_seed(seed)
        return self.method.initial_tensors(self.config, self.model_config, self.places, generator, scale_like)


def check_method(method: Callable[[], Method], **hyperparameters: Any) -> None:
    """Check a class with the protocol :class:`hubkit.adapter.method.Method` on a tiny core.

    The configuration is plain data, is accepted by the method itself and keeps what :meth:`with_scaling` sets; an
    unknown hyperparameter is a :class:`hubkit.errors.UsageError`; names go to AdapterHub's and back; random tensors
    have the expected shapes and follow the generator; sites are of the known kinds, at places that the core has; and
    vectors equal those of the ``adapters`` library with the same adapter, to 1e-5 (but for a fusion, which is no
    adapter). Raises :class:`hubkit.testing.ConformanceError`.
    """
    from transformers import AutoConfig

    from hubkit.core.architecture import architecture
    from hubkit.testing.tiny import tiny_core

    made = method()
    require_text(made.name, "the method's name")
    with tempfile.TemporaryDirectory() as folder:
        core = tiny_core(Path(folder))
        config = made.adapterhub_config(**hyperparameters)
        trial = _Trial(made, config, core, AutoConfig.from_pretrained(folder), architecture(core.model_type))
        _check_config(trial)
        _check_names(trial)
        _check_tensors(trial)
        if _check_sites(trial):
            _check_vectors(method, trial)


def _check_config(trial: _Trial) -> None:
    made, config = trial.method, trial.config
    require(
        json.loads(json.dumps(config)) == config, f"{made.name}: its configuration is no plain JSON: {config!r:.200}"
    )
    require(made.problems(config) == [], f"{made.name}: it refuses its own configuration: {made.problems(config)}")
    broken = made.problems({**config, "no such setting": 1})
    require(broken and all(isinstance(problem, str) for problem in broken), f"{made.name}: it takes unknown settings")
    try:
        made.adapterhub_config(no_such_hyperparameter=1)
    except UsageError:
        pass
    else:
        raise ConformanceError(f"{made.name}: an unknown hyperparameter must be a UsageError")
    scaling = made.base_scaling(config)
    require(math.isfinite(scaling), f"{made.name}: its scaling is {scaling}")
    require(made.with_scaling(config, scaling) == config, f"{made.name}: with_scaling changes more than the scaling")
    if made.strength_is_scaling:
        changed = made.with_scaling(config, 0.37 * scaling)
        require(
            math.isclose(made.base_scaling(changed), 0.37 * scaling, rel_tol=1e-9) and made.problems(changed) == [],
            f"{made.name}: a strength of 0.37 becomes {made.base_scaling(changed) / scaling:g} in its configuration",
        )


def _check_names(trial: _Trial) -> None:
    made, shapes = trial.method, trial.shapes
    require(shapes, f"{made.name}: it has no tensors on a core of two layers")
    for name in _NAMES:
        theirs = {key: made.to_adapterhub(key, name) for key in shapes}
        back = {key: made.from_adapterhub(tensor, name) for key, tensor in theirs.items()}
        wrong = [key for key in shapes if back[key] != key or name not in theirs[key]]
        require(
            not wrong, f"{made.name}: {wrong[:1]} becomes {[theirs[key] for key in wrong[:1]]} and does not come back"
        )
        require(
            len(set(theirs.values())) == len(shapes), f"{made.name}: two tensors have one name in AdapterHub's file"
        )
    stranger = "pooler.dense.weight"
    require(made.from_adapterhub(stranger, _NAMES[0]) == stranger, f"{made.name}: it renames {stranger}")


def _check_tensors(trial: _Trial) -> None:
    import torch

    made, shapes = trial.method, trial.shapes
    first, again = trial.tensors(1), trial.tensors(1)
    found = {key: tuple(tensor.shape) for key, tensor in first.items()}
    require(
        found == shapes,
        f"{made.name}: random tensors differ from those expected: {set(found.items()) ^ set(shapes.items())}",
    )
    for key, tensor in first.items():
        require(
            tensor.dtype == torch.float32 and bool(tensor.isfinite().all()), f"{made.name}: {key} is not finite float32"
        )
        require(torch.equal(tensor, again[key]), f"{made.name}: the same generator draws {key} twice differently")
    like = {key: 3 * torch.randn(shape, generator=torch.Generator().manual_seed(0)) for key, shape in shapes.items()}
    spread = torch.cat([tensor.flatten() for tensor in trial.tensors(1, like).values()]).std()
    require(1.5 < float(spread) < 6, f"{made.name}: tensors like those of deviation 3 have a deviation of {spread:.2g}")


def _check_sites(trial: _Trial) -> bool:
    """Whether the sites are those of an adapter; those of a fusion need branches to act on."""
    from hubkit.core import load_model

    made, paths = trial.method, dict(load_model(trial.core).named_modules())
    sites = made.sites(trial.config, trial.tensors(1), trial.places)
    require(sites, f"{made.name}: it acts nowhere")
    for path, site in sites.items():
        require(path in paths, f"{made.name}: it acts at {path!r}, which the core does not have")
        require(
            isinstance(site, _SITES), f"{made.name}: at {path} it does what the runtime does not know: {site!r:.80}"
        )
        factor = made.base_scaling(trial.config)
        if not isinstance(site, Fusion):
            require(
                math.isclose(site.factor, factor), f"{made.name}: at {path} the factor is {site.factor}, not {factor}"
            )
    return not any(isinstance(site, Fusion) for site in sites.values())


def _check_vectors(method: Callable[[], Method], trial: _Trial) -> None:
    from hubkit.adapter.store import adapter_from_state
    from hubkit.runtime.encoder import Encoder
    from hubkit.testing.registering import registering

    made, name = trial.method, _NAMES[0]
    like = {key: value + 5 * (value - value.mean()) for key, value in trial.tensors(2).items()}
    state = {made.to_adapterhub(key, name): value for key, value in like.items()}
    with registering("methods", made.name, method):
        adapter = adapter_from_state(name, made.name, trial.config, state, trial.core)
        alone = Encoder(trial.core)
        ours, plain = (
            each.encode(list(_SENTENCES), convert_to_tensor=True, show_progress_bar=False)
            for each in (alone.adapted(adapter), alone)
        )
        theirs = _vectors_of_adapters(alone, trial, state, name)
    difference = float((ours - theirs).abs().max())
    require(difference < _TOLERANCE, f"{made.name}: vectors differ from those of `adapters` by {difference:.1e}")
    require(float((ours - plain).abs().max()) > 100 * _TOLERANCE, f"{made.name}: it changes no vector")


def _vectors_of_adapters(encoder: Any, trial: _Trial, state: dict[str, Tensor], name: str) -> Tensor:
    """Unit vectors of the sentences by the network that ``adapters`` builds and runs."""
    import torch
    from torch.nn.functional import normalize

    from hubkit.core.pooling import pool
    from hubkit.runtime.backend import AdaptedModel

    core = trial.core
    model = AdaptedModel(core, trial.config, state, name, f"an adapter of method {trial.method.name}")
    texts = [core.prefix + sentence for sentence in _SENTENCES]
    tokens = encoder.tokenizer(texts, padding=True, truncation=True, max_length=core.max_tokens, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(tokens["input_ids"], tokens["attention_mask"]).last_hidden_state
        return normalize(pool(hidden, tokens["attention_mask"], core.pooling), dim=-1)
