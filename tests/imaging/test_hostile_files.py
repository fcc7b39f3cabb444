"""Hostile files: whatever they hold, the server gets a picture or "unreadable", and no process passes 200 MB."""

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import psutil
import pytest

from server.imaging import previews, verdicts
from server.imaging.previews import make_previews
from server.imaging.verdicts import BROKEN, GAVE_UP, TOO_LARGE, TOO_SLOW, DecoderLost, DecoderMissing, Unreadable
from tests import photographs
from tests.imaging import hostile
from tests.imaging.depths import rows

ROOT = Path(__file__).resolve().parents[2]
SMALL = (640, 480)
MOST_MB = 200

SMALL_PHOTOS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: photographs.camera_jpeg(6, size=SMALL),
    "progressive JPEG": lambda: photographs.camera_jpeg(size=SMALL, is_progressive=True),
    "PNG": lambda: photographs.screen_png(SMALL),
    "WebP": lambda: photographs.camera_webp(SMALL),
    "lossless WebP": lambda: hostile.encoded("RGBA", SMALL, "WEBP", lossless=True),
    "HEIC": lambda: photographs.camera_heic(SMALL),
    "HEIC of tiles": lambda: hostile.tiled_heic((1100, 600)),
}

TEXT = b"Comment\0\0"
BOMBS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "a PNG of 50,000 x 50,000 zeros": lambda: (hostile.png_of_zeros(50_000, 50_000, 1, 0), "megapixels"),
    "a PNG of 49 megapixels with alpha": lambda: (hostile.png_of_zeros(7_000, 7_000, 8, 6), TOO_LARGE),
    "a PNG of 37 megapixels, just too large": lambda: (hostile.png_of_zeros(7_000, 5_300), TOO_LARGE),
    "a PNG of 49 megapixels in 16 bits": lambda: (hostile.png_of_zeros(7_000, 7_000, 16, 6), TOO_LARGE),
    "a PNG of one bit": lambda: (hostile.png_of_zeros(50_000, 999, 1, 0), ""),
    "a PNG as high as it is thin": lambda: (hostile.png_of_zeros(1, 5_000_000, 1, 0), ""),
    "a PNG as long as it is flat": lambda: (hostile.png_of_zeros(50_000_000, 1, 1, 0), ""),
    "a PNG with 300 MB of text": lambda: (hostile.with_chunk(b"zTXt", TEXT + hostile.zeros(300_000_000)), BROKEN),
    "a PNG with a profile of 300 MB": lambda: (hostile.with_chunk(b"iCCP", TEXT + hostile.zeros(300_000_000)), ""),
    "a JPEG of 49 megapixels with hardly a byte": lambda: (
        hostile.resized_jpeg(SMALL_PHOTOS["JPEG"](), (480, 640), 7_000, 7_000),
        "",
    ),
    "a progressive JPEG of 49 megapixels": lambda: (
        hostile.resized_jpeg(SMALL_PHOTOS["progressive JPEG"](), SMALL, 7_000, 7_000),
        TOO_LARGE,
    ),
    "a JPEG of 65,535 x 65,535": lambda: (
        hostile.resized_jpeg(SMALL_PHOTOS["JPEG"](), (480, 640), 65_535, 65_535),
        "megapixels",
    ),
    "a JPEG of a thousand scans": lambda: (hostile.many_scans(1_000), ""),
    "a WebP of 49 megapixels": lambda: (hostile.resized_webp(SMALL_PHOTOS["lossless WebP"](), 7_000, 7_000), TOO_LARGE),
    "a HEIC that says 49 megapixels": lambda: (hostile.resized_heic(7_000, 7_000), ""),
    "a HEIC of 12 megapixels that says one": lambda: (hostile.shrunk_heic(), ""),
}


def measured(photo: bytes) -> tuple[str, float]:
    """The reason (or nothing, where previews were made), and the most that any process took, in MB."""
    with tempfile.TemporaryFile() as file:
        file.write(photo)
        file.seek(0)
        told = subprocess.run([sys.executable, "-c", _MEASURE], stdin=file, capture_output=True, cwd=ROOT, check=True)
    reason, mb = json.loads(told.stdout)
    return str(reason), float(mb)


# Its own parent is small: what a process takes counts from before it becomes another program.
_MEASURE = """
import json, resource, sys
from server.imaging.previews import make_previews_of
from server.imaging.verdicts import Unreadable
try:
    make_previews_of(sys.stdin.buffer)
    reason = ""
except Unreadable as unreadable:
    reason = unreadable.reason
child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
own = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
print(json.dumps([reason, max(own, child) * 1024 / 1e6]))
"""


