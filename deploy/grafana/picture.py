"""Draws the dashboard as one SVG from what Prometheus answered: for readers who have no Grafana at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from grafana.panels import Panel, Query, Row

__all__ = ["Series", "draw"]

Points = Sequence[tuple[float, float]]

_GAP = 10
_WIDTH, _HEIGHT, _COLUMNS = 300, 150, 4
_STAT_WIDTH, _STAT_HEIGHT, _STAT_COLUMNS = 238, 64, 5
_TITLE, _LEGEND = 20, 16
_COLOURS = ("#3274d9", "#37872d", "#e0752d", "#8f3bb8", "#c4162a", "#0a7a7a", "#b8860b", "#5a5a5a")
_MOST_SERIES = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel: its legend, and (time, value) in the order of time."""

    legend: str
    points: Points


def draw(rows: Sequence[Row], ask: Callable[[Query], Sequence[Series]]) -> str:
    """The picture as text.

    Args:
        rows: What is on the dashboard.
        ask: Gives the series of a query.
    """
    parts: list[str] = []
    top = _GAP
    for row in rows:
        parts.append(_text(_GAP, top + 16, row.title, size=15, weight="bold"))
        top += 26
        column, height = 0, 0
        for panel in row.panels:
            graph = panel.kind == "timeseries"
            wide, high = (_WIDTH, _HEIGHT) if graph else (_STAT_WIDTH, _STAT_HEIGHT)
            if column == (_COLUMNS if graph else _STAT_COLUMNS) or (height and high != height):
                top, column = top + height + _GAP, 0
            height = high
            left = _GAP + column * (wide + _GAP)
            series = [found for query in panel.queries for found in ask(query)]
            parts.append(_panel(panel, series, left, top, (wide, high)))
            column += 1
        top += height + 2 * _GAP
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" viewBox="0 0 {width} {top}" '
        f'font-family="sans-serif"><rect width="100%" height="100%" fill="#f4f5f5"/>{"".join(parts)}</svg>\n'
    )


def _panel(panel: Panel, series: Sequence[Series], left: float, top: float, size: tuple[float, float]) -> str:
    wide, height = size
    parts = [
        f'<g transform="translate({left} {top})">'
        f'<rect width="{wide}" height="{height}" fill="#fff" stroke="#d8d9da"/>',
        _text(8, 15, panel.title, size=12, weight="bold"),
    ]
    known = [one for one in series if any(math.isfinite(value) for _, value in one.points)]
    shown = sorted(known, key=_highest, reverse=True)[:_MOST_SERIES]
    if not shown:
        parts.append(_text(8, 40, "no data", colour="#888"))
    elif panel.kind == "stat":
        last = next(value for _, value in reversed(shown[0].points) if math.isfinite(value))
        parts.append(_text(8, 48, _amount(last, panel.unit), size=26))
    else:
        parts.append(_graph(panel, shown, height))
    return "".join([*parts, "</g>"])


def _graph(panel: Panel, series: Sequence[Series], height: float) -> str:
    lines = _stacked(series) if panel.stacked else [one.points for one in series]
    values = [value for line in lines for _, value in line if math.isfinite(value)]
    times = [time for line in lines for time, _ in line]
    first, last, most = min(times), max(times), max(values) or 1.0
    low, room, wide = height - _LEGEND - 4, height - _LEGEND - 8 - _TITLE, _WIDTH - 62
    span = max(last - first, 1e-9)

    def place(time: float, value: float) -> tuple[float, float]:
        return 54 + wide * (time - first) / span, low - room * value / most

    parts = [
        f'<path d="M54 {_TITLE + 4}V{low}H{_WIDTH - 8}" fill="none" stroke="#ccc"/>',
        _text(50, _TITLE + 12, _amount(most, panel.unit), size=9, colour="#666", anchor="end"),
        _text(50, low, "0", size=9, colour="#666", anchor="end"),
    ]
    legend_left = 54.0
    for one, line, colour in zip(series, lines, _COLOURS, strict=False):
        parts.append(f'<path d="{_path(line, place)}" fill="none" stroke="{colour}" stroke-width="1.3"/>')
        if one.legend and legend_left + 5 * len(one.legend) < _WIDTH + 10:
            parts.append(_text(legend_left, height - 5, one.legend[:26], size=9, colour=colour))
            legend_left += 10 + 5.6 * min(len(one.legend), 26)
    return "".join(parts)


def _highest(series: Series) -> float:
    return max(value for _, value in series.points if math.isfinite(value))


def _path(line: Points, place: Callable[[float, float], tuple[float, float]]) -> str:
    """The line through these points; where there is no value, it is interrupted."""
    steps = []
    pen = "M"
    for time, value in line:
        if math.isfinite(value):
            x, y = place(time, value)
            steps.append(f"{pen}{x:.0f} {y:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(steps)


def _stacked(series: Sequence[Series]) -> list[Points]:
    """Each on top of those before it, at the times that it has."""
    below: dict[float, float] = {}
    lines: list[Points] = []
    for one in series:
        for time, value in one.points:
            below[time] = below.get(time, 0.0) + (value if math.isfinite(value) else 0.0)
        lines.append([(time, below[time]) for time, _ in one.points])
    return lines


_UNITS: Mapping[str, str] = {"ops": " /s", "bytes": "B", "Bps": "B/s"}


def _amount(value: float, unit: str) -> str:
    """A number as short as a label has to be."""
    if unit == "percentunit":
        return f"{100 * value:.0f} %"
    scale, prefix = 1.0, ""
    if unit in {"bytes", "Bps"}:
        for size, name in ((2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki")):
            if value >= size:
                scale, prefix = size, name
                break
        prefix = f" {prefix}"
    elif unit == "s":
        sizes = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
        size, name = next(((size, name) for size, name in sizes if value >= 2 * size), (0.001, "ms"))
        return f"{value / size:.3g} {name}" if value else "0"
    return f"{value / scale:.3g}{prefix}{_UNITS.get(unit, '')}"


def _text(
    x: float, y: float, text: str, *, size: int = 11, colour: str = "#222", weight: str = "", anchor: str = ""
) -> str:
    extra = (f' font-weight="{weight}"' if weight else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}"{extra}>{escape(text)}</text>'
