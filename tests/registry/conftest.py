"""The fixtures of ``tests/adapter``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "hubkit_adapter_fixtures", Path(__file__).parents[1] / "adapter" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

bert = _fixtures.bert
core = _fixtures.core
core_folder = _fixtures.core_folder
cores = _fixtures.cores
make_adapter = _fixtures.make_adapter
make_golden = _fixtures.make_golden
make_manifest = _fixtures.make_manifest
method_name = _fixtures.method_name
other_core = _fixtures.other_core
own_home = _fixtures.own_home
save = _fixtures.save