@pytest.mark.parametrize(
    "why",
    rows(
        BOMBS,
        "a PNG of 49 megapixels with alpha",
        "a PNG with 300 MB of text",
        "a progressive JPEG of 49 megapixels",
        "a JPEG of a thousand scans",
        "a WebP of 49 megapixels",
        "a HEIC that says 49 megapixels",
    ),
)
def test_no_bomb_takes_200_mb(why: str) -> None:
    photo, expected = BOMBS[why]()

    reason, mb = measured(photo)

    assert expected in reason if expected else reason in ("", BROKEN, TOO_LARGE, TOO_SLOW)
    assert mb < MOST_MB


@pytest.mark.parametrize("camera", [photographs.camera_jpeg, photographs.camera_heic, photographs.camera_webp])
def test_a_true_photo_of_12_megapixels_has_room(camera: Callable[[], bytes]) -> None:
    reason, mb = measured(camera())

    assert reason == ""
    assert mb < MOST_MB


@pytest.mark.full
def test_a_photo_that_is_work_without_end_is_given_up() -> None:
    assert measured(hostile.many_scans(100_000))[0] == TOO_SLOW


ONE_OF_EACH = ("JPEG", "PNG", "WebP", "HEIC")


@pytest.mark.parametrize("why", rows(SMALL_PHOTOS, *ONE_OF_EACH))
@pytest.mark.parametrize("part", rows((0.001, 0.02, 0.2, 0.5, 0.8, 0.99), 0.02, 0.8))
async def test_a_photo_that_is_cut_short_is_unreadable(why: str, part: float) -> None:
    photo = SMALL_PHOTOS[why]()

    with pytest.raises(Unreadable):
        await make_previews(photo[: int(len(photo) * part)])


@pytest.mark.parametrize("why", rows(SMALL_PHOTOS, *ONE_OF_EACH))
async def test_a_damaged_photo_is_a_picture_or_unreadable(why: str) -> None:
    random = Random(why)
    for _ in range(3):
        damaged = bytearray(SMALL_PHOTOS[why]())
        for _ in range(random.choice((1, 20))):
            damaged[random.randrange(random.choice((2_000, len(damaged))))] = random.randrange(256)
        await _is_picture_or_unreadable(bytes(damaged))


@pytest.mark.full
@pytest.mark.parametrize("why", SMALL_PHOTOS)
async def test_many_damaged_photos_are_pictures_or_unreadable(why: str) -> None:
    random = Random()
    for _ in range(300):
        damaged = bytearray(SMALL_PHOTOS[why]())
        for _ in range(random.choice((1, 5, 50))):
            at = random.randrange(random.choice((300, 2_000, len(damaged))))
            damaged[at : at + random.choice((0, 1, 4))] = random.randbytes(random.choice((0, 1, 4)))
        await _is_picture_or_unreadable(bytes(damaged))


