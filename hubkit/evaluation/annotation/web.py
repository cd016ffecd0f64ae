"""The page on which pairs are judged: served to this machine alone, to whoever has the address with its token.

What keeps others out: the socket is bound to the loopback interface; the path begins with a token of 192 random bits;
a Host that is not this server's own is refused (DNS rebinding); so is a POST that another site's page sends. The page
loads nothing from anywhere, may not be framed, and works without its script, which only adds keys.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from urllib.parse import parse_qs

from hubkit.errors import UsageError
from hubkit.evaluation.annotation.judgement import LABELS
from hubkit.evaluation.annotation.session import Session
from hubkit.evaluation.html import environment

ADDRESS = "127.0.0.1"
LARGEST_BODY = 2_000  # bytes
SECONDS = 20  # for one request
KEYS = {"same": "1", "related": "2", "different": "3", "unsure": "0"}
_FORM = "application/x-www-form-urlencoded"
_ALWAYS = {
    "Cache-Control": "no-store",
    "Connection": "close",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class AnnotationServer:
    """Serves a session at :attr:`url` until it is finished; Ctrl-C in :meth:`serve` ends it as well."""

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session, self.token = session, secrets.token_urlsafe(24)
        try:
            self._server = ThreadingHTTPServer((ADDRESS, port), _handler(self))
        except OSError as error:
            raise UsageError(f"Port {port} cannot be used: {error.strerror}.", "Give another --port.") from error
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The page's address, with the token."""
        return f"http://{ADDRESS}:{self.port}/{self.token}/"

    def serve(self) -> None:
        """Answer requests until :meth:`finish`."""
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            self._server.server_close()

    def finish(self) -> None:
        """Stop serving; may be called from a request."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def hosts(self) -> set[str]:
        """What a request may name as its host."""
        return {f"{name}:{self.port}" for name in (ADDRESS, "localhost")}

    def page(self, nonce: str) -> str:
        """The pair that is to be judged, or that all are."""
        session, pair = self.session, self.session.current()
        return (
            environment()
            .get_template("annotate.html.j2")
            .render(
                nonce=nonce,
                pair=pair,
                answered=session.label(pair.id) if pair else None,
                done=session.done,
                count=len(session.pairs),
                about=session.about,
                labels=LABELS,
                keys=KEYS,
            )
        )


class _RefusedError(Exception):
    """A request that is not answered with what it asks for."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def _handler(owner: AnnotationServer) -> type[BaseHTTPRequestHandler]:
    """The requests of one server."""

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version, timeout = "hubkit", "", SECONDS

        def do_GET(self) -> None:
            """The page."""
            self._answer(self._show)

        def do_POST(self) -> None:
            """An answer, a step back, or the end; then the page again."""
            self._answer(self._act)

        def _answer(self, how: Callable[[], None]) -> None:
            try:
                how()
            except _RefusedError as refusal:
                self._send(refusal.status, refusal.text)
            except UsageError as error:
                self._send(HTTPStatus.BAD_REQUEST, str(error))
            except OSError as error:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, f"The answer could not be kept: {error.strerror}.")

        def _show(self) -> None:
            self._path({""})
            nonce = secrets.token_urlsafe(16)
            self._send(HTTPStatus.OK, owner.page(nonce), "text/html", nonce)

        def _act(self) -> None:
            action = self._path({"answer", "back", "finish"})
            _check_origin(self.headers, owner)
            form = _form(self.headers, self.rfile)
            if action == "finish":
                owner.finish()
                return self._send(HTTPStatus.OK, "Thank you. You can close this page.")
            if action == "answer":
                owner.session.answer(form.get("pair", ""), form.get("label", ""))
            else:
                owner.session.back()
            self._headers(HTTPStatus.SEE_OTHER, {"Location": f"/{owner.token}/", "Content-Length": "0"})

        def _path(self, known: set[str]) -> str:
            """What follows the token, if the request is for this server and there is such a page."""
            if self.headers.get("Host") not in owner.hosts():
                raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "This server answers under its own address only.")
            begin = f"/{owner.token}/"
            given, rest = self.path[: len(begin)], self.path[len(begin) :]
            if not hmac.compare_digest(given.encode(), begin.encode()) or rest not in known:
                raise _RefusedError(
                    HTTPStatus.NOT_FOUND, "There is nothing here. Use the whole address that hubkit printed."
                )
            return rest

        def _send(self, status: HTTPStatus, text: str, kind: str = "text/plain", nonce: str = "") -> None:
            body = text.encode()
            allowed = f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; " if nonce else ""
            policy = f"default-src 'none'; {allowed}base-uri 'none'; frame-ancestors 'none'"
            length = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body))}
            self._headers(status, {**length, "Content-Security-Policy": policy})
            self.wfile.write(body)

        def _headers(self, status: HTTPStatus, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**_ALWAYS, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = True

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing is logged: a request's path has the token."""

    return Handler


def _check_origin(headers: Message, owner: AnnotationServer) -> None:
    """Refuse what the page of another site sends."""
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    own = {f"http://{host}" for host in owner.hosts()}
    if (origin is not None and origin not in own) or site not in {None, "same-origin", "none"}:
        raise _RefusedError(HTTPStatus.FORBIDDEN, "This comes from another page.")


def _form(headers: Message, stream: BufferedIOBase) -> dict[str, str]:
    """The fields of a form."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    length = headers.get("Content-Length", "")
    if kind != _FORM:
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send {_FORM}.")
    if not (length.isascii() and length.isdigit()):
        raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "Say how long it is.")
    if int(length) > LARGEST_BODY:
        raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send at most {LARGEST_BODY} bytes.")
    try:
        body = stream.read(int(length)).decode("ascii")
        fields = parse_qs(body, strict_parsing=True, max_num_fields=4, errors="strict") if body else {}
    except ValueError as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "This is no form.") from error
    return {name: values[0] for name, values in fields.items()}


def serve(session: Session, port: int, ready: Callable[[str], None]) -> None:
    """Serve a session; ``ready`` is told the address."""
    server = AnnotationServer(session, port)
    ready(server.url)
    server.serve()
