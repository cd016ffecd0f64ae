"""Two versions of an adapter, or any two recipes, on a toy suite and a tiny core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hubkit.errors import NotFoundError, UsageError
from hubkit.evaluation.compare import evaluate
from hubkit.evaluation.measure import Measure, mean_of_items
from hubkit.registry.installed import install_folder
from hubkit.runtime.load import load
from hubkit.workflows.compare_versions import CompareRequest, compare_versions, open_system


@pytest.fixture
def members(bert, make_adapter, save, tmp_path) -> None:
    """Two versions of an adapter, one of another language, and a family."""
    shona = {"bcp47": "sn", "iso639_3": "sna", "glottocode": None, "name": "Shona"}
    kinyarwanda = {"bcp47": "rw", "iso639_3": "kin", "glottocode": "kiny1244", "name": "Kinyarwanda"}
    for version, seed in (("0.1.0", 0), ("0.2.0", 1)):
        adapter = make_adapter(bert, "seq_bn", seed=seed)
        install_folder(save(adapter, bert, tmp_path / "made" / version, version=version))
    install_folder(save(make_adapter(bert, "seq_bn", seed=2, name="lang-sn"), bert, languages=[shona]))
    family = make_adapter(bert, "seq_bn", seed=3, name="fam-bantu")
    install_folder(save(family, bert, kind="family", languages=[kinyarwanda, shona]))


def request(bert, before: str, after: str, **more) -> CompareRequest:
    return CompareRequest(before, after, core=str(bert.folder), **more)


def test_two_versions(bert, members):
    found = compare_versions(request(bert, "lang-rw==0.1.0", "lang-rw"))
    assert found.language.tag == "rw"
    assert (found.before.versions, found.after.versions) == ({"lang-rw": "0.1.0"}, {"lang-rw": "0.2.0"})
    assert [(part.suite.name, part.view) for part in found.suites] == [("udhr", "raw"), ("udhr", "centred")]


def test_figures_are_those_that_an_evaluation_has(bert, members, toy):
    from hubkit.evaluation.suite import loaded
    from hubkit.languages import find

    raw = compare_versions(request(bert, "core", "lang-rw")).suites[0]
    suite = loaded("udhr", find("rw"))
    systems = {"core": load(core=str(bert.folder)).encode, "adapter": load("lang-rw", core=str(bert.folder)).encode}
    evaluation = evaluate(systems, suite)
    assert raw.difference == evaluation.gain("core").raw
    assert raw.after == evaluation.system("adapter").raw


def test_a_system_against_itself_changes_nothing(bert, members):
    found = compare_versions(request(bert, "lang-rw==0.2.0", "lang-rw"))
    assert all(part.difference.value == 0 and part.same == part.suite.n for part in found.suites)


@pytest.mark.parametrize(
    ("text", "languages", "versions"),
    [
        ("core", (), {}),
        ("lang-rw==0.1.0", ("rw",), {"lang-rw": "0.1.0"}),
        ("0.5*fam-bantu + lang-sn", ("sn", "rw"), {"lang-sn": "0.1.0", "fam-bantu": "0.1.0"}),
        ("merge(lang-rw, lang-sn)", ("sn", "rw"), {"lang-sn": "0.1.0", "lang-rw": "0.2.0"}),
        ("Shona", ("sn",), {"lang-sn": "0.1.0"}),
        ("Tamil", ("ta",), {}),  # no adapter serves it, so the core answers
    ],
)
def test_what_a_system_can_be(bert, members, text, languages, versions):
    system = open_system(load(core=str(bert.folder)), text)
    assert (system.languages, dict(system.versions)) == (languages, versions)
    assert np.isfinite(system.encoder.encode(["abc"])).all()


def test_a_folder_is_a_system(bert, make_adapter, save):
    folder = save(make_adapter(bert, "seq_bn"), bert)
    found = compare_versions(request(bert, "core", str(folder)))
    assert found.language.tag == "rw"


def test_a_suite_of_the_user_and_a_registered_one(bert, members, tmp_path, toy):
    path = tmp_path / "mine.tsv"
    english = [toy.sentence(number, "my") for number in range(25)]
    path.write_text("".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in english), "utf-8")
    one = compare_versions(request(bert, "core", "lang-rw", suites=(path,)))
    assert [part.suite.name for part in one.suites] == ["mine", "mine"]
    both = compare_versions(request(bert, "core", "lang-rw", suites=(path,), tasks=("udhr",)))
    assert [part.suite.name for part in both.suites] == ["mine", "mine", "udhr", "udhr"]


@pytest.mark.parametrize(
    ("before", "after", "more", "error", "says"),
    [
        ("core", "core", {}, UsageError, "no language in common.*--language"),
        ("lang-rw", "lang-sn", {}, UsageError, "no language in common"),
        ("core", "fam-bantu", {}, UsageError, "several languages in common: rw, sn"),
        ("core", "lang-xx", {}, NotFoundError, "No installed lang-xx"),
        ("core", "klingonese", {}, NotFoundError, "klingonese"),
        ("core", "lang-rw + + lang-sn", {}, UsageError, "lang-rw"),
        ("core", "lang-sn", {}, NotFoundError, r"udhr: nothing in Shona"),
        ("core", "lang-rw", {"tasks": ("nothing",)}, NotFoundError, "nothing"),
        ("core", "lang-rw", {"suites": (Path("no-such-file.tsv"),)}, NotFoundError, "no-such-file"),
    ],
)
def test_what_cannot_be_compared(bert, members, before, after, more, error, says):
    with pytest.raises(error, match=says):
        compare_versions(request(bert, before, after, **more))


def test_a_language_can_be_given(bert, members):
    found = compare_versions(request(bert, "lang-sn", "fam-bantu", language="Kinyarwanda"))
    assert found.language.tag == "rw"


def spread(rows):
    return rows[..., 0].std(axis=-1)


class FirstWord:
    """A task that is no suite: how near a sentence's vector is to that of its first word, and another metric."""

    name, level = "first-word", "standard"

    def items(self, language):
        return ["the cat sees the hill", "a boat leaves", "every door"] * 8 if language.tag == "rw" else None

    def texts(self, items):
        return items

    def measure(self, items, system):
        whole, first = system.encode(list(items)), system.encode([text.split()[0] for text in items])
        rows = (whole * first).sum(axis=1)[:, None].astype(np.float64)
        keys = tuple(map(str, range(len(items))))
        return [
            Measure("cosine", rows, mean_of_items, keys, higher_is_better=False),
            Measure("spread", rows, spread, keys),
        ]


