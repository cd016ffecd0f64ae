from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_records import OTHER_CORE, content, metric, record, write_index

from hubkit import hookspecs, plugins
from hubkit.errors import HubkitError, NotFoundError, UsageError, VerificationError
from hubkit.registry.index import MAX_INDEX_FILE_BYTES, Index, Indexes, open_indexes, shipped_root, writable_root
from hubkit.registry.index_checks import compare, new_records, validate
from hubkit.registry.index_edit import add_record, check_record, read_record_file, yank
from hubkit.registry.seen import memory_path

RW, RW2 = record("lang-rw", "1.0.0"), record("lang-rw", "1.10.0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def alone(monkeypatch):
    """No plugins but those that a test registers by the function it gets."""
    manager = plugins.PluginManager()
    monkeypatch.setattr(plugins, "plugin_manager", lambda: manager)
    monkeypatch.setattr("hubkit.registry.index_checks.plugin_manager", lambda: manager)

    def register(name, **hooks):
        module = type(sys)(name)
        for hook, function in hooks.items():
            setattr(module, hook, hookspecs.hookimpl(function))
        manager._register(module, plugins.Plugin(name, "1"))
        return manager

    return register


def said(problems):
    return "\n".join(map(str, problems))


# reading


def test_records_lie_where_their_name_says(root):
    index = write_index(root, [RW, RW2, record("fam-bantu")])
    assert (root / "rw" / "__" / "lang-rw.jsonl").is_file()
    assert (root / "ba" / "nt" / "fam-bantu.jsonl").is_file()
    assert index.versions("lang-rw") == (RW2, RW)
    assert index.records("lang-rw") == (RW, RW2)
    assert index.versions("lang-sw") == ()
    assert [file.name for file in index.walk().files] == ["fam-bantu", "lang-rw"]


def test_a_change_of_the_file_is_noticed(root):
    index = write_index(root, [RW])
    assert index.versions("lang-rw") == (RW,)
    write_index(root, [RW2])
    assert index.versions("lang-rw") == (RW2, RW)


@pytest.mark.parametrize("name", ["../lang-rw", "lang-rw/../../etc/passwd", "lang-rw\0", "", "/etc/passwd", "lang-é"])
def test_a_name_cannot_lead_out_of_the_index(root, name):
    index = write_index(root, [RW])
    assert not index.has(name)
    assert index.versions(name) == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x\n", "line 1 is not valid JSON"),
        (RW.line() + b"\n", "line 2, is empty"),
        (RW.line().rstrip(), "does not end with a newline"),
        (RW.line() + RW.line(), "version 1.0.0 is there already"),
        (record("lang-sw").line(), "is a record of lang-sw"),
        (RW.line().replace(b"1.0.0", b"1.\x000.0"), "is not valid JSON"),
        (RW.line().replace(b"org/", b"\xff\xff/"), "is not valid JSON"),
        (RW.line().replace(b'"yanked":false', b'"yanked":false,"yanked":"x"'), "is not valid JSON"),
        (b"[" * 50_000 + b"\n", "is not valid JSON"),
        (b'"' + b"x" * 300_000 + b'"\n', "at most"),
        (RW.line().replace(b'"schema":1', b'"schema":2'), "schema"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_whole(root, data, why):
    index = write_index(root, [RW])
    index.path("lang-rw").write_bytes(data)
    with pytest.raises(VerificationError) as error:
        index.versions("lang-rw")
    assert why in str(error.value) and "lang-rw.jsonl" in str(error.value)
    assert why in said(validate(index))


def test_a_huge_file_is_not_read(root):
    index = write_index(root, [RW])
    with index.path("lang-rw").open("wb") as handle:
        handle.truncate(MAX_INDEX_FILE_BYTES + 1)
    with pytest.raises(VerificationError, match="at most"):
        index.versions("lang-rw")


def test_links_are_not_followed(root, tmp_path):
    elsewhere = write_index(tmp_path / "elsewhere", [RW])
    index = write_index(root, [record("lang-sw")])
    (root / "rw").symlink_to(elsewhere.root / "rw")
    with pytest.raises(VerificationError, match="is a link"):
        index.versions("lang-rw")
    assert [file.name for file in index.walk().files] == ["lang-sw"]
    (root / "rw").unlink()
    (root / "rw" / "__").mkdir(parents=True)
    index.path("lang-rw").symlink_to(elsewhere.path("lang-rw"))
    with pytest.raises(VerificationError, match="a link"):
        Index(root, "x").versions("lang-rw")
    assert "does not belong" in said(validate(index))
    index.path("lang-rw").unlink()
    os.mkfifo(index.path("lang-rw"))
    with pytest.raises(VerificationError, match="no regular file"):
        Index(root, "x").versions("lang-rw")


def test_what_does_not_belong_in_an_index(root):
    index = write_index(root, [RW])
    (root / "README.md").write_text("")
    (root / ".git").mkdir()
    (root / ".gitattributes").write_text("")
    strangers = ["evil.py", "rw/x.jsonl", "rw/__/lang-sw.jsonl", "rw/__/lang-rw.jsonl.bak", "rw/.hidden"]
    for path in strangers:
        (root / path).write_text("")
    assert len(index.walk().strangers) == len(strangers)
    assert said(validate(index)).count("does not belong") == len(strangers)


# several indexes


def indexes_of(*members):
    return Indexes(members)


def test_the_first_index_owns_a_name(root, tmp_path):
    first = write_index(root, [RW])
    second = write_index(tmp_path / "tap", [record("lang-rw", "9.0.0", owner="evil"), record("lang-sw")])
    both = indexes_of(first, second)
    assert both.versions("lang-rw") == (RW,)  # 9.0.0 of the later index is no candidate
    assert both.owner("lang-sw") == second
    assert both.owner("lang-zu") is None
    assert both.owners(["lang-sw", "lang-rw", "lang-zu"]) == {first: ["lang-rw"], second: ["lang-sw"]}


def test_settings_then_hubkits_own_then_plugins(root, tmp_path, monkeypatch, alone):
    write_index(root, [RW])
    write_index(tmp_path / "tap", [RW])
    manager = alone("good", register_indexes=lambda: [str(tmp_path / "tap"), str(root), "https://evil.example/x"])
    alone("bad", register_indexes=lambda: 1 / 0)
    alone("text", register_indexes=lambda: "abc")
    monkeypatch.setenv("HUBKIT_INDEX", str(root))
    found = open_indexes()
    assert [index.label for index in found.members] == ["index", "hubkit", "good"]
    assert [index.root for index in found.members] == [root, shipped_root(), tmp_path / "tap"]
    assert len(found.warnings) == 1 and "https://evil.example/x" in found.warnings[0]
    assert {plugin.name for plugin in manager.plugins if plugin.status == "broken"} == {"bad", "text"}


@pytest.mark.parametrize("folder", ["", "~nobody-has-this-name/x", "a\0b", "missing", "x" * 5000, "{file}"])
def test_a_plugin_s_index_that_cannot_be_used_is_left_out(folder, root, tmp_path, monkeypatch, alone):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    write_index(root, [RW])
    alone("odd", register_indexes=lambda: [folder.format(file=tmp_path / "file"), str(root)])
    found = open_indexes()
    assert found.members[-1] == Index(root, "odd")
    assert len(found.warnings) == 1 and "plugin odd names the index" in found.warnings[0]
    assert found.versions("lang-rw") == (RW,)


def test_a_plugin_s_index_that_may_not_be_read_is_left_out(root, monkeypatch, alone):
    write_index(root, [RW])

    def refused(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("hubkit.registry.index.os.scandir", refused)
    alone("odd", register_indexes=lambda: [str(root)])
    (warning,) = open_indexes().warnings
    assert "PermissionError" in warning


def test_what_a_plugin_objects_is_a_line(root, alone):
    root.mkdir()
    alone("loud", check_record=lambda record: ["\x1b[31mno\nhow" + "!" * 5000])
    with pytest.raises(HubkitError) as caught:
        add_record(root, RW)
    assert "loud: [31mno how!!!" in caught.value.what and len(caught.value.what) < 500
    assert caught.value.what.isprintable()


@pytest.mark.parametrize(("value", "error"), [("missing", NotFoundError), ("https://hub/x", UsageError)])
def test_an_index_that_cannot_be_used(value, error, tmp_path, monkeypatch):
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / value) if value == "missing" else value)
    with pytest.raises(error, match="HUBKIT_INDEX"):
        open_indexes()


def test_the_index_that_comes_with_hubkit_is_valid():
    shipped = shipped_root()
    assert shipped is not None
    assert validate(Index(shipped, "hubkit")) == []


def test_the_folder_to_maintain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUBKIT_INDEX", raising=False)
    with pytest.raises(NotFoundError, match="--index"):
        writable_root()
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("HUBKIT_INDEX", str(tmp_path / "other"))
    assert writable_root() == tmp_path / "other"
    (tmp_path / "adapters_index").mkdir()
    assert writable_root() == tmp_path / "adapters_index"
    assert writable_root(tmp_path / "other") == tmp_path / "other"


# going back


def test_an_index_that_goes_back_is_refused(root):
    index = write_index(root, [RW, RW2])
    both = indexes_of(index)
    both.remember(["lang-rw"])
    write_index(root, [record("lang-rw", "2.0.0")])
    assert len(both.versions("lang-rw")) == 3
    index.path("lang-rw").write_bytes(RW.line())
    with pytest.raises(VerificationError, match=r"gone back or was rewritten: lang-rw 1\.10\.0 was in it") as error:
        both.versions("lang-rw")
    assert str(memory_path(index)) in str(error.value)
    index.path("lang-rw").unlink()
    assert both.versions("lang-rw") == ()  # nobody owns it; a lock still has it
    memory_path(index).unlink()
    index.path("lang-rw").write_bytes(RW.line())
    assert both.versions("lang-rw") == (RW,)


def test_a_rewritten_record_and_a_yank_taken_back_are_refused(root):
    index = write_index(root, [RW, RW2])
    yank(root, "lang-rw", "1.0.0", "bad")
    both = indexes_of(index)
    both.remember(["lang-rw"])
    yank(root, "lang-rw", "1.10.0", "bad too")
    assert all(r.yanked for r in both.versions("lang-rw"))
    index.path("lang-rw").write_bytes(RW.line() + RW2.line())
    with pytest.raises(VerificationError, match=r"1\.0\.0 was yanked in it and is not any more"):
        both.versions("lang-rw")
    index.path("lang-rw").write_bytes(record("lang-rw", "1.0.0", license="MIT").line() + RW2.line())
    with pytest.raises(VerificationError, match=r"the record of lang-rw 1\.0\.0 was another one"):
        both.versions("lang-rw")


def test_a_damaged_memory_is_no_licence(root):
    index = write_index(root, [RW])
    indexes_of(index).remember(["lang-rw"])
    memory_path(index).write_text("{")
    with pytest.raises(VerificationError, match="remembers the index"):
        indexes_of(index).versions("lang-rw")


# changing


def test_add_appends_and_is_idempotent(root):
    root.mkdir()
    added = add_record(root, RW)
    assert (added.path.read_bytes(), added.was_there) == (RW.line(), False)
    assert add_record(root, RW).was_there
    assert add_record(root, RW2).path.read_bytes() == RW.line() + RW2.line()
    yank(root, "lang-rw", "1.0.0", "bad")
    assert add_record(root, RW).was_there  # yanked since
    assert sorted(path.name for path in root.rglob("*")) == ["__", "lang-rw.jsonl", "rw"]


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (record("lang-rw", "1.0.0", license="MIT"), "already, with other content"),
        (record("lang-rw", "1.1.0", owner="evil"), "belongs to org"),
        (record("task-topics", owner="evil"), "one letter away from task-topic"),
        (record("task-t0pic"), "looks like task-topic"),
        (record("lang-sw", "1.0.0", [("fam-gone", ">=1")]), "no index has fam-gone"),
        (record("lang-sw", "1.0.0", [("fam-bantu", ">=2")]), "no version of fam-bantu"),
        (record("lang-sw", core=OTHER_CORE, below=[("fam-bantu", "")]), "was made for core"),
        (record("fam-bantu", "1.1.0", [("lang-rw", "")]), "depends on itself"),
        (record("lang-xy", languages=[{"bcp47": "rw", "iso639_3": "kin"}]), "name is lang- and one of its tags"),
        (record("lang-sw", yanked="bad"), "yanked already"),
    ],
)
def test_what_cannot_be_added(root, new, why):
    write_index(root, [record("lang-rw", "1.0.0", [("fam-bantu", "")]), record("fam-bantu"), record("task-topic")])
    before = {path: path.read_bytes() for path in root.rglob("*.jsonl")}
    for act in (add_record, check_record):
        with pytest.raises(HubkitError) as error:
            act(root, new)
        assert why in str(error.value)
    assert {path: path.read_bytes() for path in root.rglob("*.jsonl")} == before


