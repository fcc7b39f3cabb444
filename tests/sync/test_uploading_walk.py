"""Any faults, then none: every owed photo arrives whatever a single one does, and none is called stored before it is.

Drives the reducer as a device does, against a server that keeps few uploads open: what is not in a `put` is forgotten
at the next step, processes die, and the faults and the misbehaviour of one photo are Hypothesis's.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.uploading import NOTHING_OWN, PART_BYTES, Action, File, Photo, Uploads, fresh_photo, is_owed, step

CURSED: Final = "p0"
"""The oldest of all, so that it comes first wherever it does not lose its turn."""

MOST_OPEN: Final = 3
IDLE_MS: Final = 60_000
LIMIT_MS: Final = 12 * 3_600_000
"""Within which, of the clock's time, everything has arrived once faults have stopped."""

GOOD: Final[dict[str, Any]] = {
    "kind": "answer",
    "status": 204,
    "error": "",
    "upload": None,
    "offset_bytes": None,
    "retry_after_ms": 0,
}
Answer = dict[str, Any]


def _refused(status: int, error: str, **more: Any) -> Answer:
    return {**GOOD, "status": status, "error": error, **more}


TRANSPORT: Final[list[Answer]] = [
    {**GOOD, "kind": kind, "status": 0} for kind in ("unreachable", "not_ours", "stalled")
]
BUSY: Final[list[Answer]] = [
    _refused(503, "storage_unavailable"),
    _refused(503, "unavailable"),
    _refused(500, "internal_error"),
    _refused(429, "slow_down", retry_after_ms=30_000),
    _refused(408, "too_slow"),
    _refused(460, "checksum_mismatch"),
]
SPITE: Final[list[Answer]] = [
    _refused(404, "not_found"),
    _refused(410, "upload_gone"),
    _refused(422, "hash_mismatch"),
    _refused(413, "body_too_large"),
    _refused(409, "offset_mismatch", offset_bytes=0),
    _refused(409, "offset_mismatch", offset_bytes=1),
    {**GOOD, "offset_bytes": 1},
    {**GOOD, "offset_bytes": 10**12},
    {**GOOD, "kind": "lost", "status": 0},
    GOOD,
]
FAULTS: Final = st.lists(
    st.one_of(
        st.none(),
        st.sampled_from([*TRANSPORT, *BUSY]),
        st.sampled_from(["silent", "unkept", "forgets", "dies", "urges"]),
    ),
    max_size=80,
)
CURSES: Final = st.lists(st.one_of(st.none(), st.sampled_from([*TRANSPORT, *BUSY, *SPITE])), min_size=1, max_size=5)
SIZES: Final = st.lists(st.sampled_from((1, 40_000, PART_BYTES, 2 * PART_BYTES + 17)), min_size=1, max_size=6)


class Server:
    """Keeps what arrives; begins an upload in place of the one that has been idle longest, or not at all."""

    def __init__(self) -> None:
        self.stored: set[tuple[str, str]] = set()
        self.uploads: dict[str, dict[str, Any]] = {}
        self._begun = 0

    def answer(self, sent: Action, now: int, *, may_keep: bool = True) -> Answer:
        if sent["method"] == "create":
            return self._create(sent, now)
        upload = self.uploads.get(sent["upload"])
        if upload is None:
            return _refused(404, "not_found")
        if sent["method"] == "part":
            if upload["offset"] != sent["offset_bytes"]:
                return _refused(409, "offset_mismatch", offset_bytes=upload["offset"])
            upload |= {"offset": upload["offset"] + sent["size_bytes"], "seen_at": now}
        if upload["offset"] == upload["size"]:
            if not may_keep:  # every byte is durable, and the final object cannot be written just now
                return BUSY[0]
            self.stored.add(upload["of"])
        return {**GOOD, "offset_bytes": upload["offset"]}

    def _create(self, sent: Action, now: int) -> Answer:
        of = (sent["photo_id"], sent["file"])
        if of in self.stored:
            return _refused(409, "already_stored")
        is_open = {key: one for key, one in self.uploads.items() if one["of"] not in self.stored and one["of"] != of}
        if len(is_open) >= MOST_OPEN:
            idle = min(is_open, key=lambda key: int(is_open[key]["seen_at"]))
            if now - is_open[idle]["seen_at"] < IDLE_MS:
                return _refused(429, "slow_down", retry_after_ms=30_000)
            del self.uploads[idle]
        self.uploads = {key: one for key, one in self.uploads.items() if one["of"] != of}
        self._begun += 1
        self.uploads[f"u{self._begun}"] = {"of": of, "size": sent["size_bytes"], "offset": 0, "seen_at": now}
        return {**GOOD, "status": 201, "upload": f"u{self._begun}"}


