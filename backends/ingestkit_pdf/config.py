"""`PDFProcessorConfig`: every threshold of the pipeline and the choice of the execution backend."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from ingestkit_pdf._tessdata import LANGUAGE_PATTERN

__all__ = ["PARSER_VERSION", "PDFProcessorConfig", "unknown_key_message"]

PARSER_VERSION = "ingestkit_pdf:0.2.0"
"""Changes whenever the same document and configuration give another result; part of every ingest key."""

Ratio = Annotated[float, Field(ge=0.0, le=1.0)]


def unknown_key_message(key: str, known: Iterable[str]) -> str:
    """One line for a key that no setting has, naming the nearest one that exists."""
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
    parser_version: str = Field(PARSER_VERSION, description="part of every ingest key")
    tenant_id: str | None = Field(None, description="whose document it is; copied into the result")

    # Security and limits
    max_file_size_mb: int = Field(
        500, ge=1, description="a larger file is refused; above 500 with a reason only"
    )
    max_page_count: int = Field(
        5000, ge=1, description="a longer document is refused; above 5000 with a reason only"
    )
    max_object_count: int = Field(100_000, ge=1, description="entries of the cross-reference table")
    per_document_timeout_seconds: float = Field(
        300.0, gt=0, description="wall clock from the start of its run; a daemon may allow less"
    )
    reject_javascript: bool = Field(True, description="refuse what runs JavaScript; off with a reason only")
    reject_javascript_override_reason: str | None = Field(None, description="why it may be off")
    max_file_size_override_reason: str | None = Field(None, description="why it may be above 500")
    max_page_count_override_reason: str | None = Field(None, description="why it may be above 5000")

    password: SecretStr | None = Field(
        None,
        max_length=1024,
        description="of the document, user's or owner's; in no result, key or log, and sealed on the wire",
    )

    # Page types
    min_chars_per_page: int = Field(
        200, ge=0, description="a page with an image has at least so many, or is taken for mixed"
    )
    scanned_max_chars: int = Field(50, ge=0, description="a scanned page has fewer")
    blank_max_chars: int = Field(10, ge=0, description="a blank page has fewer, and no image")
    max_image_coverage_for_text: Ratio = Field(
        0.3, description="images of a text page cover less of it; with more, text and images are mixed"
    )
    min_image_coverage_for_scanned: Ratio = Field(0.7, description="images of a scanned page cover more")
    toc_line_ratio: Ratio = Field(0.3, description="share of lines that end in leaders and a number")

    # Quality
    quality_min_printable_ratio: Ratio = Field(
        0.85, description="share of printable characters below which a page is garbled"
    )
    garbled_min_letters: int = Field(
        200, ge=50, description="Latin ones; of fewer it is not asked whether they are a language's"
    )
    garbled_letter_similarity: Ratio = Field(
        0.65, description="of a page's letters to the nearest language's, below which a page is garbled"
    )
    quality_min_words_per_page: int = Field(10, ge=0, description="fewer on average: W_QUALITY_LOW_NATIVE")

    # Text that cannot be seen
    keep_hidden_text: bool = Field(
        False, description="leave in what is invisible, white on white or tiny; it is reported either way"
    )

    # Headers and footers
    header_footer_sample_pages: int = Field(5, ge=3, description="pages that are compared")
    header_footer_zone_ratio: float = Field(
        0.10, gt=0, le=0.3, description="top and bottom share of a page in which they are looked for"
    )
    header_footer_similarity_threshold: Ratio = Field(
        0.7, description="how alike lines of two pages must be to be one"
    )

    # Structure
    heading_min_font_size_ratio: float = Field(
        1.2, gt=1, description="to the size of body text, from which a line can be a heading"
    )
    column_min_gap_ratio: float = Field(0.10, gt=0, lt=1, description="of the page's width")
    max_columns: int = Field(3, ge=1, le=8, description="more columns on a page are not looked for")

    layout_engine: Literal["fast", "layout"] = Field(
        "fast",
        description="what headings, captions, footnotes and tables are found by: rules, or PyMuPDF's layout"
        " model on the pages that need it",
    )

    # Tables
    table_engine: Literal["fast", "layout", "none"] = Field(
        "fast", description="fast: as `layout_engine` says; layout: as if that were layout; none: no tables"
    )
    table_page_seconds: float = Field(2.0, gt=0, description="of work: a page that takes more stays text")
    table_max_vectors: int = Field(10_000, ge=0, description="a page with more drawn paths stays text")
    table_header_similarity: Ratio = Field(0.8, description="of headers of a table that goes on")

    # OCR, for pages that are pictures, in part or entirely, and for garbled ones
    ocr_engine: Literal["auto", "tesseract", "none"] = Field(
        "auto",
        description="auto: Tesseract where it is installed, else such pages are reported; tesseract: refuse "
        "documents where it is not; none: no OCR",
    )
    ocr_languages: list[Annotated[str, Field(pattern=LANGUAGE_PATTERN)]] = Field(
        ["eng"], min_length=1, max_length=16, description="as Tesseract calls them: `eng`, `deu`, `chi_sim`"
    )
    ocr_dpi: int = Field(300, ge=72, le=600, description="at which a page is painted to be read")
    ocr_max_pixels: int = Field(
        20_000_000, ge=100_000, le=100_000_000, description="of that picture; a larger page has a lower dpi"
    )
    ocr_page_seconds: float = Field(60.0, gt=0, description="a page that takes longer is given up")
    ocr_confidence_threshold: Ratio = Field(
        0.7, description="mean of a page's words, below which it is reported, and text in images is left out"
    )
    ocr_words: bool = Field(
        False, description="give each word that was read with its box and confidence; results grow"
    )
    ocr_word_confidence: Ratio = Field(0.2, description="of a word that is kept; below it is noise")
    ocr_min_image_ratio: Ratio = Field(0.02, description="of the page: a smaller image is not read")
    ocr_image_max_chars: int = Field(
        200, ge=0, description="an image with more text of the page on it is a ground, and not read"
    )
    ocr_min_skew_degrees: float = Field(0.5, ge=0.1, le=10, description="from which a page is straightened")
    ocr_max_ink_patches: int = Field(
        15_000, ge=1000, description="on a page's picture; with more it is noisy, and read without columns"
    )

    # Forms, annotations, links and attachments
    max_form_fields: int = Field(20_000, ge=0, description="of a document; the rest is left out and reported")
    max_annotations: int = Field(20_000, ge=0, description="of a document; the rest is left out and reported")
    max_links: int = Field(100_000, ge=0, description="of a document; the rest is left out and reported")
    max_attachments: int = Field(1000, ge=0, description="that are listed; the rest is counted only")
    max_attachments_mb: int = Field(
        64,
        ge=0,
        le=1024,
        description="of all attachments, unpacked for their SHA-256; beyond: listed without",
    )

    # Language
    detect_language: bool = Field(True, description="of each page and of the document")
    language_sample_letters: int = Field(
        200, ge=50, le=5000, description="of a page, by which its language is told"
    )
    language_min_confidence: Ratio = Field(
        0.3, description="of the detector; below, the language of a page is unknown"
    )

    # Chunks
    tokenizer: str = Field(
        "cl100k_base",
        pattern=r"^(cl100k_base|o200k_base|/.+\.json)$",
        description="that counts tokens: `cl100k_base`, `o200k_base`, or the path of a `tokenizer.json`",
    )
    chunk_size_tokens: int = Field(
        512, ge=16, description="a chunk is at most so long; a single row of a table may be longer"
    )
    chunk_overlap_tokens: int = Field(50, ge=0, description="of a chunk, repeated from the one before it")

    # Sinks
    default_collection: str = Field("documents", description="of the vector store, for the chunks")
    embedding_batch_size: int = Field(64, ge=1, description="chunks embedded in one call")

    # Execution: where the work is done; nothing here changes a result
    execution_backend: Literal["local", "distributed"] = Field(
        "local", description="worker processes here, or daemons behind a broker"
    )
    execution_max_workers: int = Field(4, ge=1, description="worker processes, for local")
    execution_queue_url: str | None = Field(None, repr=False, description="AMQP URL, for distributed")
    execution_tls_ca_file: Path | None = Field(
        None, description="PEM file of the CAs for `amqps://`; none: those of the system"
    )
    execution_tls_cert_file: Path | None = Field(None, description="PEM file of the client certificate")
    execution_tls_key_file: Path | None = Field(
        None, description="PEM file of its key; none: it is in the certificate's file"
    )
    execution_tls_key_password_file: Path | None = Field(
        None, description="file that holds the password of an encrypted key"
    )
    execution_tls_server_name: str | None = Field(
        None, min_length=1, description="name that the broker's certificate must have; none: the URL's host"
    )
    execution_tls_minimum_version: Literal["1.2", "1.3"] = Field("1.2", description="of TLS, at least")
    execution_secrets_key: SecretStr | None = Field(
        None, description="key that passwords are sealed with, for distributed; the daemons have it too"
    )
    execution_lane: str = Field(
        "default", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="the queue of the jobs, for distributed"
    )
    execution_client_id: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="whose reply queue it is, for distributed; none: a random one for each backend",
    )
    execution_worker_memory_mb: int = Field(2048, ge=256, description="address space of a local worker")
    execution_share_from_seconds: float = Field(
        0.25,
        ge=0,
        description="idle workers read pages of a document, too, that would take longer for one; 0: never",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = cls.model_fields  # once: it is made anew each time
            unknown = [str(key) for key in data if key not in known]
            if unknown:
                raise ValueError("; ".join(unknown_key_message(key, known) for key in unknown))
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
        names = {name for name in type(self).model_fields if name.startswith("execution_")} | {"password"}
        return self.model_dump(mode="json", exclude_defaults=True, exclude=names)


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
