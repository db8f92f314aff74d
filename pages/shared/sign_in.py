"""The way in and out: what somebody sees who has not signed in, has no role, or opens a page that is not theirs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section, validate_auth_credentials
from streamlit.errors import StreamlitAuthError

import settings
from pages.shared import words
from pages.shared.viewer import Viewer, protected

LEAST_SECRET = 32
"""Characters of ``cookie_secret``, which signs who somebody is: a short one can be guessed."""
_DEFAULT = "default"
_CALLED = {
    "executive": "executive",
    "product": "product",
    "csm": "customer success",
    "admin": "admin",
}
_WORDMARK = str(Path(__file__).resolve().parent / "wordmark.svg")


def providers() -> list[str]:
    """The names of the identity providers in ``[auth]``; "default" for one that is set up there itself."""
    section = get_secrets_auth_section()
    named = [str(name) for name, value in section.items() if isinstance(value, Mapping) and name != "client_kwargs"]
    return ([_DEFAULT] if "client_id" in section else []) + sorted(set(named) - {_DEFAULT}) or [_DEFAULT]


def problem() -> str | None:
    """What is wrong with ``[auth]``, with what to do about it; None when people can sign in."""
    try:
        for name in providers():
            validate_auth_credentials(name)
    except StreamlitAuthError as error:
        return " ".join(str(error).split())
    if len(str(get_secrets_auth_section().get("cookie_secret", ""))) < LEAST_SECRET:
        return (
            f"cookie_secret in [auth] of .streamlit/secrets.toml is shorter than {LEAST_SECRET} characters. Make one: "
            'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return None


def draw(who: Viewer | None) -> None:
    """The whole page for somebody who may see nothing: the way in, or why there is none for them."""
    _, middle, _ = st.columns([1, 1.4, 1])
    with middle, st.container(border=True, gap="medium"):
        st.image(_WORDMARK, width=132)
        if who is None:
            st.markdown(f"### {words.inert(settings.get().organisation.name)}")
            st.markdown("Sign in to see who stays, who leaves and why. You come back to this page.")
            for name in providers():
                label = "Sign in" if name == _DEFAULT else f"Sign in with {words.inert(name.capitalize())}"
                st.button(label, key=f"sign_in_{name}", type="primary", on_click=_in, args=(name,), width="stretch")
        else:
            st.markdown("### You have no role here yet")
            st.markdown(
                f"You are signed in as {words.inert(who.name)}. What you may see depends on your role, and none is "
                "known for you. Ask an admin of Tenure for one, then sign in anew."
            )
            _out()


def not_theirs(page: str, who: Viewer) -> None:
    """In place of a page that the viewer's role does not have."""
    st.markdown(f"## {words.inert(page)} is not part of your role")
    st.markdown(
        f"You are signed in as {words.inert(who.name)}, with the role {_CALLED.get(str(who.role), who.role)}. The "
        "pages of your role are on the left; ask an admin if you need this one."
    )


def corner(who: Viewer) -> None:
    """Who is signed in, at the foot of the navigation; nothing where nobody signs in."""
    if not protected():
        return
    with st.sidebar:
        role = _CALLED.get(str(who.role), "no role")
        st.caption(f":material/account_circle: {words.inert(who.name)} · {role}")
        _out()


def _in(provider: str) -> None:
    st.login(None if provider == _DEFAULT else provider)


def _out() -> None:
    st.button("Sign out", key="sign_out", type="tertiary", icon=":material/logout:", on_click=st.logout)