async def _is_picture_or_unreadable(photo: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert (await make_previews(photo)).thumb.startswith(b"\xff\xd8\xff")


DEAF = "it works for ever and will not hear that its time is over"
SAYS = "import os, sys, time, signal; say = lambda b: os.write(1, b); say(b'+'); "
WRONG_DECODERS = {
    "it refuses with a letter that nobody knows": (SAYS + "say(b'RX')", GAVE_UP),
    "it says nothing": (SAYS, GAVE_UP),
    "it crashes": (SAYS + "os.kill(os.getpid(), signal.SIGSEGV)", GAVE_UP),
    "it aborts": (SAYS + "os.abort()", GAVE_UP),
    "it ends without a word": (SAYS + "sys.exit(3)", GAVE_UP),
    "it says numbers only": (SAYS + "say(b'M' + bytes(16))", GAVE_UP),
    "it says a page instead of a picture": (
        SAYS + "say(b'M' + bytes([0,0,0,9, 0,0,0,9, 0,0,0,4, 0,0,0,4]) + b'<svg<svg')",
        GAVE_UP,
    ),
    "it says less than it promised": (SAYS + "say(b'M' + b'\\0\\0\\0\\x10' * 4 + b'123')", GAVE_UP),
    "it never stops talking": (SAYS + "[say(bytes(65536)) for _ in iter(int, 1)]", GAVE_UP),
    "it works for ever": (
        SAYS + "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2)); [0 for _ in iter(int, 1)]",
        TOO_SLOW,
    ),
    DEAF: (
        SAYS + "import resource; signal.signal(signal.SIGXCPU, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_CPU, (1, 2)); [0 for _ in iter(int, 1)]",
        TOO_SLOW,
    ),
}
LOST_DECODERS = {
    "the kernel has no memory left": (SAYS + "os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
    "the server's service is stopped": (SAYS + "os.kill(os.getpid(), signal.SIGTERM)", "signal 15"),
    "it is killed in the middle of its answer": (
        SAYS + "say(b'M' + b'\\0\\0\\0\\x10' * 4 + b'123'); os.kill(os.getpid(), signal.SIGKILL)",
        "signal 9",
    ),
    "the machine gives it no time": (SAYS + "time.sleep(600)", "not through in time"),
    "it closes its mouth and stays": (SAYS + "os.close(1); time.sleep(600)", "not through in time"),
    "the disk gives an error": (SAYS + "say(b'RD')", "disk"),
}


@pytest.mark.parametrize("why", rows(WRONG_DECODERS, *(set(WRONG_DECODERS) - {DEAF})))
async def test_a_decoder_that_was_taken_over_says_only_that_it_gave_up(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, reason = WRONG_DECODERS[why]
    monkeypatch.setattr(previews, "_DECODER", ("-c", script))
    monkeypatch.setattr(verdicts, "CPU_S", 1)

    with pytest.raises(Unreadable) as refused:
        await make_previews(SMALL_PHOTOS["JPEG"](), deadline_s=30)

    assert refused.value.reason == reason
    assert psutil.Process().children() == []


@pytest.mark.parametrize("why", rows(LOST_DECODERS, *(set(LOST_DECODERS) - {"it closes its mouth and stays"})))
async def test_a_decoder_that_is_ended_from_outside_says_nothing_about_the_photo(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, reason = LOST_DECODERS[why]
    monkeypatch.setattr(previews, "_DECODER", ("-c", script))

    with pytest.raises(DecoderLost, match=reason):
        await make_previews(SMALL_PHOTOS["JPEG"](), deadline_s=2 if "in time" in reason else 30)

    assert psutil.Process().children() == []


@pytest.mark.parametrize("script", ["raise SystemExit('no Pillow here')", "import time; time.sleep(600)"])
async def test_a_decoder_that_does_not_start_is_not_the_photos_fault(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "_DECODER", ("-c", script))

    with pytest.raises(DecoderMissing, match=r"no Pillow here|did not start in time"):
        await make_previews(SMALL_PHOTOS["JPEG"](), deadline_s=1)


async def test_a_decoder_ends_with_the_task_that_wanted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "_DECODER", ("-c", SAYS + "time.sleep(600)"))
    task = asyncio.create_task(make_previews(SMALL_PHOTOS["JPEG"]()))
    while not psutil.Process().children():  # noqa: ASYNC110 - another process tells no event.
        await asyncio.sleep(0.01)

    task.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await task

    assert psutil.Process().children() == []


def test_a_decoder_can_reach_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    monkeypatch.setenv("HOLDFAST_SECRET", "secret")
    monkeypatch.setattr(previews, "_DECODER", ("-c", _PRISONER.replace("SECRET", str(secret))))

    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as said, secret.open():
        process = previews._start(file, said)
        told, _ = process.communicate(timeout=60)
        said.seek(0)

        assert said.read() == b""
    tried = json.loads(told)
    assert set(tried.pop("names")) == {"LC_ALL", "MALLOC_ARENA_MAX"}
    assert tried == {
        "a socket": "OSError",
        "a file": "OSError",
        "a pipe": "OSError",
        "a program": "OSError",
        "200 MB": "MemoryError",
        "more memory": "ValueError",
        "words of ours": "OSError",
        "standard input": "",
        "core dump": [0, 0],
    }


_PRISONER = """
import json, os, resource, socket, subprocess
from server.imaging.limits import give_up
give_up()
def attempt(act):
    try:
        act()
        return ""
    except (OSError, MemoryError, ValueError) as error:
        return "OSError" if isinstance(error, OSError) else type(error).__name__
print(json.dumps({
    "names": list(os.environ),
    "a socket": attempt(socket.socket),
    "a file": attempt(lambda: open("SECRET")),
    "a pipe": attempt(os.pipe),
    "a program": attempt(lambda: subprocess.run(["true"])),
    "200 MB": attempt(lambda: bytearray(200_000_000)),
    "more memory": attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))),
    "words of ours": attempt(lambda: os.write(2, b"words")),
    "standard input": attempt(lambda: os.read(0, 10)),
    "core dump": resource.getrlimit(resource.RLIMIT_CORE),
}))
"""
