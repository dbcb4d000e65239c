"""`PDFProcessorConfig`: every threshold of the pipeline and the choice of the execution backend."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ingestkit_pdf._deployment import (
    DEFAULT_INLINE_LIMIT,
    DEFAULT_LANE,
    DEFAULT_PREFIX,
    ClientId,
    Lane,
    Prefix,
)
from ingestkit_pdf._tessdata import LANGUAGE_PATTERN

__all__ = ["PARSER_VERSION", "PDFProcessorConfig", "unknown_key_message"]

PARSER_VERSION = "ingestkit_pdf:0.3.0"
"""Changes whenever the same document and configuration give another result; part of every ingest key."""

Ratio = Annotated[float, Field(ge=0.0, le=1.0)]


_NAMED_KEYS = 5
"""Of unknown keys, so many are named: looking for the nearest takes a while, and jobs come from strangers."""
_NAMED_LENGTH = 64


def unknown_key_message(key: str, known: Iterable[str]) -> str:
    """One line for a key that no setting has, naming the nearest one that exists."""
    key = key[:_NAMED_LENGTH]
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")


class PDFProcessorConfig(BaseModel):
    """How a document is read and where it is run. Frozen; an unknown key is an error.

    Raises:
        pydantic.ValidationError: A key is unknown, a value out of range, or a security limit is lifted
            without its `*_override_reason`.
    """

    # What a value was stays out of errors: it may be the password.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Identity
    parser_version: str = Field(
        PARSER_VERSION,
        description="Part of every ingest key: another value gives every document another key.",
    )
    tenant_id: str | None = Field(None, description="Owner of the document; copied into the result.")

    # Security and limits
    max_file_size_mb: int = Field(
        500,
        ge=1,
        description="Maximum size of the file in MiB. Larger than 500 needs max_file_size_override_reason.",
    )
    max_page_count: int = Field(
        5000,
        ge=1,
        description="Maximum number of pages. More than 5000 needs max_page_count_override_reason.",
    )
    max_object_count: int = Field(
        100_000, ge=1, description="Maximum number of entries in the cross-reference table."
    )
    per_document_timeout_seconds: float = Field(
        300.0, gt=0, description="Maximum duration of a run in seconds. A daemon may allow less."
    )
    reject_javascript: bool = Field(
        True,
        description="Refuse documents that contain JavaScript. False needs "
        "reject_javascript_override_reason.",
    )
    reject_javascript_override_reason: str | None = Field(
        None, description="Why documents with JavaScript are read."
    )
    max_file_size_override_reason: str | None = Field(None, description="Why larger files are read.")
    max_page_count_override_reason: str | None = Field(None, description="Why longer documents are read.")

    password: SecretStr | None = Field(
        None,
        max_length=1024,
        description="Password of the document, the user's or the owner's. It appears in no result, key or "
        "log, and is encrypted on the wire.",
    )

    # Page types
    min_chars_per_page: int = Field(
        200,
        ge=0,
        description="Minimum number of characters of a page with an image; a page with fewer is mixed.",
    )
    scanned_max_chars: int = Field(
        50,
        ge=0,
        description="A page with fewer characters than this, under images, is a scan; beside an image, "
        "mixed.",
    )
    blank_max_chars: int = Field(
        10,
        ge=0,
        description="A scan, or a page with images, that has fewer characters than this counts as skipped "
        "unless OCR reads it.",
    )
    max_image_coverage_for_text: Ratio = Field(
        0.3, description="Share of a page from which images make it a mixed page."
    )
    min_image_coverage_for_scanned: Ratio = Field(
        0.7, description="Share of a page above which images make it a scan, if it has hardly any text."
    )
    toc_line_ratio: Ratio = Field(
        0.3,
        description="Share of lines ending in leaders and a number above which a page is a table of "
        "contents.",
    )

    # Quality
    quality_min_printable_ratio: Ratio = Field(
        0.85, description="Minimum share of readable characters; a page with less is garbled."
    )
    garbled_min_letters: int = Field(
        200,
        ge=50,
        description="Minimum number of Latin letters on a page for checking whether they are those of a "
        "language.",
    )
    garbled_letter_similarity: Ratio = Field(
        0.65,
        description="Minimum similarity of a page's letters to those of the nearest language; a page with "
        "less is garbled.",
    )
    quality_min_words_per_page: int = Field(
        10,
        ge=0,
        description="Minimum average number of words per page; a document with fewer has "
        "W_QUALITY_LOW_NATIVE.",
    )

    # Text that cannot be seen
    keep_hidden_text: bool = Field(
        False,
        description="Keep text that is invisible, white on white or tiny. It is reported in either case.",
    )

    # Headers and footers
    header_footer_sample_pages: int = Field(
        5, ge=3, description="Number of pages that are compared to find headers and footers."
    )
    header_footer_zone_ratio: float = Field(
        0.10,
        gt=0,
        le=0.3,
        description="Share of the page's height, at the top and at the bottom, in which they are looked for.",
    )
    header_footer_similarity_threshold: Ratio = Field(
        0.7, description="Minimum similarity of lines on different pages that count as the same."
    )

    # Structure
    heading_min_font_size_ratio: float = Field(
        1.2,
        gt=1,
        description="Minimum font size of a heading that is recognised by its size, relative to body text.",
    )
    column_min_gap_ratio: float = Field(
        0.10,
        gt=0,
        lt=1,
        description="Minimum width of the gap between columns, as a share of the page's width.",
    )
    max_columns: int = Field(
        3, ge=1, le=8, description="Maximum number of columns that are looked for on a page."
    )

    layout_engine: Literal["fast", "layout"] = Field(
        "fast",
        description="How headings, captions, footnotes and tables are found: `fast` by rules, `layout` "
        "with PyMuPDF's layout model on the pages that need it.",
    )

    # Tables
    table_engine: Literal["fast", "layout", "none"] = Field(
        "fast",
        description="`fast`: tables are found as `layout_engine` says; `layout`: always with the layout "
        "model; `none`: not at all.",
    )
    table_page_seconds: float = Field(
        2.0,
        gt=0,
        description="Maximum processor time for the tables of a page; a page that needs more stays text.",
    )
    table_max_vectors: int = Field(
        10_000, ge=0, description="Maximum number of drawn paths; a page with more stays text."
    )
    table_header_similarity: Ratio = Field(
        0.8,
        description="Minimum similarity of the headers of two tables that are one, continued on the next "
        "page.",
    )

    # OCR, for pages that are images as a whole or in part, and for garbled ones
    ocr_engine: Literal["auto", "tesseract", "none"] = Field(
        "auto",
        description="`auto`: Tesseract if it is installed, otherwise such pages are reported; `tesseract`: "
        "refuse the document if it is not installed; `none`: no OCR.",
    )
    ocr_languages: list[Annotated[str, Field(pattern=LANGUAGE_PATTERN)]] = Field(
        ["eng"],
        min_length=1,
        max_length=16,
        description="Languages as Tesseract names them: `eng`, `deu`, `chi_sim`.",
    )
    ocr_dpi: int = Field(300, ge=72, le=600, description="Resolution at which a page is rendered for OCR.")
    ocr_max_pixels: int = Field(
        20_000_000,
        ge=100_000,
        le=100_000_000,
        description="Maximum number of pixels of a rendered page; larger pages are rendered at a lower "
        "resolution.",
    )
    ocr_page_seconds: float = Field(60.0, gt=0, description="Maximum duration of OCR for a page.")
    ocr_confidence_threshold: Ratio = Field(
        0.7,
        description="Minimum mean confidence of a page's words. A page with less is reported, and text in "
        "its images is dropped.",
    )
    ocr_word_confidence: Ratio = Field(
        0.2, description="Minimum confidence of a word; words with less are dropped as noise."
    )
    ocr_min_image_ratio: Ratio = Field(
        0.02, description="Minimum share of the page that an image must cover to be read."
    )
    ocr_words: bool = Field(
        False, description="Give each word that was read with its box and confidence; results grow."
    )
    ocr_image_max_chars: int = Field(
        200,
        ge=0,
        description="Maximum number of the page's own characters on an image that is read; an image with "
        "more is a background.",
    )
    ocr_min_skew_degrees: float = Field(
        0.5, ge=0.1, le=10, description="Minimum angle from which a page is straightened."
    )
    ocr_max_ink_patches: int = Field(
        15_000,
        ge=1000,
        description="Maximum number of separate marks on a rendered page; one with more is noisy, and read "
        "without columns.",
    )

    # Forms, annotations, links and attachments
    max_form_fields: int = Field(
        20_000, ge=0, description="Maximum number of form fields; the rest is left out and reported."
    )
    max_annotations: int = Field(
        20_000, ge=0, description="Maximum number of annotations; the rest is left out and reported."
    )
    max_links: int = Field(
        100_000, ge=0, description="Maximum number of links; the rest is left out and reported."
    )
    max_attachments: int = Field(
        1000, ge=0, description="Maximum number of attachments that are listed; the rest is only counted."
    )
    max_attachments_mb: int = Field(
        64,
        ge=0,
        le=1024,
        description="Maximum size of all attachments together that are unpacked for their SHA-256, in MiB; "
        "the others are listed without one.",
    )

    # Language
    detect_language: bool = Field(True, description="Detect the language of each page and of the document.")
    language_sample_letters: int = Field(
        200, ge=50, le=5000, description="Number of letters of a page from which its language is detected."
    )
    language_min_confidence: Ratio = Field(
        0.3, description="Minimum confidence of the detector; below it the language of a page is unknown."
    )

    # Chunks
    tokenizer: str = Field(
        "cl100k_base",
        pattern=r"^(cl100k_base|o200k_base|/.+\.json)$",
        description="Tokenizer that chunks are measured with: `cl100k_base`, `o200k_base`, or the path of "
        "a `tokenizer.json`.",
    )
    chunk_size_tokens: int = Field(
        512, ge=16, description="Maximum length of a chunk; only a single row of a table may be longer."
    )
    chunk_overlap_tokens: int = Field(
        50, ge=0, description="Number of tokens that a chunk repeats from the one before it."
    )

    # Sinks
    default_collection: str = Field(
        "documents", description="Collection of the vector store that chunks are written to."
    )
    embedding_batch_size: int = Field(64, ge=1, description="Number of chunks that are embedded in one call.")

    # Execution: where the work is done; nothing here changes a result
    execution_backend: Literal["local", "distributed"] = Field(
        "local",
        description="`local`: worker processes on this machine; `distributed`: daemons behind a broker.",
    )
    execution_max_workers: int = Field(4, ge=1, description="Number of worker processes (local).")
    execution_queue_url: str | None = Field(
        None, repr=False, description="AMQP URL of the broker (distributed; required there)."
    )
    execution_tls_ca_file: Path | None = Field(
        None, description="PEM file of the trusted CAs, for `amqps://`; none: those of the system."
    )
    execution_tls_cert_file: Path | None = Field(None, description="PEM file of the client certificate.")
    execution_tls_key_file: Path | None = Field(
        None, description="PEM file of its key; none: the key is in the certificate's file."
    )
    execution_tls_key_password_file: Path | None = Field(
        None, description="File with the password of an encrypted key."
    )
    execution_tls_server_name: str | None = Field(
        None,
        min_length=1,
        description="Name that the broker's certificate must have; none: the host of the URL.",
    )
    execution_tls_minimum_version: Literal["1.2", "1.3"] = Field("1.2", description="Minimum version of TLS.")
    execution_secrets_key: SecretStr | None = Field(
        None,
        description="Key that encrypts the passwords of documents on the wire (distributed); the daemons "
        "need the same one.",
    )
    execution_prefix: Prefix = Field(
        DEFAULT_PREFIX, description="First part of the names of all exchanges and queues (distributed)."
    )
    execution_lane: Lane = Field(DEFAULT_LANE, description="Lane that jobs are submitted to (distributed).")
    execution_client_id: ClientId | None = Field(
        None,
        description="Identity whose reply queue is used (distributed); none: a random one for each backend.",
    )
    execution_inline_limit: int = Field(
        DEFAULT_INLINE_LIMIT,
        ge=0,
        le=128 * 1024 * 1024,
        description="Maximum number of bytes of a document that travels inside its job (distributed). "
        "Larger ones are sent by path, which the daemons must be able to read.",
    )
    execution_submit_timeout: float = Field(
        30.0, gt=0, description="Seconds within which the broker must confirm a job (distributed)."
    )
    execution_worker_memory_mb: int = Field(
        2048, ge=256, description="Maximum address space of a worker in MiB (local)."
    )
    execution_share_from_seconds: float = Field(
        0.25,
        ge=0,
        description="Remaining seconds of work from which idle workers help to read a document; 0: never "
        "(local; daemons use the default).",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = cls.model_fields  # once: it is made anew each time
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                named = [unknown_key_message(key, known) for key in unknown[:_NAMED_KEYS]]
                more = len(unknown) - len(named)
                raise ValueError("; ".join(named) + (f"; and {more} more" if more else ""))
        return data

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if not self.reject_javascript and not self.reject_javascript_override_reason:
            raise ValueError("reject_javascript=False needs reject_javascript_override_reason")
        if self.max_file_size_mb > 500 and not self.max_file_size_override_reason:
            raise ValueError("max_file_size_mb above 500 needs max_file_size_override_reason")
        if self.max_page_count > 5000 and not self.max_page_count_override_reason:
            raise ValueError("max_page_count above 5000 needs max_page_count_override_reason")
        if self.chunk_overlap_tokens >= self.chunk_size_tokens:
            raise ValueError("chunk_overlap_tokens must be smaller than chunk_size_tokens")
        return self

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Load the configuration from a `.toml`, `.json`, `.yaml` or `.yml` file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The ending is unknown, the file is not what its ending says, or does not hold a
                table of settings; `pydantic.ValidationError` (a ValueError) for what is in it.
            ImportError: A YAML file without the extra `[yaml]`.
        """
        file = Path(path)
        text = file.read_text(encoding="utf-8")
        try:
            data = _parse(text, file.suffix.lower())
        except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
            raise ValueError(f"{file}: {error}") from error
        if not isinstance(data, dict):
            raise ValueError(f"{file}: expected a table of settings, found {type(data).__name__}")  # noqa: TRY004
        return cls(**data)

    def output_fields(self) -> dict[str, Any]:
        """The fields that change what comes out of a document, for the ingest key; the password is none."""
        return self.model_dump(mode="json", exclude=_NOT_OUTPUT)

    def wire_fields(self) -> dict[str, Any]:
        """What a job carries: the fields that differ from their defaults, but not the execution's.

        The password is not among them either: it travels sealed, see `wire/secrets.py`.
        """
        return self.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_ON_WIRE)


_NOT_ON_WIRE = {name for name in PDFProcessorConfig.model_fields if name.startswith("execution_")} | {
    "password"
}

_NOT_OUTPUT = {
    name
    for name in PDFProcessorConfig.model_fields
    if name.startswith("execution_") or name.endswith("_override_reason")
} | {"per_document_timeout_seconds", "default_collection", "embedding_batch_size", "password"}


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix == ".json":
        return json.loads(text)
    if suffix in {".yaml", ".yml"}:
        try:
            import yaml  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise ImportError("reading YAML needs PyYAML: pip install 'ingestkit-pdf[yaml]'") from error
        try:
            return yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            raise ValueError(f"not YAML: {error}") from error
    raise ValueError(f"unknown kind of configuration file {suffix!r}: use .toml, .json, .yaml or .yml")
