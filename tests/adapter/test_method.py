from __future__ import annotations

import json
import subprocess
import sys

import adapters
import pytest
import torch

from hubkit.adapter.method import method, random_tensors
from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.errors import NotFoundError, UsageError

VARIANTS = [
    ("lora", {}),
    ("lora", {"r": 3, "alpha": 5}),
    ("lora", {"attn_matrices": ["q", "v"], "leave_out": [0]}),
    ("seq_bn", {}),
    ("seq_bn", {"reduction_factor": 16, "non_linearity": "gelu", "scaling": 0.5}),
    ("seq_bn", {"reduction_factor": 1000, "leave_out": [1]}),
]


def test_unknown_method_names_the_known_ones():
    with pytest.raises(NotFoundError, match="lora, seq_bn"):
        method("prefix")


@pytest.mark.parametrize(("name", "hyperparameters"), VARIANTS)
def test_expected_tensors_are_those_that_adapters_saves(core, name, hyperparameters):
    chosen = method(name)
    config = chosen.adapterhub_config(**hyperparameters)
    model = load_model(core)
    adapters.init(model)
    model.add_adapter("lang-rw", config=adapters.AdapterConfig.load(config))
    saved = {key: tuple(value.shape) for key, value in model.state_dict().items() if ".lang-rw." in key}
    expected = chosen.expected_tensors(config, model.config, architecture(core.model_type))
    assert {chosen.to_adapterhub(key, "lang-rw"): shape for key, shape in expected.items()} == saved
    assert {chosen.from_adapterhub(key, "lang-rw") for key in saved} == set(expected)


@pytest.mark.parametrize(("name", "hyperparameters"), VARIANTS)
def test_our_settings_are_all_settings_of_adapters(name, hyperparameters):
    config = method(name).adapterhub_config(**hyperparameters)
    assert adapters.AdapterConfig.load(config).to_dict() == config
    assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize(("name", "expected"), [("lora", 2.0), ("seq_bn", 1.0)])
def test_scaling(name, expected):
    chosen = method(name)
    config = chosen.adapterhub_config()
    assert chosen.base_scaling(config) == expected
    changed = chosen.with_scaling(config, 0.35)
    assert chosen.base_scaling(changed) == pytest.approx(0.35, rel=1e-12)
    assert chosen.base_scaling(config) == expected, "the original is not changed"
    assert chosen.problems(changed) == []


@pytest.mark.parametrize("name", ["lora", "seq_bn"])
def test_random_tensors_have_the_shapes_the_scale_and_the_seed(bert, name):
    chosen = method(name)
    config = chosen.adapterhub_config()
    model_config, places = load_model(bert).config, architecture("bert")
    like = {
        key: torch.full(shape, 3.0)
        * torch.sign(
            torch.arange(shape.numel() if hasattr(shape, "numel") else torch.Size(shape).numel()).reshape(shape) % 2
            - 0.5
        )
        for key, shape in chosen.expected_tensors(config, model_config, places).items()
    }

    def draw(seed, scale_like=None):
        return chosen.initial_tensors(config, model_config, places, torch.Generator().manual_seed(seed), scale_like)

    first, again, other, scaled = draw(1), draw(1), draw(2), draw(1, like)
    assert {key: tuple(value.shape) for key, value in first.items()} == chosen.expected_tensors(
        config, model_config, places
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first)
    everything = torch.cat([value.flatten() for value in scaled.values()])
    assert float(everything.std()) == pytest.approx(3.0, rel=0.05)


def test_random_tensors_do_not_depend_on_the_order_of_keys():
    shapes = {"a": (2,), "b": (3,)}
    forward = random_tensors(shapes, torch.Generator().manual_seed(0))
    backward = random_tensors(dict(reversed(shapes.items())), torch.Generator().manual_seed(0))
    assert all(torch.equal(forward[key], backward[key]) for key in shapes)


@pytest.mark.parametrize("name", ["lora", "seq_bn"])
def test_unknown_hyperparameters_are_usage_errors(name):
    with pytest.raises(UsageError, match="no hyperparameter rank"):
        method(name).adapterhub_config(rank=3)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("lora", {"r": 0}, "r must be"),
        ("lora", {"r": True}, "r must be"),
        ("lora", {"r": "8"}, "r must be"),
        ("lora", {"alpha": float("inf")}, "alpha must be"),
        ("lora", {"attn_matrices": ["o"]}, "attn_matrices may hold"),
        ("lora", {"attn_matrices": [["q"]]}, "attn_matrices may hold"),
        ("lora", {"attn_matrices": "qv"}, "attn_matrices must be a list"),
        ("lora", {"use_dora": True}, "use_dora=True is not supported"),
        ("lora", {"use_gating": True}, "use_gating=True is not supported"),
        ("lora", {"composition_mode": "scale"}, "composition_mode='scale' is not supported"),
        ("lora", {"dtype": "float16"}, "dtype='float16' is not supported"),
        ("lora", {"intermediate_lora": 1}, "intermediate_lora must be a bool"),
        ("lora", {"leave_out": ["0"]}, "leave_out must hold layer numbers"),
        ("lora", {"extra": 1}, "unknown settings: extra"),
        ("seq_bn", {"reduction_factor": 0}, "reduction_factor must be"),
        ("seq_bn", {"reduction_factor": {"0": 2}}, "reduction_factor must be"),
        ("seq_bn", {"scaling": "learned"}, "scaling must be"),
        ("seq_bn", {"scaling": 1}, "scaling must be"),
        ("seq_bn", {"non_linearity": "prelu"}, "non_linearity must be"),
        ("seq_bn", {"residual_before_ln": False}, "residual_before_ln=False is not supported"),
        ("seq_bn", {"residual_before_ln": "post_add"}, "residual_before_ln='post_add' is not supported"),
        ("seq_bn", {"original_ln_before": False}, "original_ln_before=False is not supported"),
        ("seq_bn", {"original_ln_after": False}, "original_ln_after=False is not supported"),
        ("seq_bn", {"inv_adapter": "nice"}, "inv_adapter='nice' is not supported"),
        ("seq_bn", {"mh_adapter": True}, "mh_adapter=True is not supported"),
        ("seq_bn", {"is_parallel": True}, "is_parallel=True is not supported"),
        ("seq_bn", {"phm_layer": True}, "phm_layer=True is not supported"),
    ],
)
def test_what_is_not_supported_is_named(name, change, message):
    chosen = method(name)
    found = chosen.problems({**chosen.adapterhub_config(), **change})
    assert [problem for problem in found if message in problem]


@pytest.mark.parametrize("name", ["lora", "seq_bn"])
def test_every_missing_setting_is_named(name):
    chosen = method(name)
    config = chosen.adapterhub_config()
    for key in config:
        assert any(
            f"lacks settings: {key}" in text for text in chosen.problems({k: v for k, v in config.items() if k != key})
        )


def test_methods_load_no_torch():
    code = "import hubkit.adapter.methods.lora, hubkit.adapter.methods.seq_bn, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
