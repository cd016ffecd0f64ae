from __future__ import annotations

import json
import subprocess
import sys

import adapters
import pytest
import torch

from hubkit.adapter.method import method, method_of, random_tensors
from hubkit.adapter.methods.lora import Lora
from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.testing import registering

METHODS = ["double_seq_bn", "ia3", "lora", "par_bn", "seq_bn", "seq_bn_inv"]
# What each is called in `adapters`, and the settings in which hubkit's defaults differ.
THEIRS = {
    "lora": {"r": 16, "alpha": 32, "attn_matrices": ["q", "k", "v"], "intermediate_lora": True, "output_lora": True},
    "ia3": {},
    "seq_bn": {"reduction_factor": 2},
    "seq_bn_inv": {"reduction_factor": 2},
    "double_seq_bn": {"reduction_factor": 4},
    "par_bn": {},
}


def test_unknown_method_names_the_known_ones():
    with pytest.raises(NotFoundError, match="lora, par_bn, seq_bn"):
        method("prefix")


@pytest.mark.parametrize("name", METHODS)
def test_our_settings_are_all_settings_of_adapters(name):
    config = method(name).adapterhub_config()
    assert adapters.AdapterConfig.load(config).to_dict() == config
    assert json.loads(json.dumps(config)) == config
    assert adapters.ADAPTER_CONFIG_MAP[name].replace(**THEIRS[name]).to_dict() == config


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lora", 2.0), ("seq_bn", 1.0), ("double_seq_bn", 1.0), ("par_bn", 4.0), ("seq_bn_inv", 1.0)],
)
def test_scaling(name, expected):
    chosen = method(name)
    config = chosen.adapterhub_config()
    assert chosen.base_scaling(config) == expected
    changed = chosen.with_scaling(config, 0.35)
    assert chosen.base_scaling(changed) == pytest.approx(0.35, rel=1e-12)
    assert chosen.base_scaling(config) == expected, "the original is not changed"
    assert chosen.problems(changed) == []


def test_ia3_has_no_scaling_but_1():
    ia3 = method("ia3")
    config = ia3.adapterhub_config()
    assert ia3.base_scaling(config) == 1.0
    assert ia3.with_scaling(config, 1.0) == config
    with pytest.raises(UsageError, match=r"a scaling of 0\.5"):
        ia3.with_scaling(config, 0.5)


@pytest.mark.parametrize("name", METHODS)
def test_which_methods_can_say_a_strength(name):
    assert method(name).strength_is_scaling == (name not in ("ia3", "seq_bn_inv"))


@pytest.mark.parametrize("name", METHODS)
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
    assert float(everything.mean()) == pytest.approx(1.0 if name == "ia3" else 0.0, abs=0.5)
    assert float(everything.std()) == pytest.approx(3.0, rel=0.05 if len(everything) > 1000 else 0.2)


def test_random_tensors_do_not_depend_on_the_order_of_keys():
    shapes = {"a": (2,), "b": (3,)}
    forward = random_tensors(shapes, torch.Generator().manual_seed(0))
    backward = random_tensors(dict(reversed(shapes.items())), torch.Generator().manual_seed(0))
    assert all(torch.equal(forward[key], backward[key]) for key in shapes)