def test_dry_run_of_add(root):
    root.mkdir()
    assert not check_record(root, RW).was_there
    assert list(root.iterdir()) == []
    with pytest.raises(NotFoundError, match="no index folder"):
        add_record(root / "missing", RW)


def test_plugins_may_object(root, alone):
    root.mkdir()
    seen = []

    def check(record):
        seen.append(record["name"])
        return ["has no poem"] if record["name"] == "lang-rw" else []

    alone("poet", check_record=check)
    with pytest.raises(HubkitError, match="poet: has no poem"):
        add_record(root, RW)
    add_record(root, record("lang-sw"))
    alone("broken", check_record=lambda record: 1 / 0)
    assert "broken: the check failed: ZeroDivisionError" in said(validate(write_index(root, [])))
    assert seen == ["lang-rw", "lang-sw", "lang-sw"]


def test_yank(root):
    index = write_index(root, [RW, RW2])
    yank(root, "lang-rw", "1.0.0", "wrong vectors on ARM")
    assert [r.yanked for r in index.records("lang-rw")] == ["wrong vectors on ARM", False]
    assert index.records("lang-rw")[1] == RW2
    for name, version in (("lang-rw", "3.0.0"), ("lang-sw", "1.0.0")):
        with pytest.raises(NotFoundError, match=f"has no {name}"):
            yank(root, name, version, "bad")
    for reason in ("", "two\nlines", "see https://evil.example", "x" * 500):
        with pytest.raises(UsageError, match="reason"):
            yank(root, "lang-rw", "1.0.0", reason)
    with pytest.raises(UsageError):
        yank(root, "../lang-rw", "1.0.0", "bad")


