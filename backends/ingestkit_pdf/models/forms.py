"""What a form holds, and who has signed it."""

from __future__ import annotations

from ingestkit_pdf.models.base import Box, Model
from ingestkit_pdf.models.enums import FieldKind

__all__ = ["FormField", "Signature"]


class FormField(Model):
    """One field of a form (AcroForm), filled in or not.

    Attributes:
        name: Its full name: the names from the root of the form, joined by dots.
        kind: What kind of field.
        page_number: The page it stands on; None for one that is on no page.
        box: Where it stands: of a group of radio buttons, the chosen one, else the first.
        label: What the form calls it for its reader, where it says so.
        value: What is filled in. Of a check box or a group of radio buttons, the name of the chosen state
            (`Yes`, or the option that it stands for), None when nothing is checked; of several chosen
            options, one to a line.
        options: What can be chosen, as it is shown.
        is_checked: Of a check box: whether it is.
        is_required: It has to be filled in.
        is_read_only: It cannot be changed.
        is_hidden: A reader of the page does not see it; its value is in no text of the page.
    """

    name: str
    kind: FieldKind
    page_number: int | None = None
    box: Box | None = None
    label: str | None = None
    value: str | None = None
    options: list[str] = []
    is_checked: bool | None = None
    is_required: bool = False
    is_read_only: bool = False
    is_hidden: bool = False


class Signature(Model):
    """A signature field that is signed. Reported as the file has it: nothing of it is verified.

    Attributes:
        field: Full name of the field.
        page_number: The page it stands on, where it stands on one.
        box: Where it stands.
        signer: Who has signed, as the signature says.
        reason: Why.
        location: Where.
        contact: How to reach the signer.
        time: When, ISO 8601, as the signature says.
        filter: How it was made: `Adobe.PPKLite`, ...
        sub_filter: Its encoding: `adbe.pkcs7.detached`, `ETSI.CAdES.detached`, ...
        covers_whole_document: The bytes that it signs reach from the first to the last of the file, itself
            left out; False where something was added afterwards, None where it does not say.
    """

    field: str
    page_number: int | None = None
    box: Box | None = None
    signer: str | None = None
    reason: str | None = None
    location: str | None = None
    contact: str | None = None
    time: str | None = None
    filter: str | None = None
    sub_filter: str | None = None
    covers_whole_document: bool | None = None
