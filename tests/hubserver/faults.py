"""What can go wrong between a client and the Hub, and a record of every request."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Kind = Literal["status", "drop", "lost", "hang", "truncate", "corrupt", "long", "slow", "headers"]


@dataclass
class Fault:
    """What happens to requests that match ``where`` ("POST /api/.*/commit"), from the ``nth`` on, ``times`` times.

    status   answer with ``status`` and ``headers`` instead
    drop     cut the connection before anything is done
    lost     do what is asked and cut the connection before the answer
    hang     wait ``seconds``, then cut the connection
    truncate cut the connection after ``after`` bytes of the answer
    corrupt  flip one bit in the middle of the answer
    long     send ``after`` more bytes than there are, chunked, without a Content-Length
    headers  answer as usual, with ``headers`` in place of those of the same name
    slow     send 4 KiB at a time, ``seconds`` apart
    """

    kind: Kind
    where: str
    nth: int = 1
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 1000
    seconds: float = 30.0
    seen: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if re.match(self.where, f"{method} {path}") is None:
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class Seen:
    """One request as it came in, and the status it was answered with (0: not answered)."""

    origin: str  # "hub" or "cdn"
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0


@dataclass
class Journal:
    """Faults that may strike, and the requests there were; ``clear`` forgets those under way, too."""

    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def clear(self) -> None:
        self.faults, self.seen = [], []


class Faulty:
    """ASGI: passes requests on to ``app``, lets faults strike, notes what came in."""

    def __init__(self, app: Any, origin: str, journal: Journal) -> None:
        self.app, self.origin, self.journal = app, origin, journal

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, path = scope["method"], scope["raw_path"].decode()
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        seen = Seen(self.origin, method, path, headers)
        self.journal.seen.append(seen)
        struck = next((fault for fault in list(self.journal.faults) if fault.strikes(method, path)), None)
        answer = _Answer(send, struck)
        try:
            if struck is None or await answer.begin(receive):
                await self.app(scope, receive, answer)
        finally:
            seen.status = answer.status


class _Answer:
    """The way back to the client, through one fault."""

    def __init__(self, send: Send, fault: Fault | None) -> None:
        self.send, self.fault = send, fault
        self.status, self.sent, self.start = 0, 0, {}  # type: ignore[var-annotated]

    def cut(self) -> None:
        self.send.__self__.transport.abort()  # type: ignore[attr-defined]

    async def begin(self, receive: Any) -> bool:
        """What happens before the request is handled; False when it is not handled."""
        assert self.fault is not None
        if self.fault.kind == "status":
            self.status = self.fault.status
            headers = [(key.encode(), value.encode()) for key, value in self.fault.headers.items()]
            while (await receive()).get("more_body"):
                pass
            await self.send({"type": "http.response.start", "status": self.status, "headers": headers})
            await self.send({"type": "http.response.body", "body": b""})
            return False
        if self.fault.kind == "hang":
            await asyncio.sleep(self.fault.seconds)
        if self.fault.kind in ("hang", "drop"):
            self.cut()
            return False
        return True

    async def __call__(self, message: Message) -> None:
        if self.fault is None or self.fault.kind in ("status", "drop", "hang"):
            self.status = message.get("status", self.status)
            await self.send(message)
        elif self.fault.kind == "lost":
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.cut()
        else:
            await self.bend(message, self.fault)

    async def bend(self, message: Message, fault: Fault) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if fault.kind == "long":
                kept = [header for header in message["headers"] if header[0].lower() != b"content-length"]
                message = {**message, "headers": kept}
            if fault.kind == "headers":
                new = [(key.lower().encode(), value.encode()) for key, value in fault.headers.items()]
                kept = [header for header in message["headers"] if header[0].lower() not in dict(new)]
                message = {**message, "headers": [*kept, *new]}
            await self.send(message)
            return
        body: bytes = message.get("body", b"")
        if fault.kind == "corrupt":
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body
        if fault.kind == "long":
            body += bytes(fault.after)
        if fault.kind == "slow":
            for start in range(0, len(body), 4096):
                await self.send({**message, "body": body[start : start + 4096], "more_body": True})
                await asyncio.sleep(fault.seconds)
            body = b""
        if fault.kind == "truncate":
            await self.send({**message, "body": body[: fault.after], "more_body": True})
            await asyncio.sleep(0.02)  # so that what was sent arrives before the cut
            self.cut()
            return
        await self.send({**message, "body": body})
