"""What every answer has, what each address answers, and how the server says how it is."""

from __future__ import annotations

import asyncio
import gzip
import sqlite3
import stat
import time
from typing import Any

import httpx2
import orjson
import pytest

from server.errors import KINDS
from server.middleware.answers import CSP
from server.middleware.intake import Intake
from server.middleware.tus import Tus
from server.routes import SCREENS, routes
from server.settings import Settings
from sync import planners, release
from sync.acts import Result
from tests.server.conftest import Place
from tests.sync.site import ADA, ANA

pytestmark = pytest.mark.anyio

PAGE = {"accept": "text/html,application/xhtml+xml"}


def build(place: Place, version: str = "1", script: str = "alert('hello')") -> None:
    """A built client as scripts/build leaves it."""
    folder = place.settings.build_folder
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "icons").mkdir(exist_ok=True)
    (folder / "assets" / f"main-{version}.js").write_text(script)
    (folder / "assets" / f"main-{version}.js.gz").write_bytes(gzip.compress(script.encode()))
    (folder / "assets" / "app-A.css").write_text("body { color: red }\n" * 200)
    (folder / "icons" / "icon.svg").write_text("<svg/>")
    (folder / "sw.js").write_text("// worker")
    (folder / "manifest.webmanifest").write_text("{}")
    files = {"main.js": f"assets/main-{version}.js", "app.css": "assets/app-A.css", "sw.js": "sw.js"}
    (folder / "manifest.json").write_bytes(orjson.dumps({"version": version, "files": files, "precache": []}))


ANSWERS: list[tuple[str, str, int, str]] = [
    ("GET", "/nothing", 404, "not_found"),
    ("GET", "/assets/../../../etc/passwd", 404, "not_found"),
    ("GET", "/assets/%2e%2e/manifest.json", 404, "not_found"),
    ("GET", "/assets/..%2fmanifest.json", 404, "not_found"),
    ("GET", "/manifest.json", 404, "not_found"),
    ("GET", "/sync", 405, "method_not_allowed"),
    ("PUT", "/", 405, "method_not_allowed"),
    ("TRACE", "/healthz", 405, "method_not_allowed"),
    ("GET", "/session", 401, "sign_in_required"),
    ("GET", "/sessions", 401, "sign_in_required"),
    ("POST", "/sync", 415, "unsupported_media_type"),
]


@pytest.mark.parametrize(("method", "path", "status", "error"), ANSWERS)
async def test_what_is_not_there_is_refused_in_the_one_shape(
    place: Place, method: str, path: str, status: int, error: str
) -> None:
    build(place)
    answer = await place.visitor().request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) <= {"error", "reason", "request_id", "hint"}
    assert answer.headers["request-id"] == answer.json()["request_id"]


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types holdfast"
)


@pytest.mark.parametrize("path", ["/", "/signin", "/healthz", "/nothing", "/sw.js", "/assets/main-1.js", "/sync"])
async def test_every_answer_has_the_security_headers(place: Place, path: str) -> None:
    build(place)
    headers = (await place.visitor().get(path)).headers
    assert headers["content-security-policy"] == POLICY == CSP
    assert headers["holdfast"] == "1"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert len(headers["request-id"]) == 36
    assert "server" not in headers
    assert "strict-transport-security" not in headers, "on http it would lock people out"


async def test_a_mistake_of_ours_is_500_in_the_one_shape_and_tells_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.app.state.health = None
    answer = await place.visitor().get("/healthz")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert answer.headers["holdfast"] == "1"
    assert "NoneType" not in answer.text
    assert answer.json()["request_id"] in caplog.text
    assert "NoneType" in caplog.text


