from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.corpora import packages
from hubkit.corpora.packages import fetch_debian, fetch_npm, fetch_pypi, record
from hubkit.corpora.source import SourceUnavailable
from hubkit.durable import sha256
from hubkit.errors import UsageError, VerificationError

Clients = Callable[[str, str], Path]

NPM = "(pathlib.Path(arguments[2].removeprefix('--pack-destination=')) / 'words-1.0.0.tgz').write_text('TEXT')"
PIP = "(pathlib.Path(arguments[-2].removeprefix('--dest=')) / 'words-2.0-py3-none-any.whl').write_text('wheel')"

NAMES = "words\nvirtual-words\n"


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def apt(
    clients: Clients, version: str = "1:2.3", content: str = "debian", listed: str | None = None
) -> tuple[Path, Path]:
    """Fake apt-get and apt-cache whose archive has the packages words and others not."""
    digest = listed or hashlib.sha256(content.encode()).hexdigest()
    stanza = f"Package: words\nVersion: {version}\nFilename: pool/words.deb\nSHA256: {digest}\n"
    file = f"words_{version.replace(':', '%3a')}_all.deb"
    get = f"if 'download' in arguments: pathlib.Path({file!r}).write_text({content!r})"
    cache = f"print({NAMES!r} if arguments[-1] == 'pkgnames' else {stanza!r})"
    return clients("apt-get", get), clients("apt-cache", cache)


def test_npm_fetches_once_and_notes_what_it_fetched(home: Path, clients: Clients) -> None:
    log = clients("npm", NPM)
    archive = fetch_npm("words", "1.0.0")
    assert archive == home / "downloads/npm/words/1.0.0/words-1.0.0.tgz"
    noted = record(archive)
    assert noted["package"] == "words"
    assert noted["version"] == "1.0.0"
    assert noted["size"] == 4
    assert noted["sha256"] == sha256(archive)
    assert fetch_npm("words", "1.0.0") == archive
    assert len(calls(log)) == 1
    assert calls(log)[0].endswith("words@1.0.0")
    assert "--ignore-scripts" in calls(log)[0]


