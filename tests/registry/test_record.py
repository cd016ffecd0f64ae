from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_records import content, metric, record

from hubkit.adapter.manifest import FileReference
from hubkit.errors import VerificationError
from hubkit.evaluation.report import Conclusion
from hubkit.registry.record import MAX_LINE_BYTES, REQUIRED_RECORD_FILES, json_schema, parse_record, record_of

INDEX = Path(__file__).parents[2] / "adapters_index"


def parse(value):
    return parse_record(json.dumps(value).encode(), "here")


def test_a_line_is_read_back_as_it_was_written():
    written = record("lang-rw", "1.2.0", [("fam-bantu", ">=1.1,<2")], metrics=[metric(controls={"random": 0.4})])
    assert parse_record(written.line(), "here") == written
    assert written.line().count(b"\n") == 1 and written.line().endswith(b"\n")
    assert b"null" not in written.line()
    assert (written.key, written.size) == ("lang-rw==1.2.0", 1000 * len(REQUIRED_RECORD_FILES))


def test_equal_records_have_equal_lines():
    spaced = json.dumps(dict(reversed(content().items())), indent=3).encode()
    assert parse_record(spaced, "here").line() == record().line()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "x"}, "url"),
        ({"schema": 2}, "schema"),
        ({"name": "../../etc/passwd"}, "name"),
        ({"name": "lang-rw/../x"}, "name"),
        ({"name": "lang-rw\n"}, "name"),
        ({"name": "lang-rw\0"}, "name"),
        ({"name": "lang-" + "x" * 90}, "name"),
        ({"name": "lаng-rw"}, "name"),  # a Cyrillic а
        ({"name": "fam-bantu", "kind": "language"}, "begins with"),
        ({"version": "1.0"}, "version"),
        ({"version": "1.0.0.dev1"}, "version"),
        ({"version": 1}, "version"),
        ({"source": {"repo_id": "https://hub/org/x", "commit": "0" * 40}}, "repo_id"),
        ({"source": {"repo_id": "org/../x", "commit": "0" * 40}}, "repo_id"),
        ({"source": {"repo_id": "org/x/y", "commit": "0" * 40}}, "repo_id"),
        ({"source": {"repo_id": "org/x", "commit": "main"}}, "commit"),
        ({"source": {"repo_id": "org/x", "commit": "0" * 39}}, "commit"),
        ({"source": {"repo_id": "org/x", "commit": "0" * 40, "endpoint": "x"}}, "endpoint"),
        ({"license": ""}, "license"),
        ({"license": None}, "license"),
        ({"languages": []}, "languages"),
        ({"published": "2026-01-02T03:04:05"}, "time zone"),
        ({"yanked": True}, "yanked"),
        ({"yanked": ""}, "yanked"),
        ({"yanked": "see https://evil.example"}, "no URL"),
        ({"family": "http://evil.example"}, "family"),
        ({"train": {"datasets": [{"id": "x://y", "license": "CC0-1.0"}]}}, "no URL"),
        ({"train": {"datasets": [{"id": "x\u202ey", "license": "CC0-1.0"}]}}, "cannot be printed"),
        ({"train": {"datasets": [{"id": "x\u0000y", "license": "CC0-1.0"}]}}, "cannot be printed"),
        ({"train": {"datasets": [{"id": "\u001b[2J", "license": "CC0-1.0"}]}}, "cannot be printed"),
        ({"deps": [{"name": "lang-rw", "spec": ""}]}, "depends on itself"),
        ({"deps": [{"name": "fam-a", "spec": ""}, {"name": "fam-a", "spec": ">1"}]}, "twice"),
        ({"deps": [{"name": "fam-a", "spec": "newest"}]}, "spec"),
        ({"deps": [{"name": "fam-a", "spec": "===https://evil"}]}, "specifier"),
        ({"deps": [{"name": "fam-a", "spec": ">=1\n"}]}, "specifier"),
        ({"requires": {"hubkit": "latest"}}, "requires"),
        ({"metrics": [metric(value=float("nan"))]}, "NaN"),
        ({"metrics": [metric(ci95=[0.2, 0.1])]}, "wrong way round"),
        ({"metrics": [metric(value=1.5)]}, "metrics"),
        ({"provenance": {"signer": "someone"}}, "come together"),
    ],
)
def test_what_no_record_may_be(changes, said):
    with pytest.raises(VerificationError, match=said) as error:
        parse(content(**changes))
    assert str(error.value).startswith("here is not")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../adapter.safetensors", "path"),
        ("/etc/passwd", "path"),
        ("a/b", "path"),
        ("..", "path"),
        ("pytorch_model.bin", "does not have"),
        ("adapter.pkl", "does not have"),
        ("modeling.py", "does not have"),
    ],
)
def test_files_are_of_a_few_known_names(path, said):
    files = [*content()["files"], {"path": path, "sha256": "c" * 64, "size": 1}]
    with pytest.raises(VerificationError, match=said):
        parse(content(files=files))


