"""The holdout: accounts that get nothing of a play, so that those who did can be compared with them."""

from __future__ import annotations

import hashlib

_STEPS = 1 << 64


def held_out(account_id: str, play_id: str, share: float) -> bool:
    """Whether an account is on the side of a play that gets nothing.

    It hangs on the two ids alone, so an account stays on its side in every campaign of a play, whoever else is asked
    and however often, and small campaigns of one play can be pooled. Between plays the sides are independent. A larger
    ``share`` (0..1) only adds accounts to the held-out side.

    >>> [held_out("a1", "goodbye", share) for share in (0.0, 1.0)]
    [False, True]
    """
    # The length says where the play's id ends: ids may hold any character.
    seen = hashlib.sha256(f"{len(play_id)}:{play_id}{account_id}".encode()).digest()
    return int.from_bytes(seen[:8], "big") < share * _STEPS
