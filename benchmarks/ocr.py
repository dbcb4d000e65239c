"""How well text is read from pictures: documents with text, painted, and read back by OCR.

    python benchmarks/ocr.py FOLDER [--documents 20] [--pages 1] [--dpi 150,300] [--turns 0,2,90] [--each]

The documents are chosen by a rule, not by result: of all PDFs under FOLDER whose text is in the language that
is read (English), the first ones in the order of the SHA-256 of their content; of each, the first pages of
plain text that can serve as truth. Such a page has at least 100 words, few of them single letters (else its
text is spaced out), and its picture has ink nearly all along every word (else its text is hidden, or its
fonts cannot be painted). What is left out for these reasons is named.

Each page is painted in grey at a resolution, as it is or turned, and becomes a page of a document that has
nothing but this picture; the pipeline reads that with its default settings.

Word accuracy is measured against the text that the pipeline takes from the page itself. Words are runs of
letters and digits, capitals counting, after Unicode's NFKC:

- words: share of the native words that were read, each as often as it is there, whatever their order (what
  the ISRI tests call word accuracy);
- in order: share of them in the longest alignment of both sequences (difflib without its heuristic), where a
  column read in another place counts as wrong;
- extra: words that were read and are not there, as a share of the native ones.

Beside it the bare call: Tesseract itself on the same pictures, its text as it gives it. Rates are pages for a
second of this process's own work, so that a busy machine gives the same.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from _truth.markdown import plain_text

from ingestkit_pdf._tessdata import lacking_ocr, tessdata_folder
from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.models import PageType
from ingestkit_pdf.pdf import process_document  # before pymupdf: blocks its layout model

import pymupdf  # isort: skip

LANGUAGE, TESSERACT_LANGUAGE = "en", "eng"
MIN_WORDS = 100
MAX_SINGLE, MIN_INKED, INK_DPI = 0.05, 0.97, 100
OVERRIDE = {"reject_javascript": False, "reject_javascript_override_reason": "benchmark"}
Row = dict[str, Any]


def words(text: str) -> list[str]:
    """Runs of letters and digits."""
    normal = unicodedata.normalize("NFKC", plain_text(text))
    return "".join(letter if letter.isalnum() else " " for letter in normal).split()


@dataclass(slots=True)
class Score:
    """Words of the truth, and what became of them; pages and the seconds of work they took."""

    true: int = 0
    found: int = 0
    in_order: int = 0
    extra: int = 0
    pages: int = 0
    seconds: float = 0.0

    def add(self, truth: list[str], read: list[str], pages: int, seconds: float) -> Row:
        """Add a document; what it has by itself."""
        common = (Counter(truth) & Counter(read)).total()
        matcher = SequenceMatcher(None, truth, read, autojunk=False)
        aligned = sum(block.size for block in matcher.get_matching_blocks())
        one = Score(len(truth), common, aligned, len(read) - common, pages, seconds)
        for name in ("true", "found", "in_order", "extra", "pages", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(one, name))
        return one.report()

    def report(self) -> Row:
        """As shares and rates."""
        true = max(self.true, 1)
        return {
            "words": round(self.found / true, 4),
            "in_order": round(self.in_order / true, 4),
            "extra": round(self.extra / true, 4),
            "pages": self.pages,
            "pages_per_second": round(self.pages / self.seconds, 3) if self.seconds else 0.0,
        }


@dataclass(slots=True)
class Sample:
    """Some pages of a document, as a document of their own, and their text."""

    name: str
    data: bytes
    truth: list[str]
    pages: int
    scores: list[Row] = field(default_factory=list)


def choose(folder: Path, documents: int, pages: int) -> Iterator[Sample]:
    """The documents that the rule chooses; says which it leaves out."""
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.rglob("*.pdf")}
    chosen = 0
    for _, path in sorted(files.items()):
        if chosen == documents:
            return
        sample = _sample(path, pages)
        if isinstance(sample, Sample):
            chosen += 1
            yield sample
        else:
            print(f"left out: {path.name}: {sample}", file=sys.stderr)


def _sample(path: Path, pages: int) -> Sample | str:
    config = PDFProcessorConfig(ocr_engine="none", **OVERRIDE)
    result = process_document(str(path), config.model_dump())
    if result.errors or result.metadata.detected_language != LANGUAGE:
        return "not read, or not English"
    plain = [
        page.page_number - 1
        for page in result.pages
        if page.page_type is PageType.TEXT and page.word_count >= MIN_WORDS and page.language == LANGUAGE
    ]
    with pymupdf.open(path) as whole, pymupdf.open() as part, tempfile.TemporaryDirectory() as scratch:
        for index in plain:
            if part.page_count < pages and _is_truth(whole[index]):
                part.insert_pdf(whole, from_page=index, to_page=index, annots=False, links=False)
        if not part.page_count:
            return f"none of its {len(plain)} pages of plain text can serve as truth"
        file = Path(scratch, "part.pdf")
        part.save(file)
        text = process_document(str(file), config.model_dump()).markdown
        return Sample(path.name, file.read_bytes(), words(text), part.page_count)


def _is_truth(page: pymupdf.Page) -> bool:
    """True when the text of a page is what its picture shows."""
    boxes = [(pymupdf.Rect(word[:4]), word[4]) for word in page.get_text("words")]
    letters = [text for _, text in boxes if len(text) == 1 and text.isalpha() and text not in "aAI"]
    if len(letters) > MAX_SINGLE * len(boxes):
        return False
    picture = page.get_pixmap(dpi=INK_DPI, colorspace=pymupdf.csGRAY, alpha=False)
    inked = sum(_has_ink(picture, box * (INK_DPI / 72)) for box, _ in boxes)
    return inked >= MIN_INKED * len(boxes)


def _has_ink(picture: pymupdf.Pixmap, box: pymupdf.Rect) -> bool:
    """True when most columns of a word differ from its ground."""
    x0, y0, x1, y1 = (int(value) for value in (box & pymupdf.Rect(picture.irect)).round())
    rows = [picture.samples_mv[y * picture.stride + x0 : y * picture.stride + x1] for y in range(y0, y1)]
    if not rows or x1 <= x0:
        return False
    columns = list(zip(*rows, strict=True))
    ground = Counter(level for row in rows for level in row).most_common(1)[0][0]
    return sum(any(abs(level - ground) > 40 for level in column) for column in columns) >= 0.6 * len(columns)


def paint(sample: Sample, dpi: int, degrees: float) -> tuple[bytes, list[pymupdf.Pixmap]]:
    """The pages as pictures: as a document of nothing else, and each by itself."""
    pictures = []
    with pymupdf.open(stream=sample.data, filetype="pdf") as source, pymupdf.open() as scan:
        for page in source:
            matrix = pymupdf.Matrix(dpi / 72, dpi / 72) * pymupdf.Matrix(degrees)
            picture = page.get_pixmap(matrix=matrix, colorspace=pymupdf.csGRAY, alpha=False)
            picture.set_dpi(dpi, dpi)
            sheet = scan.new_page(width=picture.width * 72 / dpi, height=picture.height * 72 / dpi)
            sheet.insert_image(sheet.rect, pixmap=picture)
            pictures.append(picture)
        return scan.tobytes(), pictures


def read_by_pipeline(data: bytes, config: Row) -> tuple[list[str], float]:
    """What the pipeline makes of a document, and the seconds of work it took."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "scan.pdf")
        file.write_bytes(data)
        gc.collect()
        started = time.process_time()
        result = process_document(str(file), config)
        seconds = time.process_time() - started
    if result.errors:
        raise RuntimeError(f"the pipeline refused a scan: {result.errors}")
    return words(result.markdown), seconds


