"""A folder that ``adapters`` saved, without a manifest: hubkit's runtime runs it where it can, else ``adapters`` does.

Only safetensors are read. Nothing in such a folder says which core it was made for; type and width are all that can be
checked. An adapter that ``adapters`` runs acts alone: its compositions are wrong for some methods (ReFT and prompt
tuning ignore them), so none is offered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.adapter.adapterhub import files_of, prefix_of, read_config
from hubkit.adapter.folder import MANIFEST_FILE, read_file
from hubkit.adapter.manifest import MAX_FILE_BYTES
from hubkit.adapter.method import method_of
from hubkit.adapter.methods.fusion import NAME as FUSION
from hubkit.adapter.sites import Bottleneck
from hubkit.adapter.store import Adapter, import_adapterhub
from hubkit.adapter.tensors import read_header, read_tensors
from hubkit.composition.data import as_recipe
from hubkit.composition.member import Member, check_name
from hubkit.composition.recipe import Stack
from hubkit.core import load_tokenizer
from hubkit.errors import UsageError, VerificationError
from hubkit.runtime.bank import Bank
from hubkit.runtime.device import default_device
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.hooks import Places
from hubkit.runtime.network import Network, Stacked
from hubkit.runtime.program import compile_program

if TYPE_CHECKING:
    from hubkit.core import Core

UNVERIFIED = "nothing in it says which core it was made for, so that is not verified"


def is_plain(folder: Path) -> bool:
    """Whether this is an AdapterHub folder and none of hubkit's own."""
    names = {*files_of(""), *files_of(FUSION), "pytorch_adapter.bin"}
    return not (folder / MANIFEST_FILE).exists() and any((folder / name).is_file() for name in names)


def runs_here(folder: Path) -> str | None:
    """The method by which hubkit's runtime runs the adapter; None when only ``adapters`` may.

    Raises :class:`VerificationError` for a folder without a configuration.
    """
    if (folder / files_of(FUSION)[0]).is_file():
        return FUSION
    return method_of(read_config(folder / files_of("")[0])["config"])


def import_plain(folder: Path, encoder: Encoder) -> Adapter:
    """An adapter that hubkit's runtime runs, under a name that recipes can have.

    Raises :class:`VerificationError` when it is not whole or does not fit the core.
    """
    name = runs_here(folder)
    assert name is not None
    own = read_config(folder / files_of(name)[0])["name"]
    _check_safe(folder, name)
    adapter = import_adapterhub(folder, encoder.core, name, _recipe_name(own, folder))
    if adapter.fused:
        _check_branches(adapter, encoder)
    return adapter


def with_adapters(folder: Path, core: Core, device: str | None = None, centre: bool = False) -> Encoder:
    """An encoder whose network the ``adapters`` library runs, with the adapter in ``folder`` and no other.

    Raises :class:`VerificationError` when its tensors are not exactly those of its configuration on this core.
    """
    from hubkit.runtime.backend import AdaptedModel

    if centre:
        raise UsageError(
            f"{folder} has no stored mean vector.", "Load it without centre and pass centre=fit_centre(texts)."
        )
    where, weights = (folder / file for file in files_of(""))
    config = read_config(where)
    _check_safe(folder, "")
    _check_said(config["config"], where)
    if (config["model_type"], config["hidden_size"]) != (core.model_type, core.hidden_size):
        raise VerificationError(
            f"{where} is for a {config['model_type']} of width {config['hidden_size']}, the core {core.id} is a "
            f"{core.model_type} of width {core.hidden_size}.",
            "Load it with core='…' naming the core it was made for.",
        )
    data = read_file(weights, MAX_FILE_BYTES)
    tensors = read_tensors(data, shapes := read_header(data, str(weights)), str(weights))
    prefix = prefix_of(shapes, core)
    tensors = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    model = AdaptedModel(core, config["config"], tensors, config["name"], str(weights))
    network = _network(core, model.to(default_device() if device is None else device), config)
    made = Encoder(core, reason=f"it is the folder {folder}; {UNVERIFIED}", network=network)
    made.recipe = Stack(Member(_recipe_name(config["name"], folder)))
    return made


def _network(core: Core, model: Any, config: dict[str, Any]) -> Network:
    nowhere = Places({}, {}, "", "", core.hidden_size)
    bank = Bank(core, nowhere, next(model.parameters()))
    kind = config["config"].get("architecture") or "bottleneck"
    fixed = f"The `adapters` library runs it ({kind}), alone: it cannot be composed."
    own = Stacked((), compile_program([()], nowhere, every_row=True))
    return Network(core, model, load_tokenizer(core), bank, folded=own, fixed=fixed)


def _check_safe(folder: Path, name: str) -> None:
    weights = folder / files_of(name)[1]
    if not weights.is_symlink() and not weights.exists():
        pickled = sorted(path.name for path in folder.glob("*.bin"))
        raise VerificationError(
            f"{folder} has no {weights.name}{f', only {pickled[0]}, which is a pickle' if pickled else ''}.",
            "Save it with save_adapter(folder, name, use_safetensors=True); pickled weights are never loaded.",
        )


def _check_said(inner: dict[str, Any], where: Path) -> None:
    """Refuse ReFT of which ``adapters`` did not save what it is: it loads every DiReFT as if it were NoReFT."""
    parts = inner.get("configs", [])
    for part in [inner, *(parts if isinstance(parts, list) else [])]:
        is_reft = isinstance(part, dict) and part.get("architecture") == "reft" and not part.get("orthogonality")
        if is_reft and (part is not inner or not isinstance(part.get("subtract_projection"), bool)):
            raise VerificationError(
                f"{where} does not say whether it is NoReFT or DiReFT, which `adapters` leaves out.",
                'Add "subtract_projection" to its "config": true for NoReFT, false for DiReFT.',
            )


def _check_branches(adapter: Adapter, encoder: Encoder) -> None:
    """Refuse a fusion that ``adapters`` trained over parallel bottlenecks: there it adds their input once more."""
    for member in (member for branch in adapter.fused for member in as_recipe(branch).members()):
        with encoder.bank.using(f"{member.name}{member.spec}") as entry:
            if any(isinstance(site, Bottleneck) and site.reads == "residual" for site in entry.sites.values()):
                raise UsageError(
                    f"{adapter.name} fuses {member.name}, a bottleneck in parallel: `adapters` adds the input of such "
                    "branches twice, and hubkit does not.",
                    "Train the fusion with `hubkit fuse`.",
                )


def _recipe_name(own: object, folder: Path) -> str:
    """The adapter's own name or, where recipes cannot have it, the folder's."""
    for name in (own, folder.resolve().name):
        try:
            check_name(name)
        except UsageError:
            continue
        return str(name)
    return "adapter"