class Device:
    """Performs what the reducer decides. Its records are what `put` has written, and nothing else."""

    def __init__(self, sizes: list[int], faults: list[Any], curses: list[Answer | None]) -> None:
        self.server = Server()
        self.records = {photo["id"]: photo for photo in (_photo(k, size) for k, size in enumerate(sizes))}
        self.own: dict[str, Any] = dict(NOTHING_OWN)
        self.now = 1_000
        self.sent = 0
        self._faults = faults
        self._curses = curses

    def run_until(self, is_over: Any) -> None:
        """Wakes when the reducer asks for it, as long as there is time."""
        until = self.now + LIMIT_MS
        while not is_over() and self.now < until:
            actions = self._step({"type": "wake", "is_forced": False})
            burst = 0
            while sent := _found(actions, "send"):
                burst += 1
                assert burst < 400, "a device that asks without end"
                actions = self._landed(sent)
            wait = _found(actions, "wait")
            if wait is None:
                return
            self.now = max(self.now + 1, wait["at"])

    def _landed(self, sent: Action) -> list[Action]:
        self._assert_is_due(sent)
        self.sent += 1
        fault = self._faults.pop(0) if self._faults else None
        landed = self._answer_to(sent, fault)
        if fault == "dies":
            self.own = dict(NOTHING_OWN)
            return [{"type": "wait", "at": self.now}]
        if fault == "urges":
            self._step({"type": "urge", "ids": [*self.records][:1]})
        return self._step({"type": "landed", "request": sent["request"], "jitter": self.sent * 331 % 1000, **landed})

    def _answer_to(self, sent: Action, fault: Any) -> Answer:
        if isinstance(fault, dict):
            return fault
        if fault == "forgets":
            self.server.uploads = {
                key: one for key, one in self.server.uploads.items() if one["of"] in self.server.stored
            }
        curse = self._curses[self.sent % len(self._curses)] if sent["photo_id"] == CURSED else None
        honest = self.server.answer(sent, self.now, may_keep=fault != "unkept")
        return TRANSPORT[0] if fault == "silent" else curse or honest

    def _assert_is_due(self, sent: Action) -> None:
        photo = self.records[sent["photo_id"]]
        file = _file(photo, sent["file"])
        assert is_owed(photo)
        assert not photo["is_stuck"]
        assert not file["is_stored"]
        assert 0 < sent["size_bytes"] <= (PART_BYTES if sent["method"] == "part" else file["size_bytes"])

    def _step(self, given: dict[str, Any]) -> list[Action]:
        state: Any = {**self.own, "photos": [*self.records.values()], "policy": "any"}
        after, actions = step(state, {"now": self.now, "network": "wifi", **given})
        for action in actions:
            if action["type"] == "put":
                self.records[action["photo"]["id"]] = action["photo"]
        self.own = {name: value for name, value in after.items() if name in NOTHING_OWN}
        self._assert_safe(after)
        return actions

    def _assert_safe(self, after: Uploads) -> None:
        assert after["photos"] == [*self.records.values()], "a change that was not written"
        for photo in after["photos"]:
            for name in ("thumb", "picture"):
                file = photo[name]
                is_claimed = file is not None and file["is_stored"] and (photo["id"] != CURSED or not any(self._curses))
                assert not is_claimed or (photo["id"], name) in self.server.stored, (
                    "stored before the server said so (5)"
                )


def _photo(k: int, size: int) -> Photo:
    photo = fresh_photo(f"p{k}", size, 9_000 if k % 2 else 0)
    photo["outcome"] = "applied"
    return photo


def _file(photo: Photo, name: str) -> File:
    file: Any = photo[name]  # type: ignore[literal-required]
    return file  # type: ignore[no-any-return]


def _found(actions: list[Action], type_: str) -> Action | None:
    return next((action for action in actions if action["type"] == type_), None)


@settings(max_examples=300, deadline=None)
@given(sizes=SIZES, faults=FAULTS)
def test_once_faults_stop_every_photo_arrives(sizes: list[int], faults: list[Any]) -> None:
    device = Device(sizes, faults, [None])
    device.run_until(lambda: not any(map(is_owed, device.records.values())))
    assert not any(map(is_owed, device.records.values()))
    assert {photo_id for photo_id, file in device.server.stored if file == "picture"} == set(device.records)


@settings(max_examples=300, deadline=None)
@given(sizes=SIZES, faults=FAULTS, curses=CURSES)
def test_whatever_one_photo_does_the_others_arrive_and_the_server_is_left_in_peace(
    sizes: list[int], faults: list[Any], curses: list[Answer | None]
) -> None:
    device = Device([PART_BYTES + 5, *sizes], faults, curses)
    others = [key for key in device.records if key != CURSED]
    device.run_until(lambda: not any(is_owed(device.records[key]) for key in others))
    assert [key for key in others if is_owed(device.records[key])] == []
    before, started = device.sent, device.now
    device.run_until(lambda: device.now > started + 3_600_000)
    assert device.sent - before < 400, "one photo, asked for again and again"
    assert CURSED in device.records, "nothing is dropped (3)"
