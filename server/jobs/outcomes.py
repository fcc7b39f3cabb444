"""What becomes of a job by how its actor ended; Dramatiq's `Retries`, with the row in place of a second message.

returns                       done, with the JSON of what it returned
Later                         queued again, the attempt given back: something it needs is away
Interrupted                   queued again at once, the attempt given back: the server is stopping
Hopeless                      failed: trying again would change nothing
anything else, attempts left  queued again with back-off, doubling, with jitter
anything else, none left      failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from dramatiq.common import compute_backoff
from dramatiq.errors import Retry
from dramatiq.middleware import Middleware, SkipMessage

from server.jobs.crossing import Interrupted
from server.store.core_jobs import End

if TYPE_CHECKING:
    from dramatiq import Broker, MessageProxy

    from server.jobs.broker import ClaimedMessage
    from server.store.core_jobs import Claim

MIN_BACKOFF_MS: Final = 10_000
MAX_BACKOFF_MS: Final = 3_600_000

ERROR_CHARACTERS: Final = 2000

GIVEN_BACK: Final = End("queued", is_counted=False)
"""It never began, or could not be ended here: whoever comes next takes it."""


class Later(Exception):
    """Raised by an actor: what the job needs is away; try again after `delay_ms`, without counting this attempt."""

    def __init__(self, reason: str, delay_ms: int = 15_000) -> None:
        super().__init__(reason)
        self.delay_ms = delay_ms


class Hopeless(Exception):
    """Raised by an actor: trying again would change nothing; the text says why, to people."""


class Outcomes(Middleware):
    """Notes on each message how its job ended; the consumer writes it to the row."""

    actor_options = {"min_backoff", "max_backoff"}  # noqa: RUF012 - Dramatiq reads it so

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:  # noqa: ARG002
        """Do not begin what is another's by now: its lease ran out while it waited here (J2)."""
        if not cast("ClaimedMessage", message).begin():
            raise SkipMessage("its lease ran out before it began")

    def after_process_message(
        self, broker: Broker, message: MessageProxy, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Note the end."""
        claimed = cast("ClaimedMessage", message)
        if exception is None:
            claimed.outcome = _done(result)
            return
        options = broker.get_actor(claimed.actor_name).options
        claimed.outcome = _failed_try(exception, claimed.claim, options)
        if claimed.outcome.state == "failed":
            claimed.fail()


def _done(result: Any) -> End:
    try:
        return End("done", result=None if result is None else orjson.dumps(result).decode())
    except TypeError as error:
        return End("failed", error=f"The work was done, but its result is not JSON: {error}")


def _failed_try(error: BaseException, claim: Claim, options: dict[str, Any]) -> End:
    text = _in_words(error)
    if isinstance(error, Interrupted):
        return End("queued", error=text, is_counted=False)
    if isinstance(error, Later):
        _, delay_ms = compute_backoff(0, factor=error.delay_ms, max_backoff=2 * error.delay_ms)
        return End("queued", error=text, delay_ms=delay_ms, is_counted=False)
    if isinstance(error, Hopeless) or claim.attempts >= claim.max_attempts:
        return End("failed", error=text)
    if isinstance(error, Retry) and error.delay is not None:
        return End("queued", error=text, delay_ms=max(0, int(error.delay)))
    least, most = options.get("min_backoff", MIN_BACKOFF_MS), options.get("max_backoff", MAX_BACKOFF_MS)
    _, delay_ms = compute_backoff(claim.attempts - 1, factor=least, max_backoff=most)
    return End("queued", error=text, delay_ms=delay_ms)


def _in_words(error: BaseException) -> str:
    """One storable line: a row that cannot be written would hold up its neighbours."""
    name = "" if isinstance(error, Later | Hopeless | Interrupted) else f"{type(error).__name__}: "
    text = f"{name}{error}".strip().removesuffix(":")
    return text[:ERROR_CHARACTERS].encode("utf-8", "replace").decode()
