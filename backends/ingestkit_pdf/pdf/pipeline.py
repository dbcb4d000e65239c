"""`process_document`: one PDF in, one `ProcessingResult` out.

read_source -> open_checked -> read_page (each page, once) -> furniture_of (of some pages)
-> lay_out (each page) -> StructureBuilder -> to_markdown, make_chunks -> ProcessingResult

`help_document` reads pages of a document that another worker has.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from ingestkit_pdf._strings import encodable
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.errors import ErrorCode, IngestError
from ingestkit_pdf.models import DocumentMetadata, PageResult, PageStatus, ProcessingResult
from ingestkit_pdf.pdf.extras import Extras
from ingestkit_pdf.pdf.keys import ingest_key
from ingestkit_pdf.pdf.labels import read_labels
from ingestkit_pdf.pdf.language import PageLanguages
from ingestkit_pdf.pdf.layouts import ReorderedError, help_lay_out, laid_out
from ingestkit_pdf.pdf.metadata import read_metadata, read_outline
from ingestkit_pdf.pdf.mupdf import Document, OutOfMemoryError, take_messages
from ingestkit_pdf.pdf.notes import Notes
from ingestkit_pdf.pdf.objects import ObjectScan
from ingestkit_pdf.pdf.ocr import missing_engine
from ingestkit_pdf.pdf.pages import page_result
from ingestkit_pdf.pdf.reading import OnPage, PageReader
from ingestkit_pdf.pdf.result import RunFacts, assemble
from ingestkit_pdf.pdf.security import open_checked
from ingestkit_pdf.pdf.share import Share
from ingestkit_pdf.pdf.source import RejectedError, Source, read_source
from ingestkit_pdf.pdf.structure import PageLayout, StructureBuilder
from ingestkit_pdf.pdf.tokens import TokenizerError, load_tokenizer

__all__ = ["help_document", "process_document"]

OnStage = Callable[[str], None]

_DEFAULTS = PDFProcessorConfig()


def process_document(
    file_path: str,
    config: dict[str, Any],
    *,
    on_page: OnPage | None = None,
    on_pages: OnPage | None = None,
    on_stage: OnStage | None = None,
    share: Share | None = None,
) -> ProcessingResult:
    """Turn one PDF into one result. A bad document is a result with an error code, never an exception.

    Args:
        file_path: Where the document is.
        config: `PDFProcessorConfig.model_dump()`.
        on_page: Called with the number of each page (from 1) as it is begun.
        on_pages: Called with the number of pages once they are counted.
        on_stage: Called with the name of each stage as it is begun: `open`, `read`, `structure`, `assemble`.
        share: Who may read some of the pages; None for nobody.

    Raises:
        pydantic.ValidationError: The configuration is wrong.
        MemoryError: This process may have no more memory, and the document is no bomb.
    """
    settings = PDFProcessorConfig(**config)
    return _Run(file_path, settings, on_page, on_stage, share, on_pages=on_pages).result()


def help_document(
    file_path: str, config: dict[str, Any], *, on_page: OnPage | None = None, share: Share
) -> None:
    """Read pages of a document that another worker has, as long as that is wanted.

    Raises:
        Exception: The pages at hand cannot be read here; whoever has the document reads them itself.
    """
    settings = PDFProcessorConfig(**config)
    take_messages()
    source = read_source(file_path, settings)
    document, scan = open_checked(source, settings)
    with document:
        help_lay_out(share, PageReader(document, scan, settings, on_page), source.sha256, settings)


class _Run:
    """The state of one document on its way through the pipeline."""

    def __init__(
        self,
        file_path: str,
        config: PDFProcessorConfig,
        on_page: OnPage | None,
        on_stage: OnStage | None,
        share: Share | None,
        *,
        on_pages: OnPage | None = None,
    ) -> None:
        self.file_path = file_path
        self.config = config
        self.on_page = on_page
        self.share = share
        self.count_pages = on_pages or (lambda _pages: None)
        self.begin_stage = on_stage or (lambda _name: None)
        self.run_id = uuid.uuid4().hex
        self.started = time.perf_counter()
        self.notes = Notes()
        self.key = ""
        self.messages: set[bytes] = set()
        self.source: Source | None = None
        self.metadata: DocumentMetadata | None = None

    def result(self) -> ProcessingResult:
        """Run the document; errors become results here and nowhere else."""
        take_messages()
        try:
            return self._read()
        except RejectedError as rejected:
            return self._failed(rejected.error)
        except TokenizerError as error:
            return self._failed(
                IngestError(code=ErrorCode.E_PROCESS_CHUNK, message=str(error), stage="chunk")
            )

    def _read(self) -> ProcessingResult:
        self.begin_stage("open")
        self.source = read_source(self.file_path, self.config)
        self.key = ingest_key(self.source.sha256, self.config)
        load_tokenizer(self.config.tokenizer)  # one that cannot be used is no reason to read the document
        try:
            document, scan = open_checked(self.source, self.config)
        except (OutOfMemoryError, MemoryError) as error:
            raise MemoryError("the parser ran out of memory while it opened the document") from error
        try:
            with document:
                return self._read_document(document, scan, self.source)
        except ReorderedError:  # once more, from the first page to the last
            self.share, self.notes = None, Notes()
            return self._read()

    def _read_document(self, document: Document, scan: ObjectScan, source: Source) -> ProcessingResult:
        outline, broken = read_outline(document)
        if broken:
            self.notes.warn(ErrorCode.W_OUTLINE_INVALID, entries=broken)
        labels = read_labels(document)
        self.begin_stage("read")
        self.count_pages(document.page_count)
        reader = PageReader(document, scan, self.config, self.on_page)
        self.messages = reader.messages
        builder = StructureBuilder(self.config)
        pages: list[PageResult] = []
        ocr_seconds = 0.0
        extras = Extras()
        languages = PageLanguages(self.config)
        for layout in laid_out(reader, self.share, source.sha256, self.config):
            builder.add(layout)
            pages.append(self._page_result(layout, labels))
            ocr_seconds += layout.page.ocr_seconds
            extras.add_links(layout.page.number, layout.page.links, document, self.config.max_links)
            languages.add(layout.page.sample)
        if all(page.status is PageStatus.FAILED for page in pages):
            raise RejectedError(
                ErrorCode.E_PARSE_CORRUPT,
                "none of the document's pages could be read",
                "parse",
                pages=len(pages),
            )
        extras.read(document, scan, self.config, file_size=source.size)
        for code, lack in missing_engine(pages, self.config):
            self.notes.warn(code, to_install=lack)
        for code, number in extras.left_out.items():
            self.notes.warn(code, left_out=number)
        self.metadata = read_metadata(
            document,
            scan,
            outline,
            size=source.size,
            sha256=source.sha256,
            linearized=source.linearized,
            attachment_count=len(extras.attachments.found) + extras.attachments.left_out,
        )
        self._note_document(self.metadata, reader.messages)
        parsed = time.perf_counter()
        self.begin_stage("structure")
        structure = builder.finish(outline)
        self.begin_stage("assemble")
        run = RunFacts(encodable(self.file_path), self.key, self.run_id, self.started, parsed, ocr_seconds)
        return assemble(
            run,
            config=self.config,
            metadata=self.metadata,
            pages=languages.given_to(pages),
            passages=structure.passages,
            tables=structure.tables,
            extras=extras,
            notes=self.notes,
        )

    def _note_document(self, metadata: DocumentMetadata, messages: set[bytes]) -> None:
        flags = [
            (ErrorCode.W_DOCUMENT_REPAIRED, metadata.is_repaired),
            (ErrorCode.W_DOCUMENT_SIGNED, metadata.is_signed),
            (ErrorCode.W_DOCUMENT_XFA, metadata.has_xfa),
            (ErrorCode.W_EMBEDDED_FILES, metadata.attachment_count > 0),
            (ErrorCode.W_ENCRYPTED_OWNER_ONLY, metadata.is_encrypted and not metadata.needs_password),
        ]
        for code, applies in flags:
            if applies:
                self.notes.warn(code)
        for limit, reason in _overrides(self.config, metadata):
            self.notes.warn(ErrorCode.W_SECURITY_OVERRIDE, **{limit: reason})
        messages |= take_messages()
        if messages:
            self.notes.warn(ErrorCode.W_PARSER_MESSAGES, messages=len(messages))

    def _page_result(self, layout: PageLayout, labels: list[str | None]) -> PageResult:
        label = labels[layout.page.number - 1] if labels else None
        result = page_result(layout.page, label, is_multi_column=layout.is_multi_column)
        for code in result.warnings:
            self.notes.warn_page(ErrorCode(code), result.page_number)
        if result.error is not None:
            self.notes.page_error(result.error)
        return result

    def _failed(self, error: IngestError) -> ProcessingResult:
        metadata = self.metadata
        if metadata is None and self.source is not None:
            metadata = DocumentMetadata(
                file_size_bytes=self.source.size,
                content_sha256=self.source.sha256,
                is_linearized=self.source.linearized,
                needs_password=error.code is ErrorCode.E_PARSE_PASSWORD,
                is_encrypted=error.code is ErrorCode.E_PARSE_PASSWORD,
                has_javascript=error.code is ErrorCode.E_SECURITY_JAVASCRIPT,
            )
        messages = self.messages | take_messages()
        if messages:
            self.notes.warn(ErrorCode.W_PARSER_MESSAGES, messages=len(messages))
        return ProcessingResult.failed(
            self.file_path,
            error,
            ingest_run_id=self.run_id,
            ingest_key=self.key,
            tenant_id=self.config.tenant_id,
            warnings=tuple(self.notes.details),
            metadata=metadata,
            seconds=time.perf_counter() - self.started,
        )


def _overrides(config: PDFProcessorConfig, metadata: DocumentMetadata) -> list[tuple[str, str]]:
    """Limits that would have stopped this document had they not been lifted, with the reasons given."""
    applied = [
        ("reject_javascript", config.reject_javascript_override_reason, metadata.has_javascript),
        (
            "max_file_size_mb",
            config.max_file_size_override_reason,
            metadata.file_size_bytes > _DEFAULTS.max_file_size_mb * 2**20,
        ),
        (
            "max_page_count",
            config.max_page_count_override_reason,
            metadata.page_count > _DEFAULTS.max_page_count,
        ),
    ]
    return [(limit, reason or "") for limit, reason, applies in applied if applies]
