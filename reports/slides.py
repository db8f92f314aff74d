"""The house style of a presentation: 16:9, one headline that says the finding, a footer that says where it is from."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Length, Pt

from reports.fitting import cut, largest, plain

KEPT, LOST, INK, FADED = "2850B8", "D9731A", "1A2130", "5D6779"
QUIET, RULE, PANEL, BAND, SOFT = "A9B1BF", "E2E6ED", "F4F6F9", "B1C8EC", "7097D6"
_ACCENTS = (KEPT, LOST, "149184", "A2559C", "B08B00", "6B7485")
FONT = "Arial"
WIDTH, HEIGHT, MARGIN = 13.333, 7.5, 0.6
INSIDE = WIDTH - 2 * MARGIN
TOP = 1.8
"""Where the content of a slide begins, in inches; it ends at ``BOTTOM``."""
BOTTOM = 6.85
_LONGEST = 250
"""Characters of a property of the file; the format holds 255."""


@dataclass(frozen=True)
class Box:
    """A place on a slide, in inches."""

    left: float
    top: float
    width: float
    height: float

    @property
    def emu(self) -> tuple[Length, Length, Length, Length]:
        """The same in the units of the file format."""
        return Inches(self.left), Inches(self.top), Inches(self.width), Inches(self.height)


def colour(name: str) -> RGBColor:
    """A colour of the house from its six hexadecimal digits."""
    return RGBColor(*bytes.fromhex(name))


class Deck:
    """A presentation in the house style; ``source`` stands in every footer and in every slide's notes.

    ``author`` stands in the file's properties, ``language`` (a tag such as "de-DE") is what its words are checked in,
    and ``mark`` stands in the upper corner of every slide.
    """

    def __init__(
        self, title: str, source: str, taken_at: datetime, *, author: str = "Tenure", language: str = "", mark: str = ""
    ) -> None:
        self.source, self._language, self._mark = source, language, mark
        self._taken_at = taken_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        self._deck = Presentation()
        self._deck.slide_width, self._deck.slide_height = Inches(WIDTH), Inches(HEIGHT)
        _keep_one_layout(self._deck)
        _house_theme(self._deck)
        properties = self._deck.core_properties
        properties.title, properties.author = plain(title)[:_LONGEST], plain(author)[:_LONGEST]
        properties.last_modified_by, properties.comments = properties.author, ""
        properties.created = properties.modified = self._taken_at
        properties.subject, properties.revision = plain(source)[:_LONGEST], 1

    def slide(self, headline: str, detail: str = "", *, notes: Sequence[str] | None) -> Any:
        """A new slide: its headline, a quieter line under it, its footer, and speaker notes, one paragraph each.

        ``notes`` None: the slide has no page of notes at all.
        """
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[0])
        size, shown = largest(headline, INSIDE, lines=1, sizes=(28, 26, 24), bold=True)
        if shown != plain(headline):
            size, shown = largest(headline, INSIDE, lines=2, sizes=(28, 26, 24, 22), bold=True)
        _write(slide.shapes.title.text_frame, shown, size=size, bold=True, anchor=MSO_ANCHOR.BOTTOM)
        if detail:
            text(slide, Box(MARGIN, 1.37, INSIDE, 0.3), detail, size=14, tone=FADED)
        self._footer(slide)
        if notes is not None:
            slide.notes_slide.notes_text_frame.text = "\n".join(plain(line) for line in (*notes, self.source))
        return slide

    def cover(self, label: str, headline: str, lines: Sequence[str], *, notes: Sequence[str] | None) -> Any:
        """The first slide: whose it is, what it found, and where it comes from."""
        slide = self.slide("", notes=notes)
        title = slide.shapes.title
        title.left, title.top, title.width, title.height = Box(MARGIN, 2.2, INSIDE, 1.5).emu
        size, headline = largest(headline, INSIDE, lines=2, sizes=(40, 36, 32, 28, 24), bold=True)
        _write(title.text_frame, headline, size=size, bold=True, anchor=MSO_ANCHOR.TOP)
        bar = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *Box(MARGIN, 1.3, 0.9, 0.07).emu)
        bar.name = "Rule"
        bar.fill.solid()
        bar.fill.fore_color.rgb = colour(KEPT)
        bar.line.fill.background()
        _flat(bar)
        text(slide, Box(MARGIN, 1.5, INSIDE, 0.45), label, size=20, tone=KEPT, bold=True)
        for place, line in enumerate(lines):
            text(slide, Box(MARGIN, 3.95 + 0.66 * place, INSIDE - 2, 0.56), line, size=16, tone=FADED)
        return slide

    def _footer(self, slide: Any) -> None:
        text(slide, Box(MARGIN, 7.02, INSIDE - 1, 0.28), self.source, size=10, tone=FADED, name="Source")
        if self._mark:
            text(
                slide, Box(MARGIN, 0.12, INSIDE, 0.28), self._mark, size=12, tone=LOST, bold=True, name="Mark",
                align=PP_ALIGN.RIGHT,
            )  # fmt: skip
        box = slide.shapes.add_textbox(*Box(WIDTH - MARGIN - 0.8, 7.02, 0.8, 0.28).emu)
        box.name = "Page number"
        frame = box.text_frame
        _write(frame, "", size=10, tone=FADED, align=PP_ALIGN.RIGHT)
        number = len(self._deck.slides)
        frame.paragraphs[0]._p.append(  # a field, so that it stays right when slides are moved
            parse_xml(
                f'<a:fld {nsdecls("a")} id="{{00000000-0000-4000-8000-000000000001}}" type="slidenum">'
                f'<a:rPr lang="en-GB" sz="1000"><a:solidFill><a:srgbClr val="{FADED}"/></a:solidFill></a:rPr>'
                f"<a:t>{number}</a:t></a:fld>"
            )
        )

    def saved(self) -> bytes:
        """The file; the same content gives the same bytes."""
        if self._language:
            runs = (run for slide in self._deck.slides for run in slide._element.iter(qn("a:rPr")))
            for run in runs:
                run.set("lang", self._language)
        written = io.BytesIO()
        self._deck.save(written)
        return _timeless(written.getvalue())


def _timeless(file: bytes) -> bytes:
    """The same archive without the time at which it was packed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as old, zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(zipfile.ZipInfo(item.filename), old.read(item), zipfile.ZIP_DEFLATED)
    return result.getvalue()


