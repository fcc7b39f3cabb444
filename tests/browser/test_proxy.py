"""The network with faults does what its name says; no browser is needed to find that out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.proxy import (
    Allowance,
    CutAnswer,
    CutUpstream,
    Fault,
    Hold,
    Late,
    Proxy,
    Reset,
    SwallowAnswer,
    portal,
    trouble,
)

BODY = b"x" * 1000


class Echo(BaseHTTPRequestHandler):
    """Answers with the length of the body it was given; notes what reached it whole."""

    protocol_version = "HTTP/1.1"
    heard: list[tuple[str, int]]

    def do_POST(self) -> None:
        try:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        except ConnectionError:
            return
        if len(body) < int(self.headers["Content-Length"]):
            return
        self.heard.append((self.path, len(body)))
        answer = str(len(body)).encode() * 100
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def network() -> Iterator[tuple[Proxy, list[tuple[str, int]]]]:
    heard: list[tuple[str, int]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Echo,), {"heard": heard}))
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    proxy = Proxy(server.server_port)
    yield proxy, heard
    proxy.close()
    server.shutdown()
    thread.join()
    server.server_close()


def post(proxy: Proxy, path: str = "/sync") -> tuple[int, bytes] | None:
    """Status and body, or None where nobody answered properly."""
    connection = HTTPConnection("localhost", proxy.port, timeout=10)
    try:
        connection.request("POST", path, BODY)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


FAULTS: list[tuple[str, Callable[[], Fault | None], int | None, bool]] = [
    ("passes", lambda: None, 200, True),
    ("passes late", lambda: Late(50), 200, True),
    ("is reset before the server hears of it", Reset, None, False),
    ("is cut on the way to the server", lambda: CutUpstream(100), None, False),
    ("has its answer swallowed", SwallowAnswer, None, True),
    ("has its answer cut", lambda: CutAnswer(150), None, True),
    ("meets a portal", portal, 200, False),
    ("meets an error in our words", lambda: trouble(503, "unavailable", retry_after_s=1), 503, False),
]


@pytest.mark.parametrize(("why", "fault", "status", "is_heard"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_request(
    why: str,
    fault: Callable[[], Fault | None],
    status: int | None,
    is_heard: bool,
    network: tuple[Proxy, list[tuple[str, int]]],
) -> None:
    proxy, heard = network
    if (wanted := fault()) is not None:
        proxy.put(wanted)
    answer = post(proxy)
    assert (answer[0] if answer else None) == status
    assert heard == ([("/sync", len(BODY))] if is_heard else [])
    assert [one.path for one in proxy.seen("/sync")] == ["/sync"]


def test_refused_connections_come_back_on_the_same_port(network: tuple[Proxy, list[tuple[str, int]]]) -> None:
    proxy, heard = network
    proxy.offline()
    assert post(proxy) is None
    proxy.online()
    assert post(proxy) == (200, b"1000" * 100)
    assert len(heard) == 1


def test_faults_are_aimed_by_path_and_count(network: tuple[Proxy, list[tuple[str, int]]]) -> None:
    proxy, _ = network
    proxy.put(Reset(), "/sync", skip=1, times=1)
    assert [post(proxy, path) is None for path in ("/sync", "/other", "/sync", "/sync")] == [False, False, True, False]


def test_an_allowance_cuts_the_body_that_goes_beyond_it_and_all_after(
    network: tuple[Proxy, list[tuple[str, int]]],
) -> None:
    proxy, heard = network
    proxy.put(Allowance(2_500), "/uploads/")
    paths = ["/uploads/1", "/sync", "/uploads/1", "/uploads/1", "/uploads/2", "/sync"]
    assert [post(proxy, path) is not None for path in paths] == [True, True, True, False, False, True]
    assert [path for path, _ in heard] == ["/uploads/1", "/sync", "/uploads/1", "/sync"]
    assert [str(one.fault) for one in proxy.seen("/uploads/")] == ["None", "None", str(CutUpstream(500)), str(Reset())]


def test_a_held_answer_arrives_when_it_is_released(network: tuple[Proxy, list[tuple[str, int]]]) -> None:
    proxy, heard = network
    hold = Hold(is_answer_held=True)
    proxy.put(hold)
    answers: list[tuple[int, bytes] | None] = []
    asking = threading.Thread(target=lambda: answers.append(post(proxy)))
    asking.start()
    proxy.wait_for("the request at the server", lambda: len(heard) == 1)
    assert answers == []
    hold.release()
    asking.join(10)
    assert answers == [(200, b"1000" * 100)]
