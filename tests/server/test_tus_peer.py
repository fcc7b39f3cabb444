"""tus-js-client, as its authors ship it, uploads, pauses, resumes and aborts against the real server."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.bootstrap import node
from tests.server.photographer import TUS, jpeg, original, sha256
from tests.server.process import ROOT, Process
from tests.server.uploader import Sender, announce, awaited, serving

BODY = jpeg(1_500_000, 41)
PEER = Path(__file__).with_name("tus_peer.mjs")


@pytest.fixture
def data(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "data"))


def started(process: Process, sender: Sender, scenario: str, path: Path) -> subprocess.Popen[str]:
    found = node.find()
    assert found is not None, "scripts/test installs it"
    path.write_bytes(BODY)
    asked = {
        "scenario": scenario,
        "url": f"http://localhost:{process.port}",
        "cookie": f"session={sender.client.cookies['session']}",
        "photo_id": sender.photo_id,
        "path": str(path),
    }
    return subprocess.Popen(
        [str(found.program), str(PEER), json.dumps(asked)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def ended(peer: subprocess.Popen[str]) -> dict[str, Any]:
    with peer:
        said, _ = peer.communicate(timeout=60)
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.mark.parametrize("scenario", ["whole", "chunks", "pause_and_resume"])
def test_the_peer_brings_a_photo(data: Path, tmp_path: Path, scenario: str) -> None:
    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        told = ended(started(process, sender, scenario, tmp_path / "photo.jpg"))
        assert "error" not in told, told
        assert told["requests"][0] == ["POST", 201]
        methods = [method for method, _ in told["requests"]]
        assert {status for method, status in told["requests"] if method == "PATCH"} == {204}
        if scenario == "pause_and_resume":
            assert 0 < told["patches_before"] < methods.count("PATCH")
            assert ["HEAD", 200] in told["requests"]
        else:
            assert methods.count("PATCH") == (1 if scenario == "whole" else 15)
        assert sender.is_stored()
    assert original(data / "objects", sha256(BODY)) == BODY


def test_the_peer_takes_an_upload_back(data: Path, tmp_path: Path) -> None:
    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        told = ended(started(process, sender, "abort", tmp_path / "photo.jpg"))
        assert told["requests"][-1] == ["DELETE", 204]
        assert client.head(told["url"], headers=TUS).status_code == 404
        assert not sender.is_stored()
        awaited(lambda: not list((data / "objects").rglob("parts/*/*")))


def test_the_peer_goes_on_by_itself_after_the_server_was_killed(data: Path, tmp_path: Path) -> None:
    with serving(data) as process, process.phone() as client:
        (sender,) = announce(client, (sha256(BODY), len(BODY)))
        peer = started(process, sender, "stubborn", tmp_path / "photo.jpg")
        awaited(lambda: len(list((data / "objects").rglob("parts/*/*"))) >= 3)
        port = process.port
        process.end(signal.SIGKILL)
        with serving(data, port=port) as again, again.phone() as sender.client:
            told = ended(peer)
            assert "error" not in told, told
            assert sender.is_stored()
    assert original(data / "objects", sha256(BODY)) == BODY
