from __future__ import annotations

import contextvars

import pytest
import torch

from hubkit.core import load_model
from hubkit.core.architecture import architecture
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.hooks import acting, install, places

IDS = torch.tensor([[0, 10, 20, 2]])


class Recorder:
    """Notes where it is asked and changes nothing."""

    def __init__(self):
        self.seen = []

    def at_linear(self, path, inputs, outputs):
        self.seen.append(("linear", path))
        return outputs

    def at_norm(self, path, inputs, outputs):
        self.seen.append(("norm", path))
        return outputs

    def at_embeddings(self, outputs):
        self.seen.append(("embeddings", "embeddings"))
        return outputs

    def at_word_embeddings(self, outputs):
        self.seen.append(("word_embeddings", "embeddings.word_embeddings"))
        return outputs


def hooks_of(model):
    return sum(len(part._forward_hooks) for part in model.modules())


def everything(placed):
    return {
        *(("linear", path) for path in placed.linears),
        *(("norm", site) for site in placed.blocks),
        ("embeddings", placed.embeddings),
        ("word_embeddings", placed.word_embeddings),
    }


@pytest.fixture
def hooked(bert):
    model = load_model(bert)
    placed = places(model, architecture("bert"))
    install(model, placed, everything(placed))
    return model, placed


def test_every_place_is_asked_once_a_forward(hooked):
    model, placed = hooked
    assert (len(placed.linears), len(placed.blocks)) == (2 * 6, 2 * 2)
    install(model, placed, everything(placed))
    assert hooks_of(model) == len(everything(placed))
    recorder = Recorder()
    with acting(recorder):
        model(input_ids=IDS)
    assert sorted(recorder.seen) == sorted(everything(placed))


def test_nothing_acts_outside_the_block_even_after_an_error(hooked):
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError), acting(recorder):
        raise ZeroDivisionError
    hooked[0](input_ids=IDS)
    assert recorder.seen == []


def test_another_context_sees_nothing(hooked):
    recorder, elsewhere = Recorder(), contextvars.Context()
    with acting(recorder):
        elsewhere.run(lambda: hooked[0](input_ids=IDS))
    assert recorder.seen == []


def test_a_core_without_adapters_has_no_hooks(bert):
    encoder = Encoder(bert)
    encoder.encode(["x"])
    assert hooks_of(encoder.model) == 0


def test_only_places_where_an_adapter_acts_are_hooked(bert, make_adapter):
    encoder = Encoder(bert)
    encoder.adapted(make_adapter(bert, "seq_bn", leave_out=[0])).encode(["x"])
    assert hooks_of(encoder.model) == 1


def test_unknown_places_of_a_model_are_refused(bert):
    model = load_model(bert)
    with pytest.raises(AttributeError):
        places(model, architecture("distilbert"))
