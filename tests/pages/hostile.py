"""A company whose every text is hostile, in every text column of the contract: a new column is covered by itself."""

from __future__ import annotations

import http.server
import re
import shutil
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
from streamlit.testing.v1 import AppTest

import settings
from metrics import theme_vectors
from queries.contract import SOURCES, Column, Source
from queries.statement import select_of

PAYLOADS = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)/*mark*/</script>",
    "<svg onload=alert(1)>",
    "<iframe src=LEAK/frame></iframe>",
    "<style>*{display:none}</style>",
    '<a href="LEAK/anchor">anchor</a>',
    "<b>fat</b><i>thin</i><sup>up</sup>",
    "<!-- ",
    "&lt;b&gt;fat&lt;/b&gt; &amp;amp; &#60;img src=x&#62;",
    '"><img src="LEAK/quoted.png">',
    "![x](LEAK/leak.png)",
    "[click](javascript:alert(1))",
    "[click](LEAK/link)",
    "<LEAK/auto>",
    "LEAK/bare www.evil.example evil@evil.example",
    "![x][ref]\n\n[ref]: LEAK/reference.png\n\n",
    "**fat** __fat__ _thin_ ~~gone~~ `fat`",
    "# fat\n\n> fat\n\n- fat\n\n1. fat\n\n| fat | b |\n|---|---|\n\n---\n\n",
    "$\\LaTeX^2$ $$x^2$$",
    ":material/home: :smile: :streamlit:",
    ":red[loud] :blue-background[loud] :orange-badge[loud] :small[loud]",
    '=HYPERLINK("LEAK/cell","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "；=1+1;=1+1;@SUM(1)\n=1+1",
    "\u202eexe.gpj \u2066x\u2069",
    "\u200d\u2060\u00ad",
    "NULL",
    "None",
    "nan",
    "😀👩‍👩‍👧🏳️‍🌈",
    "%s %d %(x)s {0} {name!r} {{7*7}} {%x%} ${7*7} #{7*7}",
    "'; DROP TABLE accounts; -- \\' \\\" \\x",
    "../../../etc/passwd?a=b&c=d#e",
)
"""What text may hold, before the text itself; LEAK stands for an address where every visit is counted."""
ADDRESSES = (
    "javascript:alert(1)//",
    " javascript:alert(1)//",
    "JaVaScRiPt:alert(1)//",
    "java\tscript:alert(1)//",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)//",
    "//evil.example/",
    "https://crm.example.com/x\njavascript:alert(1)//",
    'https://crm.example.com/"onmouseover="alert(1)\'<b>',
)
"""What the columns called ``url`` hold."""
VALID = {("subscriptions", "currency"), ("fx_rates", "currency")}
"""Columns in which anything else would cost the row."""
PROSE = {"comment", "text", "summary", "subject", "goal", "reason"}
"""Columns one of whose rows holds a million characters."""


def hostile(column: Column, source: Source) -> bool:
    """Whether the column can hold any text."""
    return column.kind == "text" and not column.choices and (source.name, column.name) not in VALID


def expression(column: Column, known: bool, leak: str) -> str:
    """SQL for the column: the same text becomes the same hostile text wherever it stands, so that ids still meet."""
    payloads = ADDRESSES if column.name == "url" else PAYLOADS
    array = ", ".join("'" + each.replace("LEAK", leak).replace("'", "''") + "'" for each in payloads)
    value = f'"{column.name}"::text' if known else "row_number() OVER ()::text"
    picked = f"(ARRAY[{array}])[1 + (hashtext({value}) & 2147483647) % {len(payloads)}] || {value}"
    if column.name in PROSE and known:
        first = f'row_number() OVER (ORDER BY length("{column.name}"::text) DESC NULLS LAST) = 1'
        picked = f"{picked} || CASE WHEN {first} THEN repeat('<b>fat</b> ', 90910) ELSE '' END"
    return f"CASE WHEN {value} <> '' THEN {picked} END"


def mapping(name: str, url: str, leak: str) -> str:
    """The project's mapping of a source as a SELECT that returns hostile text."""
    source = SOURCES[name]
    select = select_of(f"{name}.sql", (settings.ROOT / "config" / "sources" / f"{name}.sql").read_text("utf-8"))
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({select}) AS mapped LIMIT 0")
        found = {each.name for each in cursor.description}
    columns = [
        f'{expression(column, column.name in found, leak)} AS "{column.name}"'
        if hostile(column, source)
        else f'"{column.name}"'
        for column in source.columns
        if hostile(column, source) or column.name in found
    ]
    return f"SELECT {', '.join(columns)} FROM ({select}) AS mapped"


def config(folder: Path, url: str, leak: str) -> Path:
    """The project's configuration over the database at ``url``, with every mapping made hostile."""
    made = folder / "config"
    shutil.copytree(settings.ROOT / "config", made)
    for path in (made / "sources").glob("*.sql"):
        path.write_text(mapping(path.stem, url, leak), encoding="utf-8")
    return made


ACTIVE = re.compile(
    r"(?<!\\)(?:<(?:img|script|svg|iframe|style|a href|b>|i>|!--)|`fat|&lt;b)"
    r"|!\[x|\[click\]|\*\*fat|__fat|~~gone|:material/home|:smile:|:streamlit:|:(?:red|blue-background|orange-badge)\["
    r"|:small\[|\$\\LaTeX|\$x\^2|\$\$|https?://|www\.|\w@evil|[\u202a-\u202e\u2066-\u2069]"
)
"""What Markdown would make more than text of, as it stands in the payloads."""
PLAIN = {
    "text": {"body"},
    "code": {"code_text"},
    "selectbox": {"options", "raw_value", "default"},
    "multiselect": {"options", "default", "raw_values"},
    "text_area": {"default", "value"},
    "text_input": {"default", "value"},
    "dataframe": {"data", "columns"},
    "arrow_data_frame": {"data", "columns"},
    "plotly_chart": {"spec", "config", "figure"},
    "metric": {"body"},
}
"""Parts of elements that show text as it is, by the elements' type."""
NAMES = re.compile(r"id$|key$|hash$|url$|query_string|alt$|file_name|query_param|value_state")
"""Parts that nobody sees, or that are only read aloud."""


def active(seen: AppTest) -> list[str]:
    """What stands on a page as Markdown of somebody else's making, with where it stands."""
    found = []
    for node in seen._tree:
        proto = getattr(node, "proto", None)
        if proto is not None:
            found += list(_active(proto, str(node.type), PLAIN.get(str(node.type), set())))
    return found


def _active(proto: Any, where: str, plain: set[str]) -> Iterator[str]:
    for name, values in ((field.name, value) for field, value in proto.ListFields()):
        if name in plain or NAMES.search(name):
            continue
        for value in [values] if isinstance(values, str) or not hasattr(values, "__iter__") else values:
            if isinstance(value, str) and ACTIVE.search(value):
                yield f"{where}.{name}: {value[:200]}"
            elif hasattr(value, "ListFields"):
                yield from _active(value, f"{where}.{name}", plain)


class WordVectors:
    """An encoder that knows words and no meaning: the real one would take half a minute for what says nothing."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.full((len(texts), theme_vectors.SIZE), 1e-6, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % theme_vectors.SIZE] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """An address of this machine, and every path that anybody asked it for."""
    asked: list[str] = []

    class Leak(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Leak) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join(5)
