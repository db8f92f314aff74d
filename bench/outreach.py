"""``python -m bench.outreach [--messages 1000] [--kills 200] [--seeds 3] [--results FILE]``: kills workers that send.

Two workers send a campaign to a mail server in another process, are killed at random moments with SIGKILL and started
again at once. At the end what the server took stands beside what the outbox says. Then, without kills, the time that
two workers take stands beside that of a bare loop over ``smtplib``. Everything is made for the purpose and gone at
the end; it ends with 1 when a message was sent twice or silently lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil

from demo import load, server
from records import campaigns, database, migrate, outbox
from records.campaigns import Row

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "outreach.json"
WORKERS = 2
SLOW = 0.02
"""Seconds that the mail server waits at most, three times a message, while workers are killed."""
_OPEN = ("queued", "claimed", "sending")
_SETTINGS = """
[organisation]
name = "Bench"
time_zone = "UTC"
currency = "EUR"
[health]
bands = {{ green = 70, yellow = 40, red = 0 }}
weights = {{ value = 30, momentum = 25, voice = 15, support = 10, relationship = 15, onboarding = 5 }}
[outreach]
sender_name = "Bench"
sender_address = "bench@us.example"
lease = "{lease}s"
quiet_from = {quiet:02}:00:00
quiet_until = {quiet:02}:30:00
quiet_weekdays = []
[digest]
enabled = false
"""


@dataclass(frozen=True)
class Where:
    """Migrated records, and a folder of ours."""

    url: str
    folder: Path

    def environment(self, port: int, lease: int) -> dict[str, str]:
        """That of a worker which sends to ``port``; its quiet hours are far from now."""
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        quiet = (datetime.now(UTC) + timedelta(hours=12)).hour
        (config / "settings.toml").write_text(_SETTINGS.format(lease=lease, quiet=quiet), encoding="utf-8")
        return {
            **os.environ,
            "TENURE_CONFIG": str(config),
            "RECORDS_DATABASE_URL": self.url,
            "SNAPSHOT_DIR": str(self.folder / "snapshot"),
            "SMTP_URL": f"smtp://127.0.0.1:{port}",
            "SECRET_KEY": "b" * 32,
        }


@contextmanager
def place() -> Iterator[Where]:
    """A database server with migrated records; it ends, and its files go, with the measurement."""
    folder = Path(tempfile.mkdtemp(prefix="tenure-bench-"))
    folder.chmod(0o755)  # PostgreSQL's own account must be able to enter
    try:
        running = server.start(folder / "postgres")
        try:
            load.make_database(running.url(), "bench")
            load.make_writer(running.url())
            url = running.url("bench")
            migrate.upgrade(url, writer=load.WRITER)
            writer = url.replace("postgres@", f"{load.WRITER}@", 1)
            yield Where(writer, folder)
            database.connections(writer).dispose()
        finally:
            process = psutil.Process(running.pid)
            server.stop(running.folder, mode="immediate")
            psutil.wait_procs([process], timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def campaign(where: Where, messages: int) -> UUID:
    """An approved campaign to as many people, each at an account of their own."""
    engine, now, id = database.connections(where.url), datetime.now(UTC), uuid4()
    rows = [_row(id, number) for number in range(messages)]
    about: dict[str, Any] = {"title": "Bench", "play": "thank_you", "play_version": "1", "kind": "marketing"}
    about |= {"channel": "email", "audience": {}, "rules": {}, "author": "bench"}
    mark = campaigns.draft(engine, campaign_id=id, rows=rows, now=now, **about)
    campaigns.approve(engine, id, fingerprint=mark, approver="bench", now=now, draft_hours=24)
    return id


def _row(campaign_id: UUID, number: int) -> Row:
    key = f"{campaign_id.hex[:8]}-{number}"
    address = f"{key}@customer.example"
    text = "Good day,\n\nthank you for three years with us.\n\nThe team\n"
    return Row(
        id=uuid4(), account_id=key, user_id=key, name="A Customer", address=address, address_key=address,
        language="en", time_zone="UTC", subject="Thank you", text=text, html=f"<p>{text}</p>",
    )  # fmt: skip


class Office:
    """The mail server in another process, and what it took so far."""

    def __init__(self, log: Path, seed: int, slow: float) -> None:
        self._log = log
        log.touch()
        words = [sys.executable, "-m", "bench.post_office", str(log), "--seed", str(seed), "--slow", str(slow)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(words, cwd=ROOT, **pipes)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def count(self) -> int:
        """How many messages it took."""
        return self._log.read_bytes().count(b"\n")

    def taken(self) -> list[dict[str, Any]]:
        """What it took, in order."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def office(where: Where, seed: int, slow: float) -> Iterator[Office]:
    """A mail server while it is needed."""
    made = Office(where.folder / f"{uuid4().hex}.jsonl", seed, slow)
    try:
        yield made
    finally:
        made.close()


