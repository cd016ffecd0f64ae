"""AdapterFusion in the runtime against `adapters`: fusions that it trained, over adapters that it trained."""

from __future__ import annotations

import tempfile
from pathlib import Path

import adapters
import pytest
import torch
from adapters.composition import Fuse

from hubkit.adapter.store import import_adapterhub
from hubkit.core.pooling import pool
from hubkit.errors import UsageError, VerificationError
from hubkit.runtime.encoder import Encoder

TEXTS = ["", "Amakuru yawe?", "Mwaramutse neza, mugire umunsi mwiza. " * 8, "a", "Umwana, umukecuru n'umugabo; 12 345"]
NAMES = ("lang-a", "lang-b")


def theirs(core, adapters_model, folders):
    """The core as `adapters` runs it, with these adapters."""
    model = adapters_model(core)
    for folder in folders:
        model.load_adapter(str(folder), use_safetensors=True)
    return model.eval()


def vectors(core, model, texts):
    tokenizer = Encoder(core, model=None).tokenizer
    batch = tokenizer(
        [core.prefix + text for text in texts],
        padding=True,
        truncation=True,
        max_length=core.max_tokens,
        return_tensors="pt",
    )
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    return pool(hidden, batch["attention_mask"], core.pooling)


def train(model, names, config="dynamic"):
    """A few steps of AdapterFusion towards noise; the folder that `adapters` saves."""
    model.add_adapter_fusion(Fuse(*names), config)
    model.train_adapter_fusion(Fuse(*names))
    model.eval()
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(4, 260, (4, 10), generator=generator)
    target = torch.randn(4, 10, 32, generator=generator)
    optimiser = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], lr=0.03)
    for _ in range(8):
        optimiser.zero_grad()
        (model(input_ids=ids).last_hidden_state - target).square().mean().backward()
        optimiser.step()
    folder = Path(tempfile.mkdtemp())
    model.save_adapter_fusion(str(folder), Fuse(*names), use_safetensors=True)
    return folder


@pytest.fixture(params=["seq_bn", "double_seq_bn", "par_bn", "seq_bn_inv"])
def bottleneck(request):
    return request.param


def test_a_fusion_that_adapters_trained(core, bottleneck, trained, adapters_model):
    folders = [trained(core, bottleneck, name, seed) for seed, name in enumerate(NAMES, start=1)]
    model = theirs(core, adapters_model, folders)
    folder = train(model, NAMES)
    encoder = Encoder(core)
    for place in folders:
        encoder.bank.add(import_adapterhub(place, core, bottleneck))
    fusion = import_adapterhub(folder, core, "fusion", "fuse-ab")
    assert fusion.fused == NAMES
    encoder.bank.add(fusion)
    found = encoder.with_recipe("fuse(lang-a, lang-b, fusion=fuse-ab)").encode(
        TEXTS, normalize_embeddings=False, convert_to_tensor=True
    )
    model.set_active_adapters(Fuse(*NAMES))
    expected = vectors(core, model, TEXTS)
    print(core.model_type, bottleneck, float((found - expected).abs().max()))
