"""SQL of jobs: the row is the truth, and every change of its state is one statement here.

    queued ──claim──▶ running ──end──▶ done
      ▲  ▲               │ ├────end──▶ failed ──▶ (a person) queued | cancelled
      │  └──retry, back──┘ └─lease ran out, no attempts left──▶ parked ──▶ (a person) queued | cancelled
      └─ claimed again at once when the lease ran out and attempts are left

Only this database's clock decides what is due and whose lease has run out (J4): no function takes an instant.
A claim raises the row's fencing number, and only its holder can end it (J2).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from sync.changes import Document

NOW: Final = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
"""The database's clock, in ms since 1970 UTC."""

MAX_ATTEMPTS: Final = 5

ENDED: Final = ("done", "cancelled")
"""States whose rows are forgotten after a while; a failed or parked one waits for a person (J8)."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to write. Of several with one `source_key` only the first counts; `delay_ms` from now, by the database."""

    id: str
    source_key: str
    queue: str
    actor: str
    args: Document
    tags: Sequence[str] = ()
    batch: str | None = None
    delay_ms: int = 0
    max_attempts: int = MAX_ATTEMPTS
    error: str | None = None
    """Not None: it cannot be run for this reason, and starts as failed."""


class Claim(NamedTuple):
    """A job that is leased to whoever holds this; `fencing` tells this claim from every other one of the row."""

    id: str
    fencing: int
    actor: str
    args: str
    """JSON text, as it is stored."""
    attempts: int
    max_attempts: int
    created_at: int
    was_lost: bool
    """An earlier holder's lease ran out: the job may have killed it."""


@dataclass(frozen=True, slots=True)
class End:
    """How a claim ended: `state` is `done`, `failed` or `queued` (again, after `delay_ms`)."""

    state: str
    result: str | None = None
    """JSON text."""
    error: str | None = None
    delay_ms: int = 0
    is_counted: bool = True
    """False gives the attempt back: it was not the job's fault, or it never began."""


