"""The device's other reducer: which bytes of which photo go out next, and what an answer to them means.

Records never wait for photos (invariant 26): this state is apart from the outbox, has its own back-off, and its runner
its own lock. A photo goes once the receipt of its `photo.add` is there: small files of all photos first, then pictures,
oldest first, but whatever a person wants now before everything else. A photo that keeps failing goes behind the others
and never stops them (19); none is ever dropped (3). A file is stored when the server says so, never before (5).

Nobody can tell a server that is away from one that stumbles over this very photo. So every failure counts against the
photo it met, and nothing goes for a while, longer each time: the photos take turns, one request after each wait. The
first that gets further shows what the others suffered with it, and that is forgiven them: the old order is back.

State, inputs and actions are JSON values; `pwa/sync/uploading.ts` is the twin, held to this by golden steps. The runner
performs the actions in order and feeds what landed back. Records may hold more fields than `Photo`; they are kept.

Inputs (`type`)
    wake        now, network, is_forced         a timer, a person, the network or a receipt says: try
    landed      request, now, network, kind, status, error, upload, offset_bytes, retry_after_ms, jitter
                kind: answer | unreachable | not_ours | stalled (nothing moved for too long) | lost (the bytes are not
                on this device); upload: id of an upload just created, or null; offset_bytes: what the server says it
                has, or null; jitter: 0..999 (random)
    urge        ids                             a person wants these now, over any network; null: all that are owed
network: wifi | metered | unknown, as the device knows it when the input is made; the policy is judged then.

Actions (`type`)
    put         photo                           write the record, in one strict transaction with the step
    send        request, photo_id, file, method, upload, offset_bytes, size_bytes       after that transaction
                method: create (an upload of `size_bytes`) | part (so many bytes from the offset) | ask (what it has)
    wait        at                              wake again at this instant, ms

Several senders may share the records: each takes them from the store inside the transaction of its step, and its own
`requests`, `flight`, `part_bytes`, `failures`, `retry_at` and `trouble` from memory (`NOTHING_OWN` for a new process).
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypedDict, cast

from sync.device import PAUSE_OF, PAUSES, WAIT_CAP_MS, is_too_early, retry_delay_ms

PART_BYTES: Final = 256 * 1024
"""Bytes of one request, and of one piece in the device's store."""
MIN_PART_BYTES: Final = 16 * 1024
"""Down to this on a line so slow that larger parts stall, and while the server cannot store."""

PATIENCE: Final = 3
"""Failures in a row after which a photo goes behind the others, again and again."""
UNKNOWN_LIMIT: Final = 8
"""Times the server may say that it does not know an acknowledged photo before a person is asked."""

FileName = Literal["thumb", "picture"]
Network = Literal["wifi", "metered", "unknown"]
Trouble = Literal["unreachable", "not_ours", "server", "store_away", "sign_in", "other_user", "revoked", "upgrade"]

_LATER: Final = frozenset({403, 408, 421, 425, 429})
"""What of 4xx says nothing about the photo: try again by timer."""
_TOO_OLD: Final = frozenset({412, 415})
"""The server speaks another tus than this app does."""


class File(TypedDict):
    """One of the two files of a photo. `upload`: the server's name for its upload; `offset_bytes`: what has arrived."""

    size_bytes: int
    upload: str | None
    offset_bytes: int
    is_stored: bool


class Photo(TypedDict):
    """A photo whose bytes this device holds.

    `outcome`: of its `photo.add`; None while there is no receipt. `best_bytes`: the most that has ever arrived of its
    files together; more is progress, the same bytes once more are none. `tries`: failures since the last progress,
    whoever's fault; `setbacks`: those of them that concern this photo alone. `is_stuck`: only a person helps, `reason`
    says why. `is_reread`: its bytes were sent anew, for the hash was wrong.
    """

    id: str
    outcome: str | None
    thumb: File | None
    picture: File
    best_bytes: int
    tries: int
    setbacks: int
    retry_at: int | None
    reason: str | None
    is_stuck: bool
    is_urgent: bool
    is_removed: bool
    is_reread: bool


class Flight(TypedDict):
    """The request under way."""

    request: int
    photo_id: str
    file: FileName
    method: Literal["create", "part", "ask"]
    upload: str | None


