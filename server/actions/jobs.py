"""Jobs as the rest of the server sees them: words that become rows, and what people do about failed ones.

Who runs them is no matter here: a row is enough, in whatever process the workers are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from server.clock import clock_ms
from server.ids import new_id
from server.store import core_audit, office
from server.store import core_jobs as sql
from server.store.core_jobs import JobRow, NewJob
from sync.audit import Entry
from sync.uploads import preview_job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from server.store.core import Core, Transaction
    from server.store.outbox import Undelivered
    from server.store.punchlist import PunchlistStore

UNREADABLE_QUEUE: Final = "default"
"""Where a word that is no job can be seen, as failed."""

YEAR_MS: Final = 365 * 86_400_000


async def take_words(core: Core, rows: Sequence[Undelivered], ring: Callable[[], None] | None = None) -> None:
    """Write the outbox's words of kind `job` as rows; one that is there already changes nothing (J1).

    A word is `{"queue", "actor", "args"}`, and where wanted `tags`, `batch`, `delay_ms`, `max_attempts`. What is none
    becomes a failed row that says so: it is seen by a person and holds up no other.
    """
    jobs = [job_of(row) for row in rows]
    await core.write_alone(partial(sql.add, jobs=jobs))
    if ring is not None:
        ring()


async def forget_ended(core: Core, kept_ms: int) -> int:
    """Remove jobs done or cancelled more than `kept_ms` ago; returns how many."""
    return await core.write_alone(partial(sql.forget_ended, kept_ms=kept_ms))


async def counts(core: Core) -> list[tuple[str, str, int]]:
    """How many jobs there are of each (queue, state)."""
    return await core.read_alone(sql.counts)


async def needing_person(core: Core, limit: int = 100) -> list[JobRow]:
    """Failed and parked jobs, the newest first."""
    return await core.read_alone(partial(sql.needing_person, limit=limit))


async def retry(core: Core, id_: str | None) -> int:
    """Queue one failed or parked job again, or all (None); returns how many. It is in the audit chain."""
    return await core.write_alone(partial(_retry, id_=id_))


async def retry_unreadable(core: Core, store: PunchlistStore) -> int:
    """Have each photo that no previews could be made of judged anew; returns how many. It is in the audit chain."""
    photo_ids = await store.read_alone(office.unreadable_photos)
    again = [
        _job(f"previews/{photo_id}/picture/{new_id()}", preview_job(photo_id, "picture")) for photo_id in photo_ids
    ]
    await core.write_alone(partial(_add_again, jobs=again))
    return len(again)


async def forget(core: Core, id_: str) -> bool:
    """Give a job up that waits or failed; False where there is no such one. It is in the audit chain."""
    return await core.write_alone(partial(_forget, id_=id_))


def job_of(row: Undelivered) -> NewJob:
    """The job a word asks for, or a failed one that says why it asks for none."""
    try:
        return _job(row.key, row.payload)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"The word asks for no job: {type(error).__name__}: {error}."
        return NewJob(new_id(), row.key, UNREADABLE_QUEUE, "?", row.payload, error=reason)


def _job(key: str, payload: dict[str, Any]) -> NewJob:
    tags, batch = payload.get("tags", ()), payload.get("batch")
    return NewJob(
        new_id(),
        key,
        _expect(payload["queue"], str),
        _expect(payload["actor"], str),
        _expect(payload["args"], dict),
        [_expect(tag, str) for tag in tags],
        None if batch is None else _expect(batch, str),
        _between(0, payload.get("delay_ms", 0), YEAR_MS),
        _between(1, payload.get("max_attempts", sql.MAX_ATTEMPTS), 1000),
    )


def _between(least: int, value: Any, most: int) -> int:
    number: int = _expect(value, int)
    if not least <= number <= most:
        raise ValueError(f"{number} is not between {least} and {most}")
    return number


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _retry(plain: Transaction, id_: str | None) -> int:
    ids = sql.retry(plain, id_)
    for each in ids:
        core_audit.add_pending(plain, _entry("job.retry", each))
    return len(ids)


def _add_again(plain: Transaction, jobs: Sequence[NewJob]) -> None:
    sql.add(plain, jobs)
    for job in jobs:
        core_audit.add_pending(plain, _entry("job.retry", job.id, args=job.args))


def _forget(plain: Transaction, id_: str) -> bool:
    job = sql.find(plain, id_)
    if job is None or not sql.cancel(plain, id_):
        return False
    about = {"queue": job.queue, "actor": job.actor, "args": job.args, "error": job.error}
    core_audit.add_pending(plain, _entry("job.forget", id_, **about))
    return True


def _entry(kind: str, job_id: str, **more: Any) -> Entry:
    return Entry(new_id(), clock_ms(), None, kind, job_id, {"job_id": job_id, **more})
