from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_records import CORE, OTHER_CORE, record, write_index

from hubkit.errors import NotFoundError, VerificationError
from hubkit.registry.index import Index, Indexes
from hubkit.registry.index_edit import yank
from hubkit.registry.lock import cores_of, diff_locks, make_lock, not_in_cache, read_lock, write_lock
from hubkit.registry.request import parse_request
from hubkit.registry.resolver import ResolutionError

CORES = {CORE: "e5-small"}
RECORDS = [
    record("lang-rw", "1.0.0", [("fam-bantu", ">=1,<2")]),
    record("lang-rw", "1.1.0", [("fam-bantu", ">=1,<2")]),
    record("lang-sw", "1.0.0", [("fam-bantu", ">=1")]),
    record("fam-bantu", "1.0.0"),
    record("fam-bantu", "1.1.0"),
    record("fam-bantu", "2.0.0"),
    record("task-topic", "1.0.0", [("lang-sw", "")]),
    record("task-topic", "1.1.0a1"),
]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return write_index(tmp_path / "index", RECORDS)


def lock_of(requests, *indexes, cores=CORES, **options):
    return make_lock([parse_request(text) for text in requests], Indexes(indexes), cores, **options).lock


def keys(lock):
    return [each.key for each in lock.adapters]


def test_a_lock_has_everything_that_is_needed(index):
    lock = lock_of(["rw", "sw", "task-topic"], index)
    assert keys(lock) == ["fam-bantu==1.1.0", "lang-rw==1.1.0", "lang-sw==1.0.0", "task-topic==1.0.0"]
    assert lock.requests == ("lang-rw", "lang-sw", "task-topic")
    assert (lock.core.id, lock.core.fingerprint) == ("e5-small", CORE)
    assert [r.name for r in lock.stack("task-topic")] == ["fam-bantu", "lang-sw", "task-topic"]
    assert lock.record("lang-rw").files == RECORDS[1].files
    with pytest.raises(NotFoundError, match="no lang-zu"):
        lock.record("lang-zu")


def test_it_is_read_back_as_it_was_written(index, tmp_path):
    lock = lock_of(["rw"], index)
    write_lock(tmp_path / "hubkit.lock", lock)
    assert read_lock(tmp_path / "hubkit.lock") == lock
    assert (tmp_path / "hubkit.lock").read_bytes() == lock.json_bytes()
    assert str(tmp_path) not in lock.json_bytes().decode()


@given(st.data())
@settings(max_examples=25)
def test_the_same_inputs_in_any_order_give_the_same_bytes(tmp_path_factory, data):
    records = data.draw(st.permutations(RECORDS))
    requests = data.draw(st.permutations(["rw", "Swahili", "task-topic", "lang-rw>=1,<2", "lang-rw<2,>=1", "rw"]))
    ordered = sorted(records, key=RECORDS.index)  # a file's own order is part of the index
    by_name = sorted(ordered, key=lambda each: [r.name for r in records].index(each.name))
    index = write_index(tmp_path_factory.mktemp("w") / "index", by_name)
    reference = write_index(tmp_path_factory.mktemp("w") / "index", RECORDS)
    expected = lock_of(["rw", "sw", "task-topic", "lang-rw>=1,<2"], reference).json_bytes()
    assert lock_of(requests, index).json_bytes() == expected


def test_a_lock_stays_until_it_is_upgraded(index):
    old = lock_of(["lang-rw==1.0.0", "fam-bantu==1.0.0"], index)
    kept = lock_of(["rw"], index, previous=old)
    assert keys(kept) == ["fam-bantu==1.0.0", "lang-rw==1.0.0"]
    assert keys(lock_of(["rw"], index, previous=old, upgrade={"lang-rw"})) == ["fam-bantu==1.0.0", "lang-rw==1.1.0"]
    assert keys(lock_of(["rw"], index, previous=old, upgrade="all")) == ["fam-bantu==1.1.0", "lang-rw==1.1.0"]
    assert keys(lock_of(["lang-rw>1"], index, previous=old)) == ["fam-bantu==1.0.0", "lang-rw==1.1.0"]


def test_not_one_byte_changes_while_it_answers_the_requests(index):
    old = lock_of(["rw"], index)
    write_index(index.root, [record("lang-rw", "1.2.0"), record("lang-zu")])
    assert lock_of(["rw"], index, previous=old).json_bytes() == old.json_bytes()
    assert lock_of(["rw"], index).json_bytes() != old.json_bytes()


def test_a_yanked_version_stays_locked_and_is_not_locked_anew(index):
    old = lock_of(["rw"], index)
    yank(index.root, "lang-rw", "1.1.0", "bad")
    making = make_lock([parse_request("rw")], Indexes((index,)), CORES, previous=old)
    assert making.lock == old
    assert [r.yanked for r in making.resolution.adapters if r.name == "lang-rw"] == ["bad"]
    assert keys(lock_of(["rw"], index)) == ["fam-bantu==1.1.0", "lang-rw==1.0.0"]
    assert keys(lock_of(["rw"], index, previous=old, upgrade="all")) == ["fam-bantu==1.1.0", "lang-rw==1.0.0"]


