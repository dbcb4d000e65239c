"""Rules, dashboard and scrape configuration: they ask only for what exists, and are what is documented."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from grafana.dashboard import PATH as DASHBOARD
from grafana.dashboard import dashboard, rendered
from ingestkit_pdf.execution.pool import PoolStats
from ingestkit_pdfd.gauges import LiveCollector
from ingestkit_pdfd.health import Probe, Snapshot
from ingestkit_pdfd.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES = PROMETHEUS / "ingestkit-pdf.rules.yml"
RUNBOOKS = ROOT / "docs/how-to/runbooks.md"

RABBITMQ = {"rabbitmq_detailed_queue_messages_ready", "rabbitmq_detailed_queue_consumers"}
"""Of the families queue_coarse_metrics and queue_consumer_count of /metrics/detailed, as of RabbitMQ 3.10."""

PROMETHEUS_OWN = {"up", "ALERTS"}


def known() -> set[str]:
    """Every name that a query may use: the daemon's, RabbitMQ's, and what the rules record."""

    async def scrape() -> str:
        metrics = Metrics(["default"])
        snapshot = Snapshot(consuming=True, publishing=True, draining=False, in_progress={})
        stats = PoolStats(workers=1, busy=0, queued=0)
        metrics.registry.register(LiveCollector(Probe(lambda: snapshot), lambda: stats, ["default"]))
        return (await asyncio.to_thread(generate_latest, metrics.registry)).decode()

    names: set[str] = set()
    for line in asyncio.run(scrape()).splitlines():
        if line.startswith("# TYPE"):
            _, _, name, kind = line.split()
            if name.endswith("_created"):  # switched off in a daemon
                continue
            parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            names |= {name + part for part in parts}
    return names | RABBITMQ | PROMETHEUS_OWN | {rule["record"] for rule in rules() if "record" in rule}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def used(expression: str) -> set[str]:
    """The metrics of a query: names with an underscore or a colon that are no function, label or keyword."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|on|group_left|group_right|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    names = set(re.findall(r"[A-Za-z_:][\w:]*", bare))
    calls = set(re.findall(r"([A-Za-z_]\w*)\s*\(", bare))
    return {name for name in names - calls if "_" in name or ":" in name or name == "up"} - {"group_left"}


def dashboard_queries() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_only_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    """An alert on a name that is gone never fires, and nobody notices."""
    names = used(rule["expr"])
    assert names
    assert names <= known()


def test_the_dashboard_asks_only_for_metrics_that_exist() -> None:
    """A panel on a name that is gone stays empty."""
    names = {name for query in dashboard_queries() for name in used(query)}
    assert len(dashboard_queries()) > 30
    assert names <= known()


def test_the_dashboard_shows_every_metric_of_the_daemon() -> None:
    """Something would be counted that nobody ever sees."""
    shown = {name.removesuffix("_bucket") for query in dashboard_queries() for name in used(query)}
    counted = {name.removesuffix("_bucket") for name in known() if not name.endswith(("_sum", "_count"))}
    assert {name for name in counted - shown if name.startswith("ingestkit_pdfd")} == set()


def test_the_dashboard_file_is_up_to_date() -> None:
    """A change of the panels would not reach anybody's Grafana."""
    text = DASHBOARD.read_text(encoding="utf-8")
    assert text == rendered(), "run: PYTHONPATH=deploy python -m grafana.dashboard"
    panels = json.loads(text)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_panels_do_not_overlap() -> None:
    """Grafana would push them around, and rows would lose their questions."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_alert_has_a_runbook() -> None:
    """Who is woken would find a link that leads nowhere."""
    titles = re.findall(r"^## (\w+)$", RUNBOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    alerts = [rule for rule in rules() if "alert" in rule]
    assert sorted(titles) == sorted(rule["alert"] for rule in alerts)
    for rule in alerts:
        page = RUNBOOKS.relative_to(ROOT)
        assert rule["annotations"]["runbook_url"] == f"{page}#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_alert_is_tested() -> None:
    """A new alert would be deployed that has never been seen to fire."""
    text = (PROMETHEUS / "ingestkit-pdf.test.yml").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules() if "alert" in rule and rule["alert"] not in text] == []


@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "ingestkit-pdf.rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "ingestkit-pdf.test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_accepts_the_files(command: tuple[str, ...]) -> None:
    """Prometheus would not start with them, or alerts would fire at the wrong time."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
