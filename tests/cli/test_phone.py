"""`holdfast serve --phone` as a process: TLS with an authority of its own, the page for phones, and its codes."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import psutil
import pytest
import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from server.middleware.answers import CSP
from server.phone import addresses
from server.phone.addresses import Address, NoNetwork, host_names, own_addresses, ranked
from server.phone.authority import Authority, BrokenKeys
from server.phone.codes import BLACK_ON_WHITE, BORDER, PLAIN, qr_lines

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "server.cli", "serve", "--phone"]
# A machine without a network has this address nevertheless; the tests need no other.
HERE = "127.0.0.1"


class Served:
    """A server for phones, and what it printed until it answered."""

    def __init__(self, process: subprocess.Popen[str], data: Path) -> None:
        self.process = process
        self.data = data
        self.lines: list[str] = []

    def wait(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("Holdfast is on"):
                return
        raise AssertionError("\n".join(self.lines))

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    @property
    def guide_url(self) -> str:
        return self._url("http")

    @property
    def app_url(self) -> str:
        return self._url("https")

    def certificate(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(httpx2.get(f"{self.guide_url}/holdfast-ca.crt").content)

    def trusting(self) -> httpx2.Client:
        """A browser that trusts what the page offers, and nothing else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=httpx2.get(f"{self.guide_url}/holdfast-ca.crt").content)
        return httpx2.Client(base_url=self.app_url, verify=context, headers={"sec-fetch-site": "same-origin"})

    def _url(self, scheme: str) -> str:
        found = re.search(rf"^   ({scheme}://\S+)$", self.said, re.MULTILINE)
        assert found is not None, self.said
        return found.group(1)


@contextmanager
def serving(data: Path, *more: str) -> Iterator[Served]:
    words = [*COMMAND, "--address", HERE, "--port", "0", "--guide-port", "0", "--data", str(data), *more]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=environment
    )
    served = Served(process, data)
    try:
        served.wait()
        yield served
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("phone") / "data") as server:
        yield server


def test_a_phone_that_trusts_the_authority_signs_in_over_tls_with_a_password_from_the_terminal(served: Served) -> None:
    login, password = re.search(r"^(ana) +(\S+)", served.said, re.MULTILINE).groups()  # type: ignore[union-attr]
    with served.trusting() as browser:
        assert browser.get("/readyz").status_code == 200
        signed_in = browser.post("/session", json={"login": login, "password": password})

    assert signed_in.status_code == 200
    assert password not in ("ana likes straight tiles", "ana")
    cookies = signed_in.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-session", "__Host-device"]
    assert all("; Secure" in cookie for cookie in cookies)


def test_who_does_not_trust_the_authority_is_not_served(served: Served) -> None:
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(served.app_url)


def test_other_servers_of_the_machine_stay_within_reach(served: Served) -> None:
    """A browser that was told so would use nothing but TLS with `localhost` for two years."""
    with served.trusting() as browser:
        assert "strict-transport-security" not in browser.get("/livez").headers


def test_other_names_are_not_answered(served: Served) -> None:
    with served.trusting() as browser:
        assert browser.get("/", headers={"host": "stranger.example"}).status_code == 421
    assert httpx2.get(served.guide_url, headers={"host": "stranger.example"}).status_code == 421


def test_the_codes_on_the_terminal_are_those_of_the_addresses(served: Served) -> None:
    blocks = re.findall(r"\n\n((?:   [ ▀▄█]+\n)+)", served.said + "\n")

    assert [_modules(block) for block in blocks] == [_expected(served.guide_url), _expected(served.app_url)]


def test_a_terminal_shows_codes_dark_on_light_whatever_its_colors_are() -> None:
    colored, plain = (qr_lines("https://192.168.0.12:8443", is_colored=is_colored) for is_colored in (True, False))

    assert colored == [f"{BLACK_ON_WHITE}{line}{PLAIN}" for line in plain]


