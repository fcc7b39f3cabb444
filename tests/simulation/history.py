"""One seed, one history: people, phones, a bad network, an office, a server that dies; then calm and the reckoning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from tests.simulation import faults as drawing
from tests.simulation.chance import Chance
from tests.simulation.ledger import Ledger, Saved
from tests.simulation.oracles import Oracles
from tests.simulation.people import Person
from tests.simulation.phone import Client, Died, Disk, Phone, StorageFull, Tab, to_bytes
from tests.simulation.server import Reply, Server, value_of
from tests.simulation.site import START, Site
from tests.simulation.violations import Violation, hold

HTML = "<html>Welcome to the hotel"
CALM_ROUNDS = 40
ANSWERS_A_ROUND = 3_000


@dataclass
class Letter:
    """Something on the line: a request on its way to the server, or its answer on the way back."""

    phone: Phone
    client: Client
    tab: Tab
    request: int
    body: bytes = b""
    reply: Reply | None = None


class History:
    """Everything that happens under one seed. `run` raises `Violation`."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(seed)
        self.seed = seed
        self.faults = drawing.draw(self.chance)
        self.ledger = Ledger()
        self.oracles = Oracles(self.ledger)
        self.server = Server(self.chance.id(), self.oracles.commit)
        self.oracles.store = self.server.store
        self.now = START
        self.site = Site(self.chance)
        value_of(self._first())
        self.person = Person(self.chance, self.site, self.faults)
        self.letters: list[Letter] = []
        self.phones: list[Phone] = []
        self.limit = self.chance.one_of((2, 8, 30, 200))
        self.is_calm = False
        self.trace: Callable[[str], None] | None = None
        for _ in range(self.chance.one_of((1, 2, 2, 3, 4, 8))):
            self._new_phone(self.chance.one_of(self.site.users))
        self._deeds = self._weights()

    def _first(self) -> Any:
        from sync.admin import administer

        return administer(self.server.store, self.site.first_changes(), self.site.context(self.now))

    # --- the stormy part ----------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Returns the number of steps taken."""
        try:
            for _ in range(150 + self.chance.below(500)):
                self.step()
            self._calm()
        except Violation as violation:
            violation.add_note(f"scripts/simulate {self.seed}")
            raise
        finally:
            self.server.crash()
        return self.ledger.steps

    def step(self) -> None:
        """One thing happens."""
        self.ledger.steps += 1
        self.now += self.chance.one_of((0, 1, 50, 400, 3_000))
        deed = self.chance.one_of(self._deeds)
        if self.trace is not None:
            tasks, letters = len(self.server.tasks), len(self.letters)
            self.trace(
                f"{self.ledger.steps:4} {deed.__name__.strip('_')}: {tasks} at the server, {letters} on the line"
            )
        deed()

    def _weights(self) -> list[Callable[[], None]]:
        deeds = (
            [self._act] * 12
            + [self._serve] * 26
            + [self._arrive] * 16
            + [self._wake] * 8
            + [self._person_looks] * 2
            + [self._bytes_arrive] * 3
        )
        rare = {
            self._timeout: self.faults.timeout,
            self._server_dies: self.faults.server_dies,
            self._office: self.faults.office,
            self._clock_jumps: self.faults.clock_jump,
            self._signs_out: self.faults.sign_out,
            self._copies_phone: self.faults.copy_phone,
            self._switches_user: self.faults.switch_user,
            self._line_flips: self.faults.link_flips,
            self._long_wait: self.faults.long_wait,
        }
        deeds = deeds * 10
        for deed, permille in rare.items():
            deeds += [deed] * (permille * len(deeds) // 1_000)
        return deeds

    def _new_phone(self, user: str) -> Phone:
        phone = Phone([], session=user)
        phone.clients.append(self._new_client(phone, user))
        self.phones.append(phone)
        return phone

    def _new_client(self, phone: Phone, user: str) -> Client:
        client = Client(self.chance.id(), user, self.chance.one_of((1, 1, 2, 3)), self._sender(phone))
        self._hook(client)
        for tab in client.tabs:
            if self.chance.hits(self.faults.small_batch):
                tab.own["batch"] = 1
        return client

    def _hook(self, client: Client) -> None:
        client.before_write = self._before_write
        client.after_write = self.oracles.device_wrote
        client.after_commit = self._after_commit

    def _sender(self, phone: Phone) -> Callable[[Client, Tab, int, dict[str, Any]], None]:
        def send(client: Client, tab: Tab, request: int, body: dict[str, Any]) -> None:
            letter = Letter(phone, client, tab, request, to_bytes(body, 5_000 if self.is_calm else self.limit))
            if self.is_calm or (phone.is_up and not self._hit("request_lost")):
                self.letters.append(letter)
                if self._hit("request_doubled"):
                    self.letters.append(letter)

        return send

    def _hit(self, fault: str) -> bool:
        is_hit = not self.is_calm and self.chance.hits(getattr(self.faults, fault))
        if is_hit:
            self.ledger.seen[fault] += 1
        return is_hit

    def _before_write(self, client: Client) -> None:
        if self._hit("device_dies"):
            raise Died
        if self._hit("storage_full"):
            raise StorageFull

    def _after_commit(self, client: Client) -> None:
        if self._hit("device_dies"):
            raise Died

    def _give(self, client: Client, tab: Tab, given: dict[str, Any]) -> bool:
        """One input to one tab; False when its process died or could not store it."""
        before_disk = client.disk
        try:
            client.give(tab, given)
        except StorageFull:
            self.ledger.seen["storage_full"] += 1
            hold(23, client.disk is before_disk, f"{client.user}: half of a write was stored")
            if given["type"] == "answer":
                self._fail(client, tab, given["request"], "storage", given["now"])
            return False
        except Died:
            self.ledger.seen["device_died"] += 1
            self._kill(client, tab)
            return False
        return True

    def _kill(self, client: Client, tab: Tab) -> None:
        before, client.before_write, client.after_commit = client.before_write, _nothing, _nothing
        if self.chance.below(2):
            client.kill_tab(tab)
        else:
            client.kill()
        client.before_write, client.after_commit = before, self._after_commit

    # --- deeds --------------------------------------------------------------------------------------------------------

    def _someone(self) -> tuple[Phone, Client, Tab]:
        phone = self.chance.one_of(self.phones)
        client = phone.client()
        return phone, client, self.chance.one_of(client.tabs)

    def _act(self) -> None:
        phone, client, tab = self._someone()
        if len(client.disk.entries()) > 40:
            return
        made_at = self.now + phone.offset
        entries = [entry for entry in client.disk.entries() if entry["name"] != "noop"]
        if entries and self.chance.below(12) == 0:
            self._discard(client, tab, self.chance.one_of(entries)["id"], made_at)
            return
        work = self.person.work(client)
        if work is None:
            return
        name, args, base = work
        is_poison = self.chance.hits(self.faults.poison)
        if is_poison:
            args = {**args, "poison": self.chance.one_of(("\ud800", 2**53, "\x00"))}
        given: dict[str, Any] = {
            "type": "mutate",
            "id": self.chance.id(),
            "name": name,
            "args": args,
            "base": base,
            "made_at": made_at,
        }
        client_entries = len(client.disk.entries())
        self._give(client, tab, given)
        if len(client.disk.entries()) > client_entries:  # it is on disk: from here on it may not vanish
            saved = Saved(given["id"], client.user, name, args, base, made_at, is_poison)
            self.ledger.saved[saved.id] = saved
            self._check_shown(client, saved)
        if self.chance.hits(self.faults.eager) and tab in client.tabs:
            self._give(client, tab, {"type": "wake", "now": made_at, "is_forced": False})

    def _check_shown(self, client: Client, saved: Saved) -> None:
        """What was just done is on the screen (11)."""
        if saved.name == "item.create" and not saved.is_poison:
            item = client.shown().get("punch_items", {}).get(saved.args["id"]) or {}
            hold(11, item.get("title") == saved.args["title"], f"{saved.id} is not shown")
        if saved.name == "comment.add" and not saved.is_poison:
            hold(11, saved.args["id"] in client.shown().get("comments", {}), f"{saved.id} is not shown")
        if saved.name == "photo.add" and not saved.is_poison:
            hold(11, saved.args["id"] in client.shown().get("photos", {}), f"{saved.id} is not shown")

    def _discard(self, client: Client, tab: Tab, entry_id: str, made_at: int) -> None:
        saved = self.ledger.saved[entry_id]
        if self.chance.below(3) == 0 and saved.name == "comment.add":
            args = {**saved.args, "text": "amended"}
            self._give(client, tab, {"type": "amend", "id": entry_id, "args": args, "made_at": made_at})
            entry = next((entry for entry in client.disk.entries() if entry["id"] == entry_id), None)
            if entry is not None and entry["args"] == args:
                saved.args = args
                saved.versions.append(args)
            return
        self._give(client, tab, {"type": "discard", "id": entry_id, "noop_id": self.chance.id(), "made_at": made_at})
        if all(entry["id"] != entry_id for entry in client.disk.entries()):
            saved.is_discarded = True

    def _wake(self) -> None:
        phone, client, tab = self._someone()
        now = self.now + phone.offset
        self._give(client, tab, {"type": "wake", "now": now, "is_forced": self.chance.below(6) == 0})

    def _person_looks(self) -> None:
        phone, client, tab = self._someone()
        if phone.session is None and self.chance.below(2):
            phone.session = client.user
            self._give(client, tab, {"type": "signed_in", "now": self.now + phone.offset})

    def _serve(self) -> None:
        if self.server.tasks:
            place = self.chance.below(len(self.server.tasks))
            for _ in range(1 + self.chance.below(6)):
                if place < len(self.server.tasks):
                    self.server.step(place)

    def _arrive(self) -> None:
        if self.letters:
            self._deliver(self.letters.pop(self.chance.below(len(self.letters))))

    def _deliver(self, letter: Letter) -> None:
        if letter.reply is None:
            self._reach_server(letter)
        else:
            self._reach_phone(letter, letter.reply)

    def _reach_server(self, letter: Letter) -> None:
        if letter.phone.session is None:
            return self._post(letter, Reply(401, "", "sign_in_required"))
        if self._hit("unavailable"):
            return self._post(letter, Reply(503, "", "unavailable"))
        self.server.take(letter.body, letter.phone.session, self.now, lambda reply: self._answer(letter, reply))
        return None

    def _answer(self, letter: Letter, reply: Reply) -> None:
        self.oracles.reply(reply)
        if self._hit("proxy_error"):
            reply = Reply(502, "", None)
        elif self._hit("captive_portal"):
            reply = Reply(200, HTML)
        elif self._hit("answer_cut") and reply.text:
            reply = Reply(reply.status, reply.text[: self.chance.below(len(reply.text))])
        self._post(letter, reply)

    def _post(self, letter: Letter, reply: Reply) -> None:
        if not self.is_calm and (not letter.phone.is_down or self._hit("answer_lost")):
            return
        back = Letter(letter.phone, letter.client, letter.tab, letter.request, reply=reply)
        self.letters.append(back)
        if self._hit("answer_doubled"):
            self.letters.append(back)

    def _reach_phone(self, letter: Letter, reply: Reply) -> None:
        self.ledger.seen[reply.error or str(reply.status)] += 1
        client, tab = letter.client, letter.tab
        if tab not in client.tabs:
            return
        now = self.now + letter.phone.offset
        if reply.status == 200:
            try:
                body = orjson.loads(reply.text)
            except ValueError:
                self._fail(client, tab, letter.request, "not_ours", now)
                return
            self._give(client, tab, {"type": "answer", "request": letter.request, "now": now, "body": body})
        elif reply.error is None:
            self._fail(client, tab, letter.request, "not_ours", now)
        else:
            self._fail(client, tab, letter.request, "refused", now, reply)

    def _fail(self, client: Client, tab: Tab, request: int, kind: str, now: int, reply: Reply | None = None) -> None:
        given = {
            "type": "failure",
            "request": request,
            "now": now,
            "kind": kind,
            "status": None if reply is None else reply.status,
            "error": None if reply is None else reply.error,
            "retry_after_ms": 0,
            "next_n": None if reply is None else reply.next_n,
            "jitter": self.chance.below(1_000),
            "fresh_id": self.chance.id(),
        }
        self._give(client, tab, given)

    def _timeout(self) -> None:
        phone, client, tab = self._someone()
        flight = tab.own["flight"]
        if flight is not None:
            self._fail(client, tab, flight["request"], "stalled", self.now + phone.offset)

    def _server_dies(self) -> None:
        self.ledger.seen["server_died"] += bool(self.server.tasks)
        self.server.crash()
        self.oracles.server_died()

    def _office(self) -> None:
        granted = [key for entity, key in self.server.store.state.rows if entity == "memberships"]
        self.server.administer(self.site.change(self.now, granted), self.site.context(self.now))

    def _bytes_arrive(self) -> None:
        """Something becomes of a photo's bytes: they are stored, or others are, or a picture was made of them."""
        photos = [row.doc for (entity, _), row in self.server.store.state.rows.items() if entity == "photos"]
        if not photos:
            return
        photo = self.chance.one_of(photos)
        match self.chance.below(6):
            case 0:
                self._keep_bytes(photo["id"], "f" * 64)
            case 1:
                self.server.keep_thumb(photo["id"])
            case 2 | 3:
                made = self.chance.one_of(("thumb", "view", "unreadable"))
                self.server.make_preview(photo["id"], made)
            case _:
                self._keep_bytes(photo["id"], photo["sha256"])

    def _keep_bytes(self, photo_id: str, sha256: str) -> None:
        self.ledger.bytes_of.setdefault(photo_id, set()).add(sha256)
        self.server.keep_bytes(photo_id, sha256, self.now)

    def _clock_jumps(self) -> None:
        self.chance.one_of(self.phones).offset = self.chance.one_of(
            (0, -3 * 86_400_000, 86_400_000, -400 * 86_400_000, 5_000)
        )

    def _signs_out(self) -> None:
        self.chance.one_of(self.phones).session = None

    def _copies_phone(self) -> None:
        """A phone is restored from the backup of another: both are the same client now (17)."""
        if len(self.phones) >= 8:
            return
        original = self.chance.one_of(self.phones)
        source = original.client()
        phone = Phone([], session=original.session)
        twin = self._new_client(phone, source.user)
        twin.disk = source.disk.copy()
        phone.clients.append(twin)
        self.phones.append(phone)

    def _switches_user(self) -> None:
        """Somebody else signs in on a shared phone; the entries of the one before stay theirs (21)."""
        phone = self.chance.one_of(self.phones)
        user = self.chance.one_of(self.site.users)
        phone.session = user
        for place, client in enumerate(phone.clients):
            if client.user == user:
                phone.active = place
                self._give(client, client.tabs[0], {"type": "signed_in", "now": self.now + phone.offset})
                return
        if len(phone.clients) < 2:
            phone.clients.append(self._new_client(phone, user))
            phone.active = len(phone.clients) - 1

    def _line_flips(self) -> None:
        phone = self.chance.one_of(self.phones)
        if self.chance.below(2):
            phone.is_up = not phone.is_up
        else:
            phone.is_down = not phone.is_down

    def _long_wait(self) -> None:
        self.now += self.chance.one_of((60_000, 3_600_000, 30 * 3_600_000, 90 * 3_600_000))

    # --- the calm part ------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        """Faults stop. Within a bound every outbox is empty and every device has what it may see (8, 9)."""
        self._clocks_are_put_back()
        self.is_calm = True
        self.server.finish()
        for _ in range(CALM_ROUNDS):
            self._calm_round()
            if all(not client.disk.entries() for client in self._clients()):
                break
        self._all_bytes_arrive()
        self.now += 100_000
        self._calm_round()
        self.oracles.end(self._clients(), self.now)

    def _all_bytes_arrive(self) -> None:
        for (entity, photo_id), row in list(self.server.store.state.rows.items()):
            if entity == "photos":
                self._keep_bytes(photo_id, row.doc["sha256"])
        self.server.finish()

    def _clocks_are_put_back(self) -> None:
        """Phones that just failed and wait get another time: what they waited for must not stay days away (8)."""
        for phone in self.phones:
            if self.chance.hits(5 * self.faults.clock_jump):
                for client in phone.clients:
                    for tab in list(client.tabs):
                        if tab.own["flight"] is not None:
                            request = tab.own["flight"]["request"]
                            self._fail(client, tab, request, "unreachable", self.now + phone.offset)
                phone.offset -= 3 * 86_400_000

    def _clients(self) -> list[Client]:
        return [client for phone in self.phones for client in phone.clients]

    def _calm_round(self) -> None:
        self.now += 20 * 60_000
        for phone in self.phones:
            for place, client in enumerate(phone.clients):
                phone.active, phone.session = place, client.user
                for tab in list(client.tabs):
                    now = self.now + phone.offset
                    if tab.own["flight"] is not None:
                        self._fail(client, tab, tab.own["flight"]["request"], "unreachable", now)
                    self._give(client, tab, {"type": "signed_in", "now": now})
                    self._give(client, tab, {"type": "wake", "now": now + 20 * 60_000, "is_forced": False})
                self._drain(phone)

    def _drain(self, phone: Phone) -> None:
        for _ in range(ANSWERS_A_ROUND):
            if not self.letters:
                return
            self._deliver(self.letters.pop(0))
            self.server.finish()
        hold(8, False, f"a phone and the server talk for ever: {self.letters[0].body[:300]!r}")


def _nothing(_client: Client) -> None:
    return None


def run(seed: int) -> int:
    """One history; returns its steps. Raises `Violation` with the line that replays it."""
    return History(seed).run()


__all__ = ["Disk", "History", "run"]
