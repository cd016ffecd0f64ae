"""What the layers below an adapter compute, kept on disk: they are frozen, so a sentence needs them once.

One file of float16 numbers that only grows, and an index of where each sentence's token vectors (t, h) lie; both are
keyed by the core, the layer and the largest number of tokens.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from hubkit.settings import settings

if TYPE_CHECKING:
    from hubkit.runtime.encoder import Encoder

_AT_ONCE = 64
_BYTES = 2


class _Reached(Exception):  # noqa: N818 - it ends a forward pass, nothing is wrong
    def __init__(self, states: Tensor) -> None:
        super().__init__()
        self.states = states


class Activations:
    """Token vectors (t, h) that enter layer ``layer`` of the frozen core, for sentences given as token ids."""

    def __init__(self, encoder: Encoder, layer: int, max_tokens: int) -> None:
        from hubkit.core.architecture import architecture

        core = encoder.core
        self._model: Any = encoder.network.model
        self._hidden = core.hidden_size
        self._entry: nn.Module = self._model.get_submodule(f"{architecture(core.model_type).layers}.{layer}")
        folder = settings().cache / "activations"
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{core.fingerprint.removeprefix('sha256:')[:16]}-{layer}-{max_tokens}"
        self._path = folder / f"{name}.f16"
        self._index = sqlite3.connect(folder / f"{name}.sqlite", timeout=60)
        self._index.execute("PRAGMA journal_mode=WAL")
        self._index.execute(
            "CREATE TABLE IF NOT EXISTS places (key BLOB PRIMARY KEY, start INTEGER NOT NULL, tokens INTEGER NOT NULL)"
        )
        self._places = {
            bytes(key): (start, tokens) for key, start, tokens in self._index.execute("SELECT * FROM places")
        }
        self._path.touch()
        self._forget_what_is_missing()
        self._map = self._mapped()

    def __call__(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The states (b, t, h), float32, of token ids (b, t) with mask (b, t); those not kept yet are computed."""
        rows = [ids[: int(count)] for ids, count in zip(input_ids, attention_mask.sum(1).tolist(), strict=True)]
        keys = [hashlib.sha256(ids.numpy().tobytes()).digest()[:16] for ids in rows]
        missing = {key: ids for key, ids in zip(keys, rows, strict=True) if key not in self._places}
        if missing:
            self._compute(list(missing), list(missing.values()))
        states = torch.zeros((*input_ids.shape, self._hidden))
        for row, key in enumerate(keys):
            start, tokens = self._places[key]
            kept = self._map[start : start + tokens * self._hidden].astype(np.float32)
            states[row, :tokens] = torch.from_numpy(kept).view(tokens, self._hidden)
        return states

    @property
    def nbytes(self) -> int:
        """Size of the file."""
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def _compute(self, keys: Sequence[bytes], rows: Sequence[Tensor]) -> None:
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        for first in range(0, len(order), _AT_ONCE):
            some = order[first : first + _AT_ONCE]
            ids = pad_sequence([rows[index] for index in some], batch_first=True)
            mask = pad_sequence([torch.ones(len(rows[index]), dtype=torch.long) for index in some], batch_first=True)
            states = self._states(ids, mask)
            self._append([keys[index] for index in some], [states[n, : len(rows[i])] for n, i in enumerate(some)])
        self._map = self._mapped()

    def _states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The forward pass as far as the layer."""

        def stop(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            raise _Reached(args[0] if args else kwargs["hidden_states"])

        hook = self._entry.register_forward_pre_hook(stop, with_kwargs=True)
        device = next(self._entry.parameters()).device
        try:
            with torch.inference_mode():
                self._model(input_ids=input_ids.to(device), attention_mask=attention_mask.to(device))
        except _Reached as reached:
            return reached.states.cpu()
        finally:
            hook.remove()
        raise AssertionError("the forward pass did not come to its layer")

    def _append(self, keys: Sequence[bytes], states: Sequence[Tensor]) -> None:
        """Numbers first, then where they are: a run that ends in between leaves numbers that nothing points to."""
        places = []
        with self._path.open("ab") as file:
            for key, state in zip(keys, states, strict=True):
                places.append((key, file.tell() // _BYTES, len(state)))
                file.write(state.to(torch.float16).contiguous().numpy().tobytes())
            file.flush()
        with self._index:
            self._index.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?)", places)
        self._places |= {key: (start, tokens) for key, start, tokens in places}

    def _forget_what_is_missing(self) -> None:
        """Places beyond the end of the file, after a crash or a removed file."""
        size = self.nbytes // _BYTES
        self._places = {k: (s, t) for k, (s, t) in self._places.items() if s + t * self._hidden <= size}

    def _mapped(self) -> Any:
        if not self.nbytes:
            return np.zeros(0, np.float16)
        return np.memmap(self._path, np.float16, mode="r")
