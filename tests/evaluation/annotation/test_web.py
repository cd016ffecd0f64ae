"""The page over loopback: what it shows and keeps, and whom it refuses."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.choose import Encoded, candidates, choose
from hubkit.evaluation.annotation.session import Circumstances, Session
from hubkit.evaluation.annotation.store import read_judgements, read_lines
from hubkit.evaluation.annotation.web import AnnotationServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def session(encoded: Encoded, tmp_path: Path) -> Session:
    pairs = choose(candidates(encoded), 20)
    return Session(
        pairs, Circumstances("Ann <b>", encoded.suite, "core", "sha256:" + "a" * 64, 0), tmp_path / "a.jsonl"
    )


@pytest.fixture
def server(session: Session) -> Iterator[AnnotationServer]:
    made = AnnotationServer(session)
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.finish()
    thread.join(5)
    assert not thread.is_alive()


class Answer:
    """A response that is read to its end."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status, self.headers = response.status, response.headers
        self.text = response.read().decode()


def ask(server: AnnotationServer, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {**(FORM if body is not None else {}), **sent})
    try:
        return Answer(connection.getresponse())
    finally:
        connection.close()


def page(server: AnnotationServer) -> Answer:
    return ask(server, "GET", f"/{server.token}/")


def shown(server: AnnotationServer) -> str:
    """The id of the pair on the page."""
    found = re.search(r'name="pair" value="(\w+)"', page(server).text)
    assert found is not None
    return found[1]


def answer(server: AnnotationServer, pair: str, label: str, **headers: str) -> Answer:
    return ask(server, "POST", f"/{server.token}/answer", urlencode({"pair": pair, "label": label}), **headers)


def test_the_page_shows_the_pair_and_nothing_of_what_is_expected(server: AnnotationServer, session: Session) -> None:
    found = page(server)
    first = session.pairs[0]
    assert found.status == 200 and first.text in found.text and first.english in found.text
    assert "0 of 20 answered by Ann &lt;b&gt;" in found.text
    for hint in (first.kind, first.stratum, "cosine", str(first.cosine)):
        assert not re.search(rf"\b{re.escape(hint)}\b", found.text), hint


def test_all_pairs_one_after_the_other(server: AnnotationServer, session: Session) -> None:
    for number in range(20):
        pair = shown(server)
        assert pair == session.pairs[number].id
        done = answer(server, pair, "same")
        assert (done.status, done.headers["Location"]) == (303, f"/{server.token}/")
    assert "All 20 pairs have an answer" in page(server).text
    assert [one.label for one in read_judgements(session.path)] == ["same"] * 20


def test_back_and_a_correction(server: AnnotationServer, session: Session) -> None:
    first = shown(server)
    answer(server, first, "same")
    assert ask(server, "POST", f"/{server.token}/back", "").status == 303
    again = page(server).text
    assert "You answered “same” before" in again and f'value="{first}"' in again
    answer(server, first, "different")
    assert [one.label for one in read_judgements(session.path)] == ["different"]


def test_two_tabs(server: AnnotationServer, session: Session) -> None:
    """Both show the first pair; what the second tab says of it corrects the first one, and no other pair is touched."""
    here, there = shown(server), shown(server)
    assert here == there
    answer(server, here, "same")
    second = shown(server)
    answer(server, there, "related")
    assert shown(server) == second == session.pairs[1].id
    assert [(one.id, one.label) for one in read_judgements(session.path)] == [(here, "related")]


def test_finish_ends_the_server(server: AnnotationServer) -> None:
    assert ask(server, "POST", f"/{server.token}/finish", "").status == 200


def test_only_loopback(server: AnnotationServer) -> None:
    assert server._server.server_address[0] == "127.0.0.1"
    assert len(server.token) >= 32 and server.token != AnnotationServer(server.session).token


