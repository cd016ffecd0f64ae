from __future__ import annotations

import json
from datetime import datetime

import pytest
from pydantic import ValidationError

from hubkit.adapter.manifest import FileReference, Manifest, is_adapter_name, json_schema, parse_manifest
from hubkit.errors import VerificationError

FILES = tuple(
    FileReference(path=path, sha256="0" * 64, size=3)
    for path in ("adapter_config.json", "adapter.safetensors", "golden.json", "golden.safetensors")
)


@pytest.fixture
def manifest(bert, make_adapter, make_manifest) -> Manifest:
    return make_manifest(make_adapter(bert, "lora"), bert)


def test_round_trip(manifest):
    sealed = manifest.sealed(FILES)
    assert parse_manifest(sealed.json_bytes(), "m") == sealed
    assert json.loads(sealed.json_bytes())["languages"][0]["bcp47"] == "rw"


def test_is_frozen(manifest):
    with pytest.raises(ValidationError):
        manifest.name = "lang-sw"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "rw"},
        {"name": "lang-"},
        {"name": "lang-rw.x"},
        {"name": "lang-rw/../x"},
        {"name": "fam-bantu"},
        {"name": "lang-ｒｗ"},
        {"version": "1.0"},
        {"version": "v1.0.0"},
        {"version": "01.0.0"},
        {"version": "1.0.0.post1"},
        {"version": "1.0.0+local"},
        {"version": "1.0.0\n"},
        {"kind": "dialect"},
        {"languages": []},
        {"strength": 0.0},
        {"strength": float("nan")},
        {"license": ""},
        {"created": datetime(2026, 1, 1)},
        {"schema_version": 2},
        {"unknown": 1},
        {"dependencies": [{"name": "fam-bantu", "spec": "about 1"}]},
        {"files": [{"path": "../evil", "sha256": "0" * 64, "size": 1}]},
        {"files": [{"path": "model.py", "sha256": "0" * 64, "size": 1}]},
        {"files": [{"path": "README.md", "sha256": "0" * 64, "size": 1}] * 2},
        {"files": [{"path": "README.md", "sha256": "0" * 63, "size": 1}]},
        {"files": [{"path": "README.md", "sha256": "0" * 64, "size": -1}]},
        {"files": [{"path": "README.md", "sha256": "0" * 64, "size": 1 << 40}]},
        {"training_data": [{"source": "x", "origin": "y", "license": "z", "pairs": -1}]},
    ],
)
def test_refuses(manifest, changes):
    with pytest.raises(ValidationError):
        Manifest.model_validate({**manifest.model_dump(), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.2.3rc1"},
        {"kind": "family", "name": "fam-bantu"},
        {"kind": "task", "name": "task-topic"},
        {"name": "lang-sr-Cyrl"},
        {"dependencies": [{"name": "fam-bantu", "spec": ">=1.1,<2"}]},
        {"family": "bantu"},
        {"hyperparameters": {"nested": {"list": [1, 2.5, None, "x"]}}},
    ],
)
def test_accepts(manifest, changes):
    Manifest.model_validate({**manifest.model_dump(), **changes})


def test_parsing_is_strict_about_types(manifest):
    content = json.loads(manifest.sealed(FILES).json_bytes())
    content["seeds"] = ["0"]
    with pytest.raises(VerificationError, match=r"x/manifest\.json is not a valid manifest: seeds\.0"):
        parse_manifest(json.dumps(content).encode(), "x/manifest.json")


def test_a_changed_field_breaks_the_digest(manifest):
    content = json.loads(manifest.sealed(FILES).json_bytes())
    content["license"] = "MIT"
    with pytest.raises(VerificationError, match="digest"):
        parse_manifest(json.dumps(content).encode(), "m")


def test_an_unsealed_manifest_is_refused(manifest):
    with pytest.raises(VerificationError, match="digest"):
        parse_manifest(manifest.json_bytes(), "m")


@pytest.mark.parametrize(("text", "expected"), [("lang-rw", True), ("fam-x-y", True), ("rw", False), ("lang-", False)])
def test_adapter_names(text, expected):
    assert is_adapter_name(text) is expected


def test_json_schema_describes_every_field():
    schema = json_schema()
    assert set(schema["properties"]) == set(Manifest.model_fields)
    assert schema["additionalProperties"] is False
