from __future__ import annotations

import contextvars

import pytest
import torch

from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.runtime.hooks import acting, install, linear_sites, output_sites

PLACES = architecture("bert")
IDS = torch.tensor([[0, 10, 20, 2]])


class Recorder:
    def __init__(self):
        self.seen = []

    def at_linear(self, site, inputs, outputs):
        self.seen.append(site)
        return outputs

    def at_output(self, site, norm, inputs, outputs):
        self.seen.append(site)
        return outputs


def hooks_of(model):
    return sum(len(part._forward_hooks) for part in model.modules())


def test_every_site_is_asked_once_a_forward(bert):
    model = load_model(bert)
    sites = [*linear_sites(model, PLACES), *output_sites(model, PLACES)]
    assert len(sites) == 2 * 6 + 2
    install(model, PLACES)
    install(model, PLACES)
    assert hooks_of(model) == len(sites)
    recorder = Recorder()
    with acting(recorder):
        model(input_ids=IDS)
    assert sorted(recorder.seen) == sorted(sites)


def test_nothing_acts_outside_the_block_even_after_an_error(bert):
    model = load_model(bert)
    install(model, PLACES)
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError), acting(recorder):
        raise ZeroDivisionError
    model(input_ids=IDS)
    assert recorder.seen == []


def test_another_context_sees_nothing(bert):
    model = load_model(bert)
    install(model, PLACES)
    recorder, elsewhere = Recorder(), contextvars.Context()
    with acting(recorder):
        elsewhere.run(lambda: model(input_ids=IDS))
    assert recorder.seen == []


def test_a_core_without_adapters_has_no_hooks(bert):
    from hubkit.runtime.encoder import Encoder

    encoder = Encoder(bert)
    encoder.encode(["x"])
    assert hooks_of(encoder.model) == 0
