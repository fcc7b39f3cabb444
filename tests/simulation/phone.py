"""Phones: a durable store per user, tabs that share it, and the runner around the shipped reducer and overlay.

A write is one transaction: it happens whole or not at all, and the checkers look at the store after each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from sync.changes import Document
from sync.device import Device, Entry, fresh_device, step
from sync.overlay import Shown, overlay

Rows = dict[tuple[str, str], Document]
OWN = ("requests", "flight", "batch", "failures", "retry_at")


class Died(Exception):
    """The browser was killed; the tab is no more."""


class StorageFull(Exception):
    """The write did not happen."""


@dataclass
class Disk:
    """What survives a crash: the reducer's durable state, rows by scope, and what waits for a person."""

    state: dict[str, Any]
    scopes: dict[str, Rows] = field(default_factory=dict)
    quarantined: dict[str, Entry] = field(default_factory=dict)

    def copy(self) -> Disk:
        """A phone restored from another's backup."""
        return Disk(dict(self.state), {name: dict(rows) for name, rows in self.scopes.items()}, dict(self.quarantined))

    def find(self, entity: str, row_id: str) -> Document | None:
        """The newest word about a row from any scope that gave it."""
        found = [rows[(entity, row_id)] for rows in self.scopes.values() if (entity, row_id) in rows]
        return max(found, key=lambda doc: int(doc["version"])) if found else None

    def rows(self) -> Rows:
        """All rows, each in its newest version."""
        newest: Rows = {}
        for rows in self.scopes.values():
            for key, doc in rows.items():
                if key not in newest or newest[key]["version"] < doc["version"]:
                    newest[key] = doc
        return newest

    def entries(self) -> list[Entry]:
        entries: list[Entry] = self.state["entries"]
        return entries


@dataclass
class Tab:
    """A page or the service worker: its own part of the state, in memory."""

    own: dict[str, Any]
    name: int


Write = Callable[["Client"], None]


class Client:
    """One user on one phone. The hooks are the environment: `before_write` may raise, `after_write` checks."""

    def __init__(self, client: str, user: str, tabs: int, send: Callable[[Client, Tab, int, dict[str, Any]], None]):
        fresh: dict[str, Any] = dict(fresh_device(client, user))
        self.user = user
        self.disk = Disk({name: value for name, value in fresh.items() if name not in OWN})
        self._fresh = {name: fresh[name] for name in OWN}
        self._send = send
        self._tabs_opened = 0
        self.tabs: list[Tab] = []
        for _ in range(tabs):
            self.open_tab()
        self.before_write: Write = lambda _client: None
        self.after_write: Callable[[Client, dict[str, Any], dict[str, Any], Disk], None] = lambda *_: None
        self.after_commit: Write = lambda _client: None

    def open_tab(self) -> Tab:
        """A new process: what it knows is what is on disk."""
        self._tabs_opened += 1
        tab = Tab(dict(self._fresh), self._tabs_opened)
        self.tabs.append(tab)
        self.give(tab, {"type": "restart"})
        return tab

    def kill_tab(self, tab: Tab) -> None:
        if tab in self.tabs:
            self.tabs.remove(tab)
            self.open_tab()

    def kill(self) -> None:
        """Every process of the phone dies; others start."""
        count = len(self.tabs)
        self.tabs = []
        for _ in range(count):
            self.open_tab()

    def state(self, tab: Tab) -> Device:
        return cast("Device", {**self.disk.state, **tab.own})

    def give(self, tab: Tab, given: dict[str, Any]) -> list[dict[str, Any]]:
        """One step: reducer, one transaction, then the network. Raises `Died` and `StorageFull`."""
        after, actions = step(self.state(tab), given)
        durable: dict[str, Any] = {name: value for name, value in after.items() if name not in OWN}
        if durable != self.disk.state or any(action["type"] in ("apply", "quarantine") for action in actions):
            self._commit(durable, actions, given)
        tab.own = {name: value for name, value in after.items() if name in OWN}
        for action in actions:
            if action["type"] == "send":
                self._send(self, tab, action["request"], action["body"])
        return actions

    def _commit(self, durable: dict[str, Any], actions: list[dict[str, Any]], given: dict[str, Any]) -> None:
        self.before_write(self)
        before = Disk(self.disk.state, self.disk.scopes, self.disk.quarantined)
        disk = Disk(durable, self.disk.scopes, self.disk.quarantined)
        for action in actions:
            if action["type"] == "quarantine":
                disk.quarantined = {**disk.quarantined, action["entry"]["id"]: action["entry"]}
            elif action["type"] == "apply":
                disk.scopes = applied(disk.scopes, given["body"])
        self.disk = disk
        self.after_write(self, given, {action["type"]: action for action in actions}, before)
        self.after_commit(self)

    def shown(self) -> Shown:
        """What the screens show instead of rows (11)."""
        refusals = [doc for (entity, _), doc in self.disk.rows().items() if entity == "refusals"]
        return overlay(self.disk.find, self.disk.entries(), refusals, self.user)  # type: ignore[arg-type]


def applied(scopes: dict[str, Rows], body: dict[str, Any]) -> dict[str, Rows]:
    """The rows after an answer; the ones before stay as they are."""
    after = {} if body["reset"] else dict(scopes)
    for scope in body["drop"]:
        after.pop(scope, None)
    for page in body["scopes"]:
        rows = dict(after.get(page["scope"], {}))
        for row in page["rows"]:
            rows[(row["entity"], row["doc"]["id"])] = row["doc"]
        for gone in page["gone"]:
            rows.pop((gone["entity"], gone["id"]), None)
        after[page["scope"]] = rows
    return after


def to_bytes(body: dict[str, Any], limit: int) -> bytes:
    """The request as the runner sends it."""
    device = {**body["device"], "app_version": "simulated"}
    whole = {**body, "device": device, "limit": limit}
    try:
        return orjson.dumps(whole)
    except TypeError:  # half a surrogate pair, which only a poison entry has
        return json.dumps(whole).encode()


@dataclass
class Phone:
    """A piece of hardware: its clock, its line, whose session its cookie is, and one client per user."""

    clients: list[Client]
    active: int = 0
    offset: int = 0
    session: str | None = None
    is_up: bool = True
    is_down: bool = True
    """Whether requests get out, and answers get in."""

    def client(self) -> Client:
        return self.clients[self.active]
