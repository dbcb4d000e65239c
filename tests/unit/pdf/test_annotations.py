"""Notes, marks and links."""

from __future__ import annotations

from pathlib import Path

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import Link, ProcessingResult
from support.forms import annotated_pdf
from support.made_pdf import run

RECT = b"/Rect [50 600 100 620]"
NOTE = (
    b"<< /Subtype /Text %s /Contents (Is this\\rright?) /T (Ada) /Subj (Doubt) /M (D:20240131120000Z) >>"
    % RECT
)


def read(tmp_path: Path, data: bytes, **config: object) -> ProcessingResult:
    path = tmp_path / "annotated.pdf"
    path.write_bytes(data)
    result = run(path, **config)
    assert result.errors == []
    return result


def test_a_note_keeps_its_page_its_author_and_its_text(tmp_path: Path) -> None:
    """What reviewers wrote would be lost."""
    (note,) = read(tmp_path, annotated_pdf([NOTE])).annotations
    assert (note.page_number, note.kind, note.text) == (1, "Text", "Is this\nright?")
    assert (note.author, note.subject, note.modified) == ("Ada", "Doubt", "2024-01-31T12:00:00Z")
    assert note.box == (50.0, 180.0, 100.0, 200.0)


def test_links_fields_and_windows_of_notes_are_no_annotations(tmp_path: Path) -> None:
    """Every link and every field would be there twice."""
    others = [
        b"<< /Subtype /%s %s >>" % (kind, RECT) for kind in (b"Link", b"Popup", b"Widget", b"Highlight")
    ]
    result = read(tmp_path, annotated_pdf(others))
    assert [annotation.kind for annotation in result.annotations] == ["Highlight"]


def test_what_is_typed_on_a_page_is_text_of_it(tmp_path: Path) -> None:
    """A form that was filled in with a typewriter tool would look empty; a hidden one would be believed."""
    seen = b"<< /Subtype /FreeText %s /Contents (typed by hand) >>" % RECT
    hidden = b"<< /Subtype /FreeText %s /Contents (not to be seen) /F 2 >>" % RECT
    result = read(tmp_path, annotated_pdf([seen, hidden, NOTE]))
    assert result.markdown == "Some words on the page.\n\ntyped by hand\n"
    assert len(result.annotations) == 3


def test_links_lead_out_of_the_document_and_inside(tmp_path: Path) -> None:
    """A citation or a cross-reference could not be followed."""
    links = [
        b"<< /Subtype /Link %s /A << /S /URI /URI (https://example.org/a b) >> >>" % RECT,
        b"<< /Subtype /Link %s /Dest [3 0 R /Fit] >>" % RECT,
        b"<< /Subtype /Link %s /A << /S /GoTo /D (chapter) >> >>" % RECT,
        b"<< /Subtype /Link %s /A << /S /GoTo /D (nowhere) >> >>" % RECT,
    ]
    names = b"/Names << /Dests << /Names [(chapter) [3 0 R /XYZ 0 700 0]] >> >>"
    result = read(tmp_path, annotated_pdf(links, catalog=names))
    box = (50.0, 180.0, 100.0, 200.0)
    assert result.links == [
        Link(page_number=1, box=box, uri="https://example.org/a b"),
        Link(page_number=1, box=box, target_page=1),
        Link(page_number=1, box=box, target_page=1),
        Link(page_number=1, box=box),
    ]
    assert result.markdown == "Some words on the page.\n"


def test_what_is_beyond_the_limits_is_counted(tmp_path: Path) -> None:
    """A page of a million annotations would fill the memory, or be cut off without a word."""
    links = [b"<< /Subtype /Link %s /Dest [3 0 R /Fit] >>" % RECT] * 5
    result = read(tmp_path, annotated_pdf([NOTE] * 5 + links), max_annotations=3, max_links=2)
    assert (len(result.annotations), len(result.links)) == (3, 2)
    left_out = {entry.code: entry.details.get("left_out") for entry in result.error_details}
    assert left_out[ErrorCode.W_ANNOTATIONS_LEFT_OUT] == 2
    assert left_out[ErrorCode.W_LINKS_LEFT_OUT] == 1  # of those beyond it that were looked at


def test_a_long_list_is_read_to_its_end_or_counted(tmp_path: Path) -> None:
    """What stands after the ten thousandth note would be dropped without a word."""
    many = [b"/Annots [%s]" % (b"6 0 R " * count) for count in (12_000, 100_010)]
    pages = [annotated_pdf([], page=annotations, more=[NOTE]) for annotations in many]
    pages = [page.replace(b"/Annots []", b"") for page in pages]
    assert len(read(tmp_path, pages[0]).annotations) == 12_000
    result = read(tmp_path, pages[1], max_annotations=5)
    (warning,) = [entry for entry in result.error_details if entry.code is ErrorCode.W_ANNOTATIONS_LEFT_OUT]
    assert warning.details == {"left_out": 100_005}


def test_annotations_of_the_wrong_type_harm_nothing(tmp_path: Path) -> None:
    """One broken note would take the text of its page with it."""
    broken = [
        b"<< /Subtype (Text) /Rect 5 >>",
        b"<< /Subtype /Text /Rect [1 2] /Contents [1] /T << >> /M 5 /F (x) >>",
        b"[1 2 3]",
        b"null",
        b"<< /Subtype /Text /Rect [1e30 -1e30 (a) null] /Contents 12 >>",
        b"<< /Subtype /Link /Rect [0 0 1 1] /A 5 /Dest << >> >>",
        NOTE,
    ]
    result = read(tmp_path, annotated_pdf(broken))
    assert result.markdown == "Some words on the page.\n"
    assert [note.text for note in result.annotations if note.author] == ["Is this\nright?"]
    assert ProcessingResult.model_validate_json(result.model_dump_json()) == result


def test_a_page_whose_annotations_are_no_list_is_read(tmp_path: Path) -> None:
    """A page would fail for what is not even on it."""
    data = annotated_pdf([NOTE]).replace(b"/Annots [6 0 R]", b"/Annots 7       ")
    assert read(tmp_path, data).annotations == []
