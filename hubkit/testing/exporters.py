"""What an exporter must do: write files into the folder that it is given, and leave the encoder as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hubkit.hookspecs import Exporter
from hubkit.testing.error import require

_SENTENCES = ["a sentence", "another one"]


def check_exporter(exporter: Exporter) -> None:
    """Check a function with the protocol :class:`hubkit.hookspecs.Exporter` on a tiny core without an adapter.

    It writes at least one file that is not empty, the same ones the second time, none beside its folder, and the
    encoder gives the same vectors afterwards. Raises :class:`hubkit.testing.ConformanceError`.
    """
    import numpy as np

    from hubkit.runtime.encoder import Encoder
    from hubkit.testing.tiny import tiny_core

    with tempfile.TemporaryDirectory() as root:
        encoder = Encoder(tiny_core(Path(root) / "core"))
        before = np.asarray(encoder.encode(_SENTENCES, show_progress_bar=False))
        written = []
        for name in ("first", "second"):
            folder = Path(root) / name
            folder.mkdir()
            exporter(encoder, folder)
            sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
            require(any(sizes.values()), f"{exporter!r} writes nothing into the folder that it is given")
            written.append(set(sizes))
        require(written[0] == written[1], f"{exporter!r} writes other files the second time: {written[0] ^ written[1]}")
        beside = {path.name for path in Path(root).iterdir()} - {"core", "first", "second"}
        require(not beside, f"{exporter!r} writes beside its folder: {sorted(beside)}")
        after = np.asarray(encoder.encode(_SENTENCES, show_progress_bar=False))
        require(np.array_equal(before, after), f"{exporter!r} changes what the encoder computes")
