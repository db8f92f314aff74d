"""Removes what no snapshot needs any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from pydantic import ValidationError

from queries.store import CURRENT, FAILURE, KEPT, RESERVE, Manifest, Store, manifest_name


def _parsed(manifest: bytes | None) -> Manifest | None:
    """A manifest's content; None where it is gone, or was written by another version: nobody here can read it."""
    try:
        return None if manifest is None else Manifest.model_validate_json(manifest)
    except ValidationError:
        return None


def prune(store: Store, *, keep: timedelta) -> int:
    """Deletes manifests older than ``keep`` and the files that no manifest left names; returns how many objects.

    The snapshot being served stays, however old. Files written in the last hour stay too: a page may still be
    reading a manifest that has just been replaced. What is from before an erasure goes at once, with its files: it
    should be gone, and whoever was to remove it was interrupted.
    """
    names = store.names()
    now = _now(names)
    current = store.get(CURRENT)
    served = "" if current is None else manifest_name(current.decode().strip())
    named = [name for name in names if name.startswith("manifest-")]
    store.bring(named)
    contents = {name: content for name in named if (content := store.get(name)) is not None}
    manifests = {name: _parsed(content) for name, content in contents.items()}
    newest = manifests.get(served)
    kept: set[str] = {CURRENT, FAILURE, RESERVE} | {name for name in names if name.startswith(KEPT)}
    at_once: set[str] = set()
    for name, manifest in manifests.items():
        its = {name} | (set() if manifest is None else manifest.names())
        if manifest is not None and newest is not None and manifest.erasures < newest.erasures:
            at_once |= its
        elif name == served or now - names[name] < keep.total_seconds():
            kept |= its
    return _delete(store, [n for n, at in names.items() if n not in kept and (n in at_once or now - at > 3600)])


def _now(names: dict[str, float]) -> float:
    """The time by the store's clock, told by what was written there last, or by ours where that is behind.

    So a machine whose clock is an hour off takes nothing for old that is not.
    """
    return min(time.time(), max(names.values(), default=0.0))


def _delete(store: Store, names: Iterable[str]) -> int:
    """Deletes objects, manifests first: while one can be read, so can all that it names. Returns how many."""
    gone = list(names)
    for is_manifest in (True, False):
        store.delete_all([name for name in gone if name.startswith("manifest-") is is_manifest])
    return len(gone)


def forget_others(store: Store, keep: Iterable[Manifest]) -> int:
    """Deletes all other snapshots at once, whoever may still be reading one; returns how many objects.

    For when somebody was erased: manifests go first, so that nobody begins to read what is about to go. Only for the
    one refresher: whatever else is there, half-written files too, is nobody's.
    """
    kept = {CURRENT, RESERVE}
    for manifest in keep:
        kept |= {manifest_name(manifest.id)} | manifest.names()
    return _delete(store, [name for name in store.names() if name not in kept and not name.startswith(KEPT)])
