"""A real PostgreSQL of the tests' own: started once, reached by a socket in its own folder, gone without a trace."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from scripts.bootstrap import services

# A test's machine may lose power without loss; what is committed survives a killed server all the same.
_OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}
_STARTED_WITHIN_S = 30


class Postgres:
    """A running server, and databases made in it."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], user: str) -> None:
        self._folder = folder
        self._process = process
        self._user = user
        self._names = itertools.count()

    def address(self, database: str) -> str:
        """Where to reach a database."""
        return f"host={self._folder} user={self._user} dbname={database}"

    @contextmanager
    def database(self, template: str = "template1", encoding: str = "UTF8") -> Iterator[str]:
        """The address of a new database, made like `template`; it is dropped at the end."""
        name = f"test_{next(self._names)}"
        other = (
            "" if encoding == "UTF8" else f"ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        self.tell(f"CREATE DATABASE {name} {other or f'TEMPLATE {template}'}")
        try:
            yield self.address(name)
        finally:
            self.tell(f"DROP DATABASE {name} WITH (FORCE)")

    def tell(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside of any test's connections."""
        with psycopg.connect(self.address(database), autocommit=True) as plain:
            cursor = plain.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing of the server moves: connections stay open and nobody answers."""
        # Back ends have their own sessions; only the tree finds them.
        tree = [each := psutil.Process(self._process.pid), *each.children(recursive=True)]
        for process in tree:
            process.suspend()
        try:
            yield
        finally:
            for process in tree:
                process.resume()

    def wait(self) -> None:
        """Return once it takes connections."""
        deadline = time.monotonic() + _STARTED_WITHIN_S
        while True:
            try:
                self.tell("SELECT 1")
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a server; a machine without PostgreSQL fails here. It sorts texts as people do, as many databases do."""
    programs = services.postgres()
    if programs is None:
        raise LookupError("PostgreSQL is missing: scripts/test installs it")
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
    try:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        _initialise(programs, folder, owner)
        with _process(programs, folder, owner) as process:
            server = Postgres(folder, process, "holdfast")
            server.wait()
            yield server
    finally:
        shutil.rmtree(folder)


def _owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then somebody else runs it."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _identity(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": ()} if owner else {}


def _initialise(programs: Path, folder: Path, owner: pwd.struct_passwd | None) -> None:
    words = ["--auth=trust", "--no-sync", "--username=holdfast", "--encoding=UTF8"]
    language = ["--locale=C", "--locale-provider=icu", "--icu-locale=en"]
    subprocess.run(
        [programs / "initdb", *words, *language, f"--pgdata={folder / 'data'}"],
        check=True,
        capture_output=True,
        cwd=folder,
        **_identity(owner),
    )


@contextmanager
def _process(programs: Path, folder: Path, owner: pwd.struct_passwd | None) -> Iterator[subprocess.Popen[bytes]]:
    options = {**_OPTIONS, "unix_socket_directories": str(folder)}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *words],
            stdout=log,
            stderr=log,
            cwd=folder,
            **_identity(owner),
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)  # Fast: whoever is connected is told to go.
        process.wait(30)