def test_files_are_complete_and_not_too_large():
    files = content()["files"]
    with pytest.raises(VerificationError, match=r"not listed: manifest\.json"):
        parse(content(files=[file for file in files if file["path"] != "manifest.json"]))
    with pytest.raises(VerificationError, match="listed twice"):
        parse(content(files=[*files[:-1], files[0], files[-1]]))
    with pytest.raises(VerificationError, match="size"):
        parse(content(files=[{**file, "size": 1 << 40} for file in files]))
    with pytest.raises(VerificationError, match="bytes together"):
        parse(content(files=[{**file, "size": 1 << 30} for file in files]))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"schema":1,"schema":1}',
        b'{"name":"\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schema":NaN}',
        b" " * (MAX_LINE_BYTES + 1),
    ],
)
def test_hostile_lines_are_refused(line):
    with pytest.raises(VerificationError):
        parse_record(line, "here")


def test_a_key_that_is_there_twice_is_refused():
    line = record().line().replace(b'"yanked":false', b'"yanked":"bad","yanked":false')
    with pytest.raises(VerificationError, match="twice"):
        parse_record(line, "here")


@given(st.binary(max_size=200) | st.text().map(str.encode) | st.from_regex(rb'\{"[a-z]*":.{0,30}\}'))
def test_any_bytes_are_refused_in_one_way(line):
    with pytest.raises(VerificationError):
        parse_record(line, "here")


@given(st.text(max_size=30))
def test_no_text_gets_through_that_could_not_be_printed(text):
    try:
        found = parse(content(train={"datasets": [{"id": text, "license": "CC0-1.0"}]}))
    except VerificationError:
        return
    assert found.line().decode().rstrip("\n").isprintable()
    assert "://" not in found.line().decode()


def test_a_finding_has_figures_and_a_conclusion_and_no_adapter():
    found = record("finding-sw")
    assert found.conclusion == "no adapter needed"
    for changes in ({"metrics": []}, {"conclusion": None}, {"deps": [{"name": "fam-a", "spec": ""}]}):
        with pytest.raises(VerificationError, match="a finding has"):
            record("finding-sw", **changes)
    with pytest.raises(VerificationError, match=r"does not have: adapter\.safetensors"):
        record("finding-sw", files=content("lang-sw")["files"])


@pytest.mark.parametrize("conclusion", get_args(Conclusion))
def test_every_conclusion_of_a_report_fits(conclusion):
    assert record("finding-sw", conclusion=conclusion).conclusion == conclusion


def test_the_gain_is_the_smallest_on_the_first_suite():
    raw, centred = metric(0.2), metric(0.05, "R@1 centred")
    assert record().gain is None
    assert record(metrics=[raw]).gain == 0.2
    assert record(metrics=[raw, centred, metric(-0.3, suite="other")]).gain == 0.05
    assert record(metrics=[metric(0.2, language="rw"), metric(0.0, language="rn")]).gain == 0.1


def test_a_record_of_a_saved_adapter(save, make_adapter, bert, make_manifest):
    adapter = make_adapter(bert, "lora")
    manifest = make_manifest(adapter, bert, family="bantu", dependencies=[{"name": "fam-bantu", "spec": ">=1"}])
    files = [FileReference(path=path, sha256="c" * 64, size=7) for path in REQUIRED_RECORD_FILES]
    made = record_of(manifest, repo_id="org/x", commit="1" * 40, files=files, metrics=[metric()], conclusion="own gain")
    assert parse_record(made.line(), "here") == made
    assert (made.core.fingerprint, made.family, made.train.pairs) == (bert.fingerprint, "bantu", 2)
    assert [file.path for file in made.files] == sorted(REQUIRED_RECORD_FILES)
    with pytest.raises(VerificationError, match=r"lang-rw 0\.1\.0 cannot be an index record: source\.commit"):
        record_of(manifest, repo_id="org/x", commit="main", files=files)


def test_the_published_schema_is_that_of_the_code():
    assert json.loads((INDEX / "schema.json").read_text("utf-8")) == json_schema()
    assert json_schema()["additionalProperties"] is False
    assert {"name", "version", "files"} <= set(json_schema()["required"])