def test_second_run_starts_no_process_at_all(home: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    clients("npm", NPM)
    apt(clients)
    archive, package, absent = fetch_npm("words", "1.0.0"), fetch_debian("words"), fetch_debian("nothing")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    monkeypatch.setenv("PATH", "")
    assert (fetch_npm("words", "1.0.0"), fetch_debian("words"), fetch_debian("nothing")) == (archive, package, absent)


def test_pypi_takes_wheels_only(home: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_pip", lambda: ["pip"])
    log = clients("pip", PIP)
    assert fetch_pypi("words", "2.0").name == "words-2.0-py3-none-any.whl"
    assert "--only-binary=:all:" in calls(log)[0]
    assert calls(log)[0].endswith("words==2.0")


def test_a_damaged_archive_is_fetched_again(home: Path, clients: Clients) -> None:
    log = clients("npm", NPM)
    archive = fetch_npm("words", "1.0.0")
    archive.write_text("TEXA")
    assert fetch_npm("words", "1.0.0").read_text() == "TEXT"
    assert len(calls(log)) == 2


def test_a_removed_archive_is_fetched_again(home: Path, clients: Clients) -> None:
    clients("npm", NPM)
    fetch_npm("words", "1.0.0").unlink()
    assert fetch_npm("words", "1.0.0").read_text() == "TEXT"


def test_a_damaged_archive_that_comes_back_different_is_refused(home: Path, clients: Clients) -> None:
    clients("npm", NPM)
    archive = fetch_npm("words", "1.0.0")
    archive.write_text("damaged")
    log = clients("npm", NPM.replace("TEXT", "OTHER"))
    log.unlink()
    with pytest.raises(VerificationError, match="is refused") as caught:
        fetch_npm("words", "1.0.0")
    assert caught.value.exit_code == 3
    assert len(calls(log)) == 1
    assert archive.read_text() == "damaged"


def test_a_damaged_archive_offline_is_refused(home: Path, clients: Clients) -> None:
    clients("npm", NPM)
    fetch_npm("words", "1.0.0").write_text("damaged")
    clients("npm", "print('network unreachable', file=sys.stderr); sys.exit(1)")
    with pytest.raises(VerificationError, match=r"damaged and cannot be fetched again.*network unreachable"):
        fetch_npm("words", "1.0.0")


def test_a_pinned_archive_with_another_content_is_refused(home: Path, clients: Clients) -> None:
    clients("npm", NPM)
    with pytest.raises(VerificationError, match="expected 0000"):
        fetch_npm("words", "1.0.0", sha256="0000")
    assert not (home / "downloads/npm/words/1.0.0").exists()


def test_a_damaged_note_means_fetching_again(home: Path, clients: Clients) -> None:
    log = clients("npm", NPM)
    archive = fetch_npm("words", "1.0.0")
    (archive.parent / packages.RECORD).write_text("{")
    assert record(fetch_npm("words", "1.0.0"))["version"] == "1.0.0"
    assert len(calls(log)) == 2


def test_a_missing_client_is_named_with_the_alternative(home: Path, clients: Clients) -> None:
    with pytest.raises(SourceUnavailable, match=r"client npm is not installed.*--data"):
        fetch_npm("words", "1.0.0")
    with pytest.raises(SourceUnavailable, match=r"client apt-get is not installed.*--data"):
        fetch_debian("words")


def test_offline_says_so(home: Path, clients: Clients) -> None:
    clients("npm", "print('npm error ENOTFOUND', file=sys.stderr); sys.exit(1)")
    with pytest.raises(SourceUnavailable, match=r"npm pack words@1.0.0 failed: npm error ENOTFOUND.*Check the network"):
        fetch_npm("words", "1.0.0")
    clients("apt-get", "")
    clients("apt-cache", "")
    with pytest.raises(SourceUnavailable, match="could not fetch the package lists"):
        fetch_debian("words")


def test_what_failed_is_not_tried_again_at_once(home: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    get, npm = clients("apt-get", "sys.exit(100)"), clients("npm", "sys.exit(1)")
    for number in range(5):  # as for every relative of a language
        with pytest.raises(SourceUnavailable, match="apt-get update failed"):
            fetch_debian(f"words-{number}")
        with pytest.raises(SourceUnavailable, match=r"npm pack words@1\.0\.0 failed"):
            fetch_npm("words", "1.0.0")
    assert (len(calls(get)), len(calls(npm))) == (1, 1)
    monkeypatch.setattr(packages, "RETRY_AFTER", 0.0)
    clients("npm", NPM)
    assert fetch_npm("words", "1.0.0").read_text() == "TEXT"


@pytest.mark.parametrize("version", ["..", "../1", "", "-x", "1 2", "1/2"])
def test_versions_that_are_none_are_refused(home: Path, version: str) -> None:
    with pytest.raises(UsageError, match="is not a version of words"):
        fetch_npm("words", version)


def test_a_client_that_hangs_is_given_up(home: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "TIMEOUT", 0.2)
    clients("npm", "time.sleep(60)")
    with pytest.raises(SourceUnavailable, match="gave no answer"):
        fetch_npm("words", "1.0.0")


def test_a_client_that_fetches_nothing_is_an_error(home: Path, clients: Clients) -> None:
    clients("npm", "")
    with pytest.raises(SourceUnavailable, match="fetched 0 archives"):
        fetch_npm("words", "1.0.0")


@pytest.mark.parametrize("name", ["", "-oDir=/", "../words", "a b", "words;ls", "@/x", "."])
def test_names_that_are_no_packages_are_refused(home: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a npm package name"):
        fetch_npm(name, "1")
    with pytest.raises(UsageError, match="is not a pypi package name"):
        fetch_pypi(name, "1")
    with pytest.raises(UsageError, match="is not a debian package name"):
        fetch_debian(name)


def test_debian_uses_its_own_lists_and_verifies_against_them(home: Path, clients: Clients) -> None:
    get, cache = apt(clients)
    archive = fetch_debian("words")
    assert archive is not None
    assert archive.parent.name == "1%3A2.3"
    assert archive.read_text() == "debian"
    assert record(archive)["version"] == "1:2.3"
    assert all(f"Dir::State::Lists={home}/downloads" in call for call in calls(get) + calls(cache))
    assert [call.split()[-1] for call in calls(get)] == ["update", "words"]


def test_debian_archive_that_is_not_the_listed_one_is_refused(home: Path, clients: Clients) -> None:
    apt(clients, listed="0" * 64)
    with pytest.raises(VerificationError, match=r"words_1%3a2.3_all.deb has sha256"):
        fetch_debian("words")


def test_debian_asks_once_which_packages_there_are(home: Path, clients: Clients) -> None:
    get, cache = apt(clients)
    assert [fetch_debian(name) for name in ("libreoffice-l10n-lg", "word", "wordss")] == [None] * 3
    assert (len(calls(get)), len(calls(cache))) == (1, 1)
    fetch_debian("words")
    assert sum(call.endswith("update") for call in calls(get)) == 1


def test_a_debian_package_without_archive_is_unavailable(home: Path, clients: Clients) -> None:
    apt(clients)
    clients("apt-cache", f"print({NAMES!r} if arguments[-1] == 'pkgnames' else 'Package: virtual-words')")
    with pytest.raises(SourceUnavailable, match="name no archive of virtual-words"):
        fetch_debian("virtual-words")


def test_debian_renews_lists_that_are_older_than_the_archive(home: Path, clients: Clients, tmp_path: Path) -> None:
    apt(clients, version="1", content="1")
    assert fetch_debian("nothing") is None  # lists of the day before
    renewed, digests = str(tmp_path / "renewed"), {each: hashlib.sha256(each.encode()).hexdigest() for each in "12"}
    clients(
        "apt-get",
        f"renewed = pathlib.Path({renewed!r})\nif 'update' in arguments: renewed.touch()\n"
        "elif renewed.exists(): pathlib.Path('words_2_all.deb').write_text('2')\nelse: sys.exit(100)",
    )
    clients(
        "apt-cache",
        f"version = '2' if pathlib.Path({renewed!r}).exists() else '1'\n"
        f"print('words' if arguments[-1] == 'pkgnames' else f'Version: {{version}}\\nSHA256: ' + {digests!r}[version])",
    )
    archive = fetch_debian("words")
    assert archive is not None
    assert record(archive)["version"] == "2"


def test_a_damaged_debian_archive_offline_is_refused(home: Path, clients: Clients) -> None:
    apt(clients)
    archive = fetch_debian("words")
    assert archive is not None
    archive.write_text("damaged")
    clients("apt-get", "sys.exit(100)")
    with pytest.raises(VerificationError, match="damaged and cannot be fetched again"):
        fetch_debian("words")


def test_an_interrupted_download_leaves_nothing_that_counts(home: Path, clients: Clients, tmp_path: Path) -> None:
    clients("npm", NPM.replace("TEXT", "TE") + f"\npathlib.Path({str(tmp_path / 'started')!r}).touch()\ntime.sleep(60)")
    program = "from hubkit.corpora.packages import fetch_npm; fetch_npm('words', '1.0.0')"
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    try:
        for _ in range(600):
            if (tmp_path / "started").exists():
                break
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    folder = home / "downloads/npm/words"
    assert list(folder.glob(".fetching-*"))
    assert not (folder / "1.0.0").exists()
    clients("npm", NPM)
    assert fetch_npm("words", "1.0.0").read_text() == "TEXT"
    assert not list(folder.glob(".fetching-*"))


def test_two_processes_fetch_one_package_once(home: Path, clients: Clients) -> None:
    log = clients("npm", "time.sleep(0.3)\n" + NPM)
    program = "from hubkit.corpora.packages import fetch_npm; print(fetch_npm('words', '1.0.0').read_text(), end='')"
    workers = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["TEXT", "TEXT"]
    assert len(calls(log)) == 1