@pytest.mark.parametrize("path", ["/", "/wrong/", "/{token}", "/{token}x/", "/{other}/", "/{token}/../", "//", "", "x",
                                  "/{token}/nothing", "/ž/"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_token_there_is_nothing(server: AnnotationServer, method: str, path: str) -> None:
    path = path.format(token=server.token, other=server.token[::-1])
    with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 0\r\n"
        raw.sendall(f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode())
        got = raw.makefile("rb").read()
    assert re.match(rb"HTTP/1\.0 40[04] ", got) or not path  # without a path it is HTTP/0.9, which has no status
    assert b"Do these two" not in got and server.token.encode() not in got


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_another_host_is_refused(server: AnnotationServer, session: Session, host: str) -> None:
    named = host.format(port=server.port)
    assert ask(server, "GET", f"/{server.token}/", Host=named).status == 421
    assert answer(server, session.pairs[0].id, "same", Host=named).status == 421
    assert not session.path.exists()


def test_localhost_is_the_same_host(server: AnnotationServer) -> None:
    assert ask(server, "GET", f"/{server.token}/", Host=f"localhost:{server.port}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_sites_form_is_refused(server: AnnotationServer, session: Session, headers: dict[str, str]) -> None:
    assert answer(server, session.pairs[0].id, "same", **headers).status == 403
    assert not session.path.exists()


def test_the_own_origin_is_not(server: AnnotationServer, session: Session) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    assert answer(server, session.pairs[0].id, "same", Origin=origin, Sec_Fetch_Site="same-origin").status == 303


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("pair=x&label=same", {}, 400),
        ("label=same", {}, 400),
        ("pair={pair}&label=nonsense", {}, 400),
        ("pair={pair}", {}, 400),
        ("", {}, 400),
        ("%%%&&&", {}, 400),
        ("pair={pair}&label=same&a=1&b=2&c=3", {}, 400),
        ("pair={pair}&label=same&" + "x" * 3000, {}, 413),
        ("pair={pair}&label=same", {"Content_Type": "application/json"}, 415),
        ("pair={pair}&label=same", {"Content_Type": "text/plain"}, 415),
        ("pair=é&label=same", {}, 400),
    ],
)
def test_a_malformed_body_changes_nothing(
    server: AnnotationServer, session: Session, body: str, headers: dict[str, str], status: int
) -> None:
    filled = body.replace("{pair}", session.pairs[0].id)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    sent = {**FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("POST", f"/{server.token}/answer", filled.encode(), sent)
    assert connection.getresponse().status == status
    connection.close()
    assert not session.path.exists() and page(server).status == 200


@pytest.mark.parametrize("length", ["-1", "x", "", "１", "99999999999999999999"])
def test_a_length_that_cannot_be(server: AnnotationServer, length: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
        raw.sendall(
            f"POST /{server.token}/answer HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {length}\r\n"
            f"Content-Type: {FORM['Content-Type']}\r\n\r\n".encode()
        )
        assert raw.makefile("rb").read().split(b" ")[1] in {b"411", b"413"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_not_answered(server: AnnotationServer, method: str) -> None:
    assert ask(server, method, f"/{server.token}/").status == 501


def test_the_page_is_closed_to_the_outside(server: AnnotationServer) -> None:
    found = page(server)
    policy = found.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce is not None and found.text.count(f'nonce="{nonce[1]}"') == 2
    for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"):
        assert part in policy
    assert page(server).headers["Content-Security-Policy"] != policy  # a nonce is used once
    assert found.headers["Cache-Control"] == "no-store" and "Access-Control-Allow-Origin" not in found.headers
    assert not re.findall(r'(?:src|href)="', found.text) and " style=" not in found.text
    assert "python" not in found.headers["Server"].lower()


def test_it_can_be_used_with_keys_and_without_a_script(server: AnnotationServer) -> None:
    text = page(server).text
    for key in ("1", "2", "3", "0", "b"):
        assert f'data-key="{key}"' in text and f"<kbd>{key}</kbd>" in text
    assert text.count('<form method="post"') == 3 and text.count("<button") == 6
    assert 'dir="auto"' in text and '<p lang="rw"' in text


def test_text_is_escaped(encoded: Encoded, tmp_path: Path) -> None:
    from dataclasses import replace

    hostile = "</p><script>alert(1)</script>"
    suite = replace(encoded.suite, texts=tuple(f"{hostile} {text}" for text in encoded.suite.texts), origin=hostile)
    pairs = choose(candidates(replace(encoded, suite=suite)), 20)
    session = Session(pairs, Circumstances("Ann", suite, "core", "c", 0), tmp_path / "a.jsonl")
    text = AnnotationServer(session).page("nonce")
    assert "<script>alert" not in text and text.count("&lt;script&gt;alert(1)") == 2


def test_nothing_is_logged(server: AnnotationServer, capfd: pytest.CaptureFixture[str]) -> None:
    page(server)
    ask(server, "GET", "/wrong/")
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_is_full_is_said_and_nothing_is_lost(
    server: AnnotationServer, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shown(server)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hubkit.evaluation.annotation.session.append_judgement", full)
    refused = answer(server, first, "same")
    assert refused.status == 500 and "No space left" in refused.text
    monkeypatch.undo()
    assert shown(server) == first
    assert answer(server, first, "same").status == 303 and len(read_lines(session.path)) == 1


def test_a_port_that_is_taken(server: AnnotationServer) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        AnnotationServer(server.session, server.port)
