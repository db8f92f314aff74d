"""Where a bucket is and who may open it, from the environment that every tool for S3 reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEME = "s3://"
HERE = Path(__file__).resolve().parent.parent
"""The project, under which copies are kept unless told otherwise."""
_ROOM = 4_000_000_000
"""Bytes of copies that are kept unless told otherwise."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
QUIET = 1.5
"""Seconds without a byte after which a reader gives a bucket up; it was tried twice where Polars reads."""


@dataclass(frozen=True)
class BucketAccess:
    """A place in a bucket, the keys to it, and where copies of it are kept.

    Without ``key``, both ways of reading ask the machine for its role. ``endpoint`` is the address of a service that
    is not Amazon's, None for Amazon's own. ``room`` is how many bytes of copies are kept.
    """

    bucket: str
    prefix: str
    region: str
    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    copies: Path = HERE / ".data" / "snapshot-copies"
    room: int = _ROOM

    @property
    def base(self) -> str:
        """Bucket and prefix, as every object's path begins."""
        return f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket

    def for_polars(self) -> dict[str, Any]:
        """Polars' ``storage_options``: keys, address, and how long to wait."""
        named = {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
            "aws_endpoint_url": self.endpoint,
        }
        allowed = {"aws_allow_http": "true"} if _is_plain(self.endpoint) else {}
        patience = {
            "connect_timeout": "1s",
            "read_timeout": f"{round(QUIET * 1000)}ms",
            "timeout": "300s",
            "max_retries": 2,
            "retry_timeout_ms": 1000,
        }
        known = {name: value for name, value in named.items() if value is not None}
        return known | allowed | patience | {"aws_region": self.region}

    def for_arrow(self) -> dict[str, Any]:
        """Keys and address, as ``pyarrow.fs.S3FileSystem`` takes them."""
        keys = {"access_key": self.key, "secret_key": self.secret, "session_token": self.token}
        at: dict[str, Any] = {"region": self.region}
        if self.endpoint is not None:
            scheme, _, host = self.endpoint.partition("://")
            at |= {"scheme": scheme, "endpoint_override": host}
        return at | {name: value for name, value in keys.items() if value is not None}

    def without_secrets(self, text: str) -> str:
        """``text`` on one line, with stars for whatever opens the bucket."""
        for secret in filter(None, (self.secret, self.token, self.key)):
            text = text.replace(secret, "***")
        return " ".join(text.split()).rstrip(".")


def read(location: str, environment: Mapping[str, str]) -> BucketAccess | None:
    """The bucket that ``location`` names; None where it is a folder. ValueError says what cannot be used.

    >>> read("s3://numbers/tenure/", {"AWS_REGION": "eu-central-1"}).base
    'numbers/tenure'
    >>> read(".data/snapshot", {}) is None
    True
    """
    if not location.startswith(SCHEME):
        if "://" in location:
            scheme = location.split("://")[0]
            raise ValueError(
                f'SNAPSHOT_DIR begins with "{scheme}://".\n\nHint: write a folder, or s3://bucket/prefix; any '
                "service that speaks S3 will do, with its address in AWS_ENDPOINT_URL."
            )
        return None
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(bucket) or "//" in prefix or ".." in prefix.split("/"):
        raise ValueError("SNAPSHOT_DIR names no bucket.\n\nHint: write it like s3://bucket/prefix.")
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    key, secret = given.get("AWS_ACCESS_KEY_ID"), given.get("AWS_SECRET_ACCESS_KEY")
    if (key is None) != (secret is None):
        raise ValueError(
            "Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set.\n\n"
            "Hint: set both, or neither where the machine has a role."
        )
    return BucketAccess(
        bucket=bucket,
        prefix=prefix,
        region=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint=_endpoint(given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL")),
        key=key,
        secret=secret,
        token=given.get("AWS_SESSION_TOKEN") if key else None,
        copies=Path(given.get("SNAPSHOT_CACHE_DIR") or BucketAccess.copies),
        room=_room(given.get("SNAPSHOT_CACHE_BYTES")),
    )


def _endpoint(url: str | None) -> str | None:
    if url is None:
        return None
    if not re.fullmatch(r"https?://[^\s/@?#]+/?", url):
        raise ValueError("AWS_ENDPOINT_URL is no address.\n\nHint: write it like https://objects.example.com.")
    return url.rstrip("/")


def _room(text: str | None) -> int:
    if text is None:
        return _ROOM
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise ValueError("SNAPSHOT_CACHE_BYTES is no number of bytes.\n\nHint: write it like 4000000000.")
    return int(text)


def _is_plain(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.startswith("http://")