class Crew:
    """Workers in processes of their own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self.running = [self._start() for _ in range(WORKERS)]

    def kill(self, number: int) -> None:
        """Ends one with SIGKILL and starts another in its place."""
        process, _ = self.running[number]
        process.kill()
        process.wait()
        self.running[number] = self._start()

    def victim(self, chance: random.Random) -> int:
        """One of them: who started longest ago three times in four, for others may not have begun to send."""
        oldest = min(range(WORKERS), key=lambda number: self.running[number][1])
        return oldest if chance.random() < 0.75 else chance.randrange(WORKERS)

    def alive(self) -> bool:
        """Whether none of them ended by itself, which none should."""
        return all(process.poll() is None for process, _ in self.running)

    def close(self) -> list[int]:
        """Asks them to end; their exit codes."""
        for process, _ in self.running:
            process.terminate()
        try:
            return [process.wait(30) for process, _ in self.running]
        finally:
            for process, _ in self.running:
                process.kill()

    def _start(self) -> tuple[subprocess.Popen[bytes], float]:
        with self._log.open("ab") as log:
            words = [sys.executable, "-m", "outreach.worker"]
            process = subprocess.Popen(words, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        return process, time.monotonic()


def killed(where: Where, *, messages: int, kills: int, seed: int, lease: int, patience: float) -> dict[str, Any]:
    """One campaign under ``kills`` kills: what the server took, what the outbox says, and whether they agree."""
    chance = random.Random(seed)
    # Spread over the campaign: each when so many messages have been taken, and a moment of its own later.
    plan = sorted(chance.uniform(0, 0.93 * messages) for _ in range(kills))
    id = campaign(where, messages)
    started = time.monotonic()
    done = 0
    with office(where, seed, SLOW) as mail:
        crew = Crew(where.environment(mail.port, lease), where.folder / "workers.log")
        try:
            while not (done == kills and _over(where, id)):
                if time.monotonic() - started > patience:
                    raise TimeoutError(f"{done} of {kills} kills, {mail.count()} messages taken: {_states(where, id)}")
                if done < kills and mail.count() >= plan[done]:
                    time.sleep(chance.uniform(0, 3 * SLOW))
                    crew.kill(crew.victim(chance))
                    done += 1
                elif done == kills:
                    time.sleep(0.2)
                else:
                    time.sleep(0.002)
            unharmed = crew.alive()
        finally:
            codes = crew.close()
        taken = mail.taken()
    found = compared(where, id, taken)
    found |= {"seed": seed, "messages": messages, "kills": done, "seconds": round(time.monotonic() - started, 1)}
    return found | {"ended_cleanly": unharmed and codes == [0] * WORKERS}


def _over(where: Where, id: UUID) -> bool:
    return not any(_states(where, id).get(state) for state in _OPEN)


def _states(where: Where, id: UUID) -> dict[str, int]:
    return outbox.reconcile(database.connections(where.url), id)


def compared(where: Where, id: UUID, taken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the server took beside what the outbox says of each message.

    ``lost``: called sent and never taken, or neither sent nor listed for a person. ``unknown``: taken, and called
    something else than sent or uncertain.
    """
    engine = database.connections(where.url)
    says = dict(campaigns.messages(engine, id).select("message_id", "state").iter_rows())
    times = Counter(line["id"] for line in taken)
    return {
        "taken": len(taken),
        "duplicates": sum(times.values()) - len(times),
        "recipients_per_message": max((len(line["to"]) for line in taken), default=0),
        "lost": sum(state != "uncertain" and not (state == "sent" and id in times) for id, state in says.items()),
        "unknown": sum(says.get(id) not in ("sent", "uncertain") for id in times),
        "uncertain": sum(state == "uncertain" for state in says.values()),
        "uncertain_and_taken": sum(state == "uncertain" and id in times for id, state in says.items()),
        "states": _states(where, id),
        "unexplained": len(outbox.unexplained(engine, id)),
    }


