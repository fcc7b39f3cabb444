"""What may go wrong in one history, and how often: drawn anew for each (a swarm), so that rare mixes come up too."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.chance import Chance

LEVELS = (0, 0, 10, 40, 150)


@dataclass(frozen=True)
class Faults:
    """Rates in a thousand: of messages, of writes, or of steps, as each line says."""

    request_lost: int  # of requests
    answer_lost: int  # of answers
    request_doubled: int
    answer_doubled: int
    answer_cut: int
    captive_portal: int  # answers replaced by HTML with status 200
    unavailable: int  # requests answered 503 without a look
    proxy_error: int  # answers replaced by a 502 after the server did its work
    device_dies: int  # of device writes
    storage_full: int  # of device writes
    timeout: int  # of steps at a tab that waits
    server_dies: int  # of steps
    office: int  # of steps
    clock_jump: int  # of steps
    sign_out: int  # of steps: the session ends on the server
    copy_phone: int  # of steps
    switch_user: int  # of steps
    link_flips: int  # of steps: one direction of one phone's line
    poison: int  # of mutations: values no server takes
    odd: int  # of mutations: unknown names, bad arguments, rows nobody made
    small_batch: int  # of tabs: they send few mutations at once
    eager: int  # of mutations: the page tries to send at once
    crowd: int  # how many items people mostly work on
    long_wait: int  # of steps: an hour, a day or four go by


def draw(chance: Chance) -> Faults:
    """Rates for one history; about one history in eight has no faults of transport at all."""
    calm = chance.below(8) == 0

    def rate(scale: int = 1) -> int:
        return 0 if calm else chance.one_of(LEVELS) // scale

    return Faults(
        request_lost=rate(),
        answer_lost=rate(),
        request_doubled=rate(),
        answer_doubled=rate(),
        answer_cut=rate(2),
        captive_portal=rate(2),
        unavailable=rate(2),
        proxy_error=rate(2),
        device_dies=rate(3),
        storage_full=rate(3),
        timeout=rate(2) + 20,
        server_dies=rate(6),
        office=chance.one_of((0, 5, 20)),
        clock_jump=rate(4),
        sign_out=rate(15),
        copy_phone=chance.one_of((0, 0, 0, 5)),
        switch_user=chance.one_of((0, 0, 10)),
        link_flips=rate(5),
        poison=chance.one_of((0, 0, 10, 40)),
        odd=chance.one_of((0, 20, 60)),
        small_batch=chance.one_of((0, 0, 600)),
        eager=chance.one_of((50, 300, 800)),
        crowd=chance.one_of((1, 2, 6)),
        long_wait=chance.one_of((2, 10)),
    )
