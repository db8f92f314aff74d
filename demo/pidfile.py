"""Which process serves a PostgreSQL folder: what its lock files say, and whether that can be believed.

The number in ``postmaster.pid`` alone says nothing: after a crash, another process may have got it, or the killed
server is still listed as a zombie. Both make the folder look alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

TORN = -1


@dataclass(frozen=True)
class Server:
    """A running embedded server: its folder, its process, and where it listens."""

    folder: Path
    pid: int
    host: str
    port: int

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address in the form that libpq (ADBC, psycopg2) and, with a driver name, SQLAlchemy take.

        >>> Server(Path("/d"), 1, "/my data", 5432).url("product", "tenure_reader")
        'postgresql://tenure_reader@/product?host=/my%20data&port=5432'
        >>> Server(Path("/d"), 1, "127.0.0.1", 6000).url("product")
        'postgresql://postgres@127.0.0.1:6000/product'
        """
        if self.host.startswith("/"):  # a socket folder; the port is in the socket's name
            return f"postgresql://{user}@/{database}?host={quote(self.host)}&port={self.port}"
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"


def read(folder: Path) -> Server | None:
    """What ``postmaster.pid`` says; None when there is none. A torn file gives the pid :data:`TORN`."""
    try:
        lines = (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    try:
        host = lines[4].strip() or lines[5].strip()
        return Server(folder, int(lines[0]), host, int(lines[3]))
    except (IndexError, ValueError):
        return Server(folder, TORN, str(folder), 5432)


def is_ours(pid: int, folder: Path) -> bool:
    """Whether process ``pid`` is a living postgres that serves ``folder``."""
    try:
        process = psutil.Process(pid)
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return str(folder) in process.cmdline() or Path(process.cwd()) == folder
    except (psutil.Error, ValueError, OSError):
        return False


def backends(folder: Path) -> list[int]:
    """Living postgres processes that work in ``folder``."""
    if not folder.exists():
        return []
    return [
        process.pid
        for process in psutil.process_iter(["name"])
        if (process.info["name"] or "").startswith("postgres") and is_ours(process.pid, folder)
    ]


def drop_stale(folder: Path) -> None:
    """Removes lock files that are torn or name a stranger; call it only when no process works in ``folder``.

    Lock files whose process is gone are left to PostgreSQL, which looks at the shared memory before it takes over.
    """
    file = read(folder)
    sockets = set(folder.glob(".s.PGSQL.*.lock"))
    if file is not None:
        sockets.add(Path(file.host, f".s.PGSQL.{file.port}.lock"))
        if file.pid == TORN:
            (folder / "postmaster.pid").unlink(missing_ok=True)
    for lock in (folder / "postmaster.pid", *sockets):
        if _names_a_stranger(lock, folder):
            lock.unlink(missing_ok=True)


def _names_a_stranger(lock: Path, folder: Path) -> bool:
    try:
        pid = int(lock.read_text(encoding="utf-8").splitlines()[0])
    except FileNotFoundError:
        return False
    except (ValueError, IndexError):
        return True
    return psutil.pid_exists(pid) and not is_ours(pid, folder)
