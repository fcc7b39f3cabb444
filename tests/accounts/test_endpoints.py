"""`/session` and `/sessions` on the whole app, as a browser asks them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.app import create_app
from server.settings import Settings
from tests.accounts.site import PASSWORD

OWN_PAGE = {"sec-fetch-site": "same-origin"}
RIGHT = {"login": "Ana", "password": PASSWORD, "device": "Ana's phone"}


@asynccontextmanager
async def served(folder: Path, **more: Any) -> AsyncIterator[httpx2.ASGITransport]:
    app = create_app(Settings(data_folder=folder, build_folder=folder / "build", **more))
    async with app.router.lifespan_context(app):
        yield httpx2.ASGITransport(app)


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[httpx2.ASGITransport]:
    async with served(folder) as transport:
        yield transport


def browser(site: httpx2.ASGITransport, url: str = "http://localhost") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=site, base_url=url, headers=OWN_PAGE)


async def test_signing_in_says_who_one_is(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        answer = await phone.post("/session", json=RIGHT)
        assert answer.status_code == 200
        assert answer.json()["user"].keys() == {"id", "name", "company_id", "project_id"}
        assert answer.json()["roles"] == ["worker"]
        assert (await phone.get("/session")).json() == answer.json()


async def test_cookies_are_out_of_the_reach_of_scripts_and_other_sites(folder: Path) -> None:
    async with (
        served(folder, public_url="https://site.example") as transport,
        browser(transport, "https://site.example") as phone,
    ):
        given = (await phone.post("/session", json=RIGHT)).headers.get_list("set-cookie")
    assert sorted(cookie.partition("=")[0] for cookie in given) == ["__Host-device", "__Host-session"]
    for cookie in given:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts), "a __Host- cookie has no domain"


WRONG = [
    ({**RIGHT, "password": "something else"}, 401, "sign_in_failed", "a wrong password"),
    ({**RIGHT, "login": "nobody"}, 401, "sign_in_failed", "an unknown name"),
    ({"login": "ana"}, 400, "invalid_request", "no password"),
    ({**RIGHT, "password": 7}, 400, "invalid_request", "a password that is no text"),
    ({**RIGHT, "password": None}, 400, "invalid_request", "a password that is null"),
    ({**RIGHT, "device": ["x"]}, 400, "invalid_request", "a device that is no text"),
    ({**RIGHT, "password": "x" * 2000}, 400, "invalid_request", "a password of 2,000 characters"),
    ([], 400, "invalid_request", "a list"),
    (None, 400, "invalid_request", "null"),
]


@pytest.mark.parametrize(("body", "status", "error", "why"), WRONG)
async def test_a_wrong_sign_in_is_answered_in_the_one_shape(
    site: httpx2.ASGITransport, body: Any, status: int, error: str, why: str
) -> None:
    async with browser(site) as phone:
        content = json.dumps(body)
        answer = await phone.post("/session", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]) == (status, error), why
        assert {"error", "reason", "request_id"} <= answer.json().keys()
        assert "set-cookie" not in answer.headers
        assert (await phone.get("/session")).json()["error"] == "sign_in_required"


async def test_an_unknown_name_and_a_wrong_password_answer_alike(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        answers = [(await phone.post("/session", json=body)).json() for body, *_ in WRONG[:2]]
    assert [{**answer, "request_id": ""} for answer in answers] == [{**answers[0], "request_id": ""}] * 2


HOSTILE = [
    ({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", "a form"),
    ({"content-type": "text/plain"}, 415, "unsupported_media_type", "what a foreign page may send unasked"),
    ({"sec-fetch-site": "cross-site"}, 403, "cross_site", "another site's page"),
    ({"sec-fetch-site": "same-site"}, 403, "cross_site", "another host of the site"),
    ({"host": "evil.example"}, 421, "unknown_host", "a forged host"),
]


@pytest.mark.parametrize(("headers", "status", "error", "why"), HOSTILE)
async def test_a_sign_in_in_somebody_elses_name_is_refused(
    site: httpx2.ASGITransport, headers: dict[str, str], status: int, error: str, why: str
) -> None:
    async with browser(site) as phone:
        answer = await phone.post("/session", json=RIGHT, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, error), why


async def test_many_wrong_passwords_are_told_to_wait(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        for _ in range(5):
            await phone.post("/session", json={**RIGHT, "password": "something else"})
        answer = await phone.post("/session", json={**RIGHT, "password": "something else"})
        if answer.status_code != 429:
            answer = await phone.post("/session", json={**RIGHT, "password": "something else"})
    assert (answer.status_code, answer.json()["error"]) == (429, "slow_down")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_token_brought_along_is_never_taken_over(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        phone.cookies.set("session", "chosen-by-somebody-else", domain="localhost")
        await phone.post("/session", json=RIGHT)
        tokens = {cookie.value for cookie in phone.cookies.jar if cookie.name == "session"}
    async with browser(site) as thief:
        answer = await thief.get("/session", headers={"cookie": "session=chosen-by-somebody-else"})
    assert tokens != {"chosen-by-somebody-else"}
    assert answer.status_code == 401


async def test_a_sign_out_made_offline_can_be_sent_late_and_twice(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        await phone.post("/session", json=RIGHT)
        token = phone.cookies["session"]
        for _ in range(2):
            answer = await phone.delete("/session", headers={"cookie": f"session={token}"})
            assert answer.status_code == 204
        assert (await phone.get("/session", headers={"cookie": f"session={token}"})).status_code == 401
        assert (await phone.delete("/session")).status_code == 204, "also without any session"


async def test_the_next_person_on_a_shared_phone_ends_the_session_before(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone:
        await phone.post("/session", json=RIGHT)
        before = phone.cookies["session"]
        await phone.post("/session", json={**RIGHT, "login": "bo"})
        assert (await phone.get("/session")).json()["user"]["name"] == "Bo"
        assert (await phone.get("/session", headers={"cookie": f"session={before}"})).status_code == 401


async def test_people_see_and_end_their_own_sessions(site: httpx2.ASGITransport) -> None:
    async with browser(site) as phone, browser(site) as tablet, browser(site) as stranger:
        await phone.post("/session", json=RIGHT)
        await tablet.post("/session", json={**RIGHT, "device": "Ana's tablet"})
        await stranger.post("/session", json={**RIGHT, "login": "bo"})
        listed = (await phone.get("/sessions", headers={"accept": "application/json"})).json()["sessions"]
        assert [(row["label"], row["is_this"]) for row in listed] == [("Ana's tablet", False), ("Ana's phone", True)]
        assert listed[0].keys() == {"id", "label", "user_agent", "created_at", "seen_at", "is_this"}
        other = f"/sessions/{listed[0]['id']}"
        assert (await stranger.delete(other)).json()["error"] == "not_found"
        assert (await stranger.delete("/sessions/none")).json()["error"] == "not_found"
        assert (await phone.delete(other)).status_code == 204
        assert (await tablet.get("/session")).status_code == 401
        assert (await phone.get("/session")).status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/sessions"), ("DELETE", "/sessions/x"), ("GET", "/session")])
async def test_nobody_sees_sessions_without_one(site: httpx2.ASGITransport, method: str, path: str) -> None:
    async with browser(site) as phone:
        answer = await phone.request(method, path, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_required")


@pytest.mark.parametrize("name", ["signin.html", "shell.html"])
def test_pages_carry_no_inline_code_and_no_address_elsewhere(name: str) -> None:
    loader = FileSystemLoader(Path(__file__).resolve().parents[2] / "server" / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    page = environment.get_template(name).render(script="/assets/a.js", style="/assets/a.css")
    assert not re.search(r"<script(?![^>]*\bsrc=)", page), "the policy would block it"
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert re.findall(r'(?:src|href|action)="([^"]*)"', page)
    assert all(address.startswith("/") for address in re.findall(r'(?:src|href|action)="([^"]*)"', page))
