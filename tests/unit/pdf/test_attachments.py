"""Files inside documents, and signatures: reported, never opened, run or believed."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from ingestkit_pdf.errors import ErrorCode
from ingestkit_pdf.models import ProcessingResult
from support.forms import annotated_pdf, embedded_pdf, form_pdf
from support.made_pdf import run


def read(tmp_path: Path, data: bytes, **config: object) -> ProcessingResult:
    path = tmp_path / "attached.pdf"
    path.write_bytes(data)
    result = run(path, **config)
    assert result.errors == []
    return result


def stream(content: bytes, head: bytes = b"") -> bytes:
    return b"<< /Type /EmbeddedFile %s /Length %d >>\nstream\n%s\nendstream" % (head, len(content), content)


def deflated(content: bytes) -> bytes:
    return stream(zlib.compress(content, 9), b"/Filter /FlateDecode")


DATA = b"<invoice>1</invoice>"
HEAD = b"/Subtype /text#2Fxml /Params << /Size 9999 /CreationDate (D:20240131) >>"


def test_an_attachment_is_listed_with_size_and_digest(tmp_path: Path) -> None:
    """The invoice inside an invoice would go unnoticed, or could not be recognised again."""
    result = read(tmp_path, embedded_pdf([(b"/UF (factur-x.xml) /Desc (the data)", stream(DATA, HEAD))]))
    (attachment,) = result.attachments
    assert (attachment.name, attachment.size_bytes) == ("factur-x.xml", len(DATA))
    assert attachment.sha256 == hashlib.sha256(DATA).hexdigest()
    assert (attachment.description, attachment.mime_type) == ("the data", "text/xml")
    assert (attachment.created, attachment.page_number) == ("2024-01-31", None)
    assert result.metadata.attachment_count == 1
    assert ErrorCode.W_EMBEDDED_FILES in result.warnings


def test_a_file_pinned_to_a_page_says_which(tmp_path: Path) -> None:
    """Files that hang on a comment would be missed."""
    pin = b"<< /Subtype /FileAttachment /Rect [0 0 9 9] /FS << /F (notes.txt) /EF << /F 7 0 R >> >> >>"
    (attachment,) = read(tmp_path, annotated_pdf([pin], more=[stream(DATA)])).attachments
    assert (attachment.name, attachment.page_number, attachment.size_bytes) == ("notes.txt", 1, len(DATA))


def test_a_file_of_several_names_has_each(tmp_path: Path) -> None:
    """Whoever looks for the second name would think that the file is missing."""
    names = b"(a) << /F (a.txt) /EF << /F 6 0 R >> >> (b) << /F (b.txt) /EF << /F 6 0 R >> >> "
    again = b"(c) << /UF (a.txt) /EF << /F 6 0 R >> >>"
    catalog = b"/Names << /EmbeddedFiles << /Names [%s] >> >>" % (names + again)
    result = read(tmp_path, annotated_pdf([], catalog=catalog, more=[stream(DATA)]))
    assert [(found.name, found.size_bytes) for found in result.attachments] == [
        ("a.txt", len(DATA)),
        ("b.txt", len(DATA)),
    ]


def test_a_file_that_the_document_is_associated_with_is_listed(tmp_path: Path) -> None:
    """The data of an invoice of PDF 2.0 would be missed; one in the catalog as well would be there twice."""
    names = b"/Names << /EmbeddedFiles << /Names [(a) 7 0 R] >> >>"
    specifications = [
        b"<< /F (a.xml) /EF << /F 6 0 R >> >>",
        b"<< /F (b.xml) /EF << /F 9 0 R >> >>",
    ]
    more = [stream(DATA), *specifications, stream(b"other")]
    result = read(tmp_path, annotated_pdf([], catalog=names + b"/AF [7 0 R 8 0 R]", more=more))
    assert [found.name for found in result.attachments] == ["a.xml", "b.xml"]


def test_a_file_may_have_a_name_of_its_system_only(tmp_path: Path) -> None:
    """It would be listed under a key that nobody has ever seen."""
    (found,) = read(tmp_path, embedded_pdf([(b"/DOS (C:\\\\dir\\\\name.txt)", stream(DATA))])).attachments
    assert found.name == "name.txt"


def test_names_have_no_folders(tmp_path: Path) -> None:
    """Whoever stores an attachment under its name would write where the document wants."""
    names = [b"../../etc/passwd", b"C:\\\\Windows\\\\a.dll", b"/", b"..", b"a\\nb"]
    result = read(
        tmp_path, embedded_pdf([(b"/F (%s)" % name, stream(b"%d" % i)) for i, name in enumerate(names)])
    )
    assert [attachment.name for attachment in result.attachments] == [
        "passwd",
        "a.dll",
        "unnamed",
        "unnamed",
        "a b",
    ]


def test_a_bomb_is_listed_and_not_unpacked(tmp_path: Path) -> None:
    """An attachment of a few kilobytes would take gigabytes and minutes."""
    bomb = deflated(bytes(8 * 2**20))
    small = deflated(DATA)
    result = read(
        tmp_path, embedded_pdf([(b"/F (bomb)", bomb), (b"/F (small)", small)]), max_attachments_mb=1
    )
    found = {attachment.name: (attachment.size_bytes, attachment.sha256) for attachment in result.attachments}
    assert found == {"bomb": (None, None), "small": (len(DATA), hashlib.sha256(DATA).hexdigest())}


def test_the_limit_holds_for_all_together(tmp_path: Path) -> None:
    """A thousand attachments of just under the limit would take a thousand times as long."""
    files = [(b"/F (file%d)" % i, deflated(b"%d" % i * 400_000)) for i in range(4)]
    result = read(tmp_path, embedded_pdf(files), max_attachments_mb=1)
    assert [attachment.sha256 is not None for attachment in result.attachments] == [True, True, False, False]


def test_attachments_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    """A million entries would fill the result, or be cut off without a word."""
    files = [(b"/F (file%d)" % i, stream(b"%d" % i)) for i in range(5)]
    result = read(tmp_path, embedded_pdf(files), max_attachments=2)
    assert (len(result.attachments), result.metadata.attachment_count) == (2, 5)
    assert ErrorCode.W_ATTACHMENTS_LEFT_OUT in result.warnings


def test_a_tree_of_too_many_names_is_reported(tmp_path: Path) -> None:
    """Files would be missing, and nothing would say so."""
    names = b"/Names << /EmbeddedFiles << /Names [%s] >> >>" % (b"(a) 6 0 R " * 50_001)
    more = [b"<< /F (a.txt) /EF << /F 7 0 R >> >>", stream(DATA)]
    result = read(tmp_path, annotated_pdf([], catalog=names, more=more))
    assert len(result.attachments) == 1
    assert ErrorCode.W_ATTACHMENTS_LEFT_OUT in result.warnings


def test_a_tree_of_names_in_a_circle_ends(tmp_path: Path) -> None:
    """A document of a kilobyte would keep a worker busy for ever."""
    circle = b"/Names << /EmbeddedFiles << /Kids [2 0 R 1 0 R 2 0 R] >> >> /Kids [1 0 R 1 0 R] /Parent 5"
    result = read(tmp_path, embedded_pdf([(b"/F (a)", stream(DATA))], catalog=circle))
    assert result.attachments == []


def test_what_only_names_a_file_is_no_attachment(tmp_path: Path) -> None:
    """A reference to a file elsewhere, or a broken one, would be listed as if it were there."""
    entries = b"(a) << /F (x.txt) >> (b) 5 (c) << /EF << /F (x) >> >> (d)"
    names = b"/Names << /EmbeddedFiles << /Names [%s] >> >>" % entries
    assert read(tmp_path, embedded_pdf([], catalog=names)).attachments == []


SIGNATURE = (
    b"/FT /Sig /T (approval) /V << /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached "
    b"/Name (Ada Lovelace) /Reason (I agree) /Location (London) /M (D:20240131120000Z) /ByteRange [%s] >>"
)


def signed(covered: bytes) -> bytes:
    return form_pdf([SIGNATURE % covered.ljust(30)])


def test_a_signature_is_reported(tmp_path: Path) -> None:
    """Nobody would learn that, and by whom, a contract is signed."""
    result = read(tmp_path, signed(b"0 100 200 0"))
    (signature,) = result.signatures
    assert (signature.field, signature.signer, signature.reason) == ("approval", "Ada Lovelace", "I agree")
    assert (signature.location, signature.time) == ("London", "2024-01-31T12:00:00Z")
    assert (signature.filter, signature.sub_filter) == ("Adobe.PPKLite", "adbe.pkcs7.detached")
    assert (signature.page_number, signature.box) == (1, (50.0, 180.0, 100.0, 200.0))
    assert (result.metadata.is_signed, result.metadata.signature_count) == (True, 1)
    assert ErrorCode.W_DOCUMENT_SIGNED in result.warnings


def test_a_signature_that_stands_on_no_page_counts(tmp_path: Path) -> None:
    """A signed contract would pass for an unsigned one because its signature is not shown."""
    field = b"<< %s >>" % SIGNATURE.replace(b"/ByteRange [%s] ", b"")
    result = read(tmp_path, form_pdf([], more=[field], fields=b"6 0 R"))
    assert [signature.page_number for signature in result.signatures] == [None]
    assert (result.metadata.is_signed, result.metadata.signature_count) == (True, 1)
    assert ErrorCode.W_DOCUMENT_SIGNED in result.warnings


def test_a_signature_says_whether_something_was_added_after_it(tmp_path: Path) -> None:
    """A page added to a signed contract would pass for a part of it."""
    size = len(signed(b""))
    whole = b"0 100 200 %d" % (size - 200)
    covered = {
        read(tmp_path, signed(ranges)).signatures[0].covers_whole_document: ranges
        for ranges in (whole, b"0 100 200 50", b"", b"5 100 200 %d" % (size - 200))
    }
    assert covered[True] == whole
    assert read(tmp_path, signed(b"")).signatures[0].covers_whole_document is None
    assert read(tmp_path, signed(b"0 100 50 %d" % (size - 50))).signatures[0].covers_whole_document is False


def test_a_field_that_nobody_has_signed_is_no_signature(tmp_path: Path) -> None:
    """Every contract with a line to sign on would count as signed."""
    result = read(tmp_path, form_pdf([b"/FT /Sig /T (approval)"]))
    assert result.signatures == []
    assert not result.metadata.is_signed
