"""Somebody who opens pages over the web socket that browsers use, without a browser."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from google.protobuf import text_format
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


@dataclass
class Seen:
    """What one run of a page sent: after how many ``seconds`` it was whole, its parts, its widgets by label."""

    seconds: float
    deltas: list[Delta]
    widgets: dict[str, str] = field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """All that was sent, as text."""
        return _text(self.deltas)


class Visitor:
    """One session. ``open`` shows a page, ``press`` a button of it with what was typed.

    ``cookies`` are sent when it begins, and ``token`` is that of the XSRF cookie among them; without the two, nobody is
    signed in.
    """

    def __init__(
        self, url: str, *, patience: float = 30, cookies: Mapping[str, str] | None = None, token: str = ""
    ) -> None:
        address = url.replace("http://", "ws://") + "/_stcore/stream"
        self._patience = patience
        self._open = ExitStack()
        protocols = ["streamlit", token] if token else ["streamlit"]
        options: dict[str, Any] = {"subprotocols": protocols, "origin": url, "max_size": None}
        if cookies:
            told = "; ".join(f"{name}={value}" for name, value in cookies.items())
            options["additional_headers"] = {"Cookie": told}
        self._socket = self._open.enter_context(connect(address, **options))
        self._page = ""
        self._query = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def given(self) -> list[str]:
        """The cookies that came with the first answer, as they were written."""
        response = self._socket.response
        return [] if response is None else response.headers.get_all("Set-Cookie")

    def open(self, page: str, query: str = "") -> Seen:
        self._page, self._query = page, query
        return self._run({})

    def press(self, button: str, typed: dict[str, str], *, page: str = "", query: str = "") -> Seen:
        """Presses the button with this id; ``typed`` holds texts by the ids of their fields.

        ``page``: where the button stands, for whoever opened it in an earlier session.
        """
        if page:
            self._page, self._query = page, query
        return self._run(typed, button)

    def _run(self, typed: dict[str, str], button: str | None = None) -> Seen:
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.query_string = self._page, self._query
        for id, text in typed.items():
            state.widget_states.widgets.add(id=id, string_value=text)
        if button is not None:
            state.widget_states.widgets.add(id=button, trigger_value=True)
        started = time.monotonic()
        self._socket.send(message.SerializeToString())
        return self._heard(started)

    def _heard(self, started: float) -> Seen:
        deltas: list[Delta] = []
        widgets: dict[str, str] = {}
        while True:
            left = started + self._patience - time.monotonic()
            if left <= 0:
                raise AssertionError(f"after {self._patience:.0f} s the page is not whole: {_text(deltas)[-500:]}")
            said = ForwardMsg()
            said.ParseFromString(self._socket.recv(timeout=left))  # type: ignore[arg-type]
            kind = said.WhichOneof("type")
            if kind == "delta":
                deltas.append(said.delta)
                _note(widgets, said.delta.new_element)
            elif kind == "script_finished" and said.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return Seen(time.monotonic() - started, deltas, widgets)


def _text(deltas: Iterable[Delta]) -> str:
    return "\n".join(text_format.MessageToString(delta, as_utf8=True) for delta in deltas)


def _note(widgets: dict[str, str], element: Any) -> None:
    kind = element.WhichOneof("type")
    if kind in ("text_area", "button"):
        widget = getattr(element, kind)
        widgets[widget.label] = widget.id