def _modules(block: str) -> list[list[int]]:
    """The modules that a camera sees, line by line two rows."""
    rows = []
    for line in block.splitlines():
        rows.append([int(half in "▀█") for half in line[3:]])
        rows.append([int(half in "▄█") for half in line[3:]])
    return rows


def _expected(text: str) -> list[list[int]]:
    code = segno.make(text, error="m", micro=False)
    rows = [list(map(int, row)) for row in code.matrix_iter(border=BORDER)]
    return rows + [[0] * len(rows[0])] * (len(rows) % 2)


def test_the_page_for_phones_explains_itself_without_a_script(served: Served) -> None:
    page = httpx2.get(served.guide_url)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"] == CSP
    assert "<script" not in page.text
    assert "style=" not in page.text
    for words in (
        served.app_url,
        "not encrypted",
        "without a network",
        "iPhone",
        "Android",
        "Certificate Trust Settings",
    ):
        assert words in page.text
    assert httpx2.get(f"{served.guide_url}/guide.css").headers["content-type"].startswith("text/css")
    lost = httpx2.get(f"{served.guide_url}/items/7")
    assert (lost.status_code, lost.headers["location"]) == (303, "/")
    assert httpx2.post(served.guide_url).status_code == 405


def test_the_authority_is_offered_as_what_phones_install(served: Served) -> None:
    offered = httpx2.get(f"{served.guide_url}/holdfast-ca.crt")
    authority = x509.load_der_x509_certificate(offered.content)

    assert offered.headers["content-type"] == "application/x-x509-ca-cert"
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    fingerprint = authority.fingerprint(hashes.SHA256()).hex(":").upper()
    assert fingerprint in served.said.replace("\n   ", ":")


def test_the_certificate_is_one_that_phones_take(served: Served) -> None:
    there = x509.load_pem_x509_certificate((served.data / "keys" / "phone_certificate.pem").read_bytes())
    there.verify_directly_issued_by(served.certificate())

    assert there.not_valid_after_utc - there.not_valid_before_utc <= timedelta(days=398)
    assert there.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=23)
    uses = there.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH in uses
    assert not there.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = there.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {HERE, "localhost", *host_names()}


def test_private_keys_are_their_owners_alone_and_are_never_served(served: Served) -> None:
    keys = served.data / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    secrets = [(keys / name).read_text() for name in ("phone_authority.pem", "phone_certificate.pem")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in keys.iterdir()} == {0o600}
    assert all("PRIVATE KEY" in secret for secret in secrets)

    paths = [
        "/",
        "/holdfast-ca.crt",
        "/phone_authority.pem",
        "/keys/phone_authority.pem",
        "/..%2fkeys/phone_authority.pem",
    ]
    with served.trusting() as browser, httpx2.Client(base_url=served.guide_url) as plain:
        answers = [client.get(path).content for client in (browser, plain) for path in paths]
    assert not any(b"PRIVATE" in answer for answer in answers)


