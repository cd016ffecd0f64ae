"""The Hub and its content delivery on two ports of loopback, in a thread."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import uvicorn

from hubserver.app import api, cdn
from hubserver.faults import Fault, Faulty, Journal, Seen
from hubserver.state import Hub


class HubServer:
    """``with HubServer() as server``: ``server.url`` is an endpoint, ``server.hub`` its state.

    ``faults`` strike until they are removed; ``seen`` has every request in the order they came.
    """

    def __init__(self) -> None:
        self.hub, self.journal = Hub(), Journal()
        apps = {"hub": api(self.hub), "cdn": cdn(self.hub)}
        self._servers = {origin: self._configured(origin, app) for origin, app in apps.items()}
        self._threads = [threading.Thread(target=server.run, daemon=True) for server in self._servers.values()]

    def _configured(self, origin: str, app: object) -> uvicorn.Server:
        faulty = Faulty(app, origin, self.journal)
        config = uvicorn.Config(
            faulty, host="127.0.0.1", port=0, log_level="critical", lifespan="off", http="h11", ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        return uvicorn.Server(config)

    @property
    def url(self) -> str:
        return self.hub.url

    @property
    def faults(self) -> list[Fault]:
        return self.journal.faults

    @property
    def seen(self) -> list[Seen]:
        return self.journal.seen

    def __enter__(self) -> HubServer:
        for thread in self._threads:
            thread.start()
        self.hub.url, self.hub.cdn_url = (_address(server) for server in self._servers.values())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.should_exit = server.force_exit = True
        for thread in self._threads:
            thread.join(timeout=5)

    def fail(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def reset(self) -> None:
        """An empty Hub on the same ports."""
        url, cdn_url = self.hub.url, self.hub.cdn_url
        self.hub.__init__(url=url, cdn_url=cdn_url)  # type: ignore[misc]
        self.journal.clear()

    def requests(self, method: str = "", part: str = "") -> list[Seen]:
        """Requests with this method whose path has this part."""
        return [one for one in list(self.seen) if one.method.startswith(method) and part in one.path]


def _address(server: uvicorn.Server) -> str:
    for _ in range(1000):
        if server.started:
            host, port = server.servers[0].sockets[0].getsockname()[:2]
            return f"http://{host}:{port}"
        time.sleep(0.005)
    raise RuntimeError("the server did not start")
