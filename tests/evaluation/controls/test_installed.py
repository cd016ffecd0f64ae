from __future__ import annotations

import numpy as np
import pytest

from hubkit.adapter.store import load_adapter
from hubkit.composition.member import Member
from hubkit.composition.merge import merge
from hubkit.composition.recipe import Stack
from hubkit.evaluation.controls import NotHadError, installed
from hubkit.languages import find
from hubkit.registry.installed import find_installed

TEXTS = ["Mwaramutse neza", "a much longer sentence with many words", "x"]


def vectors_of(context, name):
    adapter = load_adapter(find_installed(name).folder, context.encoder.core)
    return context.encoder.adapted(adapter).encode(TEXTS)


def test_the_nearest_relative_is_taken_at_its_strength(make_context, install):
    for seed, tag in enumerate(("sw", "rn", "tr"), start=1):
        install(tag, seed=seed)
    context = make_context()
    system = installed.relative(context)
    assert "lang-rn 0.1.0" in system.description
    np.testing.assert_allclose(system.encode(TEXTS), vectors_of(context, "lang-rn"), atol=1e-6)
    np.testing.assert_allclose(system.english(TEXTS), context.encoder.encode(TEXTS), atol=1e-6)


def test_it_is_said_who_had_text_of_the_language(make_context, install):
    install("rn", seed=1, trained_on=("rw",))
    install("sw", seed=2)
    context = make_context()
    assert "; lang-rn had text in Kinyarwanda in training" in installed.relative(context).description
    assert installed.proxy(context).description.endswith("; lang-rn had text in Kinyarwanda in training")
    install("rn", seed=1, version="0.2.0")
    assert "had text" not in installed.relative(make_context()).description


def test_its_own_adapters_are_no_relatives(make_context, install):
    install("rw")
    with pytest.raises(NotHadError, match="no adapter of a relative of Kinyarwanda"):
        installed.relative(make_context())


def test_unrelated_and_foreign_adapters_are_no_relatives(make_context, install, other_core):
    install("tr")
    install("rn", core=other_core)
    with pytest.raises(NotHadError):
        installed.relative(make_context())


def test_the_newest_version_counts(make_context, install):
    install("rn", version="0.1.0", seed=1)
    install("rn", version="0.2.0", seed=2)
    assert "lang-rn 0.2.0" in installed.relative(make_context()).description


def test_the_proxy_is_the_merge_by_relatedness(make_context, install):
    for seed, tag in enumerate(("rn", "sw"), start=1):
        install(tag, seed=seed)
    context = make_context()
    system = installed.proxy(context)
    assert "lang-rn 0.1.0" in system.description and "lang-sw 0.1.0" in system.description
    adapters = [load_adapter(find_installed(f"lang-{tag}").folder, context.encoder.core) for tag in ("rn", "sw")]
    near = [installed.relatedness(context.language, find(tag)) for tag in ("rn", "sw")]
    context.encoder.bank.add_sites("by-hand", merge([one.sites() for one in adapters], near))
    np.testing.assert_allclose(system.encode(TEXTS), context.encoder.with_recipe("by-hand").encode(TEXTS), atol=1e-6)
    assert np.abs(system.encode(TEXTS) - vectors_of(context, "lang-rn")).max() > 1e-4


def test_relatives_that_do_not_go_together_are_left_out(make_context, install):
    install("rn", seed=1)
    install("sw", seed=2, reduction_factor=8)
    with pytest.raises(NotHadError, match="no second relative"):
        installed.proxy(make_context())
    install("lg", seed=4)
    description = installed.proxy(make_context()).description
    assert "lang-rn" in description and "lang-lg" in description and "lang-sw" not in description


def test_four_relatives_at_most(make_context, install):
    for seed, tag in enumerate(("rn", "sw", "lg", "sn", "zu", "xh"), start=1):
        install(tag, seed=seed)
    assert installed.proxy(make_context()).description.count("lang-") == 4


def test_arithmetic_adds_what_the_relative_has_and_the_wrong_family_lacks(make_context, install):
    for seed, tag in enumerate(("rn", "lg"), start=1):
        install(tag, seed=seed)
    context = make_context()
    system = installed.arithmetic(context)
    assert "a = lang-rn 0.1.0, b = lang-lg 0.1.0" in system.description
    adapters = [load_adapter(find_installed(f"lang-{tag}").folder, context.encoder.core) for tag in ("rn", "lg")]
    control = installed.other_family.control_of(context).adapter.with_strength(0.5)
    sites = merge([one.sites() for one in (*adapters, control)], [1, 0.5, -0.5], "arithmetic")
    context.encoder.bank.add_sites("by-hand", sites)
    np.testing.assert_allclose(system.encode(TEXTS), context.encoder.with_recipe("by-hand").encode(TEXTS), atol=1e-5)


def test_arithmetic_of_one_relative(make_context, install):
    install("rn")
    assert "b = lang-rn" in installed.arithmetic(make_context()).description


def test_the_smallest_family_that_has_the_language(make_context, install):
    install("bantu", family="Narrow Bantu", seed=1)
    install("atlantic", family="Atlantic-Congo", seed=2)
    install("turkic", family="Turkic", seed=3)
    context = make_context()
    system = installed.family(context)
    assert "fam-bantu 0.1.0" in system.description
    np.testing.assert_allclose(system.encode(TEXTS), vectors_of(context, "fam-bantu"), atol=1e-6)


def test_what_the_adapter_is_stacked_on(make_context, install):
    install("bantu", family="Narrow Bantu", seed=1)
    install("atlantic", family="Atlantic-Congo", seed=2)
    context = make_context(under=Stack(Member("fam-atlantic", "==0.1.0")))
    system = installed.family(context)
    assert system.description == "fam-atlantic==0.1.0 alone, which this adapter is stacked on"
    np.testing.assert_allclose(system.encode(TEXTS), vectors_of(context, "fam-atlantic"), atol=1e-6)
    install("rn")
    with pytest.raises(NotHadError, match="stacked on other adapters"):
        installed.arithmetic(context)


def test_no_family_adapter(make_context, install):
    install("turkic", family="Turkic")
    with pytest.raises(NotHadError, match="no family adapter"):
        installed.family(make_context())


def test_the_previous_version(make_context, install, bert, tmp_path):
    install("rw", version="0.1.0", seed=1)
    context = make_context()
    assert installed.previous(context).description.endswith("0.1.0")
    install("rw", version="0.2.0", seed=2)
    assert installed.previous(context).description.endswith("0.2.0")
    newest = load_adapter(find_installed("lang-rw").folder, bert)
    system = installed.previous(make_context(adapter=newest))
    assert system.description.endswith("0.1.0")
    assert np.abs(system.encode(TEXTS) - context.encoder.adapted(newest).encode(TEXTS)).max() > 1e-4


def test_no_previous_version(make_context):
    with pytest.raises(NotHadError, match="no earlier version of lang-rw"):
        installed.previous(make_context())