def _keep_one_layout(deck: Any) -> None:
    """Only the layout with a title stays: the template's others are drawn for 4:3."""
    for layout in list(deck.slide_layouts):
        if layout.name != "Title Only":
            deck.slide_layouts.remove(layout)
    for holder in (deck.slide_master, deck.slide_layouts[0]):
        for shape in list(holder.placeholders):
            if shape.placeholder_format.type is not None and "TITLE" in str(shape.placeholder_format.type):
                shape.left, shape.top, shape.width, shape.height = Box(MARGIN, 0.38, INSIDE, 0.92).emu
            elif "BODY" in str(shape.placeholder_format.type):
                shape.left, shape.top, shape.width, shape.height = Box(MARGIN, TOP, INSIDE, BOTTOM - TOP).emu
            else:
                shape._element.getparent().remove(shape._element)


def _house_theme(deck: Any) -> None:
    """The house's colours and type as the theme, so that what people add or recolour fits."""
    part = deck.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    theme = part.blob.decode("utf-8")
    for place, value in enumerate(_ACCENTS, start=1):
        theme = re.sub(
            rf"<a:accent{place}>.*?</a:accent{place}>",
            f'<a:accent{place}><a:srgbClr val="{value}"/></a:accent{place}>',
            theme,
            flags=re.S,
        )
    theme = re.sub(r"<a:dk2>.*?</a:dk2>", f'<a:dk2><a:srgbClr val="{INK}"/></a:dk2>', theme, flags=re.S)
    theme = re.sub(r'(<a:(?:major|minor)Font>\s*<a:latin typeface=")[^"]*', rf"\g<1>{FONT}", theme)
    part._blob = theme.encode("utf-8")