def holds(found: dict[str, Any]) -> bool:
    """Whether a run kept every promise."""
    nothing = ("duplicates", "lost", "unknown", "unexplained")
    adds_up = sum(found["states"].values()) == found["messages"]
    adds_up &= found["taken"] == found["states"].get("sent", 0) + found["uncertain_and_taken"]
    return (
        not any(found[name] for name in nothing)
        and found["uncertain"] <= found["kills"]
        and found["recipients_per_message"] == 1
        and adds_up
        and bool(found["ended_cleanly"])
    )


def throughput(where: Where, messages: int) -> dict[str, Any]:
    """Messages a second: two workers, and a bare loop over ``smtplib`` with one connection, to the same server."""
    with office(where, 0, 0.0) as mail:
        id = campaign(where, messages)
        crew = Crew(where.environment(mail.port, 120), where.folder / "workers.log")
        try:
            deadline = time.monotonic() + 600
            while not _over(where, id) and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            crew.close()
        ours = _rate(mail.taken())
    with office(where, 0, 0.0) as mail:
        _bare(mail.port, messages)
        bare = _rate(mail.taken())
    return {"messages": messages, "ours": ours, "bare": bare, "load_average": round(os.getloadavg()[0], 2)}


def _rate(taken: Sequence[dict[str, Any]]) -> float:
    times = [line["at"] for line in taken]
    return round((len(times) - 1) / (max(times) - min(times)), 1)


def _bare(port: int, messages: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as talk:
        for number in range(messages):
            row = _row(UUID(int=0), number)
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = "bench@us.example", row.address, row.subject
            mail["X-Tenure-Message"] = str(row.id)
            mail.set_content(row.text)
            mail.add_alternative(row.html, subtype="html")
            talk.send_message(mail)


def lines(found: dict[str, Any]) -> list[str]:
    """What was measured, in words."""
    told = [
        f"seed {row['seed']}: {row['messages']:,} messages, {row['kills']} kills in {row['seconds']:g} s: "
        f"{row['duplicates']} duplicates, {row['lost']} lost, {row['uncertain']} uncertain "
        f"({row['uncertain_and_taken']} of them taken); {'kept' if row['kept'] else 'BROKEN'}"
        for row in found["seeds"]
    ]
    rates = found.get("throughput")
    if rates:
        told.append(
            f"{rates['ours']:g} messages/s by {WORKERS} workers; {rates['bare']:g} by a bare loop; "
            f"load {rates['load_average']}"
        )
    return told


def measure(where: Where, asked: argparse.Namespace) -> dict[str, Any]:
    """Every seed, and the throughput."""
    seeds = []
    for seed in range(1, asked.seeds + 1):
        share = asked.kills // asked.seeds + (seed <= asked.kills % asked.seeds)
        row = killed(
            where, messages=asked.messages, kills=share, seed=seed, lease=asked.lease, patience=120 + 10 * share
        )
        seeds.append(row | {"kept": holds(row)})
        print(lines({"seeds": [seeds[-1]]})[0], file=sys.stderr, flush=True)
    rates = throughput(where, asked.throughput) if asked.throughput else None
    return {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), "seeds": seeds, "throughput": rates}


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.outreach", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000, metavar="N", help="messages for each seed")
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="kills, over all seeds")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--lease", type=int, default=10, metavar="SECONDS", help="of a worker that is killed")
    parser.add_argument("--throughput", type=int, default=1_000, metavar="N", help="messages without kills; 0: none")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Measures, prints and stores; 1 when a promise was broken."""
    asked = arguments(words)
    with place() as where:
        found = measure(where, asked)
    asked.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(lines(found)))
    return int(not all(row["kept"] for row in found["seeds"]))


if __name__ == "__main__":
    sys.exit(main())
