"""Page labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.documents import raw_pdf
from support.made_pdf import run


def labelled(tmp_path: Path, count: int, labels: bytes, *more: bytes) -> list[str | None]:
    """The labels of so many empty pages; `more` are objects after those of the pages, which begin with 3."""
    pages = [b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>"] * count
    kids = b" ".join(b"%d 0 R" % (3 + index) for index in range(count))
    data = raw_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R /PageLabels %s >>" % labels,
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
            *pages,
            *more,
        ]
    )
    path = tmp_path / "labels.pdf"
    path.write_bytes(data)
    result = run(path)
    assert result.errors == []
    return [page.label for page in result.pages]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(b"0 << /S /r >> 2 << /S /D >>", ["i", "ii", "1", "2", "3"], id="front matter"),
        pytest.param(b"0 << /S /D /P <FEFF0041002D> /St 5 >>", [f"A-{n}" for n in range(5, 10)], id="UTF-16"),
        pytest.param(
            b"0 << /S /D /P (A/S/r-) /St 3 >>", [f"A/S/r-{n}" for n in range(3, 8)], id="prefix of slashes"
        ),
        pytest.param(b"2 << /S /D /St 1 >>", [None, None, "1", "2", "3"], id="not from the first page"),
        pytest.param(b"0 << /P (Cover) >> 1 << >>", ["Cover", None, None, None, None], id="without numbers"),
        pytest.param(
            b"3 << /S /A >> 0 << /S /R /St 8 >> (x) << >> 9 << /S /D >> -1 << >>",
            ["VIII", "IX", "X", "A", "B"],
            id="out of order and out of range",
        ),
        pytest.param(b"0 << /S /D /St -7 >>", ["1", "2", "3", "4", "5"], id="starts below one"),
    ],
)
def test_labels_are_those_that_a_reader_shows(tmp_path: Path, rules: bytes, expected: list[str]) -> None:
    """Nobody would find the page that a chunk names."""
    assert labelled(tmp_path, 5, b"<< /Nums [%s] >>" % rules) == expected


def test_letters_are_repeated_after_z(tmp_path: Path) -> None:
    """Page 28 is `BB`, not `AB` as in a spreadsheet."""
    labels = labelled(tmp_path, 54, b"<< /Nums [0 << /S /A >>] >>")
    assert [labels[index] for index in (0, 25, 26, 27, 53)] == ["A", "Z", "AA", "BB", "BBB"]


def test_a_tree_of_several_levels_is_read(tmp_path: Path) -> None:
    """Long documents have such trees; a circle in one must not go on for ever."""
    tree = b"<< /Kids [<< /Kids [<< /Nums [0 << /S /D /P (X) >>] >> 6 0 R] >> 6 0 R] >>"
    more = b"<< /Nums [1 << /S /D /P (Y) >>] /Kids [6 0 R] >>"
    assert labelled(tmp_path, 3, tree, more) == ["X1", "Y1", "Y2"]


@pytest.mark.parametrize(
    "rule",
    [
        b"/S /r /St 2000000000",
        b"/S /a /St 2000000000",
        b"/S /D /P (%s)" % (b"x" * 3000),
        b"/S /D /P (%s)" % (b"x" * 1_000_000),
    ],
    ids=["roman", "letters", "long prefix", "huge prefix"],
)
def test_a_label_is_short(tmp_path: Path, rule: bytes) -> None:
    """A file of 14 KB would become a result of 80 MB."""
    labels = labelled(tmp_path, 3, b"<< /Nums [0 << %s >>] >>" % rule)
    assert all(label and len(label) <= 64 for label in labels)
    if b"/D" in rule:
        assert len(set(labels)) == 3
