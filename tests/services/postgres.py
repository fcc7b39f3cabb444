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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
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

    def __init__(
        self, programs: Path, folder: Path, owner: pwd.struct_passwd | None, options: Mapping[str, str]
    ) -> None:
        self._programs = programs
        self._options = options
        self._folder = folder
        self._owner = owner
        self._names = itertools.count()
        self._process = self._start()

    def address(self, database: str) -> str:
        """Where to reach a database."""
        return f"host={self._folder} user=holdfast dbname={database}"

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
        tree = self._tree()
        for process in tree:
            process.suspend()
        try:
            yield
        finally:
            for process in tree:
                process.resume()

    def crash(self) -> None:
        """Kill everything of the server at once, and start it again on what is left."""
        tree = self._tree()
        for process in tree:
            process.kill()
        self._process.wait(30)
        _gone(tree)  # A back end that is still dying holds the memory that the next server asks for.
        self._process = self._start()

    def stop(self) -> None:
        """Tell whoever is connected to go, and end."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def _tree(self) -> list[psutil.Process]:
        """Back ends have their own sessions; only the tree finds them."""
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def _start(self) -> subprocess.Popen[bytes]:
        options = {**_OPTIONS, **self._options, "unix_socket_directories": str(self._folder)}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *words],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **_identity(self._owner),
            )
        self._wait(process)
        return process

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """Return once it takes connections."""
        deadline = time.monotonic() + _STARTED_WITHIN_S
        while True:
            try:
                self.tell("SELECT 1")
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise
                time.sleep(0.02)
            else:
                return


def _gone(processes: Iterable[psutil.Process]) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_S
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
                time.sleep(0.005)


@contextmanager
def running(**options: str) -> Iterator[Postgres]:
    """Start a server, with `options` of its own; a machine without PostgreSQL fails here.

    It sorts texts as people do, as many databases do.
    """
    programs = services.postgres()
    if programs is None:
        raise LookupError("PostgreSQL is missing: scripts/test installs it")
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-"))
    try:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        _initialise(programs, folder, owner)
        server = Postgres(programs, folder, owner, options)
        try:
            yield server
        finally:
            server.stop()
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
