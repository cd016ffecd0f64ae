from __future__ import annotations

import itertools
import random
import time
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from synthetic_records import CORE, OTHER_CORE, content, record

from hubkit.errors import NotFoundError, UsageError
from hubkit.registry.request import Request, parse_request
from hubkit.registry.resolver import MAX_TRIES, Policy, ResolutionError, resolve

DOWN_TO_BANTU = [
    record("lang-rw", "1.1.0", [("fam-bantu", ">=1,<2")]),
    record("lang-rw", "1.2.0", [("fam-bantu", ">=2")]),
    record("fam-bantu", "1.0.0"),
    record("fam-bantu", "2.0.0"),
    record("fam-bantu", "2.1.0rc1"),
    record("task-topic", "1.0.0", [("lang-rw", ""), ("fam-bantu", "<2")]),
]


def versions_of(records):
    by_name = {}
    for each in records:
        by_name.setdefault(each.name, []).append(each)
    ordered = {name: sorted(found, key=lambda r: r.parsed_version, reverse=True) for name, found in by_name.items()}
    return lambda name: ordered.get(name, ())


def chosen(requests, records, **policy):
    policy = {"core": CORE, **policy}
    return [
        r.key
        for r in resolve([parse_request(text) for text in requests], versions_of(records), Policy(**policy)).adapters
    ]


def refused(requests, records, **policy):
    with pytest.raises(ResolutionError) as error:
        chosen(requests, records, **policy)
    assert isinstance(error.value, NotFoundError)  # exit code 4
    return error.value


def test_the_newest_with_what_it_stands_on_first():
    assert chosen(["rw"], DOWN_TO_BANTU) == ["fam-bantu==2.0.0", "lang-rw==1.2.0"]


def test_going_back_to_an_older_version_that_fits():
    assert chosen(["rw", "task-topic"], DOWN_TO_BANTU) == ["fam-bantu==1.0.0", "lang-rw==1.1.0", "task-topic==1.0.0"]


def test_every_rejection_is_explained():
    found = resolve([Request("lang-rw"), Request("task-topic")], versions_of(DOWN_TO_BANTU), Policy(CORE))
    said = {f"{rejection.name} {rejection.version}": rejection.reason for rejection in found.rejected}
    assert set(said) == {"lang-rw 1.2.0", "fam-bantu 2.0.0", "fam-bantu 2.1.0rc1"}
    assert said["fam-bantu 2.0.0"] == "is not >=1,<2, which lang-rw 1.1.0 needs"
    assert said["lang-rw 1.2.0"].startswith(
        "leads nowhere: no version of fam-bantu that can be used is >=2, which lang-rw"
    )


def test_a_conflict_names_the_chains():
    error = refused(["rw>=1.2", "task-topic"], DOWN_TO_BANTU)
    assert (
        "no version of fam-bantu that can be used is >=2, which lang-rw 1.2.0 needs, and <2, which task-topic"
        in error.what
    )
    assert "lang-rw 1.1.0 is not >=1.2, which was asked for" in error.what
    assert {rejection.name for rejection in error.rejected} == {"fam-bantu", "lang-rw", "task-topic"}
    deep = [
        record("task-a", "1.0.0", [("lang-rw-b", "")]),
        record("lang-rw-b", "1.0.0", [("fam-c", ">=2")]),
        record("fam-c"),
    ]
    assert "which task-a 1.0.0 → lang-rw-b 1.0.0 needs" in refused(["task-a"], deep).what


def test_what_no_index_has():
    error = refused(["lg"], DOWN_TO_BANTU)
    assert "no index has lang-lg, which was asked for" in error.what
    assert "HUBKIT_INDEX" in error.fix
    missing = refused(["lang-sw"], [record("lang-sw", "1.0.0", [("fam-gone", "")])])
    assert "no index has fam-gone, which lang-sw 1.0.0 needs" in missing.what


def test_a_finding_is_told_and_not_chosen():
    records = [record("finding-sw", "1.0.0")]
    assert "finding-sw 1.0.0 concludes: no adapter needed" in refused(["sw"], records).fix
    assert "is a finding" in refused(["finding-sw"], records).what


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"core": OTHER_CORE}, "was made for core other sha256:bbbb"),
        ({"yanked": "wrong vectors"}, "was yanked: wrong vectors"),
        ({"requires": {"hubkit": ">=99"}}, "needs hubkit >=99"),
    ],
)
def test_versions_that_cannot_be_used(fields, reason):
    records = [record("lang-sw", "1.0.0"), record("lang-sw", "2.0.0", **fields)]
    found = resolve([Request("lang-sw")], versions_of(records), Policy(CORE))
    assert [r.version for r in found.adapters] == ["1.0.0"]
    assert found.rejected[0].reason.startswith(reason)
    assert reason in refused(["sw>=2"], records).what


