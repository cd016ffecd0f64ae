"""Tiny random cores (2 layers, hidden 32) with a byte tokenizer, and random adapters for them."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two torch processes with two threads each stall one another
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings as hypothesis_settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.manifest import Manifest, core_reference
from hubkit.adapter.method import method
from hubkit.adapter.store import Adapter, adapter_from_state, save_adapter
from hubkit.core import Core, load_model, open_core
from hubkit.core.architecture import architecture

# No deadline: the machine may be busy. In CI the same examples every time, so that a failure is the change's own.
hypothesis_settings.register_profile("anywhere", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis_settings.load_profile("ci" if os.environ.get("CI") else "anywhere")

SIZES = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
NETWORKS: dict[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertModel),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel),
    "distilbert": (DistilBertConfig, DistilBertModel),
    "modernbert": (ModernBertConfig, ModernBertModel),
}
# What a type needs otherwise: a name of its own for a width, and room for both kinds of ModernBERT's attention.
OWN_SETTINGS: dict[str, dict[str, Any]] = {
    "distilbert": {"hidden_dim": 48},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8},
}
IN_THE_LANGUAGE = ("Mwaramutse neza", "Amakuru yawe ni meza")


def byte_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {token: index for index, token in enumerate((*SPECIALS, *sorted(pre_tokenizers.ByteLevel.alphabet())))}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", None, [("<s>", 0), ("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],  # DistilBERT and ModernBERT take no token types
    )


def build_core(folder: Path, model_type: str, seed: int = 0) -> Core:
    configuration, network = NETWORKS[model_type]
    size = {**SIZES, "vocab_size": 260, "max_position_embeddings": 72, **OWN_SETTINGS.get(model_type, {})}
    config = configuration(**size, pad_token_id=1, bos_token_id=0, eos_token_id=2, initializer_range=0.2)
    torch.manual_seed(seed)
    pooler = {"add_pooling_layer": False} if model_type in ("bert", "xlm-roberta") else {}
    network(config, **pooler).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    (folder / "hubkit_core.json").write_text(json.dumps({"pooling": "mean", "prefix": "q: ", "max_tokens": 64}))
    return open_core(str(folder))


@pytest.fixture(scope="session")
def core_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBKIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield tmp_path_factory.mktemp("cores")


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HUBKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def cores(core_folder: Path) -> dict[str, Core]:
    return {model_type: build_core(core_folder / f"tiny-{model_type}", model_type) for model_type in NETWORKS}


@pytest.fixture(scope="session")
def other_core(core_folder: Path) -> Core:
    """The same architecture with other weights."""
    return build_core(core_folder / "tiny-other", "bert", seed=1)


@pytest.fixture(params=sorted(NETWORKS))
def core(request: pytest.FixtureRequest, cores: dict[str, Core]) -> Core:
    return cores[request.param]


@pytest.fixture
def bert(cores: dict[str, Core]) -> Core:
    return cores["bert"]


HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    "lora": {"r": 4},
    "ia3": {},
    "seq_bn": {"reduction_factor": 4},
    "seq_bn_inv": {"reduction_factor": 4},
    "double_seq_bn": {"reduction_factor": 8},
    "par_bn": {"reduction_factor": 4},
}


@pytest.fixture(params=sorted(HYPERPARAMETERS))
def method_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


MakeAdapter = Callable[..., Adapter]


@pytest.fixture
def make_adapter() -> MakeAdapter:
    """(core, method) → an adapter with tensors large enough to be seen in the vectors."""

    def make(
        core: Core, method_name: str, *, seed: int = 0, strength: float = 1.0, name: str = "lang-rw", **hyper: Any
    ) -> Adapter:
        chosen = method(method_name)
        config = chosen.adapterhub_config(**{**HYPERPARAMETERS[method_name], **hyper})
        generator = torch.Generator().manual_seed(seed)
        model_config = NETWORKS[core.model_type][0].from_pretrained(core.folder)
        tensors = chosen.initial_tensors(config, model_config, architecture(core.model_type), generator)
        rest = 1.0 if method_name == "ia3" else 0.0  # where a tensor changes nothing
        state = {chosen.to_adapterhub(key, name): rest + 5 * (value - rest) for key, value in tensors.items()}
        return adapter_from_state(name, method_name, config, state, core).with_strength(strength)

    return make


def with_adapters(core: Core) -> Any:
    """The core's network as the ``adapters`` library runs it, without the bias that it gives ModernBERT's Wqkv."""
    import adapters

    model: Any = load_model(core)
    adapters.init(model)
    for name, module in model.named_modules():
        if name.endswith("attn.Wqkv"):
            torch.nn.init.zeros_(module.bias)
    return model


def train_steps(model: Any, parameters: list[Any], seed: int, steps: int = 8) -> None:
    """A few steps towards noise, so that no tensor stays where it began."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(len(SPECIALS), 260, (4, 10), generator=generator)
    target = torch.randn(4, 10, SIZES["hidden_size"], generator=generator)
    optimiser = torch.optim.Adam(parameters, lr=0.03)
    for _ in range(steps):
        loss = (model(input_ids=ids).last_hidden_state - target).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()


