"""What every phone in a test can be asked, whichever way its browser is driven: what it stores and what it has told."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.browser import tellings
from tests.browser.proxy import Proxy, now_ms

WAIT_MS: Final = 15_000
GREEN: Final = re.compile(r"^All on server")

_READ_STORE: Final = """async ([prefix, store]) => {
    const names = (await indexedDB.databases()).map((one) => one.name).filter((name) => name.startsWith(prefix));
    const found = [];
    for (const name of names) {
        const db = await new Promise((resolve, reject) => {
            const opening = indexedDB.open(name);
            opening.onsuccess = () => resolve(opening.result);
            opening.onerror = () => reject(opening.error);
        });
        const rows = await new Promise((resolve, reject) => {
            const reading = db.transaction(store).objectStore(store).getAll();
            reading.onsuccess = () => resolve(reading.result);
            reading.onerror = () => reject(reading.error);
        });
        db.close();
        found.push(...rows.map((row) => ({ ...row, database: name })));
    }
    return found;
}"""

NAVIGATE: Final = """(path) => {
    history.pushState({ is_ours: true }, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
}"""
"""JavaScript that goes to a screen of the app as a link would, without loading the page anew."""

ONE_FRAME: Final = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"
"""JavaScript that ends when the first effects of the page have run: it hears where it is sent."""


class Witness(ABC):
    """A browser on a profile of its own, behind the network with faults."""

    def __init__(self, profile: Path, proxy: Proxy) -> None:
        self.profile = profile
        self.proxy = proxy
        self.errors: list[str] = []
        self._told: list[str] = []
        self._ends: list[int] = []
        self._people: list[tuple[int, str]] = []

    @property
    @abstractmethod
    def is_running(self) -> bool: ...

    @abstractmethod
    def evaluate(self, function: str, value: Any = None) -> Any:
        """What the JavaScript function answers in the tab in front, awaited."""

    @abstractmethod
    def says(self, text: str | re.Pattern[str], timeout_ms: int = WAIT_MS) -> None:
        """Waits until the strip says so."""

    @abstractmethod
    def describe(self) -> str:
        """The tab in front in words, for the message of a failing test."""

    @abstractmethod
    def feel_the_network(self) -> None:
        """The browser tells its tabs that there is a network, as it does when the phone finds one."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL to the browser: what was not on the disk is gone."""

    @abstractmethod
    def collect(self) -> None:
        """Takes over what the open tabs have recorded."""

    def is_green(self, timeout_ms: int = WAIT_MS) -> None:
        self.says(GREEN, timeout_ms)

    @property
    def ends(self) -> list[int]:
        """The instants at which the browser was closed or killed."""
        return self._ends

    # --- what is stored on it --------------------------------------------------------------------------------------

    def read(self, kind: str, store: str) -> list[dict[str, Any]]:
        """A store of this phone's databases `holdfast-{kind}…`, of every user."""
        found: list[dict[str, Any]] = self.evaluate(_READ_STORE, [f"holdfast-{kind}", store])
        return found

    def outbox(self, user_id: str | None = None) -> list[dict[str, Any]]:
        """Entries without a receipt, by number."""
        entries = [
            entry
            for entry in self.read("work", "entries")
            if entry["state"] != "acked" and (user_id is None or str(entry["database"]).endswith(user_id))
        ]
        return sorted(entries, key=lambda entry: int(entry["n"]))

    def drafts(self) -> str:
        """All that is half typed, as JSON."""
        return json.dumps(self.read("work", "drafts"), ensure_ascii=False)

    def rows(self, entity: str) -> dict[str, dict[str, Any]]:
        """Cached documents of an entity by id, as the server gave them."""
        return {row["id"]: row["doc"] for row in self.read("cache", "rows") if row["entity"] == entity}

    def client_ids(self) -> set[str]:
        return {str(device["client"]) for device in self._devices()}

    def numbered(self) -> int:
        """How many numbers this phone's clients have given out."""
        return sum(int(device["next_n"]) - 1 for device in self._devices())

    def _devices(self) -> list[dict[str, Any]]:
        return [one for one in self.read("work", "meta") if "client" in one]  # other settings stand beside them

    # --- what it has told ------------------------------------------------------------------------------------------

    def told(self) -> list[tellings.Telling]:
        if self.is_running:
            self.collect()
        return tellings.parse(self._told)

    def assert_honest(self, more: Iterable[tellings.Mutation] = ()) -> None:
        """No screen of this phone ever said "all on server" before everything made on it was acknowledged."""
        told = self.told()
        sent = [one for one in tellings.mutations(self.proxy.exchanges) if one.client in self.client_ids()]
        said_too_early = tellings.untrue(told, [*sent, *more], self._ends, self._people)
        assert not said_too_early, said_too_early
        assert not self.errors, self.errors

    def _note_recorded(self, lines: Iterable[str | None]) -> None:
        self._told += [line for line in lines if line is not None]

    def _note_person(self, since: int) -> None:
        """Who has just signed in here is whoever is not locked; what was told from `since` on was told to them."""
        self._people.append((since, next(one["id"] for one in self.read("shell", "users") if not one["is_locked"])))

    def _note_end(self) -> None:
        """The browser has ended: nobody reads its screen any more."""
        self._ends.append(now_ms())