async def test_a_database_that_cannot_work_is_503_with_retry_after(place: Place) -> None:
    phone = await place.phone(ANA)
    await place.app.state.syncing._store._writer.close()
    answer = await phone.post(phone.pen.request(phone.pen.creation()))
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_every_route_that_changes_something_is_guarded() -> None:
    """CSRF, media type, length and time are checked before any endpoint of an unsafe method."""
    for route in routes(Settings()):
        unsafe = (route.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        guard: Any = route.app
        while isinstance(guard, Tus):  # It speaks to the headers of uploads alone, and lets nothing through by itself.
            guard = guard._app
        assert not unsafe or isinstance(guard, Intake), route.path


def test_every_error_has_a_reason_for_people_and_a_client_status() -> None:
    for error, kind in KINDS.items():
        assert kind.reason.endswith("."), error
        assert 400 <= kind.status < 500 or kind.status in (500, 503), error
        assert kind.status != 503 or kind.retry_after_s, error


@pytest.mark.parametrize("path", [*(screen.replace("{item_id}", "some-id") for screen in SCREENS), "/sessions"])
async def test_every_screen_is_the_same_shell_for_everybody(place: Place, path: str) -> None:
    build(place)
    phone = await place.phone(ANA)
    mine, anybodys = await phone.http.get(path, headers=PAGE), await place.visitor().get(path, headers=PAGE)
    assert mine.status_code == 200
    assert mine.content == anybodys.content
    assert '<script type="module" src="/assets/main-1.js"></script>' in mine.text
    assert '<link rel="stylesheet" href="/assets/app-A.css">' in mine.text
    assert mine.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/signin"])
async def test_no_page_has_inline_code_or_style(place: Place, path: str) -> None:
    build(place)
    text = (await place.visitor().get(path)).text
    assert "<style" not in text
    assert " style=" not in text
    assert " on" not in text.replace(" only", "").replace(" one", "")
    assert text.count("<script") == text.count('<script type="module" src="/assets/')


async def test_a_new_build_is_given_without_a_restart(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.client_build.LOOK_S", -1.0)
    visitor = place.visitor()
    missing = await visitor.get("/", headers=PAGE)
    assert missing.status_code == 503
    assert "scripts/build" in missing.text
    assert missing.headers["content-type"].startswith("text/html")
    assert (await visitor.get("/sw.js")).json()["error"] == "not_built"
    build(place)
    first = await visitor.get("/")
    build(place, version="2")
    second = await visitor.get("/", headers={"if-none-match": first.headers["etag"]})
    assert (first.status_code, second.status_code) == (200, 200)
    assert "main-2.js" in second.text
    third = await visitor.get("/", headers={"if-none-match": second.headers["etag"]})
    assert (third.status_code, third.content) == (304, b"")


async def test_assets_are_kept_for_ever_and_the_worker_is_asked_for_again(place: Place) -> None:
    build(place, script="let long = 'x';\n" * 500)
    visitor = place.visitor()
    script = await visitor.get("/assets/main-1.js", headers={"accept-encoding": "gzip"})
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-encoding"] == "gzip"
    assert script.headers["content-type"].startswith("text/javascript")
    plain = await visitor.get("/assets/main-1.js", headers={"accept-encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == script.text
    assert (await visitor.get("/assets/main-1.js.gz")).status_code == 404
    worker = await visitor.get("/sw.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert worker.headers["service-worker-allowed"] == "/"
    manifest = await visitor.get("/manifest.webmanifest")
    assert manifest.headers["content-type"] == "application/manifest+json"


async def test_a_long_answer_is_compressed_and_a_short_one_is_not(place: Place) -> None:
    phone = await place.phone(ANA)
    long = await phone.post(phone.pen.request(*(phone.pen.creation() for _ in range(20))), accept_encoding="gzip")
    assert long.headers["content-encoding"] == "gzip"
    assert long.headers["vary"] == "accept-encoding"
    short = await phone.post(phone.pen.request(cookie=long.json()["cookie"]), accept_encoding="gzip")
    assert "content-encoding" not in short.headers


async def health(visitor: httpx2.AsyncClient) -> dict[str, Any]:
    document: dict[str, Any] = (await visitor.get("/healthz")).json()
    return document


async def test_health_shows_every_part_to_this_machine_and_to_an_admin_alone(place: Place) -> None:
    here = await health(place.visitor())
    assert here["state"] == "ok"
    assert set(here["parts"]) == {"punchlist", "core", "relay", "jobs", "objects"}
    for part in here["parts"].values():
        assert set(part) == {"state", "latency_ms", "since", "hint", "facts"}
    assert here["parts"]["punchlist"]["facts"]["migrations"]["is_pending"] is False
    assert await health(place.visitor("203.0.113.9")) == {"state": "ok"}
    assert await health(place.visitor(x_forwarded_for="127.0.0.1")) == {"state": "ok"}
    ana, ada = await place.phone(ANA), await place.phone(ADA)
    for phone in (ana, ada):
        phone.http.headers["x-forwarded-for"] = "203.0.113.9"
    assert await health(ana.http) == {"state": "ok"}
    assert "parts" in await health(ada.http)


async def test_health_says_since_when(place: Place) -> None:
    first, second = await health(place.visitor()), await health(place.visitor())
    assert first["parts"]["core"]["since"] == second["parts"]["core"]["since"] > 0


async def test_a_database_that_hangs_is_down_within_a_second(place: Place) -> None:
    store = place.app.state.syncing._store
    hangs = [asyncio.ensure_future(store.read_alone(lambda _: time.sleep(2.2))) for _ in range(place.settings.readers)]
    await asyncio.sleep(0.05)
    began = time.monotonic()
    answer = await place.visitor().get("/healthz")
    assert time.monotonic() - began < 1.0
    assert answer.status_code == 503
    assert answer.json()["state"] == "down"
    assert answer.json()["parts"]["core"]["state"] == "ok"
    assert (await place.visitor().get("/readyz")).status_code == 503
    assert (await place.visitor().get("/livez")).status_code == 200
    await asyncio.gather(*hangs)
    assert (await health(place.visitor()))["state"] == "ok"


async def test_health_tells_of_writes_that_do_not_get_through(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk can be read: reading alone would call it well while every push is turned away."""
    phone = await place.phone(ANA)

    def full(_plain: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("server.store.writer._commit", full)
        answer = await phone.post(phone.pen.request(phone.pen.creation(n=1)))
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        found = await health(place.visitor())
        assert (found["state"], found["parts"]["punchlist"]["state"]) == ("degraded", "degraded")
        assert "disk is full" in found["parts"]["punchlist"]["hint"]
    await phone.sync(phone.pen.creation(n=1))
    assert (await health(place.visitor()))["parts"]["punchlist"]["state"] == "ok"


async def test_a_database_whose_file_was_taken_away_is_down(place: Place) -> None:
    """The open file can still be read and written, and everything in it is lost at the next start."""
    path, aside = place.settings.punchlist_path, place.settings.data_folder / "aside.db"
    path.rename(aside)
    found = await health(place.visitor())
    assert (found["state"], found["parts"]["core"]["state"]) == ("down", "ok")
    path.write_bytes(b"another")
    assert (await health(place.visitor()))["state"] == "down"
    aside.rename(path)
    assert (await health(place.visitor()))["state"] == "ok"


async def test_a_newer_server_takes_up_at_its_start_what_it_knows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 22."""
    phone = await place.phone(ANA)
    await phone.sync(phone.pen.mutation("site.greet", {}))
    await place.stop()
    known = {**planners.PLANNERS, "site.greet": lambda _act: Result()}
    monkeypatch.setattr(planners, "PLANNERS", known)
    monkeypatch.setattr(release, "PLANNERS", known)
    monkeypatch.setattr(planners, "are_valid", lambda _name, _args: True)
    await place.start()
    phone = await place.phone(ANA)
    assert [doc["state"] for entity, doc in await phone.sync_all() if entity == "refusals"] == ["applied"]


@pytest.mark.parametrize(
    ("revision", "state", "status"),
    [("from_the_future", "degraded", 200), (None, "down", 503)],
    ids=["ahead", "pending"],
)
async def test_migrations_ahead_degrade_and_pending_ones_are_down(
    place: Place, revision: str | None, state: str, status: int
) -> None:
    store = place.app.state.syncing._store
    sql = "UPDATE alembic_version SET version_num = ?" if revision else "DELETE FROM alembic_version WHERE ? IS NULL"
    await store.write_alone(lambda plain: plain.execute(sql, (revision,)) and None)
    answer = await place.visitor().get("/healthz")
    assert (answer.status_code, answer.json()["state"]) == (status, state)
    assert answer.json()["parts"]["punchlist"]["hint"]


async def test_probes_answer_under_any_name(place: Place) -> None:
    visitor = place.visitor(host="10.0.0.7:8000")
    assert (await visitor.get("/livez")).json() == {"state": "ok"}
    assert (await visitor.get("/readyz")).json() == {"state": "ok"}
    assert (await visitor.get("/healthz")).status_code == 421


async def test_everything_is_there_after_a_restart(place: Place) -> None:
    phone = await place.phone(ANA)
    creations = [phone.pen.creation() for _ in range(3)]
    cookie = (await phone.sync(*creations))["cookie"]
    before = place.stored()
    await place.restart()
    assert place.stored() == before
    again = await place.phone(ANA)
    answer = (await again.post(phone.pen.request(*creations, cookie=cookie))).json()
    assert [receipt["outcome"] for receipt in answer["receipts"]] == ["applied"] * 3
    assert answer["reset"] is False
    assert answer["scopes"] == []


async def test_what_a_phone_says_about_itself_is_kept(place: Place) -> None:
    phone = await place.phone(ANA)
    device = {"app_version": "0.1.0", "pending": 7, "oldest_unsent_at": 5}
    await phone.sync(phone.pen.creation(), device=device)
    await place.app.state.syncing.finish()
    sql = "SELECT app_version, pending, oldest_unsent_at, seen_at > 5 FROM clients"
    rows = await place.app.state.syncing._store.read_alone(lambda plain: plain.execute(sql).fetchall())
    assert rows == [("0.1.0", 6, 5, 1)], "what came with the report waits no more"


async def test_the_relay_is_rung_by_a_push_and_empties_the_outbox(place: Place) -> None:
    phone = await place.phone(ANA)
    await phone.sync(phone.pen.creation())
    for _ in range(100):
        facts = (await health(place.visitor()))["parts"]["relay"]["facts"]
        if facts["undelivered"] == facts["unsealed"] == 0:
            break
        await asyncio.sleep(0.02)
    assert (facts["undelivered"], facts["unsealed"]) == (0, 0)


async def test_the_key_and_the_databases_are_their_owners_alone(place: Place) -> None:
    settings = place.settings
    paths = (settings.secret_path, settings.punchlist_path, settings.core_path)
    modes = await asyncio.to_thread(lambda: [stat.S_IMODE(path.stat().st_mode) for path in paths])
    assert modes == [0o600] * 3