def test_a_rewritten_record_is_refused(index):
    old = lock_of(["sw"], index)
    index.path("lang-sw").write_bytes(record("lang-sw", "1.0.0", [("fam-bantu", ">=1")], license="MIT").line())
    with pytest.raises(VerificationError, match="gone back or was rewritten"):
        lock_of(["sw"], index, previous=old)
    from hubkit.registry.seen import memory_path

    memory_path(index).unlink()
    with pytest.raises(VerificationError, match=r"lang-sw==1\.0\.0 is locked with other content"):
        lock_of(["sw"], index, previous=old)


def test_another_index_does_not_slip_in(index, tmp_path):
    tap = write_index(tmp_path / "tap", [record("lang-rw", "9.0.0", owner="evil"), record("lang-zu")])
    lock = lock_of(["rw", "zu"], index, tap)
    assert keys(lock) == ["fam-bantu==1.1.0", "lang-rw==1.1.0", "lang-zu==1.0.0"]
    assert [each.label for each in lock.indexes] == ["index", "tap"]


def test_pre_releases(index):
    assert "task-topic==1.0.0" in keys(lock_of(["task-topic"], index))
    lock = lock_of(["task-topic"], index, prereleases=True)
    assert "task-topic==1.1.0a1" in keys(lock) and lock.prereleases


def test_one_core_for_all(index):
    write_index(index.root, [record("lang-rw", "3.0.0", core=OTHER_CORE), record("lang-zu", core=OTHER_CORE)])
    both = {CORE: "e5-small", OTHER_CORE: "other"}
    indexes = Indexes((index,))
    assert cores_of([parse_request("rw")], indexes) == both
    assert lock_of(["rw"], index, cores=both).core.id == "e5-small"
    lock = lock_of(["rw", "zu"], index, cores=both)
    assert (lock.core.id, keys(lock)) == ("other", ["lang-rw==3.0.0", "lang-zu==1.0.0"])
    assert lock_of(["rw"], index, cores=both, previous=lock).core.id == "other"
    with pytest.raises(ResolutionError, match="nor on 1 other"):
        lock_of(["sw", "zu"], index, cores=both)


def test_offline_takes_what_is_there(index, own_home):
    with pytest.raises(ResolutionError, match="is not in the cache"):
        lock_of(["rw"], index, unusable=not_in_cache)
    for name, version in (("fam-bantu", "1.0.0"), ("lang-rw", "1.0.0")):
        (own_home / "adapters" / name / version).mkdir(parents=True)
    assert keys(lock_of(["rw"], index, unusable=not_in_cache)) == ["fam-bantu==1.0.0", "lang-rw==1.0.0"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda v: v.update(url="x"), "url"),
        (lambda v: v.update(schema=2), "schema"),
        (lambda v: v["adapters"].reverse(), "not sorted"),
        (lambda v: v["adapters"].pop(0), "fam-bantu is needed by lang-rw and is not there"),
        (lambda v: v["adapters"][0].update(version="2.0.0"), "fam-bantu >=1,<2 is needed by lang-rw, 2.0.0 is there"),
        (lambda v: v["adapters"][0].update(name="../x"), "name"),
        (lambda v: v["adapters"][1]["files"][0].update(path="../../x"), "path"),
        (lambda v: v["adapters"][1]["source"].update(commit="main"), "commit"),
        (lambda v: v["core"].update(fingerprint=OTHER_CORE), "another core"),
        (lambda v: v.update(requests=["lang-rw", "lang-zu"]), "lang-zu is asked for and is not there"),
        (lambda v: v.update(requests=["lang-rw", "lang-rw"]), "requests"),
        (lambda v: v["adapters"][0].update(deps=[{"name": "lang-rw", "spec": ""}]), "depend on each other"),
    ],
)
def test_a_lock_that_was_edited_is_refused(index, tmp_path, change, why):
    value = json.loads(lock_of(["rw"], index).json_bytes())
    change(value)
    path = tmp_path / "hubkit.lock"
    path.write_text(json.dumps(value))
    with pytest.raises(VerificationError, match=why):
        read_lock(path)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'{"schema":1,"schema":1}', b"[" * 100_000, b"null"])
def test_hostile_lock_files(tmp_path, data):
    path = tmp_path / "hubkit.lock"
    path.write_bytes(data)
    with pytest.raises(VerificationError, match="lock again"):
        read_lock(path)


def test_no_lock_and_a_link(tmp_path, index):
    with pytest.raises(NotFoundError, match="no lock file"):
        read_lock(tmp_path / "hubkit.lock")
    write_lock(tmp_path / "real", lock_of(["rw"], index))
    (tmp_path / "hubkit.lock").symlink_to(tmp_path / "real")
    with pytest.raises(VerificationError, match="link"):
        read_lock(tmp_path / "hubkit.lock")


def test_the_difference_of_two_locks(index, tmp_path):
    before = lock_of(["lang-rw==1.0.0"], index)
    after = lock_of(["rw", "sw"], index, upgrade="all")
    text = "\n".join(str(change) for change in diff_locks(before, after))
    assert "- request lang-rw==1.0.0" in text and "+ request lang-sw" in text
    assert "~ lang-rw 1.0.0" in text and "→ 1.1.0" in text and "+ lang-sw 1.0.0" in text
    assert diff_locks(after, after) == []
    changed = write_index(tmp_path / "changed", [record("lang-zu", license="MIT")])
    other = write_index(tmp_path / "other", [record("lang-zu")])
    (change,) = diff_locks(lock_of(["zu"], changed), lock_of(["zu"], other))
    assert change.what == "lang-zu" and change.before != change.after  # one version, two contents