def _write(
    frame: Any,
    words: str,
    *,
    size: float,
    tone: str = INK,
    bold: bool = False,
    align: Any = PP_ALIGN.LEFT,
    anchor: Any = MSO_ANCHOR.TOP,
) -> None:
    """Plain words into a frame without inner margins, one paragraph per line."""
    frame.word_wrap, frame.vertical_anchor = True, anchor
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    for place, line in enumerate(words.split("\n")):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.alignment = align
        if line:
            run = paragraph.add_run()
            run.text = plain(line)
            run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, colour(tone)


def text(
    slide: Any,
    box: Box,
    words: str,
    *,
    size: float,
    tone: str = INK,
    bold: bool = False,
    align: Any = PP_ALIGN.LEFT,
    anchor: Any = MSO_ANCHOR.TOP,
    name: str = "Text",
) -> None:
    """Words at a place, each line cut to what the place holds."""
    lines = max(1, int(box.height * 72 / (size * 1.2)))
    shown = "\n".join(cut(line, box.width, size, lines=lines, bold=bold) for line in words.split("\n"))
    shape = slide.shapes.add_textbox(*box.emu)
    shape.name = name
    _write(shape.text_frame, shown, size=size, tone=tone, bold=bold, align=align, anchor=anchor)


def card(slide: Any, box: Box, label: str, value: str, lines: Sequence[str]) -> None:
    """A number with its name above it and what it rests on beneath it."""
    panel = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *box.emu)
    panel.name = f"{label} panel"
    panel.fill.solid()
    panel.fill.fore_color.rgb = colour(PANEL)
    panel.line.fill.background()
    _flat(panel)
    left, wide = box.left + 0.2, box.width - 0.4
    text(slide, Box(left, box.top + 0.16, wide, 0.28), label, size=13, tone=FADED, name=label)
    size, value = largest(value, wide, lines=1, sizes=(32, 28, 24, 20), bold=True)
    text(slide, Box(left, box.top + 0.44, wide, 0.58), value, size=size, bold=True, name=f"{label} value")
    for place, line in enumerate(lines):
        text(slide, Box(left, box.top + 1.06 + 0.26 * place, wide, 0.26), line, size=12, tone=FADED)


def _flat(shape: Any) -> None:
    """No shadow, no outline: what the theme's style would add."""
    shape._element.remove(shape._element.find(qn("p:style")))


@dataclass(frozen=True)
class Column:
    """A column of a table: heading, width in inches, and whether it holds numbers (which stand to the right)."""

    label: str
    width: float
    number: bool = False


def table(
    slide: Any, box: Box, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, name: str, size: float = 12
) -> None:
    """A native table with rules instead of boxes; each cell is cut to one line. ``box`` gives place and row height."""
    frame = slide.shapes.add_table(
        len(rows) + 1, len(columns), *Box(box.left, box.top, sum(c.width for c in columns), box.height).emu
    )
    frame.name = name
    frame._element.graphic.graphicData.tbl.tblPr.find(
        qn("a:tableStyleId")
    ).text = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # no style, no grid
    grid = frame.table
    grid.horz_banding = False
    for place, column in enumerate(columns):
        grid.columns[place].width = Inches(column.width)
    for row in grid.rows:
        row.height = Inches(box.height / (len(rows) + 1))
    for across, column in enumerate(columns):
        for down, words in enumerate([column.label, *(row[across] for row in rows)]):
            head = down == 0
            cell = grid.cell(down, across)
            inset = 0.0 if across == 0 else 0.08 if column.number else 0.25
            shown = cut(words, column.width - inset - 0.08, size)
            align = PP_ALIGN.RIGHT if column.number else PP_ALIGN.LEFT
            _write(cell.text_frame, shown, size=size, tone=FADED if head else INK, align=align)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            cell.margin_left = Inches(inset)
            cell.margin_right, cell.margin_top, cell.margin_bottom = Inches(0.08), 0, 0
            _rule_below(cell, FADED if head else RULE)


def _rule_below(cell: Any, tone: str) -> None:
    cell._tc.get_or_add_tcPr().append(
        parse_xml(f'<a:lnB {nsdecls("a")} w="9525"><a:solidFill><a:srgbClr val="{tone}"/></a:solidFill></a:lnB>')
    )
