"""From pages of lines to one document of passages: furniture out, order in, headings found.

What one page is enough for is done by `lay_out`, in whichever worker has read the page; what needs the pages
before it, or all of them, by `StructureBuilder`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OutlineEntry, TableResult
from ingestkit_pdf.pdf.apart import continue_across_pages, joined, mark_apart, open_passage
from ingestkit_pdf.pdf.furniture import Furniture, Sample, find_furniture
from ingestkit_pdf.pdf.headings import mark_headings
from ingestkit_pdf.pdf.hyphens import Hyphens
from ingestkit_pdf.pdf.layout import reading_order
from ingestkit_pdf.pdf.lines import Line, is_right_to_left
from ingestkit_pdf.pdf.mupdf import SCALE
from ingestkit_pdf.pdf.ocr import Turn
from ingestkit_pdf.pdf.pages import ReadPage
from ingestkit_pdf.pdf.paragraphs import TABLE, split_paragraphs
from ingestkit_pdf.pdf.passages import Passage, passage_of
from ingestkit_pdf.pdf.roles import FURNITURE
from ingestkit_pdf.pdf.tables import Stitcher, TablesInFlow, markdown_rows, tables_in_flow

__all__ = ["PageLayout", "Structure", "StructureBuilder", "furniture_of", "lay_out"]


@dataclass(slots=True)
class PageLayout:
    """A page that was put in order by itself.

    Attributes:
        page: The page; its lines have become passages and tables.
        passages: In the order of reading.
        tables: Its tables.
        is_multi_column: Its text stands in several columns.
    """

    page: ReadPage
    passages: list[Passage]
    tables: TablesInFlow
    is_multi_column: bool


@dataclass(slots=True)
class Structure:
    """The document's passages and tables in order."""

    passages: list[Passage] = field(default_factory=list)
    tables: list[TableResult] = field(default_factory=list)


def furniture_of(
    pages: Sequence[ReadPage], neighbours: Collection[int], config: PDFProcessorConfig
) -> Furniture:
    """The headers and footers that sample pages have in common; `neighbours` are their numbers, from 1."""
    return find_furniture(
        [Sample(page.number, page.lines, page.height, page.number in neighbours) for page in pages],
        zone=config.header_footer_zone_ratio,
        threshold=config.header_footer_similarity_threshold,
    )


def lay_out(page: ReadPage, furniture: Furniture, config: PDFProcessorConfig) -> PageLayout:
    """Put one page in order. Takes the lines from it: what is kept of them is text, places and looks."""
    lines = furniture.without(page.lines, page.height, page.number) if furniture else page.lines
    lines = [line for line in lines if line.role != FURNITURE] or lines
    page.lines = []
    regions, columns = reading_order(
        lines,
        page.width,
        max_columns=config.max_columns,
        min_gap=config.column_min_gap_ratio,
        right_to_left=_is_right_to_left(lines),
    )
    ordered = [line for region in regions for line in region.lines]
    tables = tables_in_flow(ordered, page.height, config.header_footer_zone_ratio)
    paragraphs = split_paragraphs(regions, page.number)
    mark_apart(paragraphs, page.height)
    passages = joined(map(passage_of, paragraphs))
    if page.turn is not None:
        _move_back(page.turn, passages, tables)
    for line in tables.tables:
        line.table.words, line.rows = [], []  # they have become cells, and pieces of passages
    return PageLayout(page, passages, tables, is_multi_column=columns)


def _is_right_to_left(lines: Sequence[Line]) -> bool:
    """True when most of the text is Hebrew or Arabic, and so are the columns; a quotation decides nothing."""
    beyond = [line.text for line in lines if not line.text.isascii()]
    turned = sum(len(text) for text in beyond if is_right_to_left(text))
    return turned > 0 and 2 * turned > sum(len(line.text) for line in lines)


def _move_back(turn: Turn, passages: Sequence[Passage], tables: TablesInFlow) -> None:
    """Give what was read on a turned page the boxes that it has on the page as it is displayed."""
    for passage in passages:
        passage.pieces = [(text, page, turn.moved_back(box)) for text, page, box in passage.pieces]
    for line in tables.tables:
        line.x0, line.y0, line.x1, line.y1 = turn.moved_back((line.x0, line.y0, line.x1, line.y1))
        line.table.box = (line.x0 / SCALE, line.y0 / SCALE, line.x1 / SCALE, line.y1 / SCALE)


def _begin_with_data(layout: PageLayout, headless: Sequence[int]) -> None:
    """Write tables again whose first row is no header after all: they go on from the page before."""
    passages = [passage for passage in layout.passages if passage.kind == TABLE]
    for index in headless:
        _, number, box = passages[index].pieces[0]
        texts = markdown_rows(layout.tables.tables[index].table)[:2]
        passages[index].pieces[:1] = [(text + "\n", number, box) for text in texts]
        passages[index].tokens = 0


class StructureBuilder:
    """Puts the pages of a document together; takes them in order."""

    def __init__(self, config: PDFProcessorConfig) -> None:
        self._config = config
        self._structure = Structure()
        self._stitcher = Stitcher(config.table_header_similarity)
        self._sizes: dict[int, int] = {}
        self._hyphens = Hyphens()

    def add(self, layout: PageLayout) -> None:
        """Add the next page."""
        page, structure = layout.page, self._structure
        headless = self._stitcher.add(page.number, layout.tables)
        if headless:
            _begin_with_data(layout, headless)
        continue_across_pages(structure.passages, layout.passages)
        structure.passages.extend(layout.passages)
        self._hyphens.see(structure.passages, open_passage(structure.passages))
        for size, count in page.sizes.items():
            self._sizes[size] = self._sizes.get(size, 0) + count

    def finish(self, outline: Sequence[OutlineEntry]) -> Structure:
        """The document, its headings found."""
        structure, ratio = self._structure, self._config.heading_min_font_size_ratio
        structure.tables = self._stitcher.results()
        self._hyphens.see(structure.passages, len(structure.passages))
        self._hyphens.undo()
        mark_headings(structure.passages, outline, self._sizes, ratio)
        return structure
