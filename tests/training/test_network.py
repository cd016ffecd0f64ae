"""Where a run's adapter begins, and what it is trained over."""

from __future__ import annotations

import pytest
import torch

from hubkit.core import Core
from hubkit.errors import NotFoundError, UsageError
from hubkit.registry.installed import install_folder
from hubkit.runtime.load import load
from hubkit.training.loop import adapter_config
from hubkit.training.network import frozen_stack, initial_tensors_of, network_for, pinned_start
from hubkit.training.recipe import Recipe

RECIPE = Recipe(method="seq_bn", hyperparameters={"reduction_factor": 4}, skip_lower=0.0)


@pytest.fixture
def members(bert: Core, make_adapter, save) -> dict[str, torch.Tensor]:
    """A family, a language that stands on it, another language; the tensors of the two languages."""
    install_folder(save(make_adapter(bert, "seq_bn", seed=2, name="fam-bantu"), bert, kind="family"))
    needed = [{"name": "fam-bantu", "spec": ">=0.1,<1", "role": "stack-under"}]
    rw, sn = make_adapter(bert, "seq_bn", seed=0), make_adapter(bert, "seq_bn", seed=1, name="lang-sn")
    install_folder(save(rw, bert, dependencies=needed))
    shona = {"bcp47": "sn", "iso639_3": "sna", "glottocode": None, "name": "Shona"}
    install_folder(save(sn, bert, languages=[shona]))
    install_folder(save(make_adapter(bert, "lora", name="lang-lg"), bert))
    return {"lang-rw": rw.tensors, "lang-sn": sn.tensors}


def test_an_adapter_begins_where_an_installed_one_is(bert: Core, members):
    network = network_for(RECIPE, load(core=str(bert.folder)), 0, warm_start="lang-rw==0.1.0")
    for key, tensor in network.adapter_tensors().items():
        torch.testing.assert_close(tensor, members["lang-rw"][key])


def test_or_at_the_mean_of_several(bert: Core, members):
    found = initial_tensors_of("merge(lang-rw: 0.75, lang-sn: 0.25)", bert)
    for key, tensor in found.items():
        expected = 0.75 * members["lang-rw"][key] + 0.25 * members["lang-sn"][key]
        torch.testing.assert_close(tensor, expected)


@pytest.mark.parametrize(
    ("start", "pinned"),
    [
        ("lang-rw", "lang-rw==0.1.0"),
        ("lang-rw>=0.1", "lang-rw==0.1.0"),
        ("merge(lang-rw: 0.75, lang-sn: 0.25)", "merge(lang-rw==0.1.0: 0.75, lang-sn==0.1.0: 0.25)"),
    ],
)
def test_a_beginning_is_pinned(bert: Core, members, start: str, pinned: str):
    assert pinned_start(start, bert) == pinned
    whole, same = initial_tensors_of(start, bert), initial_tensors_of(pinned, bert)
    assert all(torch.equal(whole[key], same[key]) for key in whole)


def test_weights_by_relatedness_prefer_the_language_itself(bert: Core, members):
    found = initial_tensors_of("merge(lang-rw, lang-sn, method=relatedness, target=rw)", bert)
    key = next(iter(found))
    assert (found[key] - members["lang-rw"][key]).norm() < (found[key] - members["lang-sn"][key]).norm()


def test_without_a_beginning_the_seed_decides(bert: Core):
    encoder = load(core=str(bert.folder))
    one, two, again = (network_for(RECIPE, encoder, seed).adapter_tensors() for seed in (0, 1, 0))
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert any(not torch.equal(one[key], two[key]) for key in one)


def test_what_lies_under_is_pinned_with_what_it_needs(bert: Core, members):
    assert str(frozen_stack("lang-rw", bert)) == "fam-bantu==0.1.0 + lang-rw==0.1.0"
    assert str(frozen_stack("fam-bantu + lang-rw", bert)) == "fam-bantu==0.1.0 + lang-rw==0.1.0"


def test_what_lies_under_acts_and_stays_frozen(bert: Core, members):
    encoder = load(core=str(bert.folder))
    tokens = encoder.tokenizer(["Mwaramutse neza"], return_tensors="pt")
    over = network_for(RECIPE, encoder, 0, under="fam-bantu")
    alone = network_for(RECIPE, encoder, 0)
    assert set(over.trainable()) == set(alone.trainable()) == set(adapter_keys(bert))
    hidden = [network.hidden(tokens["input_ids"], tokens["attention_mask"]) for network in (over, alone)]
    assert (hidden[0] - hidden[1]).abs().max() > 1e-3


def adapter_keys(bert: Core) -> list[str]:
    from transformers import AutoConfig

    from hubkit.adapter.method import method
    from hubkit.core.architecture import architecture

    config = adapter_config(bert, RECIPE)
    model_config = AutoConfig.from_pretrained(bert.folder)
    return list(method("seq_bn").expected_tensors(config, model_config, architecture(bert.model_type)))


@pytest.mark.parametrize("under", ["0.5*fam-bantu", "merge(lang-rw, lang-sn)", "core", "fam-bantu - mean(fam-bantu)"])
def test_only_adapters_at_their_stored_strength_can_lie_under(bert: Core, members, under: str):
    with pytest.raises(UsageError):
        frozen_stack(under, bert)


@pytest.mark.parametrize(
    "start", ["0.5*lang-rw", "fam-bantu + lang-rw", "merge(lang-rw, lang-sn, method=ties)", "core"]
)
def test_no_run_begins_at_anything_else(bert: Core, members, start: str):
    for begin in (initial_tensors_of, pinned_start):
        with pytest.raises(UsageError):
            begin(start, bert)


def test_adapters_of_two_methods_have_no_mean_and_another_method_is_no_beginning(bert: Core, members):
    with pytest.raises(UsageError, match="other tensors"):
        initial_tensors_of("merge(lang-rw, lang-lg)", bert)
    with pytest.raises(UsageError, match="other tensors"):
        network_for(RECIPE, load(core=str(bert.folder)), 0, warm_start="lang-lg")


@pytest.mark.parametrize("name", ["lang-xx", "lang-rw==9.0.0"])
def test_what_is_not_installed_is_said(bert: Core, members, name: str):
    with pytest.raises(NotFoundError, match="lang-"):
        initial_tensors_of(name, bert)
    with pytest.raises(NotFoundError, match="lang-"):
        frozen_stack(name, bert)
