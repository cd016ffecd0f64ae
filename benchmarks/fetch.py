"""Fetching against huggingface_hub's snapshot_download from the same server on loopback, and publishing.

    python benchmarks/fetch.py [--runs 7] [--json] [--check]

``--check`` exits with 1 unless fetching takes at most a tenth longer than snapshot_download, for one adapter of 5 MB
and for 64 files of 20 kB, hashes included, which snapshot_download does not check. ``installed`` is fetching and
installing: it writes the adapter a second time and waits until it is on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
MOST = 1.1  # ratio to snapshot_download
REPO = "org/hubkit-lang-rw"


def _server() -> tuple[subprocess.Popen[str], str, str]:
    """A server in a process of its own; its endpoint and a token that may write."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-m", "hubserver"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    return process, said["endpoint"], said["token"]


def _seconds(runs: int, clear: Callable[[], object], *calls: Callable[[], object]) -> list[list[float]]:
    """Times of each call after ``clear``; they take turns, so that whatever else the machine does hits all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(runs + 1):
        for call, noted in zip(calls, times, strict=True):
            clear()
            started = time.perf_counter()
            call()
            if number:  # what is imported or connected once is no one's cost
                noted.append(time.perf_counter() - started)
    return times


def _clear(folder: Path) -> None:
    """An empty home, an empty folder ``out``, and no cache of huggingface_hub's."""
    from hubkit.settings import settings

    for path in (settings().home, folder / "out", folder / "theirs"):
        shutil.rmtree(path, ignore_errors=True)
    (folder / "out").mkdir()


def _adapter(folder: Path, runs: int) -> dict[str, Any]:
    from hubserver.artifacts import write_adapter
    from huggingface_hub import snapshot_download

    from hubkit.registry.fetch import Place, fetch_files, fetch_record
    from hubkit.registry.publish import publish

    times = []
    for number in range(runs):
        made = write_adapter(folder / f"made{number}", size=5_000_000, seed=number)
        started = time.perf_counter()
        record = publish(made, f"{REPO}{number}").record
        times.append(time.perf_counter() - started)
    endpoint = os.environ["HF_ENDPOINT"]

    place = Place(record.source.repo_id, record.source.commit)

    def ours() -> None:
        fetch_files(place, record.files, folder / "out")

    def installed() -> None:
        fetch_record(record)

    def theirs() -> None:
        snapshot_download(record.source.repo_id, revision=record.source.commit, cache_dir=folder / "theirs",
                          endpoint=endpoint)  # fmt: skip

    fetched, whole, snapshot = _seconds(runs, lambda: _clear(folder), ours, installed, theirs)
    rows = {"publish_5mb": _row(times), "adapter_5mb_installed": _row(whole)}
    return {**rows, **_compared("adapter_5mb", fetched, snapshot)}


def _files(folder: Path, runs: int) -> dict[str, Any]:
    from hubserver.artifacts import random_bytes, reference
    from huggingface_hub import HfApi, snapshot_download

    from hubkit.registry.fetch import Place, fetch_files

    endpoint = os.environ["HF_ENDPOINT"]
    (folder / "many").mkdir()
    files = {f"file{number}.txt": random_bytes(20_000, number) for number in range(64)}
    for name, data in files.items():
        (folder / "many" / name).write_bytes(data)
    api = HfApi(endpoint=endpoint)
    api.create_repo("org/many")
    api.upload_folder(repo_id="org/many", folder_path=folder / "many")
    commit = api.model_info("org/many").sha
    references = [reference(*item) for item in files.items()]

    def ours() -> None:
        fetch_files(Place("org/many", str(commit)), references, folder / "out")

    def theirs() -> None:
        snapshot_download("org/many", revision=commit, cache_dir=folder / "theirs", endpoint=endpoint)

    fetched, snapshot = _seconds(runs, lambda: _clear(folder), ours, theirs)
    return _compared("files_64", fetched, snapshot)


def _row(times: list[float]) -> dict[str, float]:
    return {"median_seconds": round(statistics.median(times), 4), "least_seconds": round(min(times), 4)}


def _compared(name: str, ours: list[float], theirs: list[float]) -> dict[str, Any]:
    ratio = statistics.median(ours) / statistics.median(theirs)
    return {f"{name}_hubkit": _row(ours), f"{name}_snapshot_download": _row(theirs), f"{name}_ratio": round(ratio, 3)}


@click.command()
@click.option("--runs", default=7, show_default=True, help="How often each is timed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit with 1 when fetching is slower than snapshot_download.")
def main(runs: int, as_json: bool, check: bool) -> None:
    """Time fetch and publish on loopback."""
    process, endpoint, token = _server()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ |= {
            "HF_ENDPOINT": endpoint, "HF_TOKEN": token, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HUBKIT_HOME": str(folder / "home"),
        }  # fmt: skip
        try:
            found = {**_adapter(folder, runs), **_files(folder, runs)}
        finally:
            process.terminate()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            shown = (
                f"{value['median_seconds']:.3f} s (least {value['least_seconds']:.3f})"
                if isinstance(value, dict)
                else value
            )
            click.echo(f"{name:32} {shown}")
    if check and max(value for name, value in found.items() if name.endswith("_ratio")) > MOST:
        sys.exit(1)


if __name__ == "__main__":
    main()
