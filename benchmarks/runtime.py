"""How fast hubkit's runtime is, as ratios to peers in one run: transformers, adapters, PEFT, sentence-transformers.

    python benchmarks/runtime.py              # tables
    python benchmarks/runtime.py --json       # the same as JSON
    python benchmarks/runtime.py --check      # exit code 1 when a stated target is missed

Needs `pip install "hubkit[benchmark]"`. Runs on the default core with random adapters of AdapterHub's default sizes
(seq_bn, reduction factor 16) and made-up sentences. Times are medians of runs that take turns; leave the machine alone
meanwhile.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hubkit.adapter.golden import Golden, probe_sentences
from hubkit.adapter.manifest import Manifest, core_reference
from hubkit.adapter.method import method
from hubkit.adapter.store import Adapter, adapter_from_state, save_adapter
from hubkit.composition.recipe import Stack
from hubkit.core import Core, load_model, load_tokenizer, open_core
from hubkit.core.architecture import architecture
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.forward import Pass
from hubkit.runtime.hooks import acting
from hubkit.runtime.load import load, open_adapter
from hubkit.runtime.program import compile_program

LOADED, MANY = 200, 2000


@dataclass
class Row:
    """One line of a table. ``target`` bounds the ratio to the peer from above, or from below with ``at_least``."""

    what: str
    ours: float
    peer: str
    theirs: float
    unit: str
    ratio: float
    target: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        return self.ratio >= self.target if self.at_least else self.ratio <= self.target


def medians(functions: dict[str, Callable[[], Any]], runs: int, warm: int = 2) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for run in range(runs + warm):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if run >= warm:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def random_adapter(core: Core, model_config: Any, name: str, seed: int, method_name: str = "seq_bn") -> Adapter:
    chosen = method(method_name)
    config = chosen.adapterhub_config(**({"reduction_factor": 16} if method_name == "seq_bn" else {"r": 8}))
    generator = torch.Generator().manual_seed(seed)
    tensors = chosen.initial_tensors(config, model_config, architecture(core.model_type), generator)
    state = {chosen.to_adapterhub(key, name): tensor for key, tensor in tensors.items()}
    return adapter_from_state(name, method_name, config, state, core)


def saved(folder: Path, adapter: Adapter, encoder: Encoder) -> Path:
    """The adapter as a folder; golden vectors are those of this machine."""
    core, sentences = encoder.core, probe_sentences(("Mwaramutse neza", "Amakuru yawe"))
    vectors = encoder.adapted(adapter).encode(sentences, convert_to_tensor=True)
    manifest = Manifest.model_validate(
        {
            "name": adapter.name, "version": "0.1.0", "kind": "language",
            "languages": [{"bcp47": "rw", "iso639_3": "kin", "name": "Kinyarwanda"}],
            "method": adapter.method, "scaling": adapter.scaling, "strength": adapter.strength,
            "core": core_reference(core), "license": "CC0-1.0", "training_data": [], "seeds": [0],
            "hyperparameters": {}, "compute": {"device": "cpu", "seconds": 0.0}, "hubkit": "0",
            "created": datetime.now(timezone.utc),
        }
    )  # fmt: skip
    save_adapter(folder, adapter, core, manifest, Golden(sentences, vectors))
    return folder


# --- loading and switching -------------------------------------------------------------------------------------------


def loading(core: Core, folder: Path) -> list[Row]:
    """Loading one more adapter, and switching between adapters, with many in memory."""
    encoder = load(core=str(core.folder) if core.id != "e5-small" else core.id)
    config = encoder.model.config
    made = saved(folder / "lang-x", random_adapter(core, config, "lang-x", 0), encoder)

    def one() -> None:
        encoder.bank.add(open_adapter(made, encoder), "lang-x")

    def fill(count: int) -> None:
        for number in range(len(encoder.bank), count):
            encoder.bank.add(random_adapter(core, config, f"lang-x{number}", number), f"lang-{number}")

    fill(LOADED)
    ours = medians({"load": one}, 40)["load"]
    names, number = [f"lang-{place}" for place in range(1, LOADED - 1)], iter(range(10**9))

    def first_switch() -> None:
        step = next(number)
        recipe = Stack(names[step % len(names)], names[(step * 7 + 1) % len(names)])
        with encoder.with_recipe(recipe).network.stacked(recipe):
            pass

    def switch() -> None:
        recipe = Stack(names[next(number) % len(names)])
        with encoder.with_recipe(recipe).network.stacked(recipe):
            pass

    cold = medians({"switch": first_switch}, 60)["switch"]
    medians({"switch": switch}, len(names))
    warm = medians({"switch": switch}, 200)["switch"]
    fill(MANY)
    at_many = medians({"load": one}, 40)["load"]
    load_adapters, switch_adapters = adapters_with_many(core, made)
    load_peft, switch_peft = peft_with_many(core, folder)
    better = min(load_adapters, load_peft)
    return [
        Row(f"load one, {LOADED} loaded", ours, "better peer", better, "s", better / ours, 40, True),
        Row(f"load one, {LOADED} loaded", ours, "adapters load_adapter", load_adapters, "s", load_adapters / ours),
        Row(f"load one, {LOADED} loaded", ours, "PEFT load_adapter (LoRA)", load_peft, "s", load_peft / ours),
        Row(f"load one, {MANY} loaded", at_many, f"hubkit, {LOADED} loaded", ours, "s", at_many / ours, 1.25),
        Row(f"switch, {LOADED} loaded", warm, "adapters set_active_adapters", switch_adapters, "s",
            switch_adapters / warm, 200, True),
        Row(f"switch, {LOADED} loaded", warm, "PEFT set_adapter (LoRA)", switch_peft, "s", switch_peft / warm),
        Row("first switch to a Stack of 2", cold, "adapters set_active_adapters", switch_adapters, "s",
            switch_adapters / cold),
    ]  # fmt: skip


def adapters_with_many(core: Core, folder: Path) -> tuple[float, float]:
    import adapters

    logging.getLogger("adapters").setLevel(logging.ERROR)
    model = load_model(core)
    adapters.init(model)
    for number in range(LOADED):
        model.load_adapter(str(folder), load_as=f"a{number}", use_safetensors=True, set_active=False)
    turn = iter(range(10**9))

    def one() -> None:
        model.load_adapter(str(folder), load_as=f"b{next(turn)}", use_safetensors=True, set_active=False)

    def switch() -> None:
        model.set_active_adapters(f"a{next(turn) % LOADED}")

    return medians({"load": one}, 9, 1)["load"], medians({"switch": switch}, 20)["switch"]


def peft_with_many(core: Core, folder: Path) -> tuple[float, float]:
    from peft import LoraConfig, get_peft_model

    targets = ["query", "key", "value", "intermediate.dense", "output.dense"]
    model = get_peft_model(load_model(core), LoraConfig(r=8, target_modules=targets), adapter_name="a0")
    model.save_pretrained(str(folder / "peft"), selected_adapters=["a0"])
    saved_to = str(folder / "peft" / "a0")
    for number in range(1, LOADED):
        model.load_adapter(saved_to, adapter_name=f"a{number}")
    turn = iter(range(10**9))

    def one() -> None:
        model.load_adapter(saved_to, adapter_name=f"b{next(turn)}")

    def switch() -> None:
        model.set_adapter(f"a{next(turn) % LOADED}")

    return medians({"load": one}, 5, 1)["load"], medians({"switch": switch}, 9)["switch"]


# --- forward passes --------------------------------------------------------------------------------------------------


@contextmanager
def stacked(encoder: Encoder, recipes: list[str]) -> Iterator[Callable[[torch.Tensor, torch.Tensor | None], Any]]:
    """A forward pass whose row i has ``recipes[i]`` (one for all rows when there is one)."""
    from contextlib import ExitStack

    with ExitStack() as held:
        found = {recipe: held.enter_context(encoder.with_recipe(recipe).network.stacked(Stack(*recipe.split(" + "))))
                 for recipe in dict.fromkeys(recipes)}  # fmt: skip
        layers = [found[recipe].layers for recipe in recipes]

        def forward(ids: torch.Tensor, mask: torch.Tensor | None = None) -> Any:
            program = found[recipes[0]].program if len(recipes) == 1 else compile_program(layers, encoder.bank.placed)
            with torch.inference_mode(), acting(Pass(program)):
                return encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state

        yield forward


def small_batch(core: Core, runs: int) -> list[Row]:
    """A Stack of two at batch 1 × 32."""
    import adapters
    from adapters.composition import Stack as AdaptersStack

    encoder, plain = Encoder(core), load_model(core)
    config = encoder.model.config
    pair = [random_adapter(core, config, name, seed) for seed, name in enumerate(("fam-a", "lang-b"))]
    for adapter in pair:
        encoder.bank.add(adapter)
    peer = load_model(core)
    adapters.init(peer)
    for adapter in pair:
        peer.add_adapter(adapter.name, config=adapters.SeqBnConfig())
    peer.set_active_adapters(AdaptersStack("fam-a", "lang-b"))
    peer.eval()
    ids = torch.randint(5, 250_000, (1, 32), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)

    def run(model: Any) -> Callable[[], Any]:
        def forward() -> Any:
            with torch.inference_mode():
                return model(input_ids=ids, attention_mask=mask).last_hidden_state

        return forward

    with stacked(encoder, ["fam-a + lang-b"]) as both, stacked(encoder, ["lang-b"]) as single:
        found = medians(
            {
                "core": run(plain),
                "stack": lambda: both(ids, mask),
                "single": lambda: single(ids, mask),
                "adapters": run(peer),
            },
            runs,
        )
    core_time, stack = found["core"], found["stack"]
    return [
        Row("Stack of 2, 1 × 32 tokens", stack, "plain core", core_time, "s", stack / core_time, 1.12),
        Row("one adapter, 1 × 32 tokens", found["single"], "plain core", core_time, "s", found["single"] / core_time),
        Row("adapters' Stack of 2, 1 × 32", found["adapters"], "plain core", core_time, "s",
            found["adapters"] / core_time),
    ]  # fmt: skip


def mixed_batches(core: Core, runs: int) -> list[Row]:
    """64 rows × 32 tokens, each with its family's and its language's adapter."""
    encoder = Encoder(core)
    config = encoder.model.config
    encoder.bank.add(random_adapter(core, config, "fam-a", 1000))
    for number in range(64):
        encoder.bank.add(random_adapter(core, config, f"lang-l{number}", number))
    ids = torch.randint(5, 250_000, (64, 32), generator=torch.Generator().manual_seed(0))
    rows: list[Row] = []
    plain = load_model(core)

    def core_alone() -> Any:
        with torch.inference_mode():
            return plain(input_ids=ids, attention_mask=None).last_hidden_state

    for languages, target in ((64, 1.06), (8, 1.04)):
        recipes = [f"fam-a + lang-l{row // (64 // languages)}" for row in range(64)]
        with stacked(encoder, recipes) as mixed:
            found = medians({"core": core_alone, "mixed": lambda: mixed(ids)}, runs)
            together = mixed(ids)
        worst = 0.0
        for row in range(0, 64, 7):
            with stacked(encoder, [recipes[row]]) as single:
                worst = max(worst, float((single(ids[row : row + 1])[0] - together[row]).abs().max()))
        ratio = found["mixed"] / found["core"]
        rows.append(
            Row(f"64 rows, {languages} languages", found["mixed"], "plain core", found["core"], "s", ratio, target)
        )
        rows.append(Row(f"64 rows, {languages} languages: error", worst, "each row alone", 0.0, "abs", worst, 1e-4))
    recipes = [f"fam-a + lang-l{row}" for row in range(64)]

    def by_sub_batches() -> None:
        for row, recipe in enumerate(recipes):
            with stacked(encoder, [recipe]) as single:
                single(ids[row : row + 1])

    found = medians({"core": core_alone, "each": by_sub_batches}, max(3, runs // 4), 1)
    rows.append(
        Row("64 rows, 64 sub-batches", found["each"], "plain core", found["core"], "s", found["each"] / found["core"])
    )
    return rows


# --- sentences -------------------------------------------------------------------------------------------------------


def sentences(core: Core, count: int) -> list[str]:
    """Made-up text of mixed length: pieces of the vocabulary, 3 to 120, most around 25."""
    tokenizer, chance = load_tokenizer(core), random.Random(0)
    pieces = [piece.replace("▁", " ") for piece in tokenizer.get_vocab() if piece.isalpha() or piece.startswith("▁")]
    pieces.sort()
    lengths = [min(120, max(3, round(chance.lognormvariate(3.1, 0.7)))) for _ in range(count)]
    return ["".join(chance.choices(pieces, k=length)).strip() or "a" for length in lengths]


def throughput(core: Core, count: int) -> list[Row]:
    """Sentences per second against sentence-transformers with the same core, in turns of 1,000 sentences."""
    from sentence_transformers import SentenceTransformer, models

    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    words = models.Transformer(str(core.folder), max_seq_length=core.max_tokens)
    pooling = models.Pooling(core.hidden_size, core.pooling)
    peer = SentenceTransformer(modules=[words, pooling, models.Normalize()], device="cpu")
    encoder = Encoder(core)
    encoder.bank.add(random_adapter(core, encoder.model.config, "lang-b", 0))
    adapted = encoder.with_recipe("lang-b")
    texts = sentences(core, count)
    prefixed = [core.prefix + text for text in texts]
    spent, worst = {"ours": 0.0, "adapted": 0.0, "theirs": 0.0}, 0.0
    encoder.encode(texts[:64])
    peer.encode(prefixed[:64], batch_size=32, normalize_embeddings=True)
    for start in range(0, count, 1000):
        part = slice(start, start + 1000)
        clock = time.perf_counter()
        theirs = peer.encode(prefixed[part], batch_size=32, normalize_embeddings=True)
        spent["theirs"] += time.perf_counter() - clock
        clock = time.perf_counter()
        ours = encoder.encode(texts[part], batch_size=32)
        spent["ours"] += time.perf_counter() - clock
        clock = time.perf_counter()
        adapted.encode(texts[part], batch_size=32)
        spent["adapted"] += time.perf_counter() - clock
        worst = max(worst, float(np.abs(ours - theirs).max()))
    speed = {name: count / seconds for name, seconds in spent.items()}
    return [
        Row(f"encode {count} sentences, core", speed["ours"], "sentence-transformers", speed["theirs"], "sentences/s",
            speed["ours"] / speed["theirs"], 1.15, True),
        Row(f"encode {count} sentences, adapter", speed["adapted"], "sentence-transformers, core", speed["theirs"],
            "sentences/s", speed["adapted"] / speed["theirs"]),
        Row("largest difference of a component", worst, "sentence-transformers", 0.0, "abs", worst, 1e-5),
    ]  # fmt: skip


def memory(core: Core, count: int = 1000) -> list[Row]:
    """Growth of the process for many adapters, against the bytes of their tensors."""
    encoder = Encoder(core)
    adapter = random_adapter(core, encoder.model.config, "lang-x", 0)
    for number in range(32):  # the first block
        encoder.bank.add(adapter, f"warm-{number}")
    gc.collect()
    before, weights = resident(), encoder.bank.nbytes
    for number in range(count):
        encoder.bank.add(adapter, f"lang-{number}")
    gc.collect()
    grown, weights = resident() - before, encoder.bank.nbytes - weights
    return [
        Row(
            f"{count} adapters in memory", grown / 2**20, "their weights", weights / 2**20, "MiB", grown / weights, 1.05
        )
    ]


def resident() -> int:
    """Resident bytes of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