def test_the_fix_is_for_the_reason():
    assert "--core" in refused(["sw"], [record("lang-sw", core=OTHER_CORE)]).fix
    assert "--pre" in refused(["sw"], [record("lang-sw", "1.0.0rc1")]).fix
    assert "lock file" in refused(["sw"], [record("lang-sw", yanked="bad")]).fix


def test_prereleases_only_when_asked():
    assert chosen(["fam-bantu"], DOWN_TO_BANTU) == ["fam-bantu==2.0.0"]
    assert chosen(["fam-bantu"], DOWN_TO_BANTU, prereleases=True) == ["fam-bantu==2.1.0rc1"]
    assert chosen(["fam-bantu>=2.1.0rc1"], DOWN_TO_BANTU) == ["fam-bantu==2.1.0rc1"]
    assert chosen(["fam-bantu"], DOWN_TO_BANTU, locked={"fam-bantu": "2.1.0rc1"}) == ["fam-bantu==2.1.0rc1"]
    refused(["sw"], [record("lang-sw", "1.0.0a1")])  # none is better than one that was not asked for


def test_locked_before_newest_and_though_yanked():
    records = [record("lang-sw", "1.0.0", yanked="bad"), record("lang-sw", "1.1.0"), record("lang-sw", "1.2.0")]
    found = resolve([Request("lang-sw")], versions_of(records), Policy(CORE, {"lang-sw": "1.1.0"}))
    assert [r.key for r in found.adapters] == ["lang-sw==1.1.0"]
    assert [str(rejection) for rejection in found.rejected] == ["lang-sw 1.2.0 is newer, and 1.1.0 is locked"]
    assert chosen(["sw"], records, locked={"lang-sw": "1.0.0"}) == ["lang-sw==1.0.0"]
    assert chosen(["sw>=1.1"], records, locked={"lang-sw": "1.0.0"}) == ["lang-sw==1.2.0"]


def test_what_is_not_usable_here():
    records = [record("lang-sw", "1.0.0"), record("lang-sw", "2.0.0")]
    unusable = {"2.0.0": "is not in the cache"}
    assert chosen(["sw"], records, unusable=lambda r: unusable.get(r.version)) == ["lang-sw==1.0.0"]


def test_circles_are_refused():
    records = [
        record("lang-rw-a", "1.0.0", [("lang-rw-b", "")]),
        record("lang-rw-b", "1.0.0", [("fam-c", "")]),
        record("fam-c", "1.0.0", [("lang-rw-a", "")]),
    ]
    assert "would stand on itself: fam-c → lang-rw-a → lang-rw-b → fam-c" in refused(["lang-rw-a"], records).what
    records.append(record("lang-rw-b", "0.9.0"))
    assert chosen(["lang-rw-a"], records) == ["lang-rw-b==0.9.0", "lang-rw-a==1.0.0"]


def test_the_order_of_requests_decides_nothing():
    """Either could have its newest version, not both: the first by name has it."""
    records = [record("fam-bantu", "1.0.0"), record("fam-bantu", "2.0.0")]
    for name, newest in (("lang-rw", "<2"), ("lang-sw", ">=2")):
        records += [record(name, "1.0.0", [("fam-bantu", "")]), record(name, "2.0.0", [("fam-bantu", newest)])]
    expected = ["fam-bantu==1.0.0", "lang-rw==2.0.0", "lang-sw==1.0.0"]
    assert chosen(["rw", "sw"], records) == chosen(["sw", "rw"], records) == expected


def test_nothing_asked_for_is_nothing():
    assert chosen([], DOWN_TO_BANTU) == []


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("rw", "lang-rw", ""),
        ("Swahili", "lang-sw", ""),
        ("lang-rw", "lang-rw", ""),
        (" lang-rw >= 1, <2 ", "lang-rw", "<2,>=1"),
        ("lang-rw@==1.0.0", "lang-rw", "==1.0.0"),
        ("sw~=1.0", "lang-sw", "~=1.0"),
        ("task-topic!=1.0.0", "task-topic", "!=1.0.0"),
    ],
)
def test_requests(text, name, spec):
    found = parse_request(text)
    assert (found.name, found.spec) == (name, spec)
    assert parse_request(str(found)) == found


@pytest.mark.parametrize("text", ["", "  ", "lang-rw==newest", "lang-rw>=1;x", "==1.0", "lаng-rw", "lang-rw" * 50])
def test_malformed_requests(text):
    with pytest.raises(UsageError):
        parse_request(text)


@pytest.mark.parametrize("text", ["../lang-rw", "lang-rw/x", "no such language", "a\0b"])
def test_what_is_neither_a_name_nor_a_language(text):
    with pytest.raises((NotFoundError, UsageError)):
        parse_request(text)


# small instances, against every combination

NAMES = ("fam-a", "fam-b", "lang-rw", "lang-sw", "task-c")
SPECS = st.sampled_from(["", "<2", ">=2", "==1.0.0", ">=1,<3", "!=2.0.0"])


@cache
def cached(name, version, deps, yanked):
    return record(name, version, deps, yanked=yanked)


