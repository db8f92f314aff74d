"""The arithmetic of a score: groups of measures, weights, and the points that a change is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


def shares(present: Flags, weights: Numbers, group: Places) -> Numbers:
    """How much one point of each measure moves the score: accounts x measures, each row adds up to 1.

    The weight of a group present is split evenly over its measures present. ``present`` is accounts x measures,
    ``weights`` accounts x groups, ``group`` the group of each measure. A row of 0 means that nothing known has
    any weight.
    """
    number = np.stack([present[:, group == g].sum(axis=1) for g in range(weights.shape[1])], axis=1)
    total = (weights * (number > 0)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(number > 0, weights / number / total[:, None], 0.0)
    return np.where(present, np.nan_to_num(each[:, group]), 0.0)


def scores(groups: Numbers, weights: Numbers) -> Numbers:
    """The weighted mean over the groups present (accounts x groups, NaN: absent); NaN where none has any weight."""
    weight = np.where(np.isnan(groups), 0.0, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        score: Numbers = (weight * np.nan_to_num(groups)).sum(axis=1) / weight.sum(axis=1)
    return score


def group_means(values: Numbers, group: Places, groups: int) -> Numbers:
    """The mean of the measures present in each group: accounts x groups, NaN where none is."""
    present = ~np.isnan(values)
    known = np.where(present, values, 0.0)
    with np.errstate(invalid="ignore"):
        means = [known[:, group == g].sum(axis=1) / present[:, group == g].sum(axis=1) for g in range(groups)]
    return np.stack(means, axis=1)


def changes(
    before: Numbers, after: Numbers, old: Numbers, new: Numbers, group: Places
) -> Iterator[tuple[str, Numbers]]:
    """The points between two scores, by cause and measure: ``(cause, accounts x measures)``, adding up to it.

    What appeared is put in first, then weights go from ``old`` to ``new``, then values move, then what disappeared
    is taken out: on this path something known is there at every step. Both scores must be known.
    """
    had, has = ~np.isnan(before), ~np.isnan(after)
    values, present = np.where(had, np.nan_to_num(before), np.nan_to_num(after)), had.copy()
    yield "missing data", _toggle(values, present, old, group, has & ~had)
    share, then = shares(present, new, group), shares(present, old, group)
    total = (then * values).sum(axis=1, keepdims=True)
    # A heavier measure moves the score by how far it stands from the score; without that, points would cancel out.
    yield "weights", (share - then) * (values - total)
    moved = np.where(had & has, np.nan_to_num(after) - values, 0.0)
    yield "behaviour", share * moved
    yield "missing data", _toggle(values + moved, present, new, group, had & ~has)


def _toggle(values: Numbers, present: Flags, weights: Numbers, group: Places, switch: Flags) -> Numbers:
    """Puts measures in (or takes them out) one after the other; the points each step makes. Changes ``present``."""
    points = np.zeros(values.shape)
    score = (shares(present, weights, group) * values).sum(axis=1)
    for measure in np.flatnonzero(switch.any(axis=0)):
        present[:, measure] ^= switch[:, measure]
        then = (shares(present, weights, group) * values).sum(axis=1)
        points[:, measure], score = then - score, then
    return points