class Held(NamedTuple):
    """Names a claim."""

    id: str
    fencing: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as people see it; instants in ms since 1970 UTC."""

    id: str
    queue: str
    actor: str
    args: str
    state: str
    attempts: int
    max_attempts: int
    run_at: int
    created_at: int
    finished_at: int | None
    error: str | None


class Load(NamedTuple):
    """How much waits: `oldest_age_ms` since the longest waiting one was due (0: none is)."""

    queued: int
    running: int
    failed: int
    oldest_age_ms: int


def add(plain: sqlite3.Connection, jobs: Iterable[NewJob]) -> int:
    """Write jobs in the transaction of their cause (J1); returns how many were not there yet."""
    sql = f"""
        INSERT INTO jobs (id, source_key, queue, actor, args, state, max_attempts, run_at, error, tags, batch,
                          created_at, finished_at)
        SELECT ?, ?, ?, ?, ?, ?, ?, {NOW} + ?, ?, ?, ?, {NOW}, CASE WHEN ? THEN {NOW} END WHERE true
        ON CONFLICT (source_key) DO NOTHING"""
    return plain.executemany(sql, [_values(job) for job in jobs]).rowcount


def due_in(plain: sqlite3.Connection, queue: str, actors: Sequence[str], held: Sequence[str]) -> int | None:
    """Milliseconds until something in `queue` can be claimed, 0 for now; None: nothing is in sight."""
    names, mine = _json(actors), _json(held)
    sql = f"""
        SELECT min(at) - {NOW} FROM (
            SELECT min(run_at) AS at FROM jobs
            WHERE state = 'queued' AND queue = :queue AND actor IN (SELECT value FROM json_each(:actors))
            UNION ALL
            SELECT min(lease_until) FROM jobs
            WHERE state = 'running' AND queue = :queue AND actor IN (SELECT value FROM json_each(:actors))
              AND id NOT IN (SELECT value FROM json_each(:held)))"""
    (due,) = plain.execute(sql, {"queue": queue, "actors": names, "held": mine}).fetchone()
    return None if due is None else max(0, due)


def claim(plain: sqlite3.Connection, queue: str, actors: Sequence[str], lease_ms: int, limit: int) -> list[Claim]:
    """Lease up to `limit` due jobs, the longest waiting first. The attempt counts from here (J3)."""
    where = f"""
        state = 'queued' AND queue = :queue AND run_at <= {NOW} AND actor IN (SELECT value FROM json_each(:actors))
        ORDER BY run_at, id LIMIT :limit"""
    return _claim(plain, where, was_lost=False, queue=queue, actors=_json(actors), lease_ms=lease_ms, limit=limit)


def claim_lost(
    plain: sqlite3.Connection, queue: str, actors: Sequence[str], lease_ms: int, held: Sequence[str]
) -> list[Claim]:
    """Lease the one job whose lease ran out longest ago; those of `held` are still in work and left alone."""
    where = f"""
        state = 'running' AND queue = :queue AND lease_until <= {NOW} AND attempts < max_attempts
        AND actor IN (SELECT value FROM json_each(:actors)) AND id NOT IN (SELECT value FROM json_each(:held))
        ORDER BY lease_until, id LIMIT 1"""
    return _claim(plain, where, was_lost=True, queue=queue, actors=_json(actors), lease_ms=lease_ms, held=_json(held))


def park_killers(plain: sqlite3.Connection, queue: str, held: Sequence[str]) -> int:
    """Park jobs whose lease ran out at their last attempt: each time, whoever ran them did not come back (J3)."""
    sql = f"""
        UPDATE jobs SET state = 'parked', lease_until = NULL, finished_at = {NOW},
            error = 'Its worker did not come back, ' || attempts || ' times.'
        WHERE state = 'running' AND queue = ? AND lease_until <= {NOW} AND attempts >= max_attempts
          AND id NOT IN (SELECT value FROM json_each(?))"""
    return plain.execute(sql, (queue, _json(held))).rowcount


def renew(plain: sqlite3.Connection, held: Sequence[Held], lease_ms: int) -> set[str]:
    """Lease on what is held, even where the lease has run out and nobody took it; returns the ids still held."""
    sql = f"""
        UPDATE jobs SET lease_until = {NOW} + :lease_ms
        FROM json_each(:held) AS mine
        WHERE jobs.id = mine.value ->> 0 AND fencing = mine.value ->> 1 AND state = 'running'
        RETURNING id"""
    return {row[0] for row in plain.execute(sql, {"held": _json([tuple(each) for each in held]), "lease_ms": lease_ms})}


def settle(plain: sqlite3.Connection, ends: Iterable[tuple[Held, End]]) -> int:
    """Write how claims ended; returns how many were somebody else's by now and stayed as they are (J2)."""
    groups: defaultdict[str, list[tuple[Held, End]]] = defaultdict(list)
    for held, end in ends:
        groups[end.state].append((held, end))
    total = sum(len(group) for group in groups.values())
    return total - sum(_SETTLE[state](plain, group) for state, group in groups.items())


def load(plain: sqlite3.Connection) -> Load:
    """What health shows. `failed` counts the parked ones, too."""
    sql = f"""
        SELECT (SELECT count(*) FROM jobs WHERE state = 'queued'), (SELECT count(*) FROM jobs WHERE state = 'running'),
               (SELECT count(*) FROM jobs WHERE state IN ('failed', 'parked')),
               coalesce((SELECT max(0, {NOW} - min(run_at)) FROM jobs WHERE state = 'queued'), 0)"""
    return Load(*plain.execute(sql).fetchone())