@st.composite
def worlds(draw):
    records = []
    for place, name in enumerate(NAMES):
        for version in draw(st.sets(st.sampled_from(["1.0.0", "2.0.0", "3.0.0"]), max_size=3)):
            below = draw(st.sets(st.sampled_from(NAMES[:place]), max_size=2)) if place else set()
            deps = [(dependency, draw(SPECS)) for dependency in sorted(below)]
            yanked = draw(st.sampled_from([False, False, False, "bad"]))
            records.append(cached(name, version, tuple(deps), yanked))
    requests = draw(st.lists(st.builds(Request, st.sampled_from(NAMES), SPECS), min_size=1, max_size=3))
    return records, requests


def every_answer(records, requests):
    """Sets of records that answer the requests, nothing in them that is not needed."""
    by_name = {name: [None, *(r for r in records if r.name == name and not r.yanked)] for name in NAMES}
    for combination in itertools.product(*by_name.values()):
        picked = {r.name: r for r in combination if r is not None}
        demands = [(request.name, request.spec) for request in requests]
        demands += [(d.name, d.spec) for r in picked.values() for d in r.deps]
        if {name for name, _ in demands} == set(picked) and all(
            SpecifierSet(spec).contains(picked[name].version) for name, spec in demands
        ):
            yield picked


@given(worlds(), st.randoms())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_an_answer_is_found_exactly_when_there_is_one(world, shuffle):
    records, requests = world
    answers = [{name: r.version for name, r in answer.items()} for answer in every_answer(records, requests)]
    try:
        found = resolve(requests, versions_of(records), Policy(CORE)).adapters
    except ResolutionError:
        assert not answers
        return
    assert {r.name: r.version for r in found} in answers
    below = [r.name for r in found]
    assert all(below.index(d.name) < below.index(r.name) for r in found for d in r.deps)
    again = shuffle.sample([*requests, *requests], 2 * len(requests))
    assert resolve(again, versions_of(shuffle.sample(records, len(records))), Policy(CORE)).adapters == found


# instances on which plain backtracking would take for ever


def test_a_conflict_among_many_that_have_no_part_in_it():
    """20 adapters of 10 versions each stand between the two that conflict: 10^20 combinations, no one needs trying."""
    records = [record(f"lang-rw-x{i}", f"1.{v}.0") for i in range(20) for v in range(10)]
    records += [record("task-z", "1.0.0", [("fam-q", ">=2")]), record("fam-q", "1.0.0")]
    started = time.process_time()
    error = refused([f"lang-rw-x{i}" for i in range(20)] + ["task-z"], records)
    assert "fam-q" in error.what and len(error.rejected) < 10 and "tries" not in error.what
    assert time.process_time() - started < 1


def pigeons(holes):
    """More adapters than places, each place one's at a time: no answer, and every proof is long (Haken 1985)."""
    places = [f"fam-h{hole}" for hole in range(holes)]
    birds = [f"lang-rw-p{bird}" for bird in range(holes + 1)]
    template = record("fam-x")
    made = [
        template.model_copy(update={"name": place, "version": f"1.{bird}.0"})
        for place in places
        for bird in range(len(birds))
    ]
    for number, bird in enumerate(birds):
        for hole, place in enumerate(places):
            value = content(bird, f"1.{hole}.0", [(place, f"==1.{number}.0")])
            made.append(record(bird, f"1.{hole}.0", below=[(place, f"==1.{number}.0")], published=value["published"]))
    return made, birds


def test_a_search_that_could_last_for_ever_ends():
    records, birds = pigeons(9)
    started = time.process_time()
    error = refused(birds, records)
    assert f"no answer was found in {MAX_TRIES} tries" in error.what
    assert "fewer adapters" in error.fix
    assert time.process_time() - started < 10


def test_a_small_one_of_that_kind_is_decided():
    records, birds = pigeons(3)
    assert "tries" not in refused(birds, records).what


def test_too_long_a_chain_is_refused():
    template = record("fam-x", "1.0.0", [("fam-y", "")])
    dependency = template.deps[0]
    chain = [
        template.model_copy(
            update={"name": f"fam-n{i}", "deps": (dependency.model_copy(update={"name": f"fam-n{i + 1}"}),)}
        )
        for i in range(5000)
    ]
    assert "more than 100 adapters" in refused(["fam-n0"], chain).what


def test_a_wide_instance_is_fast():
    shuffled = random.Random(0)
    records = [record(f"fam-f{i}", f"1.{v}.0") for i in range(5) for v in range(20)]
    for i in range(20):
        for v in range(20):
            records.append(record(f"lang-rw-l{i}", f"1.{v}.0", [(f"fam-f{i % 5}", f"<=1.{shuffled.randrange(20)}.0")]))
    started = time.process_time()
    assert len(chosen([f"lang-rw-l{i}" for i in range(20)], records)) == 25
    assert time.process_time() - started < 2
