"""Who every snapshot leaves out: people who were erased, told by their marks in the records, never by name.

The snapshot carries the marks along, so that a refresh which cannot reach the records brings nobody back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import polars as pl

from queries.errors import RefreshError
from queries.store import Manifest, Store
from records.database import fresh
from records.erased import Erased, marks
from records.errors import RecordsError
from settings import Settings

KIND = "erased"
"""The file of marks, and its name in a manifest: one column, ``hmac``."""
MANAGER = ["csm_email", "csm_name"]
"""Columns of an account that name a colleague; the account stays when they are erased."""
log = logging.getLogger("tenure.refresh")


class LeftOut:
    """Whom one refresh leaves out; false when nobody is, and then nothing is worked out at all.

    Somebody who comes back under a new id with an erased address is found among the people, and left out of everything
    else by that id from then on.
    """

    def __init__(self, erased: Erased | None = None, carried: Iterable[str] = ()) -> None:
        self._erased = erased or Erased()
        self._ids: set[str] = set()
        self._carried = self._settled = frozenset(carried)
        self.marks = set(self._erased.marks)

    def __bool__(self) -> bool:
        return bool(self._erased)

    @property
    def has_grown(self) -> bool:
        """Whether there is a mark that the snapshot before did not know: it may hold somebody who was erased since."""
        return not self.marks <= self._carried

    @property
    def is_settled(self) -> bool:
        """Whether the snapshot before holds nobody of all who are known so far."""
        return self.marks <= self._settled

    def settle(self) -> None:
        """Everybody who is known so far was taken out of the snapshot before."""
        self._settled = frozenset(self.marks)

    def theirs(self, frame: pl.DataFrame) -> pl.Series:
        """Which rows are about somebody who was erased, by ``user_id`` and ``email``; ids behind addresses are learned.

        Each different value is looked at once.
        """
        found = pl.Series([False], dtype=pl.Boolean).new_from_index(0, frame.height)
        if "email" in frame.columns:
            found = frame.get_column("email").is_in(self._addresses(frame.get_column("email"))).fill_null(False)
            if "user_id" in frame.columns:
                self._learn(frame.get_column("user_id").filter(found))
        if "user_id" in frame.columns:
            found |= frame.get_column("user_id").is_in(self.users(frame.get_column("user_id"))).fill_null(False)
        return found

    def without(self, frame: pl.DataFrame) -> pl.DataFrame:
        """``frame`` without the rows about somebody who was erased, and without an erased colleague's address."""
        if not self:
            return frame
        if MANAGER[0] in frame.columns:
            gone = frame.get_column(MANAGER[0]).is_in(self._addresses(frame.get_column(MANAGER[0]))).fill_null(False)
            named = [name for name in MANAGER if name in frame.columns]
            frame = frame.with_columns(pl.when(~gone).then(pl.col(name)).alias(name) for name in named)
        theirs = self.theirs(frame)
        return frame.filter(~theirs) if theirs.any() else frame

    def users(self, ids: pl.Series) -> list[str]:
        """Those of ``ids`` that were erased, each once; a blank one is nobody's."""
        known = _of_somebody(ids.unique())
        return sorted(self._erased.users(known) | self._ids.intersection(known))

    def frame(self) -> pl.DataFrame:
        """The marks, as the snapshot carries them."""
        return pl.DataFrame({"hmac": sorted(self.marks)}, schema={"hmac": pl.String})

    def _addresses(self, addresses: pl.Series) -> list[str]:
        return sorted(self._erased.addresses(addresses.drop_nulls().unique().to_list()))

    def _learn(self, ids: pl.Series) -> None:
        known = set(_of_somebody(ids))
        self._ids |= known
        if self._erased.key is not None:
            self.marks |= {self._erased.key.user(id) for id in known}


def _of_somebody(ids: pl.Series) -> list[str]:
    return [id for id in ids.drop_nulls() if id.strip()]


def carried(store: Store, manifest: Manifest | None) -> frozenset[str]:
    """The marks that a snapshot carries."""
    if manifest is None or KIND not in manifest.files or not store.exists(manifest.files[KIND]):
        return frozenset()
    return frozenset(store.scan(manifest.files[KIND]).collect().get_column("hmac").to_list())


def known(settings: Settings, store: Store, before: Manifest | None, *, database: str) -> LeftOut:
    """Whom a refresh leaves out: everybody marked in the records, and whoever the snapshot before left out.

    While the records cannot be reached, those whom the snapshot before left out. RefreshError when there is none of
    this database, so that nobody can tell, or when ``SECRET_KEY`` is not the one that people were erased with.
    """
    ours = before if before is not None and before.database == database else None
    earlier = carried(store, ours)
    try:
        listed = _listed(settings)
    except RecordsError as error:
        if ours is None:
            raise RefreshError(
                f"Nobody can tell who was erased: {error.message}",
                "the first snapshot needs the records, so that it brings nobody back; check RECORDS_DATABASE_URL",
            ) from error
        log.warning("Who was erased is taken from the snapshot before: %s", error.message)
        listed = frozenset()
    try:
        return LeftOut(Erased.of(listed | earlier, settings.secret_key), earlier)
    except RecordsError as error:
        raise RefreshError(error.message, error.hint) from error


def _listed(settings: Settings) -> frozenset[str]:
    if settings.records_database_url is None:
        return frozenset()
    engine = fresh(settings.records_database_url)
    try:
        return marks(engine)
    finally:
        engine.dispose()