@pytest.fixture
def adapters_model() -> Callable[[Core], Any]:
    return with_adapters


@pytest.fixture
def train_a_little() -> Callable[..., None]:
    return train_steps


Trained = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(core_folder: Path) -> Trained:
    """(core, method, name) → a folder that ``adapters`` saved after training."""
    import adapters

    @cache
    def train(core: Core, method_name: str, name: str = "lang-rw", seed: int = 0, hyper: str = "{}") -> Path:
        model = with_adapters(core)
        config = method(method_name).adapterhub_config(**{**HYPERPARAMETERS[method_name], **json.loads(hyper)})
        torch.manual_seed(seed)
        model.add_adapter(name, config=adapters.AdapterConfig.load(config))
        model.train_adapter(name)
        model.eval()
        train_steps(model, [value for value in model.parameters() if value.requires_grad], seed)
        folder = Path(tempfile.mkdtemp(dir=core_folder))
        model.save_adapter(str(folder), name, use_safetensors=True)
        return folder

    return train


def manifest_of(adapter: Adapter, core: Core, **changes: Any) -> Manifest:
    content: dict[str, Any] = {
        "name": adapter.name,
        "version": "0.1.0",
        "kind": "language",
        "languages": [{"bcp47": "rw", "iso639_3": "kin", "glottocode": "kiny1244", "name": "Kinyarwanda"}],
        "method": adapter.method,
        "scaling": adapter.scaling,
        "strength": adapter.strength,
        "core": core_reference(core),
        "license": "Apache-2.0",
        "training_data": [
            {"source": "tiny", "origin": "made up", "license": "CC0-1.0", "pairs": 2, "languages": ["rw"]}
        ],
        "seeds": [0],
        "hyperparameters": {"learning_rate": 1e-3, "steps": 1},
        "compute": {"device": "cpu", "seconds": 1.5, "peak_memory_bytes": 1000},
        "hubkit": "0.1.0",
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    }
    return Manifest.model_validate({**content, **changes})


def golden_of(adapter: Adapter, core: Core) -> Golden:
    from hubkit.runtime.encoder import Encoder

    sentences = probe_sentences(IN_THE_LANGUAGE)
    return Golden(sentences, Encoder(core, adapter=adapter).encode(sentences, convert_to_tensor=True))


Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """(adapter, core) → the folder it was saved to."""

    def write(
        adapter: Adapter, core: Core, folder: Path | None = None, report: dict[str, Any] | None = None, **changes: Any
    ) -> Path:
        folder = folder or tmp_path / "saved" / adapter.name
        made = {"R@1": 0.5} if report is None else report
        manifest = manifest_of(adapter, core, **changes)
        save_adapter(folder, adapter, core, manifest, golden_of(adapter, core), made, f"# {adapter.name}\n")
        return folder

    return write


@pytest.fixture
def make_manifest() -> Callable[..., Manifest]:
    return manifest_of


@pytest.fixture
def make_golden() -> Callable[[Adapter, Core], Golden]:
    return golden_of


@pytest.fixture(scope="session")
def real_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all test processes, so that the default core is converted and packages are fetched once."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return shared / "real-home"


@pytest.fixture(scope="session")
def real_core(real_home: Path) -> Core:
    """The default core."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBKIT_HOME", str(real_home))
        return open_core()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that they do not come alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
