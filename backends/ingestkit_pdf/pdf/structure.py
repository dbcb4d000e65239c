"""From pages of lines to one document of paragraphs: furniture out, order in, headings found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import OutlineEntry, TableResult
from ingestkit_pdf.pdf.furniture import find_furniture, sample_pages
from ingestkit_pdf.pdf.headings import mark_headings
from ingestkit_pdf.pdf.layout import reading_order
from ingestkit_pdf.pdf.lines import is_right_to_left
from ingestkit_pdf.pdf.pages import ReadPage
from ingestkit_pdf.pdf.paragraphs import Paragraph, continue_across_pages, split_paragraphs
from ingestkit_pdf.pdf.tables import Stitcher

__all__ = ["Structure", "build_structure"]

_LINES_THAT_TELL = 3  # the direction of a page shows in its first lines


@dataclass(slots=True)
class Structure:
    """The document's paragraphs and tables in order, and the numbers of the pages with several columns."""

    paragraphs: list[Paragraph] = field(default_factory=list)
    multi_column: set[int] = field(default_factory=set)
    tables: list[TableResult] = field(default_factory=list)


def build_structure(
    pages: Sequence[ReadPage], outline: Sequence[OutlineEntry], config: PDFProcessorConfig
) -> Structure:
    """Put the pages' lines together. Takes the lines from the pages, so that they are not held twice."""
    samples = [pages[index] for index in sample_pages(len(pages), config.header_footer_sample_pages)]
    furniture = find_furniture(
        [(page.lines, page.height) for page in samples],
        zone=config.header_footer_zone_ratio,
        threshold=config.header_footer_similarity_threshold,
    )
    structure = Structure()
    stitcher = Stitcher(config.table_header_similarity)
    sizes: dict[int, int] = {}
    for page in pages:
        lines = furniture.without(page.lines, page.height) if furniture else page.lines
        page.lines = []
        stitcher.add(page.number, lines)
        regions, columns = reading_order(
            lines,
            page.width,
            max_columns=config.max_columns,
            min_gap=config.column_min_gap_ratio,
            right_to_left=any(is_right_to_left(line.text) for line in lines[:_LINES_THAT_TELL]),
        )
        if columns:
            structure.multi_column.add(page.number)
        following = split_paragraphs(regions, page.number)
        continue_across_pages(structure.paragraphs, following)
        structure.paragraphs.extend(following)
        for size, count in page.sizes.items():
            sizes[size] = sizes.get(size, 0) + count
    structure.tables = stitcher.results()
    mark_headings(structure.paragraphs, outline, sizes, config.heading_min_font_size_ratio)
    return structure
