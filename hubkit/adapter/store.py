"""Adapters on disk: written whole in the AdapterHub format plus hubkit's own files, read strictly or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter import adapterhub
from hubkit.adapter.folder import MANIFEST_FILE, VerifiedFolder, read_file, read_verified
from hubkit.adapter.golden import Golden, check_golden, is_remembered, parse_golden, remember, write_golden
from hubkit.adapter.manifest import MAX_FILE_BYTES, TRAINING_FILE, FileReference, Manifest
from hubkit.adapter.method import method
from hubkit.adapter.methods import fusion
from hubkit.adapter.sites import Fusion, Site
from hubkit.adapter.tensors import read_header, read_tensors, write_tensors
from hubkit.adapter.vocabulary import parse_vocabulary, write_vocabulary
from hubkit.core.architecture import architecture
from hubkit.durable import sha256, write_json, write_text, written_folder
from hubkit.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.core import Core
    from hubkit.vocabulary.delta import VocabularyDelta

Encode = Callable[["Adapter", Sequence[str]], "Tensor"]
"""Sentences → unit vectors (n, hidden) under an adapter, not centred."""
_CENTRE = "centre.safetensors"


@dataclass(frozen=True)
class Adapter:
    """An adapter in memory.

    ``config`` is the whole AdapterHub ``adapter_config.json`` (of a fusion, ``adapter_fusion_config.json``); its inner
    ``config`` has the scaling as trained, without ``strength``. ``tensors`` are keyed without the adapter's name.
    ``centre`` (hidden,) is the language's mean vector under this adapter at this strength. ``vocabulary`` are the
    tokens that it adds, whatever the strength.
    """

    name: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    method: str
    strength: float = 1.0
    manifest: Manifest | None = None
    centre: Tensor | None = None
    vocabulary: VocabularyDelta | None = None

    @property
    def scaling(self) -> float:
        """The factor on the output as trained."""
        return method(self.method).base_scaling(self.config["config"])

    @property
    def fused(self) -> tuple[str, ...]:
        """The branches of a fusion in order, each as a recipe without versions; of another adapter none."""
        return tuple(self.config[adapterhub.BRANCHES]) if self.method == fusion.NAME else ()

    @property
    def parameters(self) -> int:
        """Number of trained numbers."""
        rows = 0 if self.vocabulary is None else self.vocabulary.rows.numel()
        return rows + sum(tensor.numel() for tensor in self.tensors.values())

    def effective_config(self) -> dict[str, Any]:
        """The AdapterHub configuration with ``strength`` in its scaling: what other programs are given.

        Raises :class:`UsageError` at a strength other than 1 when the method's scaling cannot say it.
        """
        chosen = method(self.method)
        if self.strength != 1.0 and not chosen.strength_is_scaling:
            raise UsageError(
                f"{self.name} cannot be stored at strength {self.strength:g}: AdapterHub's format has no factor on all "
                f"that {self.method} does.",
                "Store it at strength 1 and set the strength when it is used.",
            )
        inner = chosen.with_scaling(self.config["config"], self.scaling * self.strength)
        if self.method == fusion.NAME:
            inner = fusion.without_sites(inner)
        return {**self.config, "name": self.name, "config": inner}

    def sites(self) -> dict[str, Site]:
        """Module path → what the adapter does there, strength included."""
        places = architecture(self.config["model_type"])
        sites = method(self.method).sites(self.config["config"], self.tensors, places)
        return {path: _at_strength(site, self.strength) for path, site in sites.items()}

    def with_strength(self, strength: float) -> Adapter:
        """The same adapter at another strength; a stored centre belongs to the old one and is dropped."""
        if strength == self.strength:
            return self
        if self.method == fusion.NAME:
            raise UsageError(f"{self.name} is a fusion, which has no strength.", "Give its branches theirs.")
        return replace(self, strength=float(strength), centre=None)


def _at_strength(site: Site, strength: float) -> Site:
    """The same change times ``strength``; a fusion has none of its own."""
    return replace(site, factor=site.factor * strength) if not isinstance(site, Fusion) else site


def adapter_from_state(
    name: str, method_name: str, config: Mapping[str, Any], state: Mapping[str, Tensor], core: Core
) -> Adapter:
    """An adapter from an AdapterHub configuration (inner or whole) and tensors under AdapterHub's names.

    Raises :class:`VerificationError` when the tensors are not exactly those that the configuration has on this core.
    """
    chosen = method(method_name)
    inner = dict(config.get("config", config))
    whole = adapterhub.wrapped(name, inner, core)
    if method_name == fusion.NAME:
        whole[adapterhub.BRANCHES] = list(config[adapterhub.BRANCHES])
    if problems := chosen.problems(inner):
        raise VerificationError(
            f"Adapter {name} cannot be used: {'; '.join(problems)}.", "Train it with other settings."
        )
    tensors = {chosen.from_adapterhub(key, name): value.detach().cpu().float() for key, value in state.items()}
    expected = chosen.expected_tensors(inner, adapterhub.model_config(core), architecture(core.model_type))
    if (found := {key: tuple(tensor.shape) for key, tensor in tensors.items()}) != expected:
        wrong = sorted(set(found.items()) ^ set(expected.items()))
        raise VerificationError(
            f"Adapter {name} does not have the tensors of {method_name} on {core.id}: {wrong[0][0]}.",
            "Pass the state that was saved with this configuration.",
        )
    return Adapter(name, whole, tensors, method_name)


def random_adapter(like: Adapter, core: Core, seed: int) -> Adapter:
    """A control: an adapter of the same shapes and strength whose tensors are noise of the same deviation."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    tensors = method(like.method).initial_tensors(
        like.config["config"], adapterhub.model_config(core), architecture(core.model_type), generator, like.tensors
    )
    return replace(like, tensors=tensors, manifest=None, centre=None)


