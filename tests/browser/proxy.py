"""A network with faults: a loopback HTTP proxy whose behaviour is changed while browsers talk through it.

It reads one request at a time, so that a fault can be aimed at a path, at the bytes of a request, or at the answer
after the server has given it. Every request is noted with what became of it and when.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

HOLD_LIMIT_S: Final = 60
_LONGEST_HEAD: Final = 256 * 1024

EDITS: Final = b'"mutations":[{'
"""What the body of a `POST /sync` holds that pushes edits and does not only ask."""

PORTAL_PAGE: Final = b"<!doctype html><title>Guest Wi-Fi</title><h1>Welcome to Guest Wi-Fi</h1><p>Please pay first."


@dataclass(frozen=True)
class Fault:
    """What happens to a request."""


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is torn down before the server hears of it."""


@dataclass(frozen=True)
class BlackHole(Fault):
    """Nobody answers, and the connection stays open."""


@dataclass(frozen=True)
class CutUpstream(Fault):
    """The server gets only the first `after_bytes` of the body, then both sides are cut off."""

    after_bytes: int


class Allowance(Fault):
    """Bodies pass until `total_bytes` of them have; the one that goes beyond is cut there, and all after it."""

    def __init__(self, total_bytes: int) -> None:
        self.left_bytes = total_bytes

    def take(self, body: bytes) -> Fault | None:
        """What happens to a request with this body; None: it passes."""
        if self.left_bytes <= 0:
            return Reset()
        self.left_bytes -= len(body)
        return CutUpstream(len(body) + self.left_bytes) if self.left_bytes < 0 else None


@dataclass(frozen=True)
class SwallowAnswer(Fault):
    """The server works and answers; the browser's connection is torn down instead of hearing it."""


@dataclass(frozen=True)
class CutAnswer(Fault):
    """The browser gets only the first `after_bytes` of the server's answer."""

    after_bytes: int


@dataclass(frozen=True)
class Late(Fault):
    """Passes after a delay."""

    delay_ms: int


@dataclass(frozen=True)
class Reply(Fault):
    """Somebody else answers instead of the server."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Hold(Fault):
    """The request waits before the server hears of it, or its answer afterwards, until `release()`."""

    def __init__(self, *, is_answer_held: bool = False) -> None:
        self.is_answer_held = is_answer_held
        self.released = threading.Event()

    def release(self) -> None:
        self.released.set()


def portal() -> Reply:
    """A captive portal: its page with status 200, whatever was asked."""
    return Reply(200, PORTAL_PAGE)


def trouble(status: int, error: str, *, retry_after_s: int | None = None) -> Reply:
    """An error in our server's own words, with its header."""
    body = json.dumps({"error": error, "reason": "Made by the test.", "request_id": "test"}).encode()
    headers = (("Holdfast", "1"),) + ((("Retry-After", str(retry_after_s)),) if retry_after_s is not None else ())
    return Reply(status, body, "application/json", headers)


@dataclass
class Rule:
    """A fault for requests of a path whose body holds `carrying`, after `skip` and for `times` of them.

    The path "" stands for all, and one that ends with a slash for all below it.
    """

    fault: Fault
    path: str = ""
    method: str = ""
    skip: int = 0
    times: int | None = None
    carrying: bytes = b""

    def takes(self, method: str, path: str, body: bytes) -> bool:
        if self.carrying not in body:
            return False
        if not self._is_at(path.split("?", maxsplit=1)[0]) or (self.method and method != self.method):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            if self.times == 0:
                return False
            self.times -= 1
        return True

    def _is_at(self, path: str) -> bool:
        if self.path != "/" and self.path.endswith("/"):
            return path.startswith(self.path)
        return self.path in ("", path)


