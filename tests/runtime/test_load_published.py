"""``hubkit.load`` of what is not installed: index, resolver, fetch, verification, encoder."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hubserver.artifacts import contents, record_for

from hubkit.errors import NotFoundError, VerificationError
from hubkit.registry.index import open_indexes
from hubkit.registry.index_edit import add_record
from hubkit.registry.installed import list_installed
from hubkit.registry.lock import make_lock, write_lock
from hubkit.registry.request import parse_request
from hubkit.runtime.encoder import Encoder
from hubkit.runtime.load import load

pytest_plugins = ["hubserver.fixtures"]
TEXTS = ["Mwaramutse", "neza cyane"]


@pytest.fixture
def published(hub, bert, make_adapter, save, monkeypatch, tmp_path):
    """(name, version, seed) → the commit under which an adapter is on the Hub; a record of it is in the index."""
    monkeypatch.setattr("hubkit.registry.hub.BACKOFF", (0.01,))
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "index"))

    def publish(name="lang-rw", version="0.1.0", seed=0, **changes):
        folder = save(
            make_adapter(bert, "seq_bn", seed=seed, name=name),
            bert,
            tmp_path / "made" / version,
            version=version,
            **changes,
        )
        commit = hub.hub.put(f"org/hubkit-{name}", contents(folder)).oid
        add_record(tmp_path / "index", record_for(folder, f"org/hubkit-{name}", commit))
        shutil.rmtree(folder)
        return commit

    return publish


def expected(bert, make_adapter, seed=0):
    return Encoder(bert, adapter=make_adapter(bert, "seq_bn", seed=seed)).encode(TEXTS)


@pytest.mark.parametrize("query", ["lang-rw", "lang-rw>=0.1,<1"])
def test_a_name_is_resolved_fetched_and_installed(bert, published, make_adapter, query):
    published(version="0.1.0", seed=1)
    published(version="0.2.0", seed=2)
    encoder = load(query, core=str(bert.folder))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected(bert, make_adapter, 2), atol=1e-6)
    assert [(one.name, one.version) for one in list_installed()] == [("lang-rw", "0.2.0")]


def test_a_language_is_planned_from_the_index(bert, published, make_adapter):
    published()
    encoder = load("rw", core=str(bert.folder))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected(bert, make_adapter), atol=1e-6)
    assert "lang-rw 0.1.0" in encoder.explain("rw")


def test_a_commit_needs_no_index(bert, published, make_adapter, monkeypatch, tmp_path):
    commit = published(seed=3)
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path))
    encoder = load(f"org/hubkit-lang-rw@{commit}", core=str(bert.folder))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected(bert, make_adapter, 3), atol=1e-6)


def test_a_lock_file_says_the_version(bert, other_core, published, make_adapter, tmp_path):
    published(version="0.1.0", seed=1)
    lock = make_lock([parse_request("rw")], open_indexes(), {bert.fingerprint: "tiny-bert"}).lock
    write_lock(tmp_path / "hubkit.lock", lock)
    published(version="0.2.0", seed=2)
    load("lang-rw", core=str(bert.folder))  # the newer one is installed now
    for query in ("rw", "lang-rw"):
        encoder = load(query, core=str(bert.folder), locked=tmp_path / "hubkit.lock")
        np.testing.assert_allclose(encoder.encode(TEXTS), expected(bert, make_adapter, 1), atol=1e-6)
    with pytest.raises(NotFoundError, match="The lock has no lang-sw"):
        load("lang-sw", core=str(bert.folder), locked=tmp_path / "hubkit.lock")
    with pytest.raises(VerificationError, match="lock again for this one"):
        load("rw", core=str(other_core.folder), locked=tmp_path / "hubkit.lock")


def test_what_nobody_has(bert, published):
    published()
    with pytest.raises(NotFoundError, match=r"No index has it\. Did you mean lang-rw"):
        load("lang-rv", core=str(bert.folder))
    with pytest.raises(NotFoundError, match=r"lang-rw 0\.1\.0"):
        load("lang-rw>=2", core=str(bert.folder))
    assert list_installed() == []
