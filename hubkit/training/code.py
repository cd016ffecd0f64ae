"""Which code trained: a hash of what decides the numbers, so that results of two versions are never mixed unseen."""

from __future__ import annotations

import ast
import hashlib
import inspect
from functools import cache
from pathlib import Path

from hubkit.plugins import load_registered
from hubkit.training.recipe import Recipe

_DECIDES_NOTHING = {
    "code.py",
    "config.py",
    "config_file.py",
    "estimate.py",
    "memory.py",
    "recipe.py",
    "strength.py",
    "tracking.py",
}


@cache
def code_digest(objective: str = Recipe().objective) -> str:
    """Hash of the training code and of the registered ``objective``; comments, docstrings and layout do not count."""
    files = [file for file in sorted(Path(__file__).parent.glob("*.py")) if file.name not in _DECIDES_NOTHING]
    files.append(Path(inspect.getfile(load_registered("objectives", objective))))
    state = hashlib.sha256()
    for file in files:
        state.update(_meaning(file.read_text("utf-8")).encode())
    return state.hexdigest()[:16]


def _meaning(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            del body[0]
    return ast.dump(tree)