def test_many_writers_lose_nothing(root):
    root.mkdir()
    code = (
        "import sys; from pathlib import Path; from synthetic_records import record\n"
        "from hubkit.registry.index_edit import add_record\n"
        "for n in range(5): add_record(Path(sys.argv[1]), record('lang-rw', f'{sys.argv[2]}.{n}.0'))"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(plugins.__file__).parents[1])])
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(root), str(n)], env={**os.environ, "PYTHONPATH": path})
        for n in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert len(Index(root, "x").versions("lang-rw")) == 15


def test_record_files(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content(), indent=2))
    assert [r.key for r in read_record_file(path)] == ["lang-rw==1.0.0"]
    path.write_bytes(RW.line() + RW2.line())
    assert read_record_file(path) == [RW, RW2]
    path.write_text(json.dumps(content(version="x"), indent=2))
    with pytest.raises(VerificationError, match="version"):
        read_record_file(path)
    with pytest.raises(NotFoundError):
        read_record_file(tmp_path / "missing")


# validating


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([RW, record("lang-RW", languages=[{"bcp47": "rw", "iso639_3": "kin"}])], "lang-rw looks like lang-RW"),
        ([record("lang-sw", "1.0.0", [("fam-gone", "")])], "no index has fam-gone"),
        ([record("lang-sw", "1.0.0", [("fam-a", ">=2")]), record("fam-a")], "no version of fam-a"),
        ([record("lang-sw", "1.0.0", [("fam-a", "")]), record("fam-a", yanked="x")], "was yanked"),
        ([record("lang-sw", "1.0.0", [("fam-a", "")]), record("fam-a", core=OTHER_CORE)], "was made for core"),
        ([record("lang-sw", "1.0.0", [("fam-a", "")]), record("fam-a", "1.0.0rc1")], "pre-release"),
        (
            [record("fam-a", "1.0.0", [("fam-b", "")]), record("fam-b", "1.0.0", [("fam-a", "")])],
            "depends on itself: fam-a → fam-b → fam-a",
        ),
        (
            [
                record("task-x", "1.0.0", [("fam-a", ""), ("fam-b", "")]),
                record("fam-a", "1.0.0", [("fam-c", "<2")]),
                record("fam-b", "1.0.0", [("fam-c", ">=2")]),
                record("fam-c", "1.0.0"),
                record("fam-c", "2.0.0"),
            ],
            "task-x==1.0.0: Cannot resolve",
        ),
    ],
)
def test_problems_of_an_index(root, records, why, alone):
    assert why in said(validate(write_index(root, records)))


