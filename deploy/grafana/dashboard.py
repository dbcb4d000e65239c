"""Writes `dashboards/ingestkit-pdf.json`: `PYTHONPATH=deploy python -m grafana.dashboard`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana.panels import ROWS, Panel, Row

__all__ = ["PATH", "dashboard", "rendered"]

PATH = Path(__file__).with_name("dashboards") / "ingestkit-pdf.json"

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_SIZES = {"stat": (4, 4), "timeseries": (8, 8)}  # columns of 24, height


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana (10 and later) imports it."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in ROWS:
        placed, top = _placed(row, top, first_id=len(panels) + 1)
        panels += placed
    return {
        "uid": "ingestkit-pdf",
        "title": "ingestkit-pdf",
        "description": "Is it keeping up, what fails and why, which lane waits, is memory growing.",
        "tags": ["ingestkit-pdf"],
        "schemaVersion": 38,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _placed(row: Row, top: int, *, first_id: int) -> tuple[list[dict[str, Any]], int]:
    """The row's header and panels from left to right, and where the next row begins."""
    header = {
        "id": first_id,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top, "w": _WIDTH, "h": 1},
        "panels": [],
    }
    panels: list[dict[str, Any]] = [header]
    x, y, line_height = 0, top + 1, 0
    for panel in row.panels:
        width, height = _SIZES[panel.kind]
        if x + width > _WIDTH or (line_height and height != line_height):
            x, y = 0, y + line_height
        panels.append(_panel(panel, first_id + len(panels), {"x": x, "y": y, "w": width, "h": height}))
        x, line_height = x + width, height
    return panels, y + line_height


def _panel(panel: Panel, number: int, position: dict[str, int]) -> dict[str, Any]:
    graph = panel.kind == "timeseries"
    custom = {
        "fillOpacity": 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }
    options: dict[str, Any] = (
        {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        if graph
        else {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "none"}
    )
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": position,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **({"custom": custom} if graph else {})},
            "overrides": [],
        },
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "instant": not graph,
                "range": graph,
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
    }
    return [
        source,
        _variable("instance", "Daemon", "label_values(ingestkit_pdfd_build_info, instance)"),
        _variable("lane", "Lane", "label_values(ingestkit_pdfd_jobs_total, lane)"),
    ]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def rendered() -> str:
    """The file's text."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
