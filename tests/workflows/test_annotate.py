"""A session of annotation on a toy suite and a tiny core, and what several annotators come to."""

from __future__ import annotations

import pytest

from hubkit.durable import locked
from hubkit.errors import BusyError, NotFoundError, UsageError
from hubkit.evaluation.annotation.store import annotation_file, read_judgements
from hubkit.registry.installed import install_folder
from hubkit.workflows.annotate import AnnotateRequest, compare_annotators, open_session, report


def request(bert, annotator: str = "Ann", **more) -> AnnotateRequest:
    return AnnotateRequest(**{"language": "rw", "annotator": annotator, "core": str(bert.folder), "count": 20, **more})


def answer_all(bert, annotator: str = "Ann", **more) -> None:
    """Call true pairs the same, but for two, and the others different."""
    with open_session(request(bert, annotator, **more)) as session:
        for number, pair in enumerate(session.pairs):
            session.answer(pair.id, "same" if pair.kind == "true" and number > 3 else "different")


def test_a_session_keeps_what_belongs_to_it(bert, make_adapter, save):
    install_folder(save(make_adapter(bert, "seq_bn"), bert))
    with open_session(request(bert, system="lang-rw")) as session:
        assert len(session.pairs) == 20
        session.answer(session.pairs[0].id, "same")
    (kept,) = read_judgements(annotation_file("rw", "udhr", "Ann"))
    assert (kept.language, kept.suite, kept.system, kept.core) == ("rw", "udhr", "lang-rw==0.1.0", bert.fingerprint)
    assert -1 <= kept.cosine <= 1


def test_two_annotators_get_the_same_pairs(bert):
    with open_session(request(bert)) as ann, open_session(request(bert, "Ben")) as ben:
        assert ann.pairs == ben.pairs and ann.path != ben.path
    with open_session(request(bert, seed=1)) as other:
        assert other.pairs != ann.pairs


def test_an_interrupted_session_goes_on(bert):
    with open_session(request(bert)) as session:
        for pair in session.pairs[:5]:
            session.answer(pair.id, "related")
    with open_session(request(bert)) as session:
        assert session.done == 5 and session.current() == session.pairs[5]


def test_the_pairs_of_another_annotator_with_another_system(bert, make_adapter, save, tmp_path):
    install_folder(save(make_adapter(bert, "seq_bn"), bert))
    mine = tmp_path / "ann.jsonl"
    answer_all(bert, system="core", output=mine)
    theirs = [one.id for one in read_judgements(mine)]
    with open_session(request(bert, "Ben", system="lang-rw", same_as=mine)) as session:
        assert [pair.id for pair in session.pairs] == theirs
        assert session.about.system == "lang-rw==0.1.0"


def test_what_it_comes_to(bert):
    answer_all(bert)
    answer_all(bert, "Ben")
    (found,) = report("Kinyarwanda")
    assert found.annotators == {"Ann": 20, "Ben": 20} and found.pairs == 20
    assert found.agreements[0].kappa == 1
    assert found.alignment is not None and found.alignment.pairs == 10
    files = [annotation_file("rw", "udhr", name) for name in ("Ann", "Ben")]
    assert compare_annotators("rw", *files) == found.agreements[0]


def test_a_suite_of_the_user(bert, tmp_path, toy):
    path = tmp_path / "mine.tsv"
    english = [toy.sentence(number, "my") for number in range(40)]
    path.write_text("".join(f"{toy.foreign(text, 'rw')}\t{text}\n" for text in english), "utf-8")
    answer_all(bert, suite=path)
    (kept, *_) = read_judgements(annotation_file("rw", "mine", "Ann"))
    assert kept.suite == "mine" and kept.text is not None


def test_one_session_at_a_time(bert):
    path = annotation_file("rw", "udhr", "Ann")
    with locked(path.with_suffix(".lock"), "it"), pytest.raises(BusyError), open_session(request(bert)):
        pass


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"annotator": " "}, UsageError, "name"),
        ({"annotator": "x" * 101}, UsageError, "name"),
        ({"annotator": "a\nb"}, UsageError, "name"),
        ({"count": 10}, UsageError, "20 to 100"),
        ({"language": "klingonese"}, NotFoundError, "klingonese"),
        ({"language": "sn"}, NotFoundError, "nothing in Shona"),
        ({"system": "lang-xx"}, NotFoundError, "lang-xx"),
        ({"task": "nothing"}, NotFoundError, "nothing"),
        ({"suite": "x.tsv", "task": "udhr"}, UsageError, "both given"),
    ],
)
def test_what_cannot_be_judged(bert, more, error, says):
    with pytest.raises(error, match=says), open_session(request(bert, **more)):
        pass


def test_files_that_cannot_be_compared(bert, tmp_path):
    one, two, empty = (tmp_path / f"{name}.jsonl" for name in ("one", "two", "empty"))
    answer_all(bert, output=one)
    answer_all(bert, "Ben", output=two, seed=1)
    empty.touch()
    with pytest.raises(UsageError, match=r"no judgements of lg"):
        compare_annotators("lg", one, two)
    with pytest.raises(UsageError, match=r"empty\.jsonl has no judgements"):
        compare_annotators("rw", one, empty)
    two.write_text(one.read_text("utf-8") + two.read_text("utf-8"), "utf-8")
    with pytest.raises(UsageError, match="several annotators"):
        compare_annotators("rw", one, two)
    with pytest.raises(NotFoundError, match="no judgements in"):
        compare_annotators("rw", one, tmp_path / "none.jsonl")


def test_without_judgements_there_is_no_report(bert):
    with pytest.raises(NotFoundError, match="hubkit annotate rw"):
        report("rw")