@pytest.fixture
def first_word(monkeypatch) -> None:
    from hubkit.registered import Registered

    class Known(dict):
        clashes: dict = {}

    names = Known({"first-word": Registered("first-word", f"{__name__}:FirstWord", "these tests")})
    monkeypatch.setattr("hubkit.workflows.compare_versions.registered", lambda kind: names)
    monkeypatch.setattr("hubkit.workflows.compare_versions.make_registered", lambda kind, name: FirstWord())


def test_a_task_that_is_no_suite(bert, members, first_word):
    found = compare_versions(request(bert, "core", "lang-rw", tasks=("first-word",)))
    assert not found.suites
    cosine, spread = found.tasks
    assert (cosine.metric, cosine.n, spread.metric) == ("cosine", 24, "spread")
    moved = [*cosine.improved, *cosine.regressed]
    assert len(moved) == cosine.improved_in_all + cosine.regressed_in_all <= 24 and moved
    assert all(item.after < item.before for item in cosine.improved)  # less is better
    assert all(item.after > item.before for item in cosine.regressed)
    mean = sum(item.before - item.after for item in moved) / 24
    assert cosine.gain.value == pytest.approx(mean) == pytest.approx(cosine.before - cosine.after)
    assert "less is better" in cosine.words and not spread.improved and not spread.regressed


def test_a_task_without_the_language(bert, members, first_word):
    with pytest.raises(NotFoundError, match="first-word: nothing in Shona"):
        compare_versions(request(bert, "core", "lang-sn", tasks=("first-word",)))