def counts(plain: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """How many jobs there are of each (queue, state)."""
    return plain.execute("SELECT queue, state, count(*) FROM jobs GROUP BY queue, state ORDER BY 1, 2").fetchall()


def needing_person(plain: sqlite3.Connection, limit: int) -> list[JobRow]:
    """Failed and parked jobs, the newest first."""
    sql = f"{_SELECT} WHERE state IN ('failed', 'parked') ORDER BY finished_at DESC, id DESC LIMIT ?"
    return [JobRow(*row) for row in plain.execute(sql, (limit,))]


def find(plain: sqlite3.Connection, id_: str) -> JobRow | None:
    """One job."""
    row = plain.execute(f"{_SELECT} WHERE id = ?", (id_,)).fetchone()
    return JobRow(*row) if row else None


def retry(plain: sqlite3.Connection, id_: str | None) -> list[str]:
    """Queue one failed or parked job again with all its attempts, or all of them (None); returns their ids."""
    sql = f"""
        UPDATE jobs SET state = 'queued', attempts = 0, run_at = {NOW}, finished_at = NULL
        WHERE state IN ('failed', 'parked') AND (id = :id OR :id IS NULL) RETURNING id"""
    return [row[0] for row in plain.execute(sql, {"id": id_})]


def cancel(plain: sqlite3.Connection, id_: str) -> bool:
    """A person decided that it is not run any more; False where it is not one that waits or failed."""
    sql = f"""
        UPDATE jobs SET state = 'cancelled', finished_at = {NOW}
        WHERE id = ? AND state IN ('queued', 'failed', 'parked')"""
    return plain.execute(sql, (id_,)).rowcount > 0


def forget_ended(plain: sqlite3.Connection, kept_ms: int) -> int:
    """Remove jobs that were done or cancelled more than `kept_ms` ago; never a failed one (J8)."""
    sql = f"DELETE FROM jobs WHERE state IN (SELECT value FROM json_each(?)) AND finished_at < {NOW} - ?"
    return plain.execute(sql, (_json(ENDED), kept_ms)).rowcount


_SELECT: Final = """
    SELECT id, queue, actor, args, state, attempts, max_attempts, run_at, created_at, finished_at, error FROM jobs"""


def _claim(plain: sqlite3.Connection, where: str, *, was_lost: bool, **values: Any) -> list[Claim]:
    sql = f"""
        UPDATE jobs SET state = 'running', attempts = attempts + 1, fencing = fencing + 1,
            lease_until = {NOW} + :lease_ms, started_at = {NOW}
        WHERE id IN (SELECT id FROM jobs WHERE {where})
        RETURNING run_at, id, fencing, actor, args, attempts, max_attempts, created_at"""
    rows = sorted(plain.execute(sql, values))  # RETURNING gives them in any order.
    return [Claim._make((*row[1:], was_lost)) for row in rows]


def _settle_done(plain: sqlite3.Connection, group: list[tuple[Held, End]]) -> int:
    sql = f"""
        UPDATE jobs SET state = 'done', result = ?, error = NULL, lease_until = NULL, finished_at = {NOW}
        WHERE id = ? AND fencing = ? AND state = 'running'"""
    return plain.executemany(sql, [(end.result, *held) for held, end in group]).rowcount


def _settle_failed(plain: sqlite3.Connection, group: list[tuple[Held, End]]) -> int:
    sql = f"""
        UPDATE jobs SET state = 'failed', error = ?, lease_until = NULL, finished_at = {NOW}
        WHERE id = ? AND fencing = ? AND state = 'running'"""
    return plain.executemany(sql, [(end.error, *held) for held, end in group]).rowcount


def _settle_queued(plain: sqlite3.Connection, group: list[tuple[Held, End]]) -> int:
    sql = f"""
        UPDATE jobs SET state = 'queued', error = coalesce(?, error), lease_until = NULL, run_at = {NOW} + ?,
            attempts = attempts - ?
        WHERE id = ? AND fencing = ? AND state = 'running'"""
    values = [(end.error, end.delay_ms, 0 if end.is_counted else 1, *held) for held, end in group]
    return plain.executemany(sql, values).rowcount


_SETTLE: Final = {"done": _settle_done, "failed": _settle_failed, "queued": _settle_queued}


def _values(job: NewJob) -> tuple[object, ...]:
    is_failed = job.error is not None
    state = "failed" if is_failed else "queued"
    names = (job.id, job.source_key, job.queue, job.actor, _json(job.args), state)
    return (*names, job.max_attempts, job.delay_ms, job.error, _json(job.tags), job.batch, int(is_failed))


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