class Uploads(TypedDict):
    """The whole state; `photos` oldest first. From `requests` on it is the sender's own and may be lost."""

    photos: list[Photo]
    policy: Literal["any", "wifi"]
    requests: int
    flight: Flight | None
    part_bytes: int
    failures: int
    retry_at: int | None
    trouble: Trouble | None


Input = dict[str, Any]
Action = dict[str, Any]
Step = tuple[Uploads, list[Action]]

NOTHING_OWN: Final[dict[str, Any]] = {
    "requests": 0,
    "flight": None,
    "part_bytes": PART_BYTES,
    "failures": 0,
    "retry_at": None,
    "trouble": None,
}


def fresh_uploads(photos: list[Photo], policy: Literal["any", "wifi"]) -> Uploads:
    """The state of a new sender."""
    return cast("Uploads", {"photos": photos, "policy": policy, **NOTHING_OWN})


def fresh_photo(photo_id: str, picture_bytes: int, thumb_bytes: int) -> Photo:
    """A photo just kept; `thumb_bytes` 0 where it has no small file."""
    return Photo(
        id=photo_id,
        outcome=None,
        thumb=_fresh_file(thumb_bytes) if thumb_bytes else None,
        picture=_fresh_file(picture_bytes),
        best_bytes=0,
        tries=0,
        setbacks=0,
        retry_at=None,
        reason=None,
        is_stuck=False,
        is_urgent=False,
        is_removed=False,
        is_reread=False,
    )


def step(state: Uploads, given: Input) -> Step:
    """One step. The state passed in is not changed."""
    return _STEPS[given["type"]](state, given)


def is_owed(photo: Photo) -> bool:
    """Whether the server is still to get bytes of it, be it stuck: what "n photos waiting" counts."""
    outcome, is_stored = photo["outcome"], photo["picture"]["is_stored"]
    return outcome is not None and outcome != "refused" and not is_stored and not photo["is_removed"]


def is_held(photo: Photo, policy: str, network: Network) -> bool:
    """Whether it waits for Wi-Fi. Where the device cannot tell the network, a person decides."""
    return policy == "wifi" and network != "wifi" and not photo["is_urgent"]


def sendable(state: Uploads, network: Network) -> list[Photo]:
    """What goes by itself over this network, now or after a wait."""
    return [
        photo
        for photo in state["photos"]
        if is_owed(photo) and not photo["is_stuck"] and not is_held(photo, state["policy"], network)
    ]


# --- what goes next ---------------------------------------------------------------------------------------------------


def _wake(state: Uploads, given: Input) -> Step:
    if state["flight"] is not None:
        return state, []
    if not given["is_forced"]:
        if state["trouble"] in PAUSES:
            return state, []
        if is_too_early(state["retry_at"], given["now"]):
            return state, [{"type": "wait", "at": state["retry_at"]}]
    return _send(state, given)


def _send(state: Uploads, given: Input) -> Step:
    photos = sendable(state, given["network"])
    due = [photo for photo in photos if not is_too_early(photo["retry_at"], given["now"])]
    if not due:
        waits = [photo["retry_at"] for photo in photos if photo["retry_at"] is not None]
        return state, [{"type": "wait", "at": min(waits)}] if waits else []
    photo = min(due, key=_turn)
    return _send_of(state, photo, _next_file(photo))


def _turn(photo: Photo) -> tuple[int, bool, bool]:
    """The least goes first; of equals the oldest."""
    return photo["tries"] // PATIENCE, not photo["is_urgent"], _next_file(photo) == "picture"


def _next_file(photo: Photo) -> FileName:
    thumb = photo["thumb"]
    return "picture" if thumb is None or thumb["is_stored"] else "thumb"


def _send_of(state: Uploads, photo: Photo, name: FileName) -> Step:
    request = state["requests"] + 1
    file = cast("File", photo[name])
    upload, offset, size = file["upload"], file["offset_bytes"], file["size_bytes"]
    flight = Flight(request=request, photo_id=photo["id"], file=name, method="part", upload=upload)
    if upload is None:
        flight["method"] = "create"
    elif offset == size:
        flight["method"] = "ask"
    else:
        size = min(state["part_bytes"], PART_BYTES - offset % PART_BYTES, size - offset)
    sent: Action = {"type": "send", **flight, "offset_bytes": offset, "size_bytes": size}
    return _with(state, requests=request, flight=flight, retry_at=None), [sent]


