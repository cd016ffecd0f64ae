"""What is no source, suite, table, command, exporter, index or rule is noticed, and why it is none is said."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from hubkit.adapter.methods.lora import Lora
from hubkit.adapter.sites import LowRank
from hubkit.corpora.source import Pair
from hubkit.evaluation.suite import ParallelSuite
from hubkit.testing import (
    ConformanceError,
    check_command,
    check_exporter,
    check_indexes,
    check_languages,
    check_method,
    check_record_hook,
    check_source,
    check_suite,
    example_record,
)

PAIRS = [
    Pair("Badilisha ukurasa", "Change the page", "mine", "1", "CC0-1.0"),
    Pair("Futa", "Delete", "mine", "2", "CC0-1.0"),
]


def made(change: Callable[[Any], None]) -> type:
    """A class of its own with one thing changed."""

    class Mine:
        name, license, domain, origin = "mine", "CC0-1.0", "prose", "made here"

        def pairs(self, language: Any) -> Any:
            return list(PAIRS) if language.tag == "sw" else []

    change(Mine)
    return Mine


def source(**attributes: Any) -> Any:
    def change(target: Any) -> None:
        for name, value in attributes.items():
            setattr(target, name, value)

    return made(change)


def pairs(*found: Any, elsewhere: Any = ()) -> Any:
    return source(pairs=lambda self, language: list(found) if language.tag == "sw" else list(elsewhere))


class Remembers:
    """Its first object fetches, and no other one finds what was fetched."""

    name, license, domain, origin = "mine", "CC0-1.0", "prose", "a server"
    asked = 0

    def pairs(self, language: Any) -> list[Pair]:
        type(self).asked += 1
        if type(self).asked > 2:
            socket.create_connection(("127.0.0.1", 1))
        return list(PAIRS) if language.tag == "sw" else []


class Shrinks(Remembers):
    asked = 0

    def pairs(self, language: Any) -> list[Pair]:
        type(self).asked += 1
        return [] if language.tag != "sw" or type(self).asked > 2 else list(PAIRS)


WRONG_SOURCES = [
    (source(license=""), "the source's license"),
    (source(origin=None), "the source's origin"),
    (source(domain="poetry"), "the domain is one of"),
    (source(pairs=None), "must have name, license|not callable|NoneType"),
    (source(pairs=lambda self, language: iter(PAIRS)), "must return a list"),
    (pairs(), "it has no text in sw"),
    (pairs(("Futa", "Delete")), "is no hubkit.corpora.source.Pair"),
    (pairs(replace(PAIRS[0], license=" ")), "the pair's license"),
    (pairs(replace(PAIRS[0], text="")), "the pair's text"),
    (pairs(replace(PAIRS[0], key="")), "the pair's key"),
    (pairs(replace(PAIRS[0], source="other")), "the pair's source is 'other'"),
    (pairs(replace(PAIRS[0], text="%s")), "cleaning leaves none"),
    (pairs(*PAIRS, elsewhere=PAIRS), r"it must give \[\]"),
    (Remembers, "with the network away, fails: Offline"),
    (Shrinks, "the second run gives 0 pairs, not the 2"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_SOURCES, ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_sources(wrong: Any, message: str) -> None:
    check_source(source(), "sw")
    with pytest.raises((ConformanceError, TypeError), match=message):
        check_source(wrong, "sw")


SUITE = ParallelSuite("mine", "made here", "CC0-1.0", "prose", "sw", ("moja", "mbili"), ("one", "two"), ("1", "2"))
FRENCH = replace(SUITE, language="fr", texts=("un", "deux"))


def suite(swahili: Any = SUITE, french: Any = FRENCH, elsewhere: Any = None) -> Any:
    class Mine:
        name = "mine"

        def load(self, language: Any) -> Any:
            return {"sw": swahili, "fr": french}.get(language.tag, elsewhere)

    return Mine


WRONG_SUITES = [
    (suite(None), "it has nothing in sw"),
    (suite([("moja", "one")]), "must return a ParallelSuite"),
    (suite(replace(SUITE, name="other")), "calls itself 'other'"),
    (suite(replace(SUITE, language="swh")), "says it is in 'swh'"),
    (suite(replace(SUITE, license="")), "its license"),
    (suite(replace(SUITE, domain="user")), "'user' is no domain"),
    (suite(replace(SUITE, texts=("moja",), english=("one",), keys=("1",))), "has 1 sentences"),
    (suite(replace(SUITE, texts=["moja", "mbili"])), "must be tuples"),
    (suite(replace(SUITE, english=("one", " "))), "non-empty string"),
    (suite(replace(SUITE, keys=("1", "1"))), "key .'1'. is there twice"),
    (suite(french=replace(FRENCH, english=("one", "three"))), "key '2' has two English sides"),
    (suite(french=replace(FRENCH, keys=("1", "3"))), "'two' has two keys"),
    (suite(elsewhere=SUITE), "it must give None"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_SUITES, ids=[message for _, message in WRONG_SUITES])
def test_wrong_suites(wrong: Any, message: str) -> None:
    check_suite(suite(), "sw", "fr")
    with pytest.raises(ConformanceError, match=message):
        check_suite(wrong, "sw", "fr")


HEADER = "tag\tiso639_3\tname\tscript\tglottocode\tfamily\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("sw-x-sheng\tswh\tSheng\tLatn\t\tAtlantic-Congo", None),
        ("nyn-x-kiga\tcgg\tChiga\tLatn\tchig1238\tAtlantic-Congo|Bantu", None),
        ("sw\tswh\tSwahili\tLatn\t\t", "what hubkit has already: sw"),
        ("SW\tswh\tSheng\tLatn\t\t", "has the tag 'SW'"),
        ("sw_KE\tswh\tSheng\tLatn\t\t", "has the tag 'sw_KE'"),
        ("qaa\tsw\tSheng\tLatn\t\t", "has the iso639_3 'sw'"),
        ("qaa\tqaa\tSheng\tlatin\t\t", "has the script 'latin'"),
        ("qaa\tqaa\tSheng\tLatn\tsheng\t", "has the glottocode 'sheng'"),
        ("qaa\tqaa\tSheng\tLatn\t\tAtlantic-Congo| ", "empty or padded"),
        ("qaa\tqaa\tA\tLatn\t\t\nQAA\tqaa\tB\tLatn\t\t", "tag 'QAA'"),
        ("qaa\tqaa\tA\tLatn\t\t\nqaa\tqaa\tB\tLatn\t\t", "has qaa twice"),
        ("", "has no language"),
    ],
)
def test_wrong_tables(row: str, message: str | None, tmp_path: Path) -> None:
    path = tmp_path / "languages.tsv"
    path.write_text(f"{HEADER}{row}\n", "utf-8")
    if message is None:
        check_languages(lambda: path)
        return
    with pytest.raises(ConformanceError, match=message):
        check_languages(lambda: path)


def test_a_function_that_gives_no_table(tmp_path: Path) -> None:
    for given, message in ((None, "must return a path"), (tmp_path / "nothing.tsv", "there is no file")):
        with pytest.raises(ConformanceError, match=message):
            check_languages(lambda given=given: given)


class Renames(Lora):
    def to_adapterhub(self, key: str, adapter: str) -> str:
        return key


class LosesAName(Lora):
    def from_adapterhub(self, tensor: str, adapter: str) -> str:
        return tensor


class TakesAnything(Lora):
    def adapterhub_config(self, **hyperparameters: Any) -> Any:
        return super().adapterhub_config()


class NoProblems(Lora):
    def problems(self, config: Any) -> list[str]:
        return []


class WrongStrength(Lora):
    def with_scaling(self, config: Any, value: float) -> Any:
        return dict(config)


class WrongShapes(Lora):
    def initial_tensors(self, *arguments: Any) -> Any:
        return {key: tensor[:1] for key, tensor in super().initial_tensors(*arguments).items()}


class NoGenerator(Lora):
    def initial_tensors(self, config: Any, model: Any, places: Any, generator: Any, scale_like: Any = None) -> Any:
        import torch

        return super().initial_tensors(
            config, model, places, torch.Generator().manual_seed(torch.seed() % 99), scale_like
        )


class Nowhere(Lora):
    def sites(self, *arguments: Any) -> Any:
        return {f"model.{path}": site for path, site in super().sites(*arguments).items()}


class Forgets(Lora):
    def sites(self, *arguments: Any) -> Any:
        return dict(list(super().sites(*arguments).items())[:1])


class HalfTheFactor(Lora):
    def sites(self, *arguments: Any) -> Any:
        return {path: LowRank(site.down, site.up, 1.0) for path, site in super().sites(*arguments).items()}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Renames, "does not come back"),
        (LosesAName, "does not come back"),
        (TakesAnything, "an unknown hyperparameter must be a UsageError"),
        (NoProblems, "it takes unknown settings"),
        (WrongStrength, "a strength of 0.37 becomes 1"),
        (WrongShapes, "random tensors differ from those expected"),
        (NoGenerator, "twice differently"),
        (Nowhere, "which the core does not have"),
        (Forgets, "differ from those of `adapters`"),
        (HalfTheFactor, "the factor is 1.0, not 2.0"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_wrong_methods(wrong: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_method(wrong, r=4)


def test_wrong_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    @click.option("--loud", is_flag=True)
    def silent(loud: bool) -> None:
        """Say nothing."""

    @click.command()
    def dumb() -> None: ...

    group = click.Group("group", commands={"dumb": dumb}, help="A group.")
    for wrong, message in ((silent, "silent --loud"), (dumb, "help text of dumb"), (group, "help text of group dumb")):
        with pytest.raises(ConformanceError, match=message):
            check_command(wrong)
    with pytest.raises(ConformanceError, match="is no click command"):
        check_command(print)  # type: ignore[arg-type]
    command = click.Command("fine", help="Fine.")
    check_command(command, "json:dumps")
    with pytest.raises(ConformanceError, match="cannot be imported: ModuleNotFoundError"):
        check_command(command, "hubkit_test_no_such_module:command")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, source in (("heavy", "import sys\nsys.modules['torch'] = sys"), ("loud", "print('hello')")):
        (tmp_path / f"hubkit_test_{name}.py").write_text(source)
        with pytest.raises(ConformanceError, match=f"importing hubkit_test_{name}:command loads torch, or prints"):
            check_command(command, f"hubkit_test_{name}:command")


def test_wrong_exporters() -> None:
    def fine(encoder: Any, folder: Path) -> None:
        np.save(folder / "vectors.npy", encoder.encode(["a"], show_progress_bar=False))

    def beside(encoder: Any, folder: Path) -> None:
        fine(encoder, folder)
        (folder.parent / "log.txt").write_text("x")

    def breaks(encoder: Any, folder: Path) -> None:
        fine(encoder, folder)
        encoder.model.embeddings.word_embeddings.weight.data += 1

    check_exporter(fine)
    for wrong, message in (
        (lambda encoder, folder: None, "writes nothing"),
        (lambda encoder, folder: (folder / folder.name).write_text("x"), "other files the second time"),
        (beside, "writes beside its folder"),
        (breaks, "changes what the encoder computes"),
    ):
        with pytest.raises(ConformanceError, match=message):
            check_exporter(wrong)


def test_wrong_indexes(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    check_indexes(lambda: [tmp_path / "index", str(tmp_path / "index")])
    (tmp_path / "index" / "stranger.txt").write_text("")
    for given, message in (
        (str(tmp_path), "must return a sequence"),
        ([], "returns no folder"),
        ([3], "an index is a folder"),
        (["https://example.org/index"], "is no folder"),
        ([tmp_path / "index"], "is not valid: .*stranger.txt"),
    ):
        with pytest.raises(ConformanceError, match=message):
            check_indexes(lambda given=given: given)


def test_wrong_rules_for_records() -> None:
    counter = iter(range(100))
    check_record_hook(lambda record: [])
    check_record_hook(lambda record: None)  # type: ignore[arg-type, return-value]
    for wrong, message in (
        (lambda record: record.clear() or [], "changes the record"),
        (lambda record: "no", "sequence of sentences"),
        (lambda record: [None], "a problem must be"),
        (lambda record: [str(next(counter))], "something else every time"),
        (lambda record: ["never"], "refuses what it should accept"),
        (lambda record: [], "accepts what it should refuse"),
    ):
        with pytest.raises(ConformanceError, match=message):
            check_record_hook(wrong, accepts=example_record(), refuses=example_record(license="Other"))


def test_the_example_record_is_valid() -> None:
    import json

    from hubkit.registry.record import parse_record

    assert parse_record(json.dumps(example_record()).encode(), "the example").name == "lang-rw"
