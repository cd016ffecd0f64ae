"""A process of its own, which knows the same modules."""

from __future__ import annotations

import os
import subprocess
import sys


def run_python(code: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process with this one's module path, and ``variables`` in its environment."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def last_line(text: str) -> str:
    """The last line that is not empty: of a traceback, the error."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")
