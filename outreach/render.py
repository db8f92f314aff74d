"""A play's text for one person, rendered where it can do no harm.

Templates run in a child process (``render_child.py``) with an immutable sandbox, little memory and a deadline. One
that runs too long, takes too much or tries to break out stops only its own message; the next is rendered by a new
process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from outreach import look
from outreach.merge_fields import FIELDS, Value, clean, one_line
from outreach.plays import Body

SECONDS = 0.8
"""How long one message may take; with killing its process, or starting one, it stays under one second."""
LONGEST_SUBJECT = 200
_START_SECONDS = 60.0
_LONGEST_ANSWER = 1_000_000
_CHILD = Path(__file__).with_name("render_child.py")
_NEEDED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
"""All of our environment that the child sees: passwords stand in the rest."""

Why = Literal["unfilled", "unsafe", "template", "too_long", "timed_out", "out_of_memory"]


class RenderError(Exception):
    """The process that renders messages does not start."""


@dataclass(frozen=True)
class Rendered:
    """A message as it will be sent: ``subject`` is one line, ``html`` a whole page that says the same as ``text``."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Blocked:
    """Why a message could not be rendered; ``detail`` is for whoever wrote the play.

    ``unfilled``: a field it prints is not known · ``unsafe``: it reached for what it must not · ``template``: a
    mistake in it · ``too_long`` · ``timed_out`` · ``out_of_memory``.
    """

    reason: Why
    detail: str


class Renderer:
    """Renders a batch of messages: ``with Renderer() as renderer: renderer.render(play.languages["de"], fields)``.

    One thread at a time uses the process; others wait. Without the ``with``, call ``close()``.
    """

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def render(self, body: Body, fields: Mapping[str, object]) -> Rendered | Blocked:
        """The message of one body for one person; ``fields`` are merge fields by name, left out where not known.

        RenderError when no process starts at all; everything else that can go wrong is a ``Blocked``.
        """
        try:
            known = clean(fields)
        except ValueError as error:
            return Blocked("template", str(error))
        with self._lock:
            found = self._ask({"sources": [body.subject, body.text, body.footer], "fields": known})
        return found if isinstance(found, Blocked) else _message(body.language, known, *found)

    def close(self) -> None:
        """End the process, if there is one. The next message starts a new one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _ask(self, request: dict[str, Any]) -> list[str] | Blocked:
        child = self._running()
        line, overran = self._exchange(child, json.dumps(request).encode() + b"\n", self._seconds)
        if overran or not line.endswith(b"\n"):
            self.close()
        if not line.endswith(b"\n"):
            if overran:
                return Blocked("timed_out", f"it took longer than {self._seconds:g} seconds")
            return Blocked("out_of_memory", "its process was ended by the system")
        answer = json.loads(line)
        if answer.get("reason") == "out_of_memory":
            self.close()
        return answer["texts"] if "texts" in answer else Blocked(answer["reason"], answer["detail"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self.close()
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-I", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _NEEDED if name in os.environ},
            )
            line, _ = self._exchange(self._child, b"", _START_SECONDS)
            if not line.endswith(b"\n"):
                self.close()
                raise RenderError("The process that renders messages does not start.\n\nHint: is jinja2 installed?")
        return self._child

    @staticmethod
    def _exchange(child: subprocess.Popen[bytes], request: bytes, seconds: float) -> tuple[bytes, bool]:
        """The child's next line, and whether the child was killed for taking too long."""
        overran = threading.Event()

        def end() -> None:
            overran.set()
            child.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(request)
            child.stdin.flush()
            line = child.stdout.readline(_LONGEST_ANSWER)
        except OSError:  # it ended while we wrote
            line = b""
        finally:
            timer.cancel()
            timer.join()
        return line, overran.is_set()


def _message(language: str, fields: Mapping[str, Value], subject: str, text: str, footer: str) -> Rendered | Blocked:
    links = {str(value) for name, value in fields.items() if FIELDS[name].kind == "link"}
    subject = one_line(look.fitted(subject, language), LONGEST_SUBJECT)
    if not subject or not text.strip():
        return Blocked("unfilled", "nothing is left of it" if subject else "nothing is left of its subject")
    whole = look.fitted(look.with_footer(text, footer), language)
    return Rendered(subject, look.plain(whole, links=links), look.html(whole, language=language, links=links))
