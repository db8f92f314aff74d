"""What each role may see and do. Pages and actions ask for a right, never for a role."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_args

from queries.scope import Scope
from settings import Access, Role


class Right(StrEnum):
    """Something that not everybody may do; the text says what, for those who may not."""

    COMMENTS = "read what customers wrote"
    PEOPLE = "see who the people at customers are"
    JUDGE = "correct themes and judge churn"
    KEEP = "write down goals, notes and health"
    DRAFT = "draft messages"
    APPROVE = "approve messages and steer campaigns"
    SUBSCRIBE = "take the monthly digest"
    OPERATE = "refresh, see rows left out, and steer all sending"


_EVERYBODY_READS = frozenset(
    {"overview", "cohorts", "accounts", "account", "nps", "churn_reasons", "onboarding", "results", "data"}
)
PAGES: Mapping[Role, frozenset[str]] = {
    "executive": _EVERYBODY_READS,
    "product": _EVERYBODY_READS | {"campaigns"},
    "csm": _EVERYBODY_READS | {"contacts", "campaigns"},
    "admin": _EVERYBODY_READS | {"contacts", "campaigns"},
}
"""The pages of each role, by file name."""

RIGHTS: Mapping[Role, frozenset[Right]] = {
    "executive": frozenset({Right.SUBSCRIBE}),
    "product": frozenset({Right.COMMENTS, Right.JUDGE, Right.DRAFT, Right.SUBSCRIBE}),
    "csm": frozenset({Right.COMMENTS, Right.PEOPLE, Right.JUDGE, Right.KEEP, Right.DRAFT, Right.APPROVE}),
    "admin": frozenset(Right),
}
"""What each role may do beside reading its pages."""

_RANK: tuple[Role, ...] = ("admin", "csm", "product", "executive")


def role_of(claims: Mapping[str, Any], access: Access) -> Role | None:
    """The role of whoever brings these claims of an identity token; None where nothing gives one.

    An address in ``access.people`` counts before the claim, unless the provider says that it has not verified the
    address. Of several roles in the claim, the one that may do most. The claim may lie deeper: ``realm_access.roles``.

    >>> own = Access(claims={"cs-team": "csm"}, people={"ada@x.y": "admin"})
    >>> role_of({"email": "Ada@x.y"}, own), role_of({"email": "ada@x.y", "email_verified": False}, own)
    ('admin', None)
    >>> role_of({"roles": ["everyone", "cs-team", "product"]}, own), role_of({"roles": "guest"}, own)
    ('csm', None)
    """
    named = access.people.get(address_of(claims) or "")
    if named is not None:
        return named
    known: dict[str, Role] = {role: role for role in get_args(Role)} | access.claims
    found = {known.get(each) for each in _names(_claim(claims, access.role_claim))}
    return next((role for role in _RANK if role in found), None)


def address_of(claims: Mapping[str, Any]) -> str | None:
    """The address that the provider vouches for, folded; None where there is none, or it says it has not checked."""
    address, verified = claims.get("email"), claims.get("email_verified", True)
    if not isinstance(address, str) or verified not in (True, "true") or not address.strip():
        return None
    return address.strip().casefold()


def scope_of(role: Role, address: str | None, access: Access) -> Scope:
    """What a role sees. A CSM limited to their own accounts, but without an address, sees none."""
    rights = RIGHTS[role]
    mine = (address or "") if role == "csm" and access.csm_scope == "own" else None
    return Scope(mine, people=Right.PEOPLE in rights, comments=Right.COMMENTS in rights)


def book_of(role: Role, address: str | None) -> Scope:
    """Whom a role may write to: a CSM their own book. Everything there is read, so that a message can be written."""
    return Scope((address or "") if role == "csm" else None)


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    if path in claims:  # some providers call a claim by an address with dots in it
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else []
