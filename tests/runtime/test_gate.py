"""The gate: hubkit computes what `adapters` computes, or, where `adapters` is wrong, what its parts computed apart.

Methods × compositions × model types × a ragged batch, adapters that `adapters` trained, float32, to 1e-5. Where the
library's own composition is wrong, the reference is a run of the library with one adapter that is both
(:func:`joined`), or its run with the fault taken out; each such test names the fault, and the faults themselves are
shown at the end of this file. On ModernBERT the random bias that the library gives Wqkv is set to 0; that the library
takes the last layer's norm for every attention block touches none of these methods, as none of them reads that norm.
"""

from __future__ import annotations

from dataclasses import replace

import adapters
import pytest
import torch
from adapters.composition import Average, BatchSplit, Fuse, Stack

from hubkit.adapter.method import method
from hubkit.adapter.store import import_adapterhub
from hubkit.composition.recipe import Stack as Recipe
from hubkit.core import load_model, load_tokenizer
from hubkit.core.pooling import pool
from hubkit.errors import UsageError
from hubkit.runtime.encoder import Encoder

TOLERANCE = 1e-5
BOTTLENECKS = ["double_seq_bn", "par_bn", "seq_bn", "seq_bn_inv"]
TEXTS = [
    "",
    "Amakuru yawe?",
    "Mwaramutse neza, mugire umunsi mwiza. " * 8,  # longer than the core reads
    "a",
    "Ubwenge burarahurwa mu Rwanda",
    "Umwana, umukecuru n'umugabo; 12 345",
]


@pytest.fixture
def pair(core, method_name, trained):
    """Two adapters that `adapters` trained."""
    return tuple(
        import_adapterhub(trained(core, method_name, name, seed), core, method_name)
        for seed, name in enumerate(("lang-a", "lang-b"), start=1)
    )


def tokenised(core, texts):
    tokenizer = load_tokenizer(core)
    prefixed = [core.prefix + text for text in texts]
    return tokenizer(prefixed, padding=True, truncation=True, max_length=core.max_tokens, return_tensors="pt")


class Theirs:
    """A core as `adapters` runs it, with these adapters."""

    def __init__(self, core, model, *given):
        self.core, self.model = core, model
        for adapter in given:
            self.add(adapter)

    def add(self, adapter):
        config = adapters.AdapterConfig.load(adapter.effective_config()["config"])
        self.model.add_adapter(adapter.name, config=config)
        names = method(adapter.method)
        state = {names.to_adapterhub(key, adapter.name): value for key, value in adapter.tensors.items()}
        assert not self.model.load_state_dict(state, strict=False).unexpected_keys

    def run(self, setup, texts=TEXTS):
        """Last hidden states (n, t, hidden) and mask (n, t)."""
        self.model.set_active_adapters(setup)
        batch = tokenised(self.core, texts)
        with torch.inference_mode():
            hidden = self.model(**batch).last_hidden_state
        return hidden, batch["attention_mask"]

    def pooled(self, setup, texts=TEXTS):
        return pool(*self.run(setup, texts), self.core.pooling)


@pytest.fixture
def theirs(core, adapters_model):
    return lambda *given: Theirs(core, adapters_model(core), *given)


def at_strength(adapter, strength):
    """The adapter whose tensors do ``strength`` times what this one does: no scaling, no hubkit."""

    def changed(key, value):
        if adapter.method == "ia3":
            return 1 + strength * (value - 1)
        return strength * value if key.endswith("lora_B") or ".adapter_up." in key or ".2." in key else value

    return replace(adapter, tensors={key: changed(key, value) for key, value in adapter.tensors.items()})


def joined(first, second):
    """One adapter that is the two at once, exactly: twice the rank or width, or the product of factors."""
    config = dict(first.config["config"])
    if first.method == "lora":
        config |= {"r": 2 * config["r"], "alpha": 2 * config["alpha"]}
    elif first.method == "par_bn":
        config["reduction_factor"] /= 2
    ranks = first.config["config"].get("r")

    def both(key, one, other):
        if first.method == "ia3":
            return one * other
        if key.endswith("lora_A"):  # the thirds of a joint query-key-value layer one below another, each with its rank
            return torch.cat((one.unflatten(0, (-1, ranks)), other.unflatten(0, (-1, ranks))), 1).flatten(0, 1)
        if key.endswith("adapter_up.bias"):
            return one + other
        return torch.cat((one, other), 1 if key.endswith(("lora_B", "adapter_up.weight")) else 0)

    tensors = {key: both(key, value, second.tensors[key]) for key, value in first.tensors.items()}
    return replace(first, name="both", config={**first.config, "name": "both", "config": config}, tensors=tensors)


