"""AdapterHub's format: which files an adapter has, what its configuration says, and what its tensors are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from hubkit.adapter.folder import read_file
from hubkit.adapter.method import Method
from hubkit.adapter.methods import fusion
from hubkit.adapter.strict_json import parse_json
from hubkit.adapter.tensors import read_header, read_tensors
from hubkit.core.architecture import architecture
from hubkit.errors import VerificationError

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.core import Core

VERSION = "adapters.1.3.0"
MAX_CONFIG_BYTES = 1 << 20
_FILES = ("adapter_config.json", "adapter.safetensors")
_FUSION_FILES = ("adapter_fusion_config.json", "model_adapter_fusion.safetensors")
_WRAPPER_KEYS = {"config", "hidden_size", "model_class", "model_name", "model_type", "name", "version"}
BRANCHES = "adapter_names"
"""Where a fusion's configuration lists what it fuses."""


def files_of(method_name: str) -> tuple[str, str]:
    """The names of the configuration and of the weights."""
    return _FUSION_FILES if method_name == fusion.NAME else _FILES


@lru_cache(maxsize=16)
def model_config(core: Core) -> Any:
    """The transformers configuration of the core."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(core.folder, local_files_only=True)


def wrapped(name: str, inner: Mapping[str, Any], core: Core) -> dict[str, Any]:
    """The whole configuration around the inner one."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    return {
        "config": dict(inner),
        "hidden_size": core.hidden_size,
        "model_class": MODEL_MAPPING_NAMES[core.model_type],
        "model_name": core.id,
        "model_type": core.model_type,
        "name": name,
        "version": VERSION,
    }


def read_config(where: Path) -> dict[str, Any]:
    """The whole configuration of an adapter that ``adapters`` saved, as it is run today.

    Raises :class:`VerificationError` for a file that is none, or was saved before the format had a version.
    """
    config: Any = parse_json(read_file(where, MAX_CONFIG_BYTES), str(where))
    keys = _WRAPPER_KEYS - {"model_name"}
    if not isinstance(config, dict) or not keys <= set(config) or not isinstance(config["config"], dict):
        raise VerificationError(
            f"{where} is no AdapterHub configuration, or one from before adapters 1.0.",
            "Load and save it again with `adapters`.",
        )
    if not isinstance(config["name"], str) or not config["name"]:
        raise VerificationError(f"{where} has no adapter name.", "Save the adapter again.")
    found = {"model_name": None, **{key: config[key] for key in _WRAPPER_KEYS if key in config}}
    if where.name == _FUSION_FILES[0]:
        branches = config.get(BRANCHES, config["name"])
        found[BRANCHES] = branches.split(",") if isinstance(branches, str) else branches
    found["config"] = _as_trained(config["config"], str(config["version"]))
    return found


def _as_trained(inner: dict[str, Any], version: str) -> dict[str, Any]:
    """Before 1.1.0 ``adapters`` left ``alpha`` out of LoRA's factor: say so in the configuration, as it does itself."""
    number = version.removeprefix("adapters.")
    try:
        is_old = number != version and Version(number) < Version("1.1.0")
    except InvalidVersion:
        is_old = False
    is_lora = inner.get("architecture") == "lora" and "r" in inner
    return {**inner, "alpha": inner["r"]} if is_old and is_lora else inner


def parse_config(data: bytes, where: Path, core: Core, chosen: Method) -> dict[str, Any]:
    """The whole configuration, checked against core and method. Raises :class:`VerificationError` naming ``where``."""
    config: dict[str, Any] = parse_json(data, str(where))
    return checked_config(config, where, core, chosen)


def checked_config(config: dict[str, Any], where: Path, core: Core, chosen: Method) -> dict[str, Any]:
    """As :func:`parse_config`, of what was read."""
    _check_wrapper(config, where, chosen)
    if (config["model_type"], config["hidden_size"]) != (core.model_type, core.hidden_size):
        raise VerificationError(
            f"{where} is for a {config['model_type']} of width {config['hidden_size']}, the core {core.id} is a "
            f"{core.model_type} of width {core.hidden_size}.",
            "Load it with core='…' naming the core it was made for.",
        )
    if problems := chosen.problems(config["config"]):
        raise VerificationError(
            f"{where} is a configuration that hubkit's {chosen.name} does not run: {'; '.join(problems)}.",
            "Train the adapter again with a supported configuration.",
        )
    return config


def _check_wrapper(config: Any, where: Path, chosen: Method) -> None:
    is_fusion = chosen.name == fusion.NAME
    keys = _WRAPPER_KEYS | {BRANCHES} if is_fusion else _WRAPPER_KEYS
    if not isinstance(config, dict) or set(config) != keys or not isinstance(config["config"], dict):
        raise VerificationError(f"{where} is no AdapterHub configuration.", "Fetch the adapter again.")
    if is_fusion:
        branches = config[BRANCHES]
        is_list = isinstance(branches, list) and all(isinstance(branch, str) and branch for branch in branches)
        if not is_list or not branches or len(set(branches)) < len(branches) or fusion.SITES in config["config"]:
            raise VerificationError(f"{where} does not list the branches of a fusion.", "Fetch the adapter again.")


def parse_weights(
    data: bytes, where: Path, config: dict[str, Any], core: Core, chosen: Method, prefix: str = ""
) -> dict[str, Tensor]:
    """The tensors, keyed without the adapter's name: exactly those of ``config``, which learns a fusion's blocks.

    In the file their names begin with ``prefix``. Raises :class:`VerificationError` that names ``where`` and the
    tensor.
    """
    sizes, places, name = model_config(core), architecture(core.model_type), config["name"]
    if chosen.name == fusion.NAME:
        names = {key.removeprefix(prefix) for key in read_header(data, str(where))}
        config["config"] = fusion.with_sites(config["config"], names, name, sizes, places)
    keys = chosen.expected_tensors(config["config"], sizes, places)
    expected = {prefix + chosen.to_adapterhub(key, name): shape for key, shape in keys.items()}
    tensors = read_tensors(data, expected, str(where))
    return {chosen.from_adapterhub(key.removeprefix(prefix), name): tensor for key, tensor in tensors.items()}


def prefix_of(names: Iterable[str], core: Core) -> str:
    """What all names begin with when the adapter was saved from a model with a head, such as ``bert.``."""
    from transformers import MODEL_MAPPING

    network: Any = MODEL_MAPPING[type(model_config(core))]
    prefix = f"{network.base_model_prefix}."
    return prefix if all(name.startswith(prefix) for name in names) else ""
