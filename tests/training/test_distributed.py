"""Two processes on one run give what one gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hubkit.core import Core
from hubkit.training.distributed import own_rows, whole

CHILD = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from hubkit.adapter.store import adapter_from_state
from hubkit.composition.data import as_recipe
from hubkit.core import open_core
from hubkit.corpora.source import Pair
from hubkit.runtime.encoder import Encoder
from hubkit.training import distributed
from hubkit.training.budget import Budget
from hubkit.training.loop import Training, adapter_config
from hubkit.training.mixture import mix
from hubkit.training.recipe import Recipe
from hubkit.training.stacked import TrainableStack
from hubkit.training.targets import Targets

core, folder, out, objective = open_core(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
under = sys.argv[5:]
english = [f"the number {i} and the {i * 7 % 13}" for i in range(60)]
pairs = [Pair(one[::-1], one, "toy", str(i), "CC0-1.0") for i, one in enumerate(english)]
recipe = Recipe(objective=objective, hyperparameters={"reduction_factor": 2}, batch_size=7, learning_rate=5e-3)
encoder, config = Encoder(core), adapter_config(core, recipe)
for seed, name in enumerate(under):  # far from where adapters begin, so that it matters which one acts
    tensors = TrainableStack(encoder, "seq_bn", config, seed).adapter_tensors()
    for tensor in tensors.values():
        tensor += 0.3 * torch.sin(seed + torch.arange(tensor.numel()).view_as(tensor))
    encoder.bank.add(adapter_from_state(name, "seq_bn", config, tensors, core))
stacks = {name: as_recipe(name) for name in under}
network = TrainableStack(encoder, "seq_bn", config, 0, stacks) if under else None
run = Training(core, recipe, mix({"toy": pairs}), Targets(Encoder(core)), Budget(steps=4), 0, folder, network)
trained = run.run()
save_file(trained.tensors, out / f"{distributed.number()}.safetensors")
print(distributed.processes(), trained.state.sentences)
"""


def start(core: Core, folder: Path, objective: str, processes: int, under: tuple[str, ...] = ()) -> list[str]:
    """The output of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    (folder / "out").mkdir(parents=True)
    children = []
    for rank in range(processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes), "MASTER_PORT": port}
        world = {**place, "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        arguments = [str(core.folder), str(folder / "run"), str(folder / "out"), objective, *under]
        environment = {**os.environ, **(world if processes > 1 else {})}
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", CHILD, *arguments],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    outputs = []
    for child in children:
        output, errors = child.communicate(timeout=240)
        assert child.returncode == 0, errors
        outputs.append(output.strip())
    return outputs


@pytest.mark.parametrize("under", [(), ("lang-rw", "lang-sn")])
def test_two_processes_train_what_one_trains(bert: Core, tmp_path: Path, under: tuple[str, ...]):
    assert start(bert, tmp_path / "one", "contrastive", 1, under) == ["1 28"]
    assert start(bert, tmp_path / "two", "contrastive", 2, under) == ["2 28", "2 28"]
    alone = load_file(tmp_path / "one" / "out" / "0.safetensors")
    for rank in (0, 1):
        together = load_file(tmp_path / "two" / "out" / f"{rank}.safetensors")
        assert all(torch.allclose(together[name], alone[name], atol=1e-5) for name in alone)


def test_alone_every_row_is_its_own():
    rows = torch.arange(6.0).view(3, 2)
    assert own_rows(3) == slice(0, 3)
    assert whole(rows, 3) is rows
