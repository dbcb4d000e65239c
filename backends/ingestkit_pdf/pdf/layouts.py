"""Every page of a document, read and put in order, one at a time: here, or by workers that help.

First some pages are read to learn what headers and footers look like, then the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.counted import count_early
from ingestkit_pdf.pdf.furniture import Furniture, sample_pages, with_neighbours
from ingestkit_pdf.pdf.packing import pack, unpack
from ingestkit_pdf.pdf.pages import ReadPage
from ingestkit_pdf.pdf.reading import PageReader
from ingestkit_pdf.pdf.share import Share
from ingestkit_pdf.pdf.spread import Spread, help_with
from ingestkit_pdf.pdf.structure import PageLayout, furniture_of, lay_out
from ingestkit_pdf.pdf.tokens import load_tokenizer

__all__ = ["ReorderedError", "help_lay_out", "laid_out"]


class ReorderedError(Exception):
    """The document was repaired while its pages were read out of order, and a repair changes what follows."""


def laid_out(
    reader: PageReader, share: Share | None, sha256: str, config: PDFProcessorConfig
) -> Iterator[PageLayout]:
    """Read the pages of a document and give them in order.

    Raises:
        RejectedError: A page is a decompression bomb.
        MemoryError: This process may have no more memory.
        ReorderedError: Read it again without sharing it.
    """
    was_repaired = reader.document.is_repaired
    count = reader.document.page_count
    spread_out = sample_pages(count, config.header_footer_sample_pages)
    sampled = with_neighbours(spread_out, count)
    neighbours = {index + 1 for index in sampled}.difference(index + 1 for index in spread_out)
    rest = sorted(set(range(count)).difference(sampled))
    threshold = config.execution_share_from_seconds

    def spread(furniture: Furniture | None, pages: list[int]) -> Spread[Any]:
        work = _work(reader, furniture, pages, config)
        return Spread(
            share,
            lambda: pack(sha256, furniture, pages),
            len(pages),
            work,
            ahead=_ahead(config),
            threshold=threshold,
            messages=reader.messages,
        )

    first = spread(None, sampled)
    samples = list(first.in_order())
    furniture = furniture_of(samples, neighbours, config)
    waiting = {page.number - 1: page for page in samples}
    second = spread(furniture, rest)
    following = second.in_order()
    for index in range(count):
        sample = waiting.pop(index, None)
        yield next(following) if sample is None else lay_out(sample, furniture, config)
    if (first.was_shared or second.was_shared) and reader.document.is_repaired != was_repaired:
        raise ReorderedError


def help_lay_out(share: Share, reader: PageReader, sha256: str, config: PDFProcessorConfig) -> None:
    """Do parts of what `laid_out` does in another worker.

    Raises:
        ValueError: The file is another one by now.
        ReorderedError: The document had to be repaired for a page: whoever has it must see that itself.
    """
    wanted, furniture, pages = unpack(share.plan)
    if wanted != sha256:
        raise ValueError("the file was changed while it was read")
    was_repaired = reader.document.is_repaired
    work = _work(reader, furniture, pages, config)

    def checked(unit: int) -> ReadPage | PageLayout:
        done = work(unit)
        if reader.document.is_repaired != was_repaired:
            raise ReorderedError
        return done

    help_with(share, checked, reader.messages, ahead=_ahead(config))


def _ahead(config: PDFProcessorConfig) -> Callable[[list[Any]], None]:
    """Count the tokens of pages that are in order."""
    count = load_tokenizer(config.tokenizer)

    def ahead(part: list[ReadPage | PageLayout]) -> None:
        count_early([one for page in part if isinstance(page, PageLayout) for one in page.passages], count)

    return ahead


def _work(
    reader: PageReader, furniture: Furniture | None, pages: list[int], config: PDFProcessorConfig
) -> Callable[[int], ReadPage | PageLayout]:
    """Read a page; once it is known what headers and footers look like, put it in order, too."""
    if furniture is None:
        return lambda unit: reader.read(pages[unit])
    return lambda unit: lay_out(reader.read(pages[unit]), furniture, config)