class Ours:
    """hubkit's encoder with these adapters in its bank."""

    def __init__(self, core, *given):
        self.encoder = Encoder(core)
        for adapter in given:
            self.encoder.bank.add(adapter)

    def pooled(self, recipe, texts=TEXTS, **options):
        encoder = self.encoder.with_recipe(recipe)
        return encoder.encode(texts, normalize_embeddings=False, convert_to_tensor=True, **options)

    def hidden(self, recipe, text):
        """Last hidden states (t, hidden) of a text alone, so without padding."""
        seen, encoder = [], self.encoder.with_recipe(recipe)
        hook = encoder.model.register_forward_hook(lambda module, inputs, output: seen.append(output.last_hidden_state))
        encoder.encode([text])
        hook.remove()
        assert [tuple(hidden.shape[:1]) for hidden in seen] == [(1,)]
        return seen[0][0]

    def check(self, recipe, expected, also_different_from=()):
        """Compare pooled vectors, and last hidden states at real tokens, with ``expected`` (hidden, mask) of TEXTS."""
        hidden, mask = expected
        pooled = pool(hidden, mask, "mean")
        assert largest(self.pooled(recipe) - pooled) <= TOLERANCE
        for row, text in enumerate(TEXTS):
            assert largest(self.hidden(recipe, text) - hidden[row, mask[row].bool()]) <= TOLERANCE
        for other in also_different_from:
            assert largest(pooled - pool(*other, "mean")) > 100 * TOLERANCE, "the case tells nothing"


def largest(difference):
    return float(difference.abs().max())


def test_single(core, pair, theirs):
    first, second = pair
    reference = theirs(first, second)
    alone = reference.run(None)
    ours = Ours(core, first, second)
    ours.check("lang-a", reference.run("lang-a"), [alone, reference.run("lang-b")])
    ours.check("lang-b", reference.run("lang-b"), [alone])
    ours.check("core", alone)


@pytest.mark.parametrize("strength", [0.37, -1.0, 2.5])
def test_single_at_a_strength(core, pair, theirs, strength):
    first, _ = pair
    reference = theirs(at_strength(first, strength), replace(first, name="full"))
    ours = Ours(core, first)
    ours.check(Recipe(("lang-a", strength)), reference.run("lang-a"), [reference.run("full"), reference.run(None)])


@pytest.mark.parametrize("method_name", ["double_seq_bn", "lora", "par_bn", "seq_bn"])
def test_a_stored_strength_is_the_scaling_that_adapters_reads(core, pair, theirs):
    first = pair[0].with_strength(0.37)
    Ours(core, first).check("lang-a", theirs(first).run("lang-a"))


@pytest.mark.parametrize("method_name", ["double_seq_bn", "seq_bn"])
def test_stack(core, pair, theirs):
    first, second = pair
    reference = theirs(first, second)
    others = [reference.run(name) for name in ("lang-a", "lang-b")]
    others.append(reference.run(Stack("lang-b", "lang-a")))
    Ours(core, first, second).check("lang-a + lang-b", reference.run(Stack("lang-a", "lang-b")), others)


@pytest.mark.parametrize("method_name", ["seq_bn_inv"])
def test_stack_with_both_couplings(core, pair, theirs):
    """Of a Stack `adapters` applies the first adapter's coupling alone; here the second's is put after it."""
    first, second = pair
    reference = theirs(first, second)
    one_coupling = reference.run(Stack("lang-a", "lang-b"))
    coupling = reference.model.invertible_adapters["lang-b"]
    reference.model.embeddings.register_forward_hook(lambda module, inputs, output: coupling(output))
    expected = reference.run(Stack("lang-a", "lang-b"))
    Ours(core, first, second).check("lang-a + lang-b", expected, [one_coupling])


