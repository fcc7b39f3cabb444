"""Every route by every kind of visitor: the status stands in routes.txt, and a route that is not there fails."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from starlette.routing import Route

from server.actions import photo_files
from server.routes import routes
from server.store.punchlist import PunchlistStore
from sync import admin
from tests.server.conftest import PASSWORD, Place, place, prepared, settings_in
from tests.server.photographer import TUS, jpeg, metadata, photographer
from tests.sync.site import ADA, BO, EVE, NOON, PEOPLE, PROJECT, SAM, uid

__all__ = ["place", "prepared"]

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).parent / "routes.txt"
WHO = ("nobody", "revoked", "disabled", "worker", "elsewhere", "admin")
BODY = jpeg(20_000, 3)


def _all_routes() -> list[tuple[str, str]]:
    """Every method and path of the app; HEAD goes with its GET, except where tus has it alone."""
    found = []
    for route in routes(settings_in(Path("nowhere"))):
        assert isinstance(route, Route), "the matrix knows routes alone"
        methods = set(route.methods or ())
        found += [(method, route.path) for method in sorted(methods - ({"HEAD"} if "GET" in methods else set()))]
    return found


def _lines() -> list[str]:
    return [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]


async def _visitors(place: Place) -> dict[str, httpx2.AsyncClient]:
    """One client of each kind, all from another machine."""
    found = {"nobody": place.visitor("203.0.113.9")}
    for name, user_id in {"revoked": BO, "disabled": SAM, "worker": BO, "elsewhere": EVE, "admin": ADA}.items():
        http = found[name] = place.visitor("203.0.113.9")
        answer = await http.post("/session", json={"login": PEOPLE[user_id][0], "password": PASSWORD})
        assert answer.status_code == 200, answer.text
    kept = dict(found["revoked"].cookies)
    assert (await found["revoked"].delete("/session")).status_code == 204
    found["revoked"].cookies.update(kept)
    store: PunchlistStore = place.app.state.syncing._store
    context = admin.OfficeContext(uid(8, 60), None, NOON, PROJECT)
    await admin.administer(store, [admin.disable_actor(SAM)], context)
    return found


async def _answer(http: httpx2.AsyncClient, method: str, path: str, ids: dict[str, str]) -> httpx2.Response:
    address = path.replace("{path:path}", "missing").replace("{name}", "original")
    for name, value in ids.items():
        address = address.replace(f"{{{name}}}", value)
    headers, content = {}, b""
    if path.startswith("/uploads"):
        headers = dict(TUS)
        if method == "POST":
            headers |= {"upload-length": str(len(BODY)), "upload-metadata": metadata(ids["photo_id"])}
        elif method == "PATCH":
            headers |= {"content-type": "application/offset+octet-stream", "upload-offset": "0"}
            content = BODY
    elif method == "POST":
        headers, content = {"content-type": "application/json"}, b"{}"
    return await http.request(method, address, headers=headers, content=content)


def _word(answer: httpx2.Response) -> str:
    if b'"not_built"' in answer.content:
        return "page" if answer.url.path.startswith("/office/") else "file"
    is_told = b'"parts"' in answer.content
    return f"{answer.status_code}+parts" if is_told else str(answer.status_code)


async def _ids(place: Place) -> dict[str, str]:
    """A stored photo, an open upload and a session of Ana's."""
    ana = await photographer(place)
    stored, waiting = await ana.add(BODY), await ana.add(BODY)
    assert (await ana.send(stored, BODY)).status_code == 204
    upload = (await ana.begin(waiting, len(BODY))).rpartition("/")[2]
    sessions = (await ana.http.get("/sessions")).json()["sessions"]
    return {"photo_id": stored, "upload_id": upload, "session_id": sessions[0]["id"], "item_id": ana.item_id}


async def test_each_route_answers_each_visitor_as_the_matrix_says(place: Place) -> None:
    ids, visitors = await _ids(place), await _visitors(place)
    found = [f"{'':30}" + "".join(f"{name:11}" for name in WHO)]
    ends_session = ("DELETE", "/session")
    for method, path in sorted(_all_routes(), key=lambda each: each == ends_session):  # that one last
        cells = [_word(await _answer(visitors[name], method, path, ids)) for name in WHO]
        found.append(f"{method + ' ' + path:30}" + "".join(f"{cell:11}" for cell in cells))
    print("\n".join(found))
    assert [line.rstrip() for line in found] == _lines()


async def test_what_is_somebody_elses_answers_as_what_does_not_exist(place: Place) -> None:
    ids, visitors = await _ids(place), await _visitors(place)
    missing = {name: uid(13, 999_999) for name in ids}
    for method, path in _all_routes():
        if ("_id}" not in path and (method, path) != ("POST", "/uploads")) or path.startswith("/items"):
            continue
        there = await _answer(visitors["elsewhere"], method, path, ids)
        nowhere = await _answer(visitors["elsewhere"], method, path, missing)
        assert there.status_code == nowhere.status_code == 404, (method, path)
        if method != "HEAD":
            assert {**there.json(), "request_id": ""} == {**nowhere.json(), "request_id": ""}, (method, path)


async def test_an_unguarded_photo_would_be_seen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, visitors = await _ids(place), await _visitors(place)
    monkeypatch.setattr(photo_files, "is_visible", lambda *_: True)
    leak = await _answer(visitors["elsewhere"], "GET", "/photos/{photo_id}/{name}", ids)
    assert leak.status_code == 200, "the matrix's 404 rests on this check alone"


def test_the_matrix_names_every_route() -> None:
    named = {tuple(line.split()[:2]) for line in _lines()[1:]}
    assert named == set(_all_routes()), "decide what a new route answers to whom, in routes.txt"