def save_adapter(
    folder: Path,
    adapter: Adapter,
    core: Core,
    manifest: Manifest,
    golden: Golden,
    report: Mapping[str, Any] | None = None,
    card: str | None = None,
    training: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write an adapter folder, whole or not at all, read it back strictly, and return its manifest with the files.

    An existing folder is replaced. Raises :class:`UsageError` when the manifest is not about this adapter and core.
    """
    _check_agreement(adapter, core, manifest)
    names, (config_file, weights_file) = method(adapter.method), adapterhub.files_of(adapter.method)
    with written_folder(folder) as aside:
        write_json(aside / config_file, adapter.effective_config())
        tensors = {names.to_adapterhub(key, adapter.name): value for key, value in adapter.tensors.items()}
        write_tensors(aside / weights_file, tensors)
        if adapter.centre is not None:
            write_tensors(aside / _CENTRE, {"centre": adapter.centre})
        if adapter.vocabulary is not None:
            write_vocabulary(aside, adapter.vocabulary)
        write_golden(golden, aside)
        if report is not None:
            write_json(aside / "report.json", report)
        if card is not None:
            write_text(aside / "README.md", card)
        if training is not None:
            write_json(aside / TRAINING_FILE, training)
        complete = manifest.sealed(_references(aside))
        write_text(aside / MANIFEST_FILE, complete.json_bytes().decode())
        load_adapter(aside, core)
    return complete


def _references(folder: Path) -> tuple[FileReference, ...]:
    paths = sorted(folder.iterdir())
    return tuple(FileReference(path=path.name, sha256=sha256(path), size=path.stat().st_size) for path in paths)


def _check_agreement(adapter: Adapter, core: Core, manifest: Manifest) -> None:
    pairs: dict[str, tuple[Any, Any]] = {
        "name": (manifest.name, adapter.name),
        "method": (manifest.method, adapter.method),
        "scaling": (manifest.scaling, adapter.scaling),
        "strength": (manifest.strength, adapter.strength),
        "core": (manifest.core.fingerprint, core.fingerprint),
        "tokenizer": (manifest.core.tokenizer_sha256, core.tokenizer_sha256),
    }
    for field, (stated, actual) in pairs.items():
        if stated != actual:
            raise UsageError(
                f"The manifest of {manifest.name} says {field} {stated}, the adapter has {actual}.",
                "Build the manifest from the adapter that is saved.",
            )


def load_adapter(folder: Path, core: Core, encode: Encode | None = None) -> Adapter:
    """Read an adapter folder, strictly. With ``encode`` the golden vectors are checked too, once on this machine.

    Raises :class:`VerificationError` that names the file and the fix for anything that is missing, extra, misshapen,
    not finite, of another hash, or made for another core; :class:`NotFoundError` when there is no folder.
    """
    content = read_verified(Path(folder))
    _check_core(content.manifest, core, content.path)
    adapter = _parse(content, core)
    golden = parse_golden(
        content.files["golden.json"], content.files["golden.safetensors"], core.hidden_size, content.path
    )
    if encode is not None and not is_remembered(content.manifest_sha256, core.fingerprint):
        check_golden(golden, encode(adapter, golden.sentences), content.path)
        remember(content.manifest_sha256, core.fingerprint)
    return adapter


def _check_core(manifest: Manifest, core: Core, folder: Path) -> None:
    if manifest.core.fingerprint != core.fingerprint:
        raise VerificationError(
            f"{folder / MANIFEST_FILE}: {manifest.name} {manifest.version} was made for core {manifest.core.id} "
            f"{_short(manifest.core.fingerprint)}, you have {core.id} {_short(core.fingerprint)}.",
            f"Run `hubkit core fetch {manifest.core.id}` or load it with core='…' naming the core it was made for.",
        )
    if manifest.core.tokenizer_sha256 != core.tokenizer_sha256:
        raise VerificationError(
            f"{folder / MANIFEST_FILE}: {manifest.name} {manifest.version} was made with tokenizer "
            f"{_short(manifest.core.tokenizer_sha256)}, you have {_short(core.tokenizer_sha256)}.",
            f"Run `hubkit core fetch {manifest.core.id}`.",
        )


def _short(digest: str) -> str:
    return f"{digest[:19]}…"


def _parse(content: VerifiedFolder, core: Core) -> Adapter:
    manifest, chosen = content.manifest, method(content.manifest.method)
    config_file, weights_file = adapterhub.files_of(manifest.method)
    where = content.path / config_file
    config = adapterhub.parse_config(content.files[config_file], where, core, chosen)
    if config["name"] != manifest.name:
        raise VerificationError(f"{where} is of adapter {config['name']!r}, not {manifest.name}.", "Fetch it again.")
    effective, stated = chosen.base_scaling(config["config"]), manifest.scaling * manifest.strength
    unsaid = manifest.strength != 1.0 and not chosen.strength_is_scaling
    if unsaid or not math.isclose(effective, stated, rel_tol=1e-9):
        raise VerificationError(
            f"{where} has output factor {effective}, {MANIFEST_FILE} says {manifest.scaling} × {manifest.strength}.",
            "Fetch the adapter again.",
        )
    tensors = adapterhub.parse_weights(content.files[weights_file], content.path / weights_file, config, core, chosen)
    centre = None
    if (data := content.files.get(_CENTRE)) is not None:
        centre = read_tensors(data, {"centre": (core.hidden_size,)}, f"{content.path / _CENTRE}")["centre"]
    config["config"] = chosen.with_scaling(config["config"], manifest.scaling)
    vocabulary = parse_vocabulary(content.files, core, content.path)
    return Adapter(manifest.name, config, tensors, manifest.method, manifest.strength, manifest, centre, vocabulary)


def import_adapterhub(folder: Path, core: Core, method_name: str, name: str | None = None) -> Adapter:
    """Read a plain AdapterHub folder: tensors and configuration are checked; which core it was made for is not said.

    The adapter gets its own name, or ``name``. Raises :class:`VerificationError` when it does not fit this core or is
    not what the method runs.
    """
    folder, chosen = Path(folder), method(method_name)
    where, weights = (folder / file for file in adapterhub.files_of(method_name))
    config = adapterhub.checked_config(adapterhub.read_config(where), where, core, chosen)
    data = read_file(weights, MAX_FILE_BYTES)
    prefix = adapterhub.prefix_of(read_header(data, str(weights)), core)
    tensors = adapterhub.parse_weights(data, weights, config, core, chosen, prefix)
    config["name"] = name or config["name"]
    return Adapter(config["name"], config, tensors, method_name)