@pytest.mark.parametrize("method_name", ["ia3", "lora", "par_bn"])
def test_stack_as_one_adapter_that_is_both(core, pair, theirs):
    """`adapters` feeds a LoRA's output to the next one, drops all but the last par_bn, and stacks none on ModernBERT.

    The reference is one adapter, run by `adapters`, that is both at once.
    """
    first, second = pair
    reference = theirs(first, second, joined(first, second))
    others = [reference.run(name) for name in ("lang-a", "lang-b")]
    Ours(core, first, second).check("lang-a + lang-b", reference.run("both"), others)


@pytest.mark.parametrize("method_name", ["ia3"])
def test_stack_of_ia3_where_adapters_stacks(core, pair, theirs):
    if core.model_type == "modernbert":
        pytest.skip("adapters refuses two adapters on a joint query-key-value layer")
    first, second = pair
    expected = theirs(first, second).run(Stack("lang-a", "lang-b"))
    Ours(core, first, second).check("lang-a + lang-b", expected)


def test_stack_at_strengths(core, pair, theirs):
    """Against one adapter after the other where `adapters` can stack, else one that is both."""
    first, second = pair
    weak, strong = at_strength(first, 0.37), at_strength(second, 1.5)
    if first.method in ("seq_bn", "double_seq_bn"):
        expected = theirs(weak, strong).run(Stack("lang-a", "lang-b"))
    elif first.method == "seq_bn_inv":
        reference = theirs(weak, strong)
        coupling = reference.model.invertible_adapters["lang-b"]
        reference.model.embeddings.register_forward_hook(lambda module, inputs, output: coupling(output))
        expected = reference.run(Stack("lang-a", "lang-b"))
    else:
        expected = theirs(joined(weak, strong)).run("both")
    ours = Ours(core, first, second)
    ours.check(Recipe(("lang-a", 0.37), ("lang-b", 1.5)), expected)
    ours.check("0.37*lang-a + 1.5*lang-b", expected)


@pytest.mark.parametrize("method_name", ["double_seq_bn", "ia3", "par_bn", "seq_bn", "seq_bn_inv"])
def test_merge_is_the_average_of_weights(core, pair, theirs):
    first, second = pair
    reference = theirs(first, second)
    reference.model.average_adapter("merged", ["lang-a", "lang-b"], weights=[0.3, 0.7])
    others = [reference.run(name) for name in ("lang-a", "lang-b")]
    ours = Ours(core, first, second)
    ours.check("merge(lang-a: 0.3, lang-b: 0.7)", reference.run("merged"), others)


@pytest.mark.parametrize("method_name", ["lora"])
def test_merge_of_lora_is_the_average_of_what_they_add(core, pair, theirs):
    """`adapters` averages the two factors of ΔW apart, which is not the average of ΔW."""
    first, second = pair
    reference = theirs(first, second, joined(at_strength(first, 0.3), at_strength(second, 0.7)))
    reference.model.average_adapter("factors", ["lang-a", "lang-b"], weights=[0.3, 0.7])
    ours = Ours(core, first, second)
    ours.check("merge(lang-a: 0.3, lang-b: 0.7)", reference.run("both"), [reference.run("factors")])


def test_rows_with_their_own_recipes(core, pair, theirs):
    """`adapters` mixes up rows of Stacks in a batch; every row here is compared with a run of its recipe alone."""
    first, second = pair
    ours = Ours(core, first, second)
    recipes = ["lang-a + lang-b", "core", "lang-a", "lang-b + lang-a", "0.5*lang-b", "lang-a + lang-b"]
    mixed = ours.encoder.encode(TEXTS, recipes=recipes, normalize_embeddings=False, convert_to_tensor=True)
    for row, recipe in enumerate(recipes):
        assert largest(mixed[row] - ours.pooled(recipe, [TEXTS[row]])[0]) <= TOLERANCE
    reference = theirs(first, second)
    for row, setup in ((1, None), (2, "lang-a")):
        assert largest(mixed[row] - reference.pooled(setup, [TEXTS[row]])[0]) <= TOLERANCE


@pytest.mark.parametrize("rows", [8, 23])
def test_many_rows_with_few_recipes(core, pair, rows):
    """Enough rows of a kind that they go through one batched product."""
    ours = Ours(core, *pair, *(replace(adapter, name=f"{adapter.name}2") for adapter in pair))
    kinds = ["lang-a", "lang-b", "lang-a2 + lang-b", "lang-b2"]
    recipes = [kinds[row % 4] for row in range(rows)]
    texts = [TEXTS[1 + row % 5] + str(row) for row in range(rows)]
    mixed = ours.encoder.encode(texts, recipes=recipes, normalize_embeddings=False, convert_to_tensor=True)
    for row, recipe in enumerate(recipes):
        assert largest(mixed[row] - ours.pooled(recipe, [texts[row]])[0]) <= TOLERANCE


