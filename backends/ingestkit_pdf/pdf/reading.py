"""The pages of one document, read one by one: the same whatever was read before."""

from __future__ import annotations

from collections.abc import Callable

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.pdf.bombs import find_bomb, page_is_bomb
from ingestkit_pdf.pdf.lines import Fonts
from ingestkit_pdf.pdf.metadata import has_telling_outline
from ingestkit_pdf.pdf.mupdf import Document, OutOfMemoryError, ParserError, take_messages
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.ocr import make_ocr
from ingestkit_pdf.pdf.pages import ReadPage, failed_page, read_page
from ingestkit_pdf.pdf.source import RejectedError
from ingestkit_pdf.pdf.tables import make_engine, uses_layout_model
from ingestkit_pdf.pdf.tags import names_headings

__all__ = ["OnPage", "PageReader"]

OnPage = Callable[[int], None]

_FORGET_PAGES = 500
"""So often MuPDF forgets: it would keep 40 KB a page, up to 256 MiB; reading it again costs 3 %."""


class PageReader:
    """Reads pages of an open document, in any order: no page depends on another.

    Attributes:
        document: The document.
        messages: What MuPDF had to say so far, each message once.

    Raises:
        RejectedError: The engine that the configuration names, for tables or OCR, is not installed.
    """

    def __init__(
        self, document: Document, scan: ObjectScan, config: PDFProcessorConfig, on_page: OnPage | None
    ) -> None:
        self.document = document
        self.messages: set[bytes] = set()
        self._widget_pages = scan.widget_pages
        self._config = config
        self._on_page = on_page
        self._pages = 0
        self._engine = make_engine(config)
        self._ocr = make_ocr(config)
        self._is_tagged = names_headings(document)
        self._has_model = uses_layout_model(config) and not has_telling_outline(document)

    def read(self, index: int) -> ReadPage:
        """Read page `index` (from 0); one that cannot be read is a failed page.

        Raises:
            RejectedError: It is a decompression bomb.
            MemoryError: This process may have no more memory, and the document is no bomb.
        """
        if self._on_page is not None:
            self._on_page(index + 1)
        self._pages += 1
        if self._pages % _FORGET_PAGES == 0:
            self.document.forget()
        try:
            return self._read(index)
        except ParserError:
            return failed_page(index + 1)
        except (OutOfMemoryError, MemoryError) as error:
            # The document's fault when a stream of it inflates beyond measure.
            if find_bomb(self.document) is not None:
                raise _bomb(index + 1) from error
            raise MemoryError(f"the parser ran out of memory on page {index + 1}") from error
        finally:
            self.messages |= take_messages()

    def _read(self, index: int) -> ReadPage:
        if page_is_bomb(self.document, index):
            raise _bomb(index + 1)
        return read_page(
            self.document,
            index,
            Fonts(),  # of this page alone, because two fonts of a document may have one name
            self._config,
            has_fields=index + 1 in self._widget_pages,
            engine=self._engine,
            ocr=self._ocr,
            is_tagged=self._is_tagged,
            has_model=self._has_model,
        )


def _bomb(page: int) -> RejectedError:
    return RejectedError(
        ErrorCode.E_SECURITY_DECOMPRESSION_BOMB,
        f"a stream that page {page} needs inflates beyond any use",
        "security",
        page_reached=page,
    )