class Bare:
    """Tesseract by itself, its model loaded once."""

    def __init__(self) -> None:
        import tesserocr

        self._api = tesserocr.PyTessBaseAPI(
            path=str(tessdata_folder()), lang=TESSERACT_LANGUAGE, oem=tesserocr.OEM.LSTM_ONLY
        )
        self._api.SetPageSegMode(tesserocr.PSM.AUTO)
        self.version = tesserocr.tesseract_version().split("\n")[0]

    def read(self, pictures: list[pymupdf.Pixmap]) -> tuple[list[str], float]:
        """Its text of all pictures, and the seconds of work."""
        started = time.process_time()
        texts = []
        for picture in pictures:
            self._api.SetImageBytes(picture.samples, picture.width, picture.height, 1, picture.stride)
            self._api.SetSourceResolution(picture.xres)
            texts.append(self._api.GetUTF8Text())
        return words("\n".join(texts)), time.process_time() - started


def measure(samples: list[Sample], dpis: list[int], turns: list[float], bare: Bare) -> Row:
    """Read every sample in every way."""
    config = PDFProcessorConfig(ocr_engine="tesseract", **OVERRIDE).model_dump()
    report: Row = {}
    for dpi in dpis:
        for degrees in turns:
            ours, theirs = Score(), Score()
            for sample in samples:
                data, pictures = paint(sample, dpi, degrees)
                row = ours.add(
                    sample.truth, (read := read_by_pipeline(data, config))[0], sample.pages, read[1]
                )
                theirs.add(sample.truth, (read := bare.read(pictures))[0], sample.pages, read[1])
                sample.scores.append({"dpi": dpi, "degrees": degrees, **row})
            report[f"{dpi} dpi, {degrees:g}°"] = {"pipeline": ours.report(), "bare": theirs.report()}
            print(f"{dpi} dpi, {degrees:g}°", file=sys.stderr, flush=True)
    return report