@pytest.mark.parametrize("method_name", ["lora"])
def test_methods_of_several_kinds_in_one_stack(core, pair, theirs, trained):
    lora = pair[0]
    bottleneck = import_adapterhub(trained(core, "seq_bn", "fam-c", 3), core, "seq_bn")
    parallel = import_adapterhub(trained(core, "par_bn", "fam-d", 4), core, "par_bn")
    ours = Ours(core, lora, bottleneck, parallel)
    if core.model_type != "modernbert":  # there a Stack with LoRA is refused by adapters
        reference = theirs(lora, bottleneck)
        ours.check("lang-a + fam-c", reference.run(Stack("lang-a", "fam-c")), [reference.run("fam-c")])
        ours.check("fam-c + lang-a", reference.run(Stack("lang-a", "fam-c")))  # they act at different places
    recipes = ["lang-a + fam-c", "fam-c + fam-d", "lang-a", "fam-d", "core", "fam-d + lang-a + fam-c"]
    mixed = ours.encoder.encode(TEXTS, recipes=recipes, normalize_embeddings=False, convert_to_tensor=True)
    for row, recipe in enumerate(recipes):
        assert largest(mixed[row] - ours.pooled(recipe, [TEXTS[row]])[0]) <= TOLERANCE


class Fused:
    """A fusion of lang-a and lang-b that `adapters` trained, there and as hubkit's sites."""

    BRANCHES = ("lang-a", "lang-b")

    def __init__(self, reference, train):
        self.model = reference.model
        torch.manual_seed(5)
        self.model.add_adapter_fusion(list(self.BRANCHES))
        self.model.train_adapter_fusion(Fuse(*self.BRANCHES))
        self.model.eval()
        self.model.set_active_adapters(Fuse(*self.BRANCHES))
        trained = [value for value in self.model.parameters() if value.requires_grad]
        train(self.model, trained, 5, steps=3)  # more would make it so steep that float32 is felt
        self.layers = {
            path.split(".adapter_fusion_layer.")[0]: module
            for path, module in self.model.named_modules()
            if path.endswith(".adapter_fusion_layer.lang-a,lang-b")
        }
        assert trained
        assert len(trained) == 5 * len(self.layers)

    def saved(self, folder):
        self.model.save_adapter_fusion(str(folder), list(self.BRANCHES), use_safetensors=True)
        return folder


@pytest.mark.parametrize("method_name", ["double_seq_bn", "par_bn", "seq_bn"])
def test_fuse(core, pair, theirs, train_a_little, tmp_path):
    """A Fuse of par_bn in `adapters` adds what the block was given a second time: that is taken out here."""
    first, second = pair
    reference = theirs(first, second)
    fused = Fused(reference, train_a_little)
    fusion = import_adapterhub(fused.saved(tmp_path), core, "fusion")
    if first.method == "par_bn":
        for module in fused.layers.values():
            module.register_forward_hook(lambda module, inputs, output: output - inputs[3])
    expected = reference.run(Fuse("lang-a", "lang-b"))
    ours = Ours(core, first, second, replace(fusion, name="fuse-ab"))
    others = [reference.run(name) for name in ("lang-a", "lang-b")]
    ours.check("fuse(lang-a, lang-b, fusion=fuse-ab)", expected, others)
    recipes = ["fuse(lang-a, lang-b, fusion=fuse-ab)", "core", "lang-a + lang-b", "lang-b", "lang-a"]
    recipes.insert(3, recipes[0])
    mixed = ours.encoder.encode(TEXTS, recipes=recipes, normalize_embeddings=False, convert_to_tensor=True)
    for row, recipe in enumerate(recipes):
        assert largest(mixed[row] - ours.pooled(recipe, [TEXTS[row]])[0]) <= TOLERANCE