def test_a_second_start_keeps_what_phones_trust(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--no-demo") as first:
        trusted, issued = first.certificate(), (data / "keys" / "phone_certificate.pem").read_bytes()
    with serving(data, "--no-demo") as second:
        assert second.certificate() == trusted
    assert (data / "keys" / "phone_certificate.pem").read_bytes() == issued


def test_a_later_start_without_printed_passwords_says_how_to_get_one(tmp_path: Path) -> None:
    with serving(tmp_path) as first:
        assert "login" in first.said
    with serving(tmp_path) as second:
        assert "holdfast user password LOGIN" in second.said


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--no-demo") as server:
        process = psutil.Process(server.process.pid)
        os.kill(process.pid, signal.SIGINT)
        rest, _ = server.process.communicate(timeout=20)

        assert server.process.returncode == 0
        assert "Traceback" not in rest
        for url in (server.guide_url, server.app_url):
            port = int(url.rpartition(":")[2])
            with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
                probe.connect((HERE, port))


@pytest.mark.parametrize("option", ["--port", "--guide-port"])
def test_a_port_in_use_is_one_line(option: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ports = {"--port": "0", "--guide-port": "0", option: port}
        words = [
            *COMMAND,
            "--address",
            HERE,
            "--data",
            str(tmp_path),
            *(word for pair in ports.items() for word in pair),
        ]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"holdfast: Cannot listen on 0.0.0.0:{port}: Address already in use.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", ["example.org", "::1", "192.168.0.1:8443"])
def test_an_address_that_is_none_is_one_line(wrong: str, tmp_path: Path) -> None:
    words = [*COMMAND, "--address", wrong, "--data", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stderr) == (1, f"holdfast: {wrong} is not an IPv4 address like 192.168.0.12.\n")


NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "later", "is_kept", "why"),
    [
        (["192.168.0.12", "localhost"], timedelta(0), True, "nothing has changed"),
        (["localhost", "192.168.0.12"], timedelta(days=300), True, "the order says nothing, and there is time"),
        (["192.168.0.77", "localhost"], timedelta(0), False, "another network gave another address"),
        (["192.168.0.12", "10.0.0.3", "localhost"], timedelta(0), False, "there is one more address"),
        (["192.168.0.12", "localhost"], timedelta(days=370), False, "its end is near"),
        (["192.168.0.12", "localhost"], timedelta(days=-2), False, "the clock was wrong when it was made"),
    ],
)
def test_a_certificate_is_renewed_when_it_must_be(
    names: list[str], later: timedelta, is_kept: bool, why: str, tmp_path: Path
) -> None:
    first = (
        Authority(tmp_path / "keys", "Holdfast on vm").certificate_for(["192.168.0.12", "localhost"], NOW).read_bytes()
    )
    second = Authority(tmp_path / "keys", "Holdfast on vm").certificate_for(names, NOW + later).read_bytes()

    assert (first == second) is is_kept, why


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    path = Authority(tmp_path, "one").certificate_for(["localhost"], NOW)
    strange = path.read_bytes()
    (tmp_path / "phone_authority.pem").unlink()

    assert Authority(tmp_path, "two").certificate_for(["localhost"], NOW).read_bytes() != strange


def test_a_damaged_authority_is_not_replaced_unasked(tmp_path: Path) -> None:
    Authority(tmp_path, "one")
    (tmp_path / "phone_authority.pem").write_text("damaged")

    with pytest.raises(BrokenKeys, match="Delete it"):
        Authority(tmp_path, "one")
    assert (tmp_path / "phone_authority.pem").read_text() == "damaged"


@pytest.mark.parametrize(
    ("found", "expected", "why"),
    [
        ([("192.168.0.12", "wlan0")], ["192.168.0.12"], "there is only one"),
        (
            [("10.8.0.2", ""), ("172.17.0.1", "docker0"), ("10.8.0.2", "tun0"), ("192.168.0.12", "enp3s0")],
            ["192.168.0.12", "10.8.0.2", "172.17.0.1"],
            "no phone is in a tunnel, even if the internet is; nor among containers",
        ),
        (
            [("192.168.0.5", "eth0"), ("192.168.0.12", "wlp2s0")],
            ["192.168.0.12", "192.168.0.5"],
            "phones are in the Wi-Fi",
        ),
        ([("8.8.8.8", "eth0"), ("10.0.0.3", "eth1")], ["10.0.0.3", "8.8.8.8"], "a public address is the last resort"),
        ([("192.168.0.5", ""), ("10.0.0.3", "")], ["192.168.0.5", "10.0.0.3"], "else the order of the routes"),
        ([("127.0.0.1", "lo"), ("169.254.3.4", "eth0"), ("0.0.0.0", "")], [], "these reach nobody"),
    ],
)
def test_the_address_is_the_one_a_phone_would_use(found: list[tuple[str, str]], expected: list[str], why: str) -> None:
    assert [address.ip for address in ranked([Address(*each) for each in found])] == expected, why


def test_a_machine_without_a_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "PROBES", ())
    monkeypatch.setattr(addresses, "_of_interfaces", lambda: [Address("127.0.0.1", "lo")])

    with pytest.raises(NoNetwork, match="Join the phone's Wi-Fi"):
        own_addresses()
