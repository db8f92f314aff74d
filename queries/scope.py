"""What a viewer may see of a snapshot. ``queries.frames`` applies it, to every frame and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

NOT_SHOWN = "(not shown)"
"""What stands in place of a text that the viewer may not read, so that counts of who wrote one stay the same."""
_PERSONAL = {"people": ("name", "email"), "touches": ("summary",), "tickets": ("subject",)}
_COMMENTS = {
    "nps": ("comment",),
    "exit_surveys": ("comment",),
    "reviews": ("text",),
    "comment_themes": ("evidence",),
}


@dataclass(frozen=True)
class Scope:
    """Whose accounts a viewer may see, and of them how much. It is part of every cache key.

    ``csm_email``: the accounts of one CSM only; an address that no account names, the empty one too, sees no account.
    Without ``people``, who somebody is stays hidden: names, addresses and texts about people are :data:`NOT_SHOWN`,
    and ``user_id`` is a stand-in, the same in every frame. Without ``comments``, so are the words customers wrote.
    Numbers are the same either way.
    """

    csm_email: str | None = None
    people: bool = True
    comments: bool = True

    @property
    def everything(self) -> bool:
        """Whether nothing is hidden."""
        return self == Scope()

    def hidden(self, name: str) -> list[pl.Expr]:
        """The columns of a frame whose texts this scope may not read, each as what stands there instead."""
        columns = () if self.people else _PERSONAL.get(name, ())
        columns += () if self.comments else _COMMENTS.get(name, ())
        return [pl.when(pl.col(each).str.strip_chars() != "").then(pl.lit(NOT_SHOWN)).alias(each) for each in columns]

    def person(self, name: str) -> pl.Expr:
        """The column ``name`` that holds ids of people, as this scope may see it."""
        return pl.col(name) if self.people else stand_in(pl.col(name)).alias(name)


def stand_in(user_id: pl.Expr) -> pl.Expr:
    """What stands in place of a ``user_id`` for those who may not see people; null stays null."""
    return pl.when(user_id.is_not_null()).then(pl.concat_str(pl.lit("person-"), user_id.hash(7).cast(pl.String)))
