"""Removes what no snapshot needs any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta

from pydantic import ValidationError

from queries.store import CURRENT, FAILURE, KEPT, RESERVE, Manifest, Store, manifest_name


def _named_by(manifest: bytes) -> set[str]:
    try:
        return Manifest.model_validate_json(manifest).names()
    except ValidationError:  # written by another version: nobody here can read it
        return set()


def prune(store: Store, *, keep: timedelta) -> int:
    """Deletes manifests older than ``keep`` and the files that no manifest left names; returns how many objects.

    The snapshot being served stays, however old. Files written in the last hour stay too: a page may still be
    reading a manifest that has just been replaced.
    """
    names = store.names()
    now = time.time()
    current = store.get(CURRENT)
    kept: set[str] = {CURRENT, FAILURE, RESERVE}
    for name, written in names.items():
        if not name.startswith("manifest-"):
            continue
        is_current = current is not None and name == manifest_name(current.decode().strip())
        content = store.get(name)
        if content is not None and (is_current or now - written < keep.total_seconds()):
            kept |= {name} | _named_by(content)
    kept |= {name for name in names if name.startswith(KEPT)}
    gone = [name for name, written in names.items() if name not in kept and now - written > 3600]
    for name in gone:
        store.delete(name)
    return len(gone)


def forget_others(store: Store, keep: Iterable[Manifest]) -> int:
    """Deletes all other snapshots at once, whoever may still be reading one; returns how many objects.

    For when somebody was erased: manifests go first, so that nobody begins to read what is about to go. Only for the
    one refresher: whatever else is there, half-written files too, is nobody's.
    """
    kept = {CURRENT, RESERVE}
    for manifest in keep:
        kept |= {manifest_name(manifest.id)} | manifest.names()
    gone = [name for name in store.names() if name not in kept and not name.startswith(KEPT)]
    for name in sorted(gone, key=lambda name: not name.startswith("manifest-")):
        store.delete(name)
    return len(gone)
