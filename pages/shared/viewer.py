"""Who is looking, and what they may see and do. Every page and every action asks here, on the server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

import settings
from pages.shared.roles import PAGES, RIGHTS, Right, address_of, book_of, role_of, scope_of
from queries.scope import Scope
from settings import Role

NOBODY_KNOWN = "somebody at this machine"
"""Without sign-in the server answers to its own machine only, and whoever sits there writes things down."""


class NotAllowed(Exception):
    """The viewer may not do this; the message says so, and whom to ask."""


@dataclass(frozen=True)
class Viewer:
    """Somebody at the dashboard. Without a role (``None``) they see nothing."""

    name: str
    address: str | None
    role: Role | None

    def may(self, right: Right) -> bool:
        """Whether their role has a right."""
        return self.role is not None and right in RIGHTS[self.role]

    def may_open(self, page: str) -> bool:
        """Whether a page, by its file's name without the ending, is one of their role's."""
        return self.role is not None and page in PAGES[self.role]


@cache
def protected() -> bool:
    """Whether people sign in. Asked once: taking ``[auth]`` out of the secrets opens nothing while the server runs."""
    return bool(get_secrets_auth_section())


def claims() -> Mapping[str, Any] | None:
    """What the identity provider says of the viewer; None while they are signed out, or signed in for too long."""
    said = st.user.to_dict()
    if not said.pop("is_logged_in", False):
        return None
    issued = said.get("iat")
    longest = settings.get().access.sign_in_again.total_seconds()
    return None if isinstance(issued, int | float) and time.time() - issued > longest else said


def now() -> Viewer | None:
    """The viewer; None while they have to sign in. Without sign-in at all, everybody at this machine is an admin."""
    if not protected():
        return Viewer(NOBODY_KNOWN, None, "admin")
    said = claims()
    if said is None:
        return None
    address = address_of(said)
    known = address or f"{said.get('iss', '')}#{said.get('sub', '')}"
    return Viewer(known, address, role_of(said, settings.get().access))


def _somebody() -> tuple[Viewer, Role]:
    found = now()
    if found is None or found.role is None:
        raise NotAllowed("Sign in first, with a role that may see this.")
    return found, found.role


def may(right: Right) -> bool:
    """Whether the viewer has a right: for what to draw. What a press does asks :func:`actor` once more."""
    found = now()
    return found is not None and found.may(right)


def may_open(file: str) -> bool:
    """Whether a page, by its file, is one of the viewer's: for links to it."""
    found = now()
    return found is not None and found.may_open(file.removesuffix(".py"))


def require(right: Right) -> Viewer:
    """The viewer, who has ``right``; NotAllowed otherwise."""
    found, role = _somebody()
    if not found.may(right):
        raise NotAllowed(f"The role {role} may not {right}. Ask an admin for another role if you need to.")
    return found


def actor(right: Right) -> str:
    """The viewer as the records name them, who has ``right``; NotAllowed otherwise. Nothing is written without it."""
    return require(right).name


def scope() -> Scope:
    """What the viewer may see; NotAllowed when nothing."""
    found, role = _somebody()
    return scope_of(role, found.address, settings.get().access)


def book() -> Scope:
    """The accounts whose people the viewer may write to; NotAllowed when they may write to nobody."""
    found = require(Right.DRAFT)
    assert found.role is not None
    return book_of(found.role, found.address)