def show(report: Row, samples: list[Sample], *, each: bool) -> None:
    """Print the report as a table."""
    print(f"{len(samples)} documents, {sum(sample.pages for sample in samples)} pages; {report['tesseract']}")
    head = f"{'words':>8}{'in order':>10}{'extra':>8}{'pages/s':>9}"
    print(f"{'':<16}{head}   |{head}   (pipeline | bare Tesseract)")
    for name, row in report["scores"].items():
        parts = [
            f"{side['words']:>8.2%}{side['in_order']:>10.2%}{side['extra']:>8.2%}{side['pages_per_second']:>9.2f}"
            for side in (row["pipeline"], row["bare"])
        ]
        print(f"{name:<16}{'   |'.join(parts)}")
    if each:
        for sample in samples:
            print(f"\n{sample.name}: {len(sample.truth)} words, {sample.pages} pages")
            for score in sample.scores:
                print("  " + "  ".join(f"{key} {value}" for key, value in score.items()))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="PDFs with text; searched with its subfolders")
    parser.add_argument("--documents", type=int, default=20, help="how many (20)")
    parser.add_argument("--pages", type=int, default=1, help="of each document, at most (1)")
    parser.add_argument("--dpi", default="150,300", help="of the pictures (150,300)")
    parser.add_argument("--turns", default="0,2,90", help="degrees by which they are turned (0,2,90)")
    parser.add_argument("--each", action="store_true", help="print every document's score, too")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    if (lack := lacking_ocr([TESSERACT_LANGUAGE])) is not None:
        print(f"no OCR here: {lack}", file=sys.stderr)
        return 2
    samples = list(choose(arguments.folder, arguments.documents, arguments.pages))
    if not samples:
        print(f"no English document with text under {arguments.folder}", file=sys.stderr)
        return 2
    bare = Bare()
    dpis = [int(value) for value in arguments.dpi.split(",")]
    turns = [float(value) for value in arguments.turns.split(",")]
    report: Row = {"tesseract": bare.version, "python": sys.version.split()[0]}
    report["scores"] = measure(samples, dpis, turns, bare)
    if arguments.json:
        report["documents"] = {sample.name: sample.scores for sample in samples}
        print(json.dumps(report, indent=2))
    else:
        show(report, samples, each=arguments.each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
