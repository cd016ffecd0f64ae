"""``hubkit encode``: what a person at a shell sees."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from hubkit.cli.encode import encode
from hubkit.errors import HubkitError, UsageError
from hubkit.registry.installed import install_folder
from hubkit.runtime.encoder import Encoder

LINES = ["Mwaramutse", "", "a longer sentence", "ქართული"]
TEXT = "".join(f"{line}\n" for line in LINES)


@pytest.fixture
def run(bert):
    def invoke(*arguments, stdin=TEXT, core=bert):
        result = CliRunner().invoke(encode, ["--core", str(core.folder), *map(str, arguments)], input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def expected(bert):
    return Encoder(bert).encode(LINES)


def test_json_lines_by_default(run, expected):
    rows = [json.loads(line) for line in run().stdout_bytes.decode().splitlines()]
    assert [row["text"] for row in rows] == LINES
    np.testing.assert_allclose([row["vector"] for row in rows], expected, atol=1e-6)


def test_npy_on_standard_output(run, expected):
    np.testing.assert_allclose(np.load(io.BytesIO(run("--format", "npy").stdout_bytes)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("out.npy", np.load),
        ("out.tsv", lambda path: np.loadtxt(path, delimiter="\t", ndmin=2)),
        ("out.jsonl", lambda path: [json.loads(line)["vector"] for line in path.read_text("utf-8").splitlines()]),
        ("out.unknown", lambda path: [json.loads(line)["vector"] for line in path.read_text("utf-8").splitlines()]),
    ],
)
def test_the_ending_chooses_the_format(run, expected, tmp_path, name, read):
    assert run("-o", tmp_path / name).stdout == ""
    np.testing.assert_allclose(read(tmp_path / name), expected, atol=1e-6)


def test_no_lines(run, tmp_path):
    run("-o", tmp_path / "o.npy", stdin="")
    assert np.load(tmp_path / "o.npy").shape == (0, 32)
    assert run(stdin="").stdout == ""


def test_an_input_file(run, expected, tmp_path):
    (tmp_path / "in.txt").write_text(TEXT, "utf-8")
    run(tmp_path / "in.txt", "-o", tmp_path / "o.npy", stdin="")
    np.testing.assert_allclose(np.load(tmp_path / "o.npy"), expected, atol=1e-6)


def test_batch_size_and_normalisation(run, bert, expected):
    found = np.load(io.BytesIO(run("--format", "npy", "--batch-size", 1, "--no-normalize").stdout_bytes))
    np.testing.assert_allclose(found, Encoder(bert).encode(LINES, normalize_embeddings=False), atol=1e-5)


def test_a_language_an_adapter_and_a_folder(run, bert, expected, make_adapter, save):
    folder = save(make_adapter(bert, "lora"), bert)
    install_folder(folder)
    forms = [("-l", "rw"), ("--adapter", "lang-rw"), ("--adapter", "lang-rw==0.1.0"), ("--adapter", folder)]
    outputs = {run("--format", "tsv", *form).stdout for form in forms}
    assert len(outputs) == 1
    assert np.abs(np.loadtxt(io.StringIO(outputs.pop())) - expected).max() > 1e-2


def test_no_adapter_is_said_on_standard_error_unless_quiet(run, expected):
    result = run("-l", "sw", "--format", "tsv")
    assert "hubkit add-language sw" in result.stderr
    np.testing.assert_allclose(np.loadtxt(io.StringIO(result.stdout)), expected, atol=1e-6)
    assert run("-l", "sw", "--quiet").stderr == ""


def test_centring_on_a_file(run, bert, tmp_path):
    (tmp_path / "mine.txt").write_text(TEXT, "utf-8")
    found = np.loadtxt(io.StringIO(run("--format", "tsv", "--centre-on", tmp_path / "mine.txt").stdout))
    encoder = Encoder(bert)
    np.testing.assert_allclose(found, encoder.encode(LINES, centre=encoder.fit_centre(LINES)), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-l", "rw", "--adapter", "lang-rw"], "--language, --adapter and --recipe"),
        (["--centre", "--centre-on", __file__], "--centre and --centre-on"),
    ],
)
def test_contradictions(run, arguments, message):
    with pytest.raises(UsageError, match=message):
        run(*arguments)


def test_broken_utf8_names_the_line_and_leaves_no_file(run, tmp_path):
    (tmp_path / "o.npy").write_bytes(b"older")
    with pytest.raises(UsageError, match="Line 2 of standard input is not UTF-8"):
        run("-o", tmp_path / "o.npy", stdin=b"fine\n\xe9t\xe9\n")
    assert (tmp_path / "o.npy").read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".o")] == []


def test_output_to_a_device_leaves_it_a_device(run):
    run("-o", os.devnull)
    assert not os.path.isfile(os.devnull)


def test_output_through_a_link_keeps_the_link(run, tmp_path):
    (tmp_path / "link.tsv").symlink_to(tmp_path / "real.tsv")
    run("-o", tmp_path / "link.tsv")
    assert (tmp_path / "link.tsv").is_symlink()
    assert len((tmp_path / "real.tsv").read_text().splitlines()) == 4


def test_errors_are_those_of_hubkit(run, tmp_path):
    with pytest.raises(HubkitError):
        run("--adapter", tmp_path / "nothing")


PROGRAM = [sys.executable, "-c", "from hubkit.cli.encode import encode; encode()"]


@pytest.mark.parametrize("form", ["jsonl", "npy"])
def test_a_closed_pipe_is_quiet(bert, tmp_path, form):
    (tmp_path / "lines").write_text(TEXT, "utf-8")
    arguments = [str(tmp_path / "lines"), "--core", str(bert.folder), "--format", form]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0
