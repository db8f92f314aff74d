"""What a worker does now and then, beside sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from outreach import bounces
from settings import Settings


@dataclass(frozen=True)
class Chore:
    """Something else that is done now and then; a failure is logged and costs nothing else."""

    name: str
    every: timedelta
    do: Callable[[datetime], object]


def chores(settings: Settings, engine: Engine) -> list[Chore]:
    """What a worker does beside sending: alerts, the monthly digest, and bounces where there is a folder of them."""

    # Imported when they are needed: with their reports they take longer than all the rest, and a worker starts often.
    def alert(now: datetime) -> None:
        from outreach import alerts

        alerts.due(settings, now)

    def write_digest(now: datetime) -> None:
        from outreach import digest

        digest.due(settings, now)

    found = []
    if settings.alert_urls is not None:
        found.append(Chore("alerts", timedelta(minutes=15), alert))
    if settings.digest.enabled:
        found.append(Chore("digest", timedelta(hours=1), write_digest))
    folder = settings.outreach.bounce_folder
    if folder is not None:
        found.append(Chore("bounces", timedelta(minutes=1), lambda now: bounces.read_folder(engine, folder, now=now)))
    return found
