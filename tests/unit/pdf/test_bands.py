"""Finding what is at a height of the page without looking at everything on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingestkit_pdf.pdf.bands import Bands
from support.made_pdf import only_page, prose_page, run, save


def test_whatever_is_at_a_height_is_found_in_its_order() -> None:
    """Text under an area would pass for seen because the area lies across two bands, or begins above them."""
    bands = Bands([(0, 9000, "page"), (3900, 4100, "edge"), (-5000, -1, "above")], [100, 3950, 4050, 8999])
    assert [name for name in bands.around(3950) if name != "above"] == ["page", "edge"]
    assert bands.around(4050) == ["page", "edge"]
    assert bands.around(8999) == ["page"]
    assert bands.around(100) == ["page"]


def test_an_area_without_end_is_as_quick_as_any_other(tmp_path: Path) -> None:
    """A drawing of some hundred bytes that reaches far off the page would take all time and memory."""

    def draw(document: Any) -> None:
        page = prose_page(document)
        bar = b" 560 -1000000000 20 2000000000 re f"
        (xref,) = page.get_contents()
        document.update_stream(xref, document.xref_stream(xref) + b" q 0.9 g" + 20 * bar + b" Q")

    result = run(save(tmp_path, draw))
    assert "quick brown fox" in result.markdown
    assert only_page(result).warnings == []
