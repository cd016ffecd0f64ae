from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.adapter.strict_json import parse_json
from hubkit.errors import VerificationError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_parses_what_json_parses(value):
    assert parse_json(json.dumps(value).encode(), "file") == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b"[-Infinity]",
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b"[" * 100_000,
        "\ufeff{}".encode(),
    ],
)
def test_refuses(data):
    with pytest.raises(VerificationError, match=r"some/file\.json is not valid JSON"):
        parse_json(data, "some/file.json")
