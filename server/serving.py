"""Runs the server in this process until it is told to stop: what `holdfast serve` does."""

from __future__ import annotations

import gc
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from server.app import create_app
from server.phone.unpinned import Unpinned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp

    from server.settings import Settings

LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


class PortTaken(Exception):
    """The address cannot be listened on; the text says why, to people."""


class Server(uvicorn.Server):
    """Says where it is, once it answers."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What was imported stays for ever; walking over it at each full collection took a quarter of a push.
            gc.collect()
            gc.freeze()
            print(f"Holdfast is on {self._url}", flush=True)


def serve(settings: Settings, listener: socket.socket, certificate: Path | None = None) -> int:
    """Migrate, serve on what `listen` gave, and end cleanly on Ctrl-C or SIGTERM; returns the exit status.

    With `certificate`, a file of a private key and its certificate, the server speaks TLS itself.
    """
    port = listener.getsockname()[1]
    app: ASGIApp = create_app(settings)
    config = uvicorn.Config(
        Unpinned(app) if certificate else app,
        ssl_certfile=certificate,
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=_logging(settings.log_level),
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_s,
        backlog=2048,
    )
    server = Server(config, settings.public_url or f"http://{_name(settings.host)}:{port}")
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # Uvicorn raises it again after it has ended everything.
        pass
    finally:
        listener.close()
    return 0 if server.started else 1


@contextmanager
def beside(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    """Serve a small app of its own on another address, in a thread, for as long as the context lasts."""
    config = uvicorn.Config(app, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="beside")
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything is prepared. Raises `PortTaken`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port.") from error
    listener.set_inheritable(True)
    return listener


def _name(host: str) -> str:
    """How to write the address in a URL; loopback and "everywhere" are called localhost."""
    if host in ("127.0.0.1", "::1", "0.0.0.0", "::"):  # noqa: S104 - read, not listened on
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _logging(level: str) -> dict[str, Any]:
    return {**LOGGING, "loggers": {"holdfast": {"level": level.upper()}, "server": {"level": level.upper()}}}