PARTS = ("memory", "loading", "small", "mixed", "throughput")


def main() -> int:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--check", action="store_true", help="exit code 1 when a target is missed")
    parser.add_argument("--core", default="e5-small", help="name or folder of the core")
    parser.add_argument("--runs", type=int, default=40, help="runs of a forward pass")
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    given = parser.parse_args()
    core, rows = open_core(given.core), []
    with tempfile.TemporaryDirectory() as folder:
        for part in given.only:
            print(f"… {part}", file=sys.stderr)
            rows += {
                "memory": lambda: memory(core),
                "loading": lambda: loading(core, Path(folder)),
                "small": lambda: small_batch(core, given.runs),
                "mixed": lambda: mixed_batches(core, max(5, given.runs // 4)),
                "throughput": lambda: throughput(core, given.sentences),
            }[part]()
    if given.json:
        print(json.dumps({"machine": machine(), "rows": [asdict(row) | {"met": row.is_met} for row in rows]}, indent=2))
    else:
        show(rows)
    return 1 if given.check and any(row.is_met is False for row in rows) else 0


def machine() -> str:
    import platform
    from importlib.metadata import version

    names = ("torch", "transformers", "adapters", "peft", "sentence-transformers")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{platform.machine()}, {torch.get_num_threads()} threads, Python {platform.python_version()}; {packages}"


def show(rows: list[Row]) -> None:
    print(f"{machine()}\n")
    print("| what | hubkit | peer | peer's | ratio | target |\n|---|---|---|---|---|---|")
    for row in rows:
        bound = (
            "" if row.target is None else f"{'≥' if row.at_least else '≤'} {row.target:g} {'✓' if row.is_met else '✗'}"
        )
        ours, theirs = shown(row.ours, row.unit), shown(row.theirs, row.unit)
        print(f"| {row.what} | {ours} | {row.peer} | {theirs} | {row.ratio:.3g} | {bound} |")


def shown(value: float, unit: str) -> str:
    if unit == "s":
        return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e6:.3g} µs"
    return f"{value:.3g} {unit}"


if __name__ == "__main__":
    sys.exit(main())