def test_a_valid_index(root, alone):
    records = [
        record("lang-rw", "1.0.0", [("fam-bantu", ">=1,<2")], metrics=[metric()]),
        record("lang-rw", "1.1.0rc1", [("fam-bantu", "")]),
        record("lang-rw", "1.2.0", [("fam-gone", "")], yanked="its family is gone"),
        record("lang-rn", requires={"hubkit": ">=99"}),
        record("fam-bantu", requires={"hubkit": ">=99"}),
        record("fam-bantu", "1.1.0rc1"),
        record("finding-sw"),
    ]
    assert validate(write_index(root, records)) == []


# against git


@pytest.fixture
def repository(root):
    """An index of two versions of lang-rw and one of lang-sw, committed."""

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *identity, *arguments], cwd=root.parent, check=True, capture_output=True)

    write_index(root, [RW, RW2, record("lang-sw")])
    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "first")
    return git


def test_appending_and_yanking_are_allowed(root, repository):
    index = Index(root, "x")
    assert compare(index, "HEAD") == [] and new_records(index, "HEAD") == []
    add_record(root, record("lang-rw", "1.11.0"))
    add_record(root, record("lang-zu"))
    yank(root, "lang-rw", "1.0.0", "bad")
    assert compare(index, "HEAD") == []
    assert [r.key for r in new_records(index, "HEAD")] == ["lang-rw==1.11.0", "lang-zu==1.0.0"]
    repository("add", "-A")
    repository("commit", "-q", "-m", "second")
    yank(root, "lang-rw", "1.0.0", "bad, and why")
    assert compare(index, "HEAD") == []
    assert [r.key for r in new_records(index, "HEAD~1")] == ["lang-rw==1.11.0", "lang-zu==1.0.0"]
    assert [r.key for r in new_records(index, None)] == [
        "lang-rw==1.10.0", "lang-rw==1.11.0", "lang-sw==1.0.0", "lang-zu==1.0.0",
    ]  # fmt: skip
    index.path("lang-rw").write_bytes(RW.line() + RW2.line() + record("lang-rw", "1.11.0").line())
    assert "line 1: was yanked and is not any more" in said(compare(index, "HEAD"))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([RW], "has 1 records, it had 2"),
        ([], "has 0 records, it had 2"),
        ([RW2, RW], "line 1: was changed in version"),
        ([record("lang-rw", "1.0.0", license="MIT"), RW2], "line 1: was changed in license: only yanked may change"),
        ([RW, record("lang-rw", "1.10.0", source={"repo_id": "org/lang-rw", "commit": "f" * 40})], "changed in source"),
        ([RW, record("lang-rw", "1.5.0"), RW2], "line 2: was changed in version"),
        ([RW, RW2, record("lang-rw", "1.11.0", owner="evil")], "comes from evil, the name belongs to org"),
    ],
)
def test_everything_else_is_not(root, repository, lines, why):
    index = Index(root, "x")
    index.path("lang-rw").write_bytes(b"".join(each.line() for each in lines))
    assert why in said(compare(index, "HEAD"))


