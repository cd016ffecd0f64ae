from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import UsageError
from hubkit.registry.names import (
    NameTable,
    disguised,
    is_record_name,
    language_tag,
    one_edit_apart,
    shard,
    skeleton,
)

LETTERS = st.text(st.sampled_from("abcdeo01l"), min_size=1, max_size=8)


@pytest.fixture
def table():
    made = NameTable()
    for name in ("task-topic", "lang-sw", "lang-sw-newspaper", "fam-mande", "fam-kwa", "fam-kartvelian", "task-nli"):
        made.add(name, "org")
    return made


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("fam-bantu", ("ba", "nt")),
        ("lang-rw", ("rw", "__")),
        ("task-x", ("x_", "__")),
        ("lang-sr-Latn", ("sr", "la")),
        ("finding-sw", ("sw", "__")),
        ("fuse-a-b", ("ab", "__")),
    ],
)
def test_shards(name, folders):
    assert shard(name) == folders


@pytest.mark.parametrize(
    "text",
    ["", "rw", "lang-", "lang-rw/../x", "../lang-rw", "lang-rw\0", "lang-rw\n", "lang-rw.jsonl", "lаng-rw", "lang-é",
     "lang-" + "x" * 80, "LANG-rw", "lang--rw", "con"],
)  # fmt: skip
def test_what_is_no_name_has_no_place(text):
    assert not is_record_name(text)
    with pytest.raises(UsageError, match="is no adapter's name"):
        shard(text)


@given(st.text())
def test_a_name_never_leaves_its_folder(text):
    name = f"lang-{text}"
    if is_record_name(name):
        assert all(re.fullmatch("[a-z0-9]{2}|[a-z0-9]_|__", part) for part in shard(name))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("task-Topic", "looks like task-topic"),
        ("task-to-pic", "looks like task-topic"),
        ("task-t0pic", "looks like task-topic"),
        ("task-toplc", "looks like task-topic"),
        ("lang-SW", "looks like lang-sw"),
        ("lang-5w", "looks like lang-sw"),
        ("task-n1i", "looks like task-nli"),
    ],
)
def test_names_that_look_alike_are_refused_whoever_asks(table, name, why):
    for owner in ("org", "other"):
        (problem,) = table.problems(name, owner)
        assert why in problem


@pytest.mark.parametrize(
    "name",
    ["task-topics", "task-tpoic", "task-tppic", "task-opic", "fam-mandi", "lang-sw-newspapers", "fam-kartvelain"],
)
def test_names_one_edit_apart_are_refused_for_another_owner(table, name):
    (problem,) = table.problems(name, "other")
    assert "one letter away" in problem
    assert table.problems(name, "org") == []


@pytest.mark.parametrize(
    "name",
    [
        "task-topic",  # itself
        "lang-ss",  # another language
        "lang-ss-newspaper",
        "fam-kra",  # short, and another family
        "task-nlu",  # short
        "task-weather",
        "fam-topic",  # another kind
        "fam-mandi-deep",
    ],
)
def test_names_that_may_stand_beside_the_others(table, name):
    assert table.problems(name, "other") == []


def test_two_families_that_both_exist_may_be_near():
    table = NameTable()
    table.add("fam-Akanic", "org")
    assert table.problems("fam-Pakanic", "other") == []  # a family of its own
    assert table.problems("fam-Hakanic", "other") != []


def test_tags_are_found_in_names():
    assert language_tag("sw") == "sw"
    assert language_tag("sw-news") == "sw"
    assert language_tag("sr-Latn-news") == "sr-Latn"
    assert language_tag("SW") is None
    assert language_tag("topic") is None


@given(LETTERS, LETTERS)
def test_one_edit_is_symmetric_and_is_what_editing_gives(a, b):
    assert one_edit_apart(a, b) == one_edit_apart(b, a)
    edits = {a[:i] + a[i + 1 :] for i in range(len(a))}
    edits |= {a[:i] + letter + a[i + d :] for i in range(len(a) + 1) for d in (0, 1) for letter in b}
    edits |= {a[:i] + a[i + 1] + a[i] + a[i + 2 :] for i in range(len(a) - 1)}
    assert one_edit_apart(a, b) == (b in edits - {a})


@given(LETTERS, LETTERS)
def test_the_table_finds_every_name_one_edit_apart(a, b):
    a, b = f"zzzz{a}", f"zzzz{b}"
    table = NameTable()
    table.add(f"task-{a}", "org")
    found = table.problems(f"task-{b}", "other")
    assert bool(found) == (a != b and (one_edit_apart(a, b) or skeleton(a) == skeleton(b)))


def test_letters_of_other_scripts():
    assert disguised("lang-rw") is None
    assert disguised("lаng-rw") == "lang-rw"  # Cyrillic
    assert disguised("tαsk-topic") == "task-topic"  # Greek
    assert disguised("ｌang‐rw>=1") == "lang-rw"  # full width, and a hyphen
    assert disguised("Кирилица") is None
    assert disguised("中文") is None
    assert skeleton("Тоpіс") == skeleton("topic")