@dataclass
class Exchange:
    """One request. `answered_at` is just before the browser gets the whole answer; instants in ms since 1970 UTC."""

    method: str
    path: str
    body: bytes
    at: int
    fault: Fault | None
    status: int | None = None
    answered_at: int | None = None
    answer: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Head:
    """The first lines of a request or an answer."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def encode(self) -> bytes:
        kept = [(key, value) for key, value in self.headers if key.lower() not in ("connection", "keep-alive")]
        lines = [self.first, *(f"{key}: {value}" for key, value in [*kept, ("Connection", "close")])]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Proxy:
    """Listens on one fixed loopback port and passes requests to `upstream_port`, except as the rules say."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = free_port()
        self.exchanges: list[Exchange] = []
        self._rules: list[Rule] = []
        self._changed = threading.Condition()
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.online()

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    # --- what the test may do to the network -----------------------------------------------------------------------

    def online(self) -> None:
        """The network is back, with no faults at all."""
        self.clear()
        self._run(self._listen())

    def offline(self) -> None:
        """Connections are refused, and those under way are torn down."""
        self._run(self._refuse())

    def put(
        self,
        fault: Fault,
        path: str = "",
        *,
        method: str = "",
        skip: int = 0,
        times: int | None = None,
        carrying: bytes = b"",
    ) -> None:
        """Adds a fault; those put later are looked at first."""
        self._rules = [Rule(fault, path, method, skip, times, carrying), *self._rules]

    def clear(self) -> None:
        """Removes every fault; what was held goes on."""
        held = [rule.fault for rule in self._rules if isinstance(rule.fault, Hold)]
        self._rules = []
        for fault in held:
            fault.release()

    def close(self) -> None:
        self.clear()
        self.offline()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # --- what the test may ask -------------------------------------------------------------------------------------

    def seen(self, path: str, method: str = "") -> list[Exchange]:
        """The requests of a path (below it, where it ends with a slash) so far, in the order they came."""
        rule = Rule(Fault(), path, method)
        return [one for one in list(self.exchanges) if rule.takes(one.method, one.path, b"")]

    def wait_for(self, what: str, is_there: Callable[[], bool], timeout_s: float = 30) -> None:
        """Waits until `is_there`, looking again after each request and answer."""
        end = time.monotonic() + timeout_s
        with self._changed:
            while not is_there():
                left = end - time.monotonic()
                assert left > 0, f"the network never saw {what}: {self.account()}"
                self._changed.wait(min(left, 0.25))

    def account(self) -> list[str]:
        """The exchanges in words, for the message of a failing test."""
        return [_in_words(one) for one in self.exchanges[-40:]]

    # --- inside the loop -------------------------------------------------------------------------------------------

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, reuse_address=True, limit=_LONGEST_HEAD
            )

    async def _refuse(self) -> None:
        if self._server is not None:
            for listening in self._server.sockets:
                self._loop.remove_reader(listening)
            # Connections that are just being taken become tasks first; closing under them leaves them half made.
            for _ in range(3):
                await asyncio.sleep(0)
            self._server.close()
            self._server = None
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, asyncio.LimitOverrunError):
            _tear_down(writer)
        finally:
            self._open.discard(task)
            writer.close()
            self._tell()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await _read_head(reader)
        body = await reader.readexactly(int(head.get("content-length") or 0))
        method, path, _ = head.first.split(" ", 2)
        fault = next((rule.fault for rule in self._rules if rule.takes(method, path, body)), None)
        if isinstance(fault, Allowance):
            fault = fault.take(body)
        exchange = Exchange(method, path, body, now_ms(), fault)
        self.exchanges.append(exchange)
        self._tell()
        answer = await self._answer(head, body, fault)
        if answer is None:
            _tear_down(writer)
            return
        exchange.status = int(answer.split(b" ", 2)[1])
        exchange.answer = answer
        if not isinstance(fault, CutAnswer):
            exchange.answered_at = now_ms()  # before the first byte: what the browser says earlier, it cannot know
        writer.write(answer)
        await writer.drain()
        if isinstance(fault, CutAnswer):
            await asyncio.sleep(0.2)  # what was passed on must not be overtaken by the reset
            _tear_down(writer)

    async def _answer(self, head: Head, body: bytes, fault: Fault | None) -> bytes | None:
        """The whole answer as the browser gets it; None where the connection is torn down."""
        match fault:
            case Reset():
                return None
            case BlackHole():
                await asyncio.sleep(HOLD_LIMIT_S)
                return None
            case Reply():
                return _encode_reply(fault)
            case CutUpstream():
                await self._ask_in_part(head, body[: fault.after_bytes])
                return None
            case Late():
                await asyncio.sleep(fault.delay_ms / 1000)
            case Hold(is_answer_held=False):
                await asyncio.to_thread(fault.released.wait, HOLD_LIMIT_S)
        answer = await self._ask(head, body)
        if isinstance(fault, Hold) and fault.is_answer_held:
            await asyncio.to_thread(fault.released.wait, HOLD_LIMIT_S)
        if isinstance(fault, SwallowAnswer):
            return None
        return answer[: fault.after_bytes] if isinstance(fault, CutAnswer) else answer

    async def _ask(self, head: Head, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await _read_head(reader)
            return answer.encode() + await reader.read(-1)
        finally:
            writer.close()

    async def _ask_in_part(self, head: Head, part: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            writer.write(head.encode() + part)
            await writer.drain()
            await asyncio.sleep(0.1)  # the server must have read it before the reset discards it
        finally:
            _tear_down(writer)

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _in_words(exchange: Exchange) -> str:
    wrong = exchange.answer.partition(b"\r\n\r\n")[2][:300].decode(errors="replace") if exchange.status != 200 else ""
    return f"{exchange.method} {exchange.path} → {exchange.status} ({exchange.fault or 'passed'}) {wrong}"


async def _read_head(reader: asyncio.StreamReader) -> Head:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text.rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Head(first, [(name.strip(), value.strip()) for name, _, value in pairs])


def _encode_reply(reply: Reply) -> bytes:
    headers = [("Content-Type", reply.kind), ("Content-Length", str(len(reply.body))), *reply.headers]
    return Head(f"HTTP/1.1 {reply.status} Made by the proxy", headers).encode() + reply.body


def _tear_down(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with a reset, as a network that goes away does."""
    with contextlib.suppress(OSError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def free_port() -> int:
    """A free port below those that the system gives to outgoing connections, so that it stays free while closed."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port between 20000 and 32000")