@pytest.mark.parametrize("name", METHODS)
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
        ("lora", {"attn_matrices": []}, "attn_matrices must name at least one"),
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
        ("seq_bn", {"reduction_factor": {"default": 16}}, "a positive number, one for all layers, not {"),
        ("seq_bn", {"inv_adapter_reduction_factor": 2}, "inv_adapter_reduction_factor=2 is not supported"),
        ("seq_bn_inv", {"inv_adapter": "glow"}, "inv_adapter='glow' is not supported"),
        ("seq_bn_inv", {"inv_adapter": None}, "inv_adapter=None is not supported"),
        ("seq_bn_inv", {"inv_adapter_reduction_factor": 0}, "inv_adapter_reduction_factor must be a positive number"),
        ("seq_bn_inv", {"inv_adapter_reduction_factor": None}, "inv_adapter_reduction_factor must be"),
        ("double_seq_bn", {"mh_adapter": False}, "mh_adapter=False is not supported, only True"),
        ("double_seq_bn", {"original_ln_before": True}, "original_ln_before=True is not supported"),
        ("double_seq_bn", {"residual_before_ln": False}, "residual_before_ln=False is not supported"),
        ("par_bn", {"is_parallel": False}, "is_parallel=False is not supported, only True"),
        ("par_bn", {"mh_adapter": True}, "mh_adapter=True is not supported"),
        ("par_bn", {"scaling": "channel"}, "scaling must be"),
        ("par_bn", {"scaling": float("nan")}, "scaling must be"),
        ("ia3", {"r": 2}, "r=2 is not supported, only 1"),
        ("ia3", {"r": True}, "r=True is not supported"),
        ("ia3", {"alpha": float("nan")}, "alpha must be a finite number"),
        ("ia3", {"dropout": 0.1}, "dropout=0.1 is not supported"),
        ("ia3", {"composition_mode": "add"}, "composition_mode='add' is not supported"),
        ("ia3", {"attn_matrices": []}, "attn_matrices must name at least one"),
        ("ia3", {"use_gating": True}, "use_gating=True is not supported"),
    ],
)
def test_what_is_not_supported_is_named(name, change, message):
    chosen = method(name)
    found = chosen.problems({**chosen.adapterhub_config(), **change})
    assert [problem for problem in found if message in problem]


@pytest.mark.parametrize("name", METHODS)
def test_every_missing_setting_is_named(name):
    chosen = method(name)
    config = chosen.adapterhub_config()
    for key in config:
        assert any(
            f"lacks settings: {key}" in text for text in chosen.problems({k: v for k, v in config.items() if k != key})
        )


def test_without_attention_no_matrix_needs_to_be_named():
    for name in ("lora", "ia3"):
        chosen = method(name)
        assert chosen.problems({**chosen.adapterhub_config(), "attn_matrices": [], "selfattn_lora": False}) == []


def test_methods_load_no_torch():
    modules = "hubkit.adapter.methods.lora, hubkit.adapter.methods.ia3, hubkit.adapter.methods.bottleneck"
    subprocess.run([sys.executable, "-c", f"import {modules}, sys; assert 'torch' not in sys.modules"], check=True)


def theirs(**attributes):
    """A plugin's method with a part of its own."""
    return type("Theirs", (Lora,), {"name": "a-first", **attributes})


def raising(error):
    def fails(self, *arguments):
        raise error

    return fails


class Odd(BaseException):
    """Neither an error nor an exit."""


HOSTILE = {
    "raises": theirs(problems=raising(ValueError("boom"))),
    "exits": theirs(problems=raising(SystemExit(3))),
    "is odd": theirs(problems=raising(Odd())),
    "says nothing of its problems": theirs(problems=lambda self, config: None),
    "says them in a text": theirs(problems=lambda self, config: ""),
    "claims everything": theirs(problems=lambda self, config: []),
    "changes what it is asked about": theirs(problems=lambda self, config: config.clear() or ["no"]),
    "cannot be made": theirs(__init__=raising(ImportError("No module named 'x'"))),
    "is nothing": None,
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("name", METHODS)
def test_a_plugin_s_method_takes_no_configuration_of_hubkit_s(name, case):
    config = method(name).adapterhub_config()
    with registering("methods", "a-first", HOSTILE[case]):
        assert method_of(config) == name


@pytest.mark.parametrize("case", sorted({*HOSTILE} - {"claims everything"}))
def test_a_method_that_fails_runs_nothing(case):
    with registering("methods", "a-first", HOSTILE[case]):
        assert method_of({"architecture": "nobody's"}) is None


def test_a_plugin_s_method_runs_what_only_it_knows():
    with registering("methods", "a-first", HOSTILE["claims everything"]):
        assert method_of({"architecture": "nobody's"}) == "a-first"


def test_asking_for_a_method_that_cannot_be_made_names_the_plugin():
    said = r"'a-first' of plugin the test .*ImportError: No module named 'x'"
    with registering("methods", "a-first", HOSTILE["cannot be made"]), pytest.raises(HubkitError, match=said):
        method("a-first")


def test_an_interrupt_is_the_user_s():
    interrupted = theirs(problems=raising(KeyboardInterrupt()))
    with registering("methods", "z-last", interrupted), pytest.raises(KeyboardInterrupt):
        method_of({"architecture": "nobody's"})
