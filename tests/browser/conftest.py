"""A site with people, a real server, a network with faults, and phones with real browsers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.browser import browsers, seed
from tests.browser.browsers import Engine
from tests.browser.ledger import ROOT, Ledger
from tests.browser.phone import Phone
from tests.browser.proxy import Proxy
from tests.browser.server_process import ServerProcess
from tests.browser.witness import Witness


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Says what the network saw, the server wrote and the phones show when a test fails."""
    report = yield
    site = getattr(item, "funcargs", {}).get("site")
    if report.failed and isinstance(site, Site):
        report.sections += [("network", "\n".join(site.proxy.account())), ("server", site.server.said())]
        for phone in site.everyone:
            report.sections.append((f"screen of {phone.profile.name}", phone.describe()))
    return report


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the small site, made once through the command line; tests work on copies."""
    data = tmp_path_factory.mktemp("seed") / "data"
    seed.make(data)
    return data


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Per module: its event loop may not outlive the browser tests, where others run loops of their own."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(params=browsers.ENGINES)
def browser_engine(request: pytest.FixtureRequest) -> Engine:
    return browsers.engine_of(request.param)


@pytest.fixture(params=["chromium", pytest.param("firefox", marks=pytest.mark.full)])
def quick_engine(request: pytest.FixtureRequest) -> Engine:
    """Firefox starts slowly: where it hardly can differ it takes its turn with --full."""
    return browsers.engine_of(request.param)


@pytest.fixture
def chromium() -> Engine:
    return browsers.engine_of("chromium")


@dataclass
class Site:
    """A server with its data, and the network before it."""

    server: ServerProcess
    proxy: Proxy
    ledger: Ledger
    phones: list[Phone] = field(default_factory=list)
    others: list[Witness] = field(default_factory=list)
    """Phones that Playwright does not drive."""
    new_phone: Callable[[Engine], Phone] = field(init=False)

    @property
    def everyone(self) -> list[Witness]:
        return [*self.phones, *self.others]

    def phone(self, engine: Engine) -> Phone:
        """A phone that has never seen the app."""
        return self.new_phone(engine)

    def phone_of(self, name: str, engine: Engine) -> Phone:
        """A phone on which this person has signed in and everything is downloaded."""
        phone = self.phone(engine)
        phone.open()
        phone.sign_in(name)
        return phone

    def come_online(self) -> None:
        """The network is back, without faults, and every open tab is told so."""
        self.proxy.online()
        for phone in self.everyone:
            phone.feel_the_network()

    def assert_settled(self) -> None:
        """Rows, audit chain and screens agree: nothing waits, nothing is doubled, nobody was told too early."""
        for phone in self.everyone:
            phone.is_green()
            assert phone.outbox() == []
            self._assert_same_rows(phone)
            phone.assert_honest()
        self.ledger.assert_sound()
        assert "Traceback" not in self.server.said()

    def _assert_same_rows(self, phone: Witness) -> None:
        for entity in ("punch_items", "comments", "item_events", "conflicts"):
            written = {doc["id"]: doc for doc in self.ledger.docs(entity)}
            for row_id, doc in phone.rows(entity).items():
                assert written.get(row_id) == doc, f"{entity} {row_id} differs on the phone"


@pytest.fixture
def site(seeded: Path, tmp_path: Path, playwright: Playwright) -> Iterator[Site]:
    data = tmp_path / "data"
    shutil.copytree(seeded, data)
    server = ServerProcess(data, ROOT / "build")
    server.start()
    proxy = Proxy(server.port)
    site = Site(server, proxy, Ledger(data))
    profiles = tmp_path / "profiles"

    def new_phone(engine: Engine) -> Phone:
        phone = Phone(playwright, engine, profiles / f"phone-{len(site.phones)}", proxy)
        site.phones.append(phone)
        return phone

    site.new_phone = new_phone
    try:
        yield site
    finally:
        for phone in site.everyone:
            phone.kill()
        proxy.close()
        server.stop()