@pytest.mark.parametrize("method_name", ["ia3", "lora", "seq_bn_inv"])
def test_fuse_is_refused_where_a_fusion_has_no_place(core, pair, theirs, trained, train_a_little, tmp_path):
    """As `adapters` fuses no LoRA and no (IA)³, and of couplings uses the first alone."""
    branches = [import_adapterhub(trained(core, "seq_bn", name), core, "seq_bn") for name in Fused.BRANCHES]
    folder = Fused(theirs(*branches), train_a_little).saved(tmp_path)
    fusion = import_adapterhub(folder, core, "fusion")
    ours = Ours(core, *pair, replace(fusion, name="fuse-ab"))
    with pytest.raises(UsageError, match=r"bottlenecks only"):
        ours.pooled("fuse(lang-a, lang-b, fusion=fuse-ab)")


# The faults of `adapters` that the references above go round.


@pytest.mark.parametrize("method_name", ["par_bn"])
def test_fault_a_stack_of_par_bn_is_its_last_alone(core, pair, theirs):
    reference = theirs(*pair)
    stack, last = reference.pooled(Stack("lang-a", "lang-b")), reference.pooled("lang-b")
    assert torch.equal(stack, last)


@pytest.mark.parametrize("method_name", ["lora"])
def test_fault_a_stack_of_lora_feeds_one_into_the_other(core, pair, theirs):
    """What the first adds is the second's input: of another width it fails, of the same it is silently wrong."""
    if core.model_type == "modernbert":
        with pytest.raises(ValueError, match="Invalid adapter setup"):
            theirs(*pair).run(Stack("lang-a", "lang-b"))
        return
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        theirs(*pair).run(Stack("lang-a", "lang-b"))
    settings = {"intermediate_lora": False, "output_lora": False}
    narrow = [attention_alone(adapter, settings) for adapter in pair]
    reference = theirs(*narrow, joined(*narrow))
    assert largest(reference.pooled(Stack("lang-a", "lang-b")) - reference.pooled("both")) > 100 * TOLERANCE


def attention_alone(adapter, settings):
    config = {**adapter.config, "config": {**adapter.config["config"], **settings}}
    kept = {key: value for key, value in adapter.tensors.items() if "attention" in key}
    return replace(adapter, config=config, tensors=kept)


@pytest.mark.parametrize("method_name", ["seq_bn_inv"])
def test_fault_a_stack_has_its_first_coupling_alone(core, pair, theirs):
    first, second = pair
    tensors = {key: 0 * value if ".2." in key else value for key, value in second.tensors.items()}
    without = replace(second, tensors=tensors)
    whole, cut = (theirs(first, other).pooled(Stack("lang-a", "lang-b")) for other in (second, without))
    assert torch.equal(whole, cut), "the second coupling makes no difference"


@pytest.mark.parametrize("method_name", ["seq_bn"])
def test_fault_a_batch_split_of_stacks_mixes_up_rows(core, pair, theirs):
    reference = theirs(*pair)
    both = BatchSplit(Stack("lang-a", "lang-b"), Stack("lang-b", "lang-a"), batch_sizes=[1, 1])
    split = reference.pooled(both, TEXTS[4:])
    apart = [reference.pooled(both[row], TEXTS[4 + row : 5 + row])[0] for row in (0, 1)]
    assert max(largest(split[row] - apart[row]) for row in (0, 1)) > 100 * TOLERANCE


@pytest.mark.parametrize("method_name", ["seq_bn"])
def test_fault_the_average_of_an_adapter_with_itself_is_another(core, pair, theirs):
    first, _ = pair
    reference = theirs(first, replace(first, name="clone"))
    assert largest(reference.pooled(Average("lang-a", "clone")) - reference.pooled("lang-a")) > 100 * TOLERANCE


@pytest.mark.parametrize("method_name", ["double_seq_bn", "par_bn", "seq_bn"])
def test_fault_a_fuse_of_par_bn_adds_its_input_twice(core, pair, theirs, train_a_little):
    """A fusion whose values are 0 adds nothing, so the core should answer; with par_bn it does not."""
    reference = theirs(*pair)
    fused = Fused(reference, train_a_little)
    for module in fused.layers.values():
        torch.nn.init.zeros_(module.value.weight)
    difference = largest(reference.pooled(Fuse("lang-a", "lang-b")) - reference.pooled(None))
    assert (difference > 100 * TOLERANCE) == (pair[0].method == "par_bn")


def test_fault_a_random_bias_in_modernbert(cores):
    model = load_model(cores["modernbert"])
    assert model.layers[0].attn.Wqkv.bias is None
    adapters.init(model)
    assert largest(model.layers[0].attn.Wqkv.bias.detach()) > 0
