from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.training import code


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(a):\n    return a + 1\n", 'def f(a):\n    """Adds."""\n    # one\n    return (a  +  1)\n', True),
        ("def f(a):\n    return a + 1\n", "def f(a):\n    return a + 2\n", False),
        ('X = "a"\n', 'X = "b"\n', False),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(one: str, other: str, same: bool):
    assert (code._meaning(one) == code._meaning(other)) is same


def test_the_objective_s_own_code_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    code.code_digest.cache_clear()
    before = code.code_digest("contrastive")
    other = tmp_path / "other.py"
    other.write_text("class Other: ...\n")
    monkeypatch.setattr(code.inspect, "getfile", lambda found: str(other))
    code.code_digest.cache_clear()
    assert code.code_digest("contrastive") != before
    code.code_digest.cache_clear()
