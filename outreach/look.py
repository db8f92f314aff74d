"""How a message looks: plain paragraphs and simple lists, as somebody writes them in a mail program.

A text has paragraphs (an empty line between them), lists (lines that start with ``- ``), links to places of ours
(``[label](address)``, or the address alone) and a footer below a line ``-- ``. Everything else is just characters.
"""

from __future__ import annotations

import html as escaping
import re
from collections.abc import Callable, Collection, Iterator

import nh3

_TAGS = {"p", "br", "ul", "li", "a", "small"}
_FOOTER = "\n-- \n"
_UNPRINTED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
_STYLE = (
    "max-width:40em;overflow-wrap:anywhere;"
    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:16px;line-height:1.5"
)
_PAGE = """<!doctype html>
<html lang="{language}"{direction}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
</head>
<body>
<div style="{style}">
{body}
</div>
</body>
</html>
"""


def fitted(text: str, language: str) -> str:
    """The text without spaces inside Chinese: a play has them around fields, whose values may be Latin or not.

    >>> fitted("明辉科技 的订阅", "zh-CN"), fitted("Acme 的订阅", "zh")
    ('明辉科技的订阅', 'Acme 的订阅')
    """
    return re.sub(r"(?<=[\u3400-\u9fff]) +(?=[\u3400-\u9fff])", "", text) if language.startswith("zh") else text


def with_footer(text: str, footer: str) -> str:
    """The text with the footer below it, if there is one."""
    return f"{text.strip()}\n{_FOOTER}{footer.strip()}" if footer.strip() else text.strip()


def plain(text: str, *, links: Collection[str]) -> str:
    """The text for those who read mail as text: ``[label](address)`` becomes ``label: address``.

    The full stop of a line that ends in such a link is left out: it might be read as part of the address.

    >>> plain("Hello,\\n\\n\\n\\nPlease [answer here](https://t.example/a).", links=["https://t.example/a"])
    'Hello,\\n\\nPlease answer here: https://t.example/a\\n'
    """
    written = _linked(_tidy(text), links, str, lambda label, url, stop: f"{label}{_colon(label)}{url}")
    return f"{written}\n"


def _colon(label: str) -> str:
    """What stands between a label and its address; Chinese has a colon of its own."""
    if not label:
        return ""
    return "：" if re.search(r"[\u3000-\u9fff\uff00-\uffef]\Z", label) else ": "


def html(text: str, *, language: str, links: Collection[str]) -> str:
    """The text as a whole HTML page. Only the addresses in ``links`` become links; nothing else becomes a tag.

    >>> page = html("<b>Hello</b>\\n\\n- https://t.example/a\\n- http://evil.example", language="en",
    ...             links=["https://t.example/a"])
    >>> print(page.split("\\n")[9], page.split("\\n")[10], sep="\\n")
    <p>&lt;b&gt;Hello&lt;/b&gt;</p>
    <ul><li><a href="https://t.example/a">https://t.example/a</a></li><li>http://evil.example</li></ul>
    """
    above, _, below = _tidy(text).partition(_FOOTER)
    blocks = [*_blocks(above, links, "{}"), *_blocks(below, links, "<small>{}</small>")]
    body = nh3.clean(
        "\n".join(blocks), tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"}, link_rel=None
    )
    direction = ' dir="rtl"' if language.partition("-")[0] in _RIGHT_TO_LEFT else ""
    return _PAGE.format(language=escaping.escape(language), direction=direction, style=_STYLE, body=body)


def _tidy(text: str) -> str:
    """Without control characters and spaces at the ends of lines; one empty line where a condition left several."""
    lines = [line if line == "-- " else line.rstrip() for line in _UNPRINTED.sub(" ", text).strip().split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _blocks(text: str, links: Collection[str], around: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\n+", text.strip()):
        run: list[str] = []
        for line in paragraph.split("\n"):
            if run and line.startswith("- ") != run[0].startswith("- "):
                yield _block(run, links, around)
                run = []
            run.append(line)
        if any(run):
            yield _block(run, links, around)


def _block(lines: list[str], links: Collection[str], around: str) -> str:
    """Lines that are all of one list, or all of none."""
    listed = lines[0].startswith("- ")
    written = [_linked(line[2:] if listed else line, links, escaping.escape, _anchor) for line in lines]
    if listed:
        return f"<ul>{''.join(f'<li>{line}</li>' for line in written)}</ul>"
    return f"<p>{around.format('<br>'.join(written))}</p>"


def _anchor(label: str, url: str, stop: str) -> str:
    return f'<a href="{escaping.escape(url)}">{escaping.escape(label or url)}</a>{stop}'


def _linked(
    text: str, links: Collection[str], other: Callable[[str], str], link: Callable[[str, str, str], str]
) -> str:
    """The text with ``link(label, address, full stop)`` for links to ``links`` and ``other`` for what is between."""
    if not links:
        return other(text)
    ours = "|".join(re.escape(url) for url in sorted(links, key=len, reverse=True))
    # An address that goes on is another one: https://ours.example.evil.example
    named = rf"\[([^\[\]\n]{{1,200}})\]\(({ours})\)([.。](?=\n|\Z))?"
    bare = rf"(?<![A-Za-z0-9])({ours})(?![A-Za-z0-9_/?&=#%~+@-]|[.:][A-Za-z0-9])"
    parts: list[str] = []
    at = 0
    for found in re.finditer(f"{named}|{bare}", text):
        parts += [other(text[at : found.start()]), link(found[1] or "", found[2] or found[4], found[3] or "")]
        at = found.end()
    return "".join([*parts, other(text[at:])])
