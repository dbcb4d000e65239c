"""The language of pages and documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.pdf.language import language_of, language_sample
from ingestkit_pdf.pdf.lines import Line
from support.made_pdf import run, save
from unit.pdf.tables.test_in_documents import ruled

CONFIG = PDFProcessorConfig()
GERMAN = (
    "Der schnelle braune Fuchs springt über den faulen Hund, während der Gärtner seine Äpfel zählt. "
    "Nichts in diesem Absatz ist von Bedeutung, außer dass er genügend Wörter enthält. "
)
ROW = ["der Schmied Müller", "wohnt in der Gasse", "arbeitet als Bäcker"]
ENGLISH = (
    "The quick brown fox jumps over the lazy dog while the keeper of the garden counts his apples. "
    "Nothing in this paragraph is of any importance, except that it has words enough. "
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        (GERMAN.upper(), "de"),
        ("この文書は日本語で書かれています。漢字とかなが混ざっています。", "ja"),
        ("本文件是用中文写的。没有假名。只有汉字。内容无关紧要。", "zh"),
        ("이 문서는 한국어로 작성되었습니다. 내용은 중요하지 않습니다.", "ko"),
        ("מסמך זה כתוב בעברית ואין בו דבר בעל חשיבות כלשהי", "he"),
        ("هذه الوثيقة مكتوبة باللغة العربية وليس فيها شيء ذو أهمية على الإطلاق", "ar"),
        (
            "\ufe8d\ufedf\ufecc\ufeae\ufe91\ufef4\ufe94 " * 8,
            "ar",
        ),  # letters in the shapes in which fonts have them
        ("Этот документ написан на русском языке, и в нём нет ничего важного.", "ru"),
        ("यह दस्तावेज़ हिंदी में लिखा गया है और इसमें कुछ भी महत्वपूर्ण नहीं है।", "hi"),
        ("Αυτό το έγγραφο είναι γραμμένο στα ελληνικά", "el"),
        ("เอกสารนี้เขียนเป็นภาษาไทยและไม่มีอะไรสำคัญ", "th"),
        ("10.5 20.4 30.2 40.1 (7) [8] 99 %", None),
        ("x = y", None),
        ("", None),
    ],
)
def test_the_language_of_a_text(text: str, language: str | None) -> None:
    """Whoever chooses a model, an analyser or a reader by language would choose the wrong one."""
    assert language_of(language_sample([line_of(text)], CONFIG), CONFIG) == language


def test_a_document_has_the_language_of_most_of_its_text(tmp_path: Path) -> None:
    """One page of an appendix would decide for the whole book."""

    def draw(document: Any) -> None:
        for text in (GERMAN * 4, ENGLISH, GERMAN * 3, ""):
            document.new_page().insert_textbox((72, 100, 523, 740), text, fontsize=11)

    result = run(save(tmp_path, draw))
    assert [page.language for page in result.pages] == ["de", "en", "de", None]
    assert result.metadata.detected_language == "de"
    assert result.metadata.language is None


def test_it_can_be_left_out(tmp_path: Path) -> None:
    """Who does not want it would pay for it all the same."""

    def draw(document: Any) -> None:
        document.new_page().insert_textbox((72, 100, 523, 740), ENGLISH, fontsize=11)

    result = run(save(tmp_path, draw), detect_language=False)
    assert result.pages[0].language is None
    assert result.metadata.detected_language is None


def test_only_a_sample_is_looked_at() -> None:
    """A page of a million letters would take as long as a thousand pages."""
    looked_at = 0

    def lines() -> Iterator[Line]:
        nonlocal looked_at
        while True:
            looked_at += 1
            yield line_of(ENGLISH)

    assert len(language_sample(lines(), CONFIG)) == CONFIG.language_sample_letters
    assert looked_at <= 3


def line_of(text: str) -> Line:
    """A line of a page."""
    line = Line((0, 0, 100, 10), 10, 0)
    line.text = text
    return line


def test_a_page_that_is_a_table_has_a_language(tmp_path: Path) -> None:
    """Lists and registers would be of no language at all."""

    def draw(document: Any) -> None:
        ruled(document.new_page(), 100, [["Vorname", "Straße und Ort", "Beruf"]] + [ROW] * 12)

    result = run(save(tmp_path, draw))
    assert result.table_data
    assert result.metadata.detected_language == "de"
