"""The bank: what is in memory, what goes when room is short, and threads that use it at the same time."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from hubkit.errors import BusyError, NotFoundError, UsageError, VerificationError
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.network import Network
from hubkit.runtime.shelf import SLOTS, Shelf, layout_of

TEXTS = ["a", "Mwaramutse neza", ""]


@pytest.fixture
def opened():
    """Names in the order in which they were opened."""
    return []


@pytest.fixture
def limited(bert, make_adapter, opened):
    """(adapters that fit) → an encoder whose bank opens any lang-N by itself."""

    def make(count):
        def open_(key):
            if not key.startswith("lang-"):
                raise NotFoundError(f"No {key}.")
            opened.append(key)
            return make_adapter(bert, "seq_bn", seed=int(key[5:]), name=key)

        size = make_adapter(bert, "seq_bn").parameters * 4
        return Encoder(bert, network=Network.of(bert, open_=open_, byte_limit=count * size))

    return make


def test_names_may_be_anything(bert, make_adapter):
    encoder = Encoder(bert)
    for name in ("to", "cpu", "type", "weight", "lang.rw", "lang-to", "__init__", "ქართული"):
        encoder.bank.add(make_adapter(bert, "seq_bn", seed=len(name)), name)
        alone = encoder.adapted(make_adapter(bert, "seq_bn", seed=len(name))).encode(TEXTS)
        np.testing.assert_allclose(encoder.with_recipe({"adapter": name}).encode(TEXTS), alone, atol=1e-6)


def test_adding_again_replaces(bert, make_adapter):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "lora", seed=1), "lang-a")
    chosen = encoder.with_recipe("lang-a")
    before, size = chosen.encode(TEXTS), encoder.bank.nbytes
    encoder.bank.add(make_adapter(bert, "lora", seed=2), "lang-a")
    assert encoder.bank.nbytes == size
    expected = encoder.adapted(make_adapter(bert, "lora", seed=2)).encode(TEXTS)
    np.testing.assert_allclose(chosen.encode(TEXTS), expected, atol=1e-6)
    assert np.abs(before - expected).max() > 1e-3


def test_replacing_a_member_renews_its_merges(bert, make_adapter):
    encoder = Encoder(bert)
    for number in (1, 2):
        encoder.bank.add(make_adapter(bert, "lora", seed=number), f"lang-{number}")
    merged = encoder.with_recipe("merge(lang-1: 1, lang-2: 1)")
    before = merged.encode(TEXTS)
    encoder.bank.add(make_adapter(bert, "lora", seed=3), "lang-2")
    assert np.abs(merged.encode(TEXTS) - before).max() > 1e-3


def test_the_one_unused_for_longest_goes_and_comes_back(limited, opened):
    encoder = limited(2)
    vectors = {key: encoder.with_recipe(key).encode(TEXTS) for key in ("lang-1", "lang-2")}
    encoder.with_recipe("lang-1").encode(TEXTS)
    encoder.with_recipe("lang-3").encode(TEXTS)
    assert encoder.bank.names() == ["lang-1", "lang-3"]
    np.testing.assert_array_equal(encoder.with_recipe("lang-2").encode(TEXTS), vectors["lang-2"])
    assert opened == ["lang-1", "lang-2", "lang-3", "lang-2"]
    assert encoder.bank.nbytes <= encoder.bank.byte_limit


def test_a_limit_smaller_than_a_recipe_is_an_error(limited):
    encoder = limited(1)
    encoder.with_recipe("lang-1").encode(TEXTS)
    with pytest.raises(UsageError, match=r"the limit is .* Raise byte_limit"):
        encoder.with_recipe("lang-1 + lang-2").encode(TEXTS)
    np.testing.assert_array_equal(encoder.with_recipe("lang-2").encode(TEXTS).shape, (3, 32))
    with pytest.raises(UsageError, match="Raise byte_limit"):
        limited(0.5).with_recipe("lang-1").encode(TEXTS)


def test_an_adapter_in_use_is_not_evicted(limited):
    encoder = limited(2)
    with encoder.bank.using("lang-1"):
        with pytest.raises(BusyError, match="lang-1 is in use"):
            encoder.bank.evict("lang-1")
        encoder.with_recipe("lang-2").encode(TEXTS)
        encoder.with_recipe("lang-3").encode(TEXTS)
        assert "lang-1" in encoder.bank
    encoder.bank.evict("lang-1")
    assert "lang-1" not in encoder.bank
    with pytest.raises(NotFoundError, match=r"did you mean lang-3\?"):
        encoder.bank.evict("lang-33")


def test_a_replaced_adapter_in_use_keeps_its_memory_until_then(bert, make_adapter):
    bank = Encoder(bert).bank
    bank.add(make_adapter(bert, "lora", seed=1), "lang-a")
    with bank.using("lang-a") as old:
        kept = next(iter(old.sites.values())).down.clone()
        bank.add(make_adapter(bert, "lora", seed=2), "lang-a")
        bank.add(make_adapter(bert, "lora", seed=3), "lang-b")
        assert torch.equal(next(iter(old.sites.values())).down, kept)
    assert old.place is None


def test_what_is_unknown_or_of_another_core_is_refused(bert, other_core, make_adapter, save):
    encoder = Encoder(bert)
    encoder.bank.add(make_adapter(bert, "lora"), "lang-rw")
    with pytest.raises(NotFoundError, match=r"did you mean lang-rw\?"):
        encoder.with_recipe("lang-rv").encode(TEXTS)
    from hubkit.adapter.store import load_adapter

    foreign = load_adapter(save(make_adapter(other_core, "lora"), other_core), other_core)
    with pytest.raises(VerificationError, match="was made for core"):
        encoder.bank.add(foreign, "lang-x")
    assert encoder.bank.names() == ["lang-rw"]


def test_what_does_not_fit_leaves_the_bank_as_it_was(bert, make_adapter):
    encoder = Encoder(bert)
    adapter = make_adapter(bert, "seq_bn")
    wide = {
        key: torch.cat([tensor, tensor]) if key.endswith("up.weight") else tensor
        for key, tensor in adapter.tensors.items()
    }
    with pytest.raises(VerificationError, match="in that width"):
        encoder.bank.add(replace(adapter, tensors=wide))
    assert len(encoder.bank) == encoder.bank.nbytes == 0


def test_tensors_follow_the_model(bert, make_adapter, method_name):
    from hubkit.core import load_model

    encoder = Encoder(bert, load_model(bert).to(torch.bfloat16))
    entry = encoder.bank.add(make_adapter(bert, method_name))
    assert entry.nbytes == 2 * make_adapter(bert, method_name).parameters
    assert encoder.with_recipe("lang-rw").encode(TEXTS).dtype == np.float32


def test_threads_read_while_others_load(limited, bert, make_adapter):
    encoder = limited(3)
    expected = {
        number: encoder.adapted(make_adapter(bert, "seq_bn", seed=number, name=f"lang-{number}")).encode(TEXTS)
        for number in range(8)
    }
    wrong: list[object] = []

    def work(start: int) -> None:
        for step in range(24):
            number = (start * 3 + step * 5) % 8
            try:
                found = encoder.with_recipe(f"lang-{number}").encode(TEXTS)
                if np.abs(found - expected[number]).max() > 1e-5:
                    wrong.append(number)
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert encoder.bank.nbytes <= encoder.bank.byte_limit


def test_a_shelf_gives_slots_and_blocks_back():
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4)}
    shelf = Shelf(layout_of(tensors), torch.device("cpu"))
    places = [shelf.put(tensors) for _ in range(SLOTS + 1)]
    assert len({place for place, _ in places}) == SLOTS + 1
    assert len(shelf._blocks) == 2
    assert all(torch.equal(views["a"], tensors["a"]) and torch.equal(views["b"], tensors["b"]) for _, views in places)
    shelf.free(places[-1][0])
    assert len(shelf._blocks) == 1
    for place, _ in places[:-1]:
        shelf.free(place)
    assert shelf._blocks == {}
    shelf.put(tensors)
    assert len(shelf._blocks) == 1
