"""The process that runs a play's template, with little memory, no environment and nothing of ours in it.

Started by ``outreach.render``, one per batch of messages. One request and one answer per line, both JSON. It imports
nothing of the project: what a template might break out into is this process alone.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY = 256 * 1024 * 1024
CPU_SECONDS = 2
"""Processor time one message may take. The parent kills much sooner; this is for when the parent is gone."""
LONGEST = 20_000
_KEPT_TEMPLATES = 100
_ONLY_TAGS = re.compile(r"^[ \t]*((?:{%(?:(?!%})[^\n])*%}[ \t]*)+)\n", re.MULTILINE)
"""A line of nothing but tags leaves no line behind; one that ends in a tag, which ``trim_blocks`` would join, stays."""
_LONGEST_DETAIL = 300


class _Missing(jinja2.StrictUndefined):
    """A merge field that is not known: false where a play asks for it, an error where it would be printed."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        if self._undefined_obj is not jinja2.utils.missing or self._undefined_exception is not jinja2.UndefinedError:
            self._fail_with_undefined_error()
        return False


class _TooLongError(Exception):
    pass


def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox: text in, text out, no functions, no other templates."""
    made = ImmutableSandboxedEnvironment(undefined=_Missing, optimized=False)
    made.globals.clear()
    return made


class _Templates:
    """Compiled templates: a batch has few different ones."""

    def __init__(self) -> None:
        self._environment = environment()
        self._kept: dict[str, jinja2.Template] = {}

    def render(self, source: str, fields: dict[str, Any]) -> str:
        if source not in self._kept:
            if len(self._kept) >= _KEPT_TEMPLATES:
                self._kept.clear()
            self._kept[source] = self._environment.from_string(_ONLY_TAGS.sub(r"\1", source))
        parts: list[str] = []
        length = 0
        for part in self._kept[source].generate(fields):
            length += len(part)
            if length > LONGEST:
                raise _TooLongError
            parts.append(part)
        return "".join(parts)


def answer(templates: _Templates, request: dict[str, Any]) -> dict[str, Any]:
    """The rendered texts in the order asked for, or why there are none."""
    try:
        return {"texts": [templates.render(source, request["fields"]) for source in request["sources"]]}
    except jinja2.UndefinedError as error:
        reason, detail = "unfilled", f"{error}; write {{% if … %}} around what not everybody has"
    except SecurityError as error:
        reason, detail = "unsafe", str(error)[:_LONGEST_DETAIL]
    except _TooLongError:
        reason, detail = "too_long", f"it would be longer than {LONGEST:,} characters"
    except (MemoryError, OverflowError):
        reason, detail = "out_of_memory", "it takes too much memory"
    except RecursionError:
        reason, detail = "template", "it is nested too deeply"
    except Exception as error:  # whatever a template does, only its own message stops
        reason, detail = "template", f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]
    return {"reason": reason, "detail": detail}


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):  # Windows has no such limits, macOS not this one
        pass


def _limit_time() -> None:
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + CPU_SECONDS, hard))
    except (ImportError, ValueError, OSError):
        pass


def main() -> None:
    """Answer until there are no more requests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the parent's to handle
    templates = _Templates()
    templates.render("{% for a in b %}{{ a }}{% endfor %}", {"b": ["ready"]})  # so that the first is not slower
    _limit_memory()
    print('{"ready": true}', flush=True)
    while line := sys.stdin.buffer.readline():
        _limit_time()
        found = answer(templates, json.loads(line))
        print(json.dumps(found), flush=True)
        if found.get("reason") == "out_of_memory":
            return  # start over with clean memory


if __name__ == "__main__":
    main()