# --- what comes back --------------------------------------------------------------------------------------------------


def _landed(state: Uploads, given: Input) -> Step:
    flight = state["flight"]
    if flight is None or flight["request"] != given["request"]:
        return state, []
    landed = _with(state, flight=None)
    photo = next((one for one in state["photos"] if one["id"] == flight["photo_id"]), None)
    file = None if photo is None else photo[flight["file"]]
    # Forgotten by a person, or another sender has gone further: what came says nothing any more.
    if photo is None or file is None or file["is_stored"]:
        return _send(landed, given)
    if flight["method"] != "create" and file["upload"] != flight["upload"]:
        return _send(landed, given)
    if given["kind"] == "lost":
        return _stick(landed, photo, given, "lost")
    if given["kind"] == "stalled":
        slower = _with(landed, part_bytes=max(state["part_bytes"] // 2, MIN_PART_BYTES))
        return _failed(slower, photo, given, "unreachable", "stalled")
    if given["kind"] != "answer":  # something between us and the server may take offence at these very bytes
        return _failed(landed, photo, given, given["kind"], given["kind"])
    return _answered(landed, photo, flight, file, given)


def _answered(state: Uploads, photo: Photo, flight: Flight, file: File, given: Input) -> Step:
    status, error, offset = given["status"], given["error"], given["offset_bytes"]
    size = file["size_bytes"]
    if error == "already_stored":
        return _moved(state, photo, flight, given, {**file, "offset_bytes": size, "is_stored": True})
    if status < 300 and flight["method"] == "create" and given["upload"] is not None:
        # Not a byte has arrived: how long to wait if the next does not either stays.
        begun = _with_file(photo, flight["file"], file, upload=given["upload"], offset_bytes=0)
        return _put(_with(state, trouble=None), begun, given)
    if flight["method"] != "create" and offset is not None and 0 <= offset <= size and (status < 300 or status == 409):
        after: File = {**file, "offset_bytes": offset, "is_stored": status < 300 and offset == size}
        if after["is_stored"] or offset > file["offset_bytes"]:
            return _moved(state, photo, flight, given, after)
        return _setback(state, cast("Photo", {**photo, flight["file"]: after}), given)
    if status < 300:
        return _failed(state, photo, given, "not_ours", "not_ours")
    if status == 401 or status in _TOO_OLD or error in PAUSE_OF:
        return _with(state, trouble=PAUSE_OF.get(error, "sign_in" if status == 401 else "upgrade")), []
    if status >= 500 or status in _LATER:
        # The server cannot just now. Short parts until it can: what it does not take was sent in vain.
        short = _with(state, part_bytes=MIN_PART_BYTES)
        return _failed(short, photo, given, "store_away" if error == "storage_unavailable" else "server", error)
    return _faulty(state, photo, flight, file, given)


def _moved(state: Uploads, photo: Photo, flight: Flight, given: Input, file: File) -> Step:
    """More of the file is there than was known. Where it is more than ever, whatever went wrong is over."""
    after = cast("Photo", {**photo, flight["file"]: file})
    moved = _with(state, trouble=None, part_bytes=min(state["part_bytes"] * 2, PART_BYTES))
    arrived = sum(one["offset_bytes"] for one in (after["thumb"], after["picture"]) if one is not None)
    if arrived <= photo["best_bytes"] and not file["is_stored"]:
        return _put(moved, after, given)
    best = max(arrived, photo["best_bytes"])
    after = _with_photo(after, best_bytes=best, tries=0, setbacks=0, retry_at=None, reason=None)
    forgiven, puts = _forgiven(_with(moved, failures=0), photo)
    gone_on, actions = _put(forgiven, after, given)
    return gone_on, [*puts, *actions]


def _forgiven(state: Uploads, photo: Photo) -> Step:
    """What went wrong with the others while it went wrong with this photo, give or take a turn, was not their fault."""
    shared = photo["tries"] and photo["tries"] + PATIENCE
    puts: list[Action] = []
    for one in state["photos"]:
        if shared and one["tries"] and one["id"] != photo["id"]:
            better = _with_photo(one, tries=max(0, one["tries"] - shared))
            state = _replaced(state, better)
            puts.append({"type": "put", "photo": better})
    return state, puts


def _faulty(state: Uploads, photo: Photo, flight: Flight, file: File, given: Input) -> Step:
    """The server speaks of this file alone; the others go on."""
    status, error = given["status"], given["error"]
    if status == 460:  # damaged on its way
        return _setback(state, photo, given)
    if status == 404 and flight["method"] == "create":
        if photo["outcome"] != "parked" and photo["setbacks"] + 1 >= UNKNOWN_LIMIT:
            return _stick(state, photo, given, error)
        return _setback(state, photo, given)
    anew = _with_file(photo, flight["file"], file, upload=None, offset_bytes=0)
    if status in (404, 409, 410):  # the upload has expired, or another sender's took its place
        return _setback(state, anew, given)
    if flight["file"] == "thumb":  # the server can make one of the picture
        return _put(state, _with_photo(photo, thumb=None), given)
    if status == 422 and not photo["is_reread"]:
        return _setback(state, _with_photo(anew, is_reread=True), given)
    return _stick(state, anew, given, error)


# --- what fails -------------------------------------------------------------------------------------------------------


def _failed(state: Uploads, photo: Photo, given: Input, trouble: Trouble, reason: str) -> Step:
    """Nothing goes for a while, and after some failures not this photo first."""
    after = _with_photo(photo, tries=photo["tries"] + 1, reason=reason)
    failures = state["failures"] + 1
    at = given["now"] + retry_delay_ms(failures, given["retry_after_ms"], given["jitter"])
    backed = _with(_replaced(state, after), trouble=trouble, failures=failures, retry_at=at)
    return backed, [{"type": "put", "photo": after}, {"type": "wait", "at": at}]


def _setback(state: Uploads, photo: Photo, given: Input) -> Step:
    """Again, at once the first time, then later each time, for hours; the others go on meanwhile."""
    setbacks = photo["setbacks"] + 1
    delay = 0 if setbacks == 1 else retry_delay_ms(setbacks, given["retry_after_ms"], given["jitter"], WAIT_CAP_MS)
    at = given["now"] + delay if delay else None
    changes = {"tries": photo["tries"] + 1, "setbacks": setbacks, "retry_at": at, "reason": given["error"]}
    return _put(state, _with_photo(photo, **changes), given)


def _stick(state: Uploads, photo: Photo, given: Input, reason: str) -> Step:
    return _put(state, _with_photo(photo, is_stuck=True, reason=reason), given)


# --- the rest ---------------------------------------------------------------------------------------------------------


def _urge(state: Uploads, given: Input) -> Step:
    ids = given["ids"]
    anew = {"is_stuck": False, "is_reread": False, "tries": 0, "setbacks": 0, "retry_at": None, "reason": None}
    urged = [
        _with_photo(photo, is_urgent=True, **anew)
        for photo in state["photos"]
        if (is_owed(photo) if ids is None else photo["id"] in ids and not photo["picture"]["is_stored"])
    ]
    after = state
    for photo in urged:
        after = _replaced(after, photo)
    return after, [{"type": "put", "photo": photo} for photo in urged]


def _put(state: Uploads, photo: Photo, given: Input) -> Step:
    after, sent = _send(_replaced(state, photo), given)
    return after, [{"type": "put", "photo": photo}, *sent]


def _fresh_file(size_bytes: int) -> File:
    return File(size_bytes=size_bytes, upload=None, offset_bytes=0, is_stored=False)


def _with_file(photo: Photo, name: FileName, file: File, **changes: Any) -> Photo:
    return cast("Photo", {**photo, name: {**file, **changes}})


def _with_photo(photo: Photo, **changes: Any) -> Photo:
    return cast("Photo", {**photo, **changes})


def _replaced(state: Uploads, photo: Photo) -> Uploads:
    return _with(state, photos=[photo if one["id"] == photo["id"] else one for one in state["photos"]])


def _with(state: Uploads, **changes: Any) -> Uploads:
    return cast("Uploads", {**state, **changes})


_STEPS: Final = {"wake": _wake, "landed": _landed, "urge": _urge}