def test_a_file_that_is_gone_or_broken(root, repository):
    index = Index(root, "x")
    index.path("lang-sw").unlink()
    index.path("lang-rw").write_bytes(b"\xff\n" + RW2.line())
    text = said(compare(index, "HEAD"))
    assert "has 0 records, it had 1" in text and "line 1: was changed into something that is no record" in text
    index.path("lang-rw").unlink()
    index.path("lang-rw").symlink_to("/etc/passwd")
    assert "a link" in said(compare(index, "HEAD"))


def test_another_owner_may_be_allowed(root, repository):
    index = write_index(root, [record("lang-rw", "1.11.0", owner="new")])
    assert compare(index, "HEAD", new_owners=True) == []


def test_without_git_and_without_the_commit(root, repository, tmp_path):
    with pytest.raises(NotFoundError, match="no commit 'nowhere'"):
        compare(Index(root, "x"), "nowhere")
    for injected in ("--output=/tmp/x", "-h"):
        with pytest.raises(NotFoundError):
            compare(Index(root, "x"), injected)
    subprocess.run(["rm", "-rf", str(root.parent / ".git")], check=True)
    with pytest.raises(HubkitError, match="no git repository"):
        compare(Index(root, "x"), "HEAD")


def test_a_repository_s_own_settings_start_nothing(root, repository, tmp_path):
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    repository("config", "core.fsmonitor", str(trap))
    repository("config", "diff.external", str(trap))
    repository("config", "diff.x.textconv", str(trap))
    (root / ".gitattributes").write_text("*.jsonl diff=x\n")
    add_record(root, record("lang-zu"))
    yank(root, "lang-rw", "1.0.0", "bad")
    assert compare(Index(root, "x"), "HEAD") == []
    assert not (tmp_path / "sprung").exists()
