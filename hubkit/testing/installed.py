"""What hubkit sees of an installed plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from hubkit.plugins import KINDS, registered
from hubkit.testing.error import require

_CODE = """
import json, sys
from hubkit.plugins import PluginManager
manager = PluginManager()
manager.load_entry_points()
manager.check()
found = [each for each in manager.plugins if each.name == sys.argv[1]]
print(json.dumps([[each.status, each.error, each.warnings, each.hooks] for each in found]))
print(json.dumps(sorted({"torch", "transformers"} & set(sys.modules))))
"""


def check_plugin(name: str) -> None:
    """Check the installed plugin with the entry point ``name``, alone and in a process of its own.

    It loads without a problem, prints nothing, loads no torch, implements a hook, takes no name that is taken, and
    everything that it registers can be imported. Raises :class:`hubkit.testing.ConformanceError`, and
    :class:`hubkit.errors.HubkitError` that names what cannot be imported.
    """
    environment = {**os.environ, "HUBKIT_LOAD_PLUGINS": name, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("HUBKIT_STRICT_PLUGINS", None)
    done = subprocess.run(
        [sys.executable, "-c", _CODE, name], capture_output=True, text=True, env=environment, check=False
    )
    require(done.returncode == 0, f"plugin {name} takes the program down: {done.stderr.strip()[-500:]}")
    found, heavy = (json.loads(line) for line in done.stdout.splitlines())
    require(found, f"no plugin called {name} is installed")
    status, error, warnings, hooks = found[0]
    require(error is None, f"plugin {name} is {status}: {error}")
    require(not warnings, f"plugin {name}: {'; '.join(warnings)}")
    require(hooks, f"plugin {name} implements no hook")
    require(not heavy, f"plugin {name} loads {', '.join(heavy)} when it registers")
    _load_all(name)


def _load_all(name: str) -> list[Any]:
    loaded = [found.load() for kind in KINDS for found in registered(kind).values() if found.plugin == name]
    return loaded
