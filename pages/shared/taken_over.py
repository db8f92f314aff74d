"""A press that reached a server which does not know the page it was made on: it may be lost, and that is said."""

from __future__ import annotations

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.scriptrunner import get_script_run_ctx

_KNOWN = "tenure_known"
_PRESSES = ("trigger_value", "string_trigger_value", "json_trigger_value")


def tell() -> None:
    """Say so where the first thing that a session hears of is a press.

    The server was started again, or another one took the visitor over. What they typed came along and stands in its
    forms; what a press does was known to the session that drew the button, and is gone with it.
    """
    known = st.session_state.get(_KNOWN, False)
    st.session_state[_KNOWN] = True
    if not known and _pressed():
        st.warning(
            "The server changed while this page was open. Where what you pressed last was not done, press again.",
            icon=":material/sync_problem:",
        )


def _pressed() -> bool:
    context = get_script_run_ctx()
    return context is not None and any(map(_is_press, context.session_state.get_widget_states()))


def _is_press(state: WidgetState) -> bool:
    """Whether a widget was pressed; a button that was merely drawn stands among the states too."""
    kind = state.WhichOneof("value")
    value = getattr(state, kind) if kind in _PRESSES else None
    return bool(getattr(value, "data", value))
