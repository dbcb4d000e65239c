"""Tables: found on a page, put into its flow, written as data and Markdown, stitched across pages.

`recognise` is what the pipeline calls for every page; most pages leave at its gate.
"""

from __future__ import annotations

from ingestkit_pdf.pdf.tables.caption import is_caption
from ingestkit_pdf.pdf.tables.contents import is_contents_title
from ingestkit_pdf.pdf.tables.flow import TableLine
from ingestkit_pdf.pdf.tables.model import Cell, PageInk, Table, TableEngine, Vector, Word
from ingestkit_pdf.pdf.tables.recognise import PageTables, make_engine, recognise, uses_layout_model
from ingestkit_pdf.pdf.tables.render import markdown_rows, table_name
from ingestkit_pdf.pdf.tables.stitch import Stitcher, TablesInFlow, tables_in_flow

__all__ = [
    "Cell",
    "PageInk",
    "PageTables",
    "Stitcher",
    "Table",
    "TableEngine",
    "TableLine",
    "TablesInFlow",
    "Vector",
    "Word",
    "is_caption",
    "is_contents_title",
    "make_engine",
    "markdown_rows",
    "recognise",
    "table_name",
    "tables_in_flow",
    "uses_layout_model",
]
