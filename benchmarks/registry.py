"""How fast the registry is with many records: building the search index, searching, resolving.

    python benchmarks/registry.py [--records 100000] [--json] [--check]

Writes synthetic records (about 8,000 languages' adapters, family adapters below them, task adapters above, several
versions each) into a temporary index and measures, each in a process of its own where that matters:

- ``build``: ``hubkit index build`` from nothing, and its peak memory
- ``cold search``: the program ``hubkit search …``, start of Python included, with the search index there
- ``warm search``: one more search in a process that has searched before
- ``resolve``: a task adapter on a language adapter on a family adapter, cold (first names read) and warm
- ``one big file``: what a client pays that downloads all records as one JSON file and parses it
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import click

from hubkit.languages import languages
from hubkit.registry.index import Index, Indexes
from hubkit.registry.names import shard
from hubkit.registry.record import REQUIRED_RECORD_FILES

TARGETS = {
    "build_seconds": 60.0, "build_mib": 500.0, "cold_search_seconds": 1.0, "warm_search_seconds": 0.05,
    "resolve_seconds": 0.01,
}  # fmt: skip
QUERIES = (
    ["swahili news"], ["kinyarwanda"], ["bantu"], ["topic"], ["Kiswahili", "--kind", "language"], ["atlantic congo"],
    ["--language", "sw"], ["--family", "bantu", "--min-gain", "0.1"], [], ["x"],
)  # fmt: skip
CORE = {name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}" for name in ("fingerprint", "tokenizer_sha256")}


def record(name: str, version: str, tag: str, code: str, random_: random.Random, deps: list[Any]) -> dict[str, Any]:
    """One synthetic record, as long as a real one."""
    kind = {"fam": "family", "lang": "language", "task": "task"}[name.partition("-")[0]]
    core, gain = random_.uniform(0.2, 0.8), random_.uniform(-0.05, 0.2)
    metrics = [
        {
            "suite": "udhr", "metric": metric, "value": round(core + gain, 4), "core": round(core, 4),
            "ci95": [round(gain - 0.08, 4), round(gain + 0.08, 4)],
            "controls": {"wrong-family": round(core + gain / 2, 4), "random": round(core, 4)},
        }
        for metric in ("R@1", "R@1 centred")
    ]  # fmt: skip
    digest = f"{random_.getrandbits(256):064x}"
    return {
        "schema": 1, "name": name, "version": version, "kind": kind, "method": random_.choice(["seq_bn", "lora"]),
        "languages": [{"bcp47": tag, "iso639_3": code}], "license": "Apache-2.0", "core": {"id": "e5-small", **CORE},
        "requires": {"hubkit": ">=0.1"},
        "source": {"repo_id": f"org{random_.randrange(999)}/{name}", "commit": digest[:40]},
        "files": [{"path": path, "sha256": digest, "size": 1_000_000} for path in sorted(REQUIRED_RECORD_FILES)],
        "deps": deps, "train": {"datasets": [{"id": "mediawiki", "revision": "1.39", "license": "GPL-2.0-or-later"}]},
        "metrics": metrics, "published": "2026-01-01T00:00:00Z", "yanked": False,
    }  # fmt: skip


def names() -> Iterator[tuple[str, str, str, list[Any]]]:
    """(name, tag, ISO code, dependencies) without end: families, languages on them, tasks on those."""
    known = [language for language in languages() if language.script != "Zzzz"]
    known.sort(key=lambda language: language.tag != "sw")  # first, so that it is in a small index too
    families = sorted({f"fam-{language.family[0].replace(' ', '-')}" for language in known if language.family})
    families = [name for name in families if name.replace("-", "").isalnum() and name.isascii()]
    taken = set(families)
    members = {f"fam-{language.family[0].replace(' ', '-')}": language for language in known if language.family}
    for name in families:
        yield name, members[name].tag, members[name].iso639_3, []
    number = 0
    while True:
        for language in known:
            below = f"fam-{language.family[0].replace(' ', '-')}" if language.family else ""
            suffix = f"-v{number}" if number else ""
            deps = [{"name": below, "spec": ">=1,<9"}] if below in taken else []
            yield f"lang-{language.tag}{suffix}", language.tag, language.iso639_3, deps
            if number % 2 == 0:
                on = [{"name": f"lang-{language.tag}{suffix}", "spec": ">=1.1"}]
                yield f"task-topic-{language.tag}{suffix}", language.tag, language.iso639_3, on
        number += 1


def write_index(root: Path, count: int, versions: int = 5) -> str:
    """Write ``count`` records below ``root``; returns a task adapter to resolve."""
    random_ = random.Random(0)
    written, asked = 0, ""
    for name, tag, code, deps in names():
        folder = root.joinpath(*shard(name))
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps(record(name, f"1.{number}.0", tag, code, random_, deps), separators=(",", ":"))
            for number in range(min(versions, count - written))
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
        written += len(lines)
        asked = name if name == "task-topic-sw" else asked
        if written >= count:
            return asked


def in_process(code: str, environment: dict[str, str]) -> dict[str, Any]:
    """Run ``code`` in a process of its own; what it prints as JSON, with its seconds."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, **(json.loads(done.stdout) if done.stdout.startswith("{") else {})}


def program(*arguments: str) -> str:
    run = f"try: main({list(arguments)!r})\nexcept SystemExit as end: assert not end.code"
    return f"from hubkit.cli.main import main\n{run}"


def build(environment: dict[str, str], root: Path) -> dict[str, float]:
    code = (
        "import json, resource, time; from pathlib import Path\n"
        "from hubkit.registry.index import Index; from hubkit.registry.search_index import build\n"
        f"t = time.perf_counter(); build(Index(Path({str(root)!r}), 'bench')); t = time.perf_counter() - t\n"
        "print(json.dumps({'s': t, 'mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))"
    )
    found = in_process(code, environment)
    return {"build_seconds": found["s"], "build_mib": found["mib"]}


def searches(environment: dict[str, str], indexes: Indexes) -> dict[str, Any]:
    from hubkit.registry.search import Query, Searcher

    cold = {
        " ".join(words): median(
            in_process(program("search", *words, "--json"), environment)["seconds"] for _ in range(3)
        )
        for words in QUERIES
    }
    warm = {}
    with Searcher(indexes) as searcher:
        for query in (
            Query("swahili news"), Query("kinyarwanda"), Query("bantu"), Query("topic"), Query("lang"), Query(),
            Query("Kiswahili", kind="language"), Query(language="sw"), Query(family="bantu", min_gain=0.1),
            Query("atlantic congo"), Query(core="e5-small"),
        ):  # fmt: skip
            searcher.search(query)
            times = []
            for _ in range(5):
                started = time.perf_counter()
                searcher.search(query)
                times.append(time.perf_counter() - started)
            warm[repr(query.text or (query.language or query.family or query.core or ""))] = median(times)
    return {
        "cold_search_seconds": max(cold.values()), "warm_search_seconds": max(warm.values()),
        "cold": cold, "warm": warm,
    }  # fmt: skip


def resolving(environment: dict[str, str], indexes: Indexes, asked: str) -> dict[str, float]:
    from hubkit.registry.request import parse_request
    from hubkit.registry.resolver import Policy, resolve

    request = parse_request(asked)
    cold, warm = [], []
    for _ in range(7):
        fresh = Indexes(tuple(Index(index.root, index.label) for index in indexes.members))
        for times in (cold, warm):
            started = time.perf_counter()
            found = resolve([request], fresh.versions, Policy(CORE["fingerprint"]))
            times.append(time.perf_counter() - started)
        assert len(found.adapters) == 3, found
    return {"resolve_seconds": median(cold), "resolve_warm_seconds": median(warm)}


def one_big_file(root: Path, folder: Path) -> dict[str, float]:
    """Size and time to parse of all records in one JSON file."""
    lines = [line for file in sorted(root.glob("*/*/*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    big = folder / "all.json"
    big.write_text(f"[{','.join(lines)}]", "utf-8")
    code = f"import json\nrecords = json.load(open({str(big)!r}))\nassert any(r['name'] == 'lang-sw' for r in records)"
    code += "\nimport resource; print(json.dumps({'mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))"
    found = in_process(code, dict(os.environ))
    return {
        "one_file_mib": big.stat().st_size / 2**20, "one_file_seconds": found["seconds"],
        "one_file_peak_mib": found["mib"],
    }  # fmt: skip


@click.command()
@click.option("--records", default=100_000, show_default=True, help="How many records.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit 1 when a target is missed.")
def main(records: int, as_json: bool, check: bool) -> None:
    """Measure building, searching and resolving against the targets."""
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder, "index"), Path(folder, "home")
        asked = write_index(root, records)
        own = {"HUBKIT_INDEX": str(root), "HUBKIT_HOME": str(home), "HUBKIT_LOAD_PLUGINS": ""}
        own["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        os.environ.update(own)
        environment = dict(os.environ)
        indexes = Indexes((Index(root, "bench"),))
        found: dict[str, Any] = {"records": records, **build(environment, root)}
        found |= (
            searches(environment, indexes) | resolving(environment, indexes, asked) | one_big_file(root, Path(folder))
        )
        found["search_index_mib"] = sum(file.stat().st_size for file in home.rglob("*.sqlite")) / 2**20
        found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    missed = {name: found[name] for name, target in TARGETS.items() if found[name] > target}
    click.echo(json.dumps({**found, "targets": TARGETS, "missed": missed}, indent=2) if as_json else _table(found))
    if check and missed:
        sys.exit(1)


def _table(found: dict[str, Any]) -> str:
    rows = [
        f"{name:22} {value:10.4g}  {f'target {TARGETS[name]:g}' if name in TARGETS else ''}"
        for name, value in found.items()
        if not isinstance(value, dict)
    ]
    for kind in ("cold", "warm"):
        rows += [f"  {kind} {query!r:40} {seconds:.4f} s" for query, seconds in found[kind].items()]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
