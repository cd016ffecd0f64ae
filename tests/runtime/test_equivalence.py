"""Gate: hubkit's runtime gives what ``adapters`` gives for the same folder, unequal lengths and padding included."""

from __future__ import annotations

import adapters
import numpy as np
import pytest
import torch

from hubkit.adapter.method import method
from hubkit.adapter.store import load_adapter
from hubkit.core import load_model, load_tokenizer
from hubkit.runtime.encoder import Encoder

SENTENCES = ["a", "", "Mwaramutse neza", "a much longer sentence that is padded by nobody", "Ἀθῆναι 😀 ქართული"]


def vectors_of_adapters(core, folder):
    """The same pooling on a model into which ``adapters`` itself loaded the folder."""
    model, tokenizer = load_model(core), load_tokenizer(core)
    adapters.init(model)
    for name, parameter in model.named_parameters():
        if name.endswith("Wqkv.bias"):  # `adapters` adds a random one to ModernBERT, which has none
            parameter.data.zero_()
    loading: dict = {}
    name = model.load_adapter(str(folder), use_safetensors=True, loading_info=loading, set_active=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    model.set_active_adapters(name)
    model.eval()
    texts = [core.prefix + sentence for sentence in SENTENCES]
    inputs = tokenizer(texts, padding=True, truncation=True, max_length=core.max_tokens, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
    weights = inputs["attention_mask"].unsqueeze(-1).float()
    return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1).numpy()


@pytest.mark.parametrize("strength", [1.0, 0.37])
def test_same_vectors_as_adapters(core, method_name, strength, make_adapter, save):
    if strength != 1.0 and not method(method_name).strength_is_scaling:
        pytest.skip("AdapterHub's format cannot say it")
    folder = save(make_adapter(core, method_name, strength=strength), core)
    encoder = Encoder(core, adapter=load_adapter(folder, core))
    expected = vectors_of_adapters(core, folder)
    np.testing.assert_allclose(encoder.encode(SENTENCES), expected, atol=1e-5, rtol=0)
    difference = np.abs(expected - encoder.adapted(None).encode(SENTENCES)).max()
    assert difference > 1e-2, "the adapter must be visible for this test to mean anything"


@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_new", "silu", "swish", "tanh", "leakyrelu"])
def test_every_activation(bert, activation, make_adapter, save):
    folder = save(make_adapter(bert, "seq_bn", non_linearity=activation), bert)
    encoder = Encoder(bert, adapter=load_adapter(folder, bert))
    np.testing.assert_allclose(encoder.encode(SENTENCES), vectors_of_adapters(bert, folder), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [
        ("lora", {"leave_out": [1]}),
        ("lora", {"attn_matrices": ["v"], "alpha": 3}),
        ("seq_bn", {"leave_out": [0]}),
        ("seq_bn", {"scaling": 0.25, "reduction_factor": 3.0}),
    ],
)
def test_other_configurations(core, name, hyperparameters, make_adapter, save):
    folder = save(make_adapter(core, name, strength=1.5, **hyperparameters), core)
    encoder = Encoder(core, adapter=load_adapter(folder, core))
    np.testing.assert_allclose(encoder.encode(SENTENCES), vectors_of_adapters(core, folder), atol=1e-5, rtol=0)
