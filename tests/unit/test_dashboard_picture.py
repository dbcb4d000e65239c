"""The picture of the dashboard in the documentation."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

from grafana.panels import ROWS, Panel, Query, Row
from grafana.picture import Series, draw

PICTURE = Path(__file__).parents[2] / "docs/images/dashboard.svg"
NAMESPACE = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """Every text of a picture."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{NAMESPACE}text")]


def test_the_picture_in_the_documentation_shows_every_panel_with_data() -> None:
    """Readers would see another dashboard than the one that is imported, or empty panels."""
    shown = texts(PICTURE.read_text(encoding="utf-8"))
    assert [panel.title for row in ROWS for panel in row.panels if panel.title not in shown] == []
    assert "no data" not in shown
    assert PICTURE.stat().st_size < 150_000


def test_a_panel_shows_its_latest_number_or_its_lines_with_gaps() -> None:
    """A value that is not there would be drawn as zero, or break the picture."""
    rows = [
        Row(
            "Row & more",
            (
                Panel("Number", "", (Query("a"),), "s", "stat"),
                Panel("Lines", "", (Query("b", "x"),), "bytes"),
                Panel("Stacked", "", (Query("b", "x"),), stacked=True),
                Panel("Nothing", "", (Query("c"),)),
            ),
        )
    ]
    answers = {
        "a": [Series("", [(0, 1.0), (1, 7200.0), (2, math.nan)])],
        "b": [
            Series("low", [(0, 1.0), (1, math.nan), (2, 1024.0)]),
            Series("high", [(0, 2048.0), (1, 2048.0), (2, 2048.0)]),
        ],
        "c": [],
    }
    svg = draw(rows, lambda query: answers[query.expr])
    shown = texts(svg)
    assert {"Row & more", "2 h", "2 KiB", "3.07e+03", "no data", "low", "high"} <= set(shown)
    paths = [path.get("d", "") for path in ElementTree.fromstring(svg).iter(f"{NAMESPACE}path")]
    assert any(path.count("M") == 2 and path.count("L") == 0 for path in paths)
    assert "nan" not in svg
