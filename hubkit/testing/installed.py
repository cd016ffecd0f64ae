"""What hubkit sees of an installed plugin."""

from __future__ import annotations

import json

from hubkit.plugins import KINDS, registered
from hubkit.testing.child import last_line, run_python
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
    done = run_python(_CODE, name, HUBKIT_LOAD_PLUGINS=name, HUBKIT_STRICT_PLUGINS="")
    require(done.returncode == 0, f"plugin {name} takes the program down: {last_line(done.stderr)}")
    found, heavy = (json.loads(line) for line in done.stdout.splitlines())
    require(found, f"no plugin called {name} is installed")
    status, error, warnings, hooks = found[0]
    require(error is None, f"plugin {name} is {status}: {error}")
    require(not warnings, f"plugin {name}: {'; '.join(warnings)}")
    require(hooks, f"plugin {name} implements no hook")
    require(not heavy, f"plugin {name} loads {', '.join(heavy)} when it registers")
    for kind in KINDS:
        for each in registered(kind).values():
            if each.plugin == name:
                each.load()
