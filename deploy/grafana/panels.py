"""What the dashboard asks: rows, panels and their queries. `dashboard.py` makes the JSON of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ROWS", "Panel", "Query", "Row"]

D = "ingestkit_pdfd"
WHICH = 'instance=~"$instance"'
LANE = 'lane=~"$lane"'
BOTH = f"{WHICH},{LANE}"
FAILED = f'{BOTH},outcome=~"retried|deadlettered"'
NOT_NEW = f'{BOTH},handling!="new"'


@dataclass(frozen=True, slots=True)
class Query:
    """One query and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One question; `unit` is Grafana's name for it. A stat shows the last value, a graph all of them."""

    title: str
    text: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Literal["stat", "timeseries"] = "timeseries"
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that answer one question together."""

    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, selector: str = BOTH) -> str:
    """Events in a second."""
    return f"rate({D}_{metric}{{{selector}}}[$__rate_interval])"


def quantile(share: float, metric: str, by: str = "lane", selector: str = BOTH) -> str:
    """The value that this share of the observations does not exceed."""
    return f"histogram_quantile({share}, sum by ({by}, le) ({rate(metric + '_bucket', selector)}))"


def quantiles(metric: str, by: str = "lane", selector: str = BOTH) -> tuple[Query, ...]:
    """Median and 95th percentile."""
    return (
        Query(quantile(0.5, metric, by, selector), f"{{{{{by}}}}} median"),
        Query(quantile(0.95, metric, by, selector), f"{{{{{by}}}}} 95 %"),
    )


def stat(title: str, text: str, expr: str, *, unit: str = "short") -> Panel:
    """One number."""
    return Panel(title, text, (Query(expr),), unit, "stat")


def graph(
    title: str, text: str, expr: str, *, legend: str = "", unit: str = "short", stacked: bool = False
) -> Panel:
    """One query over time."""
    return Panel(title, text, (Query(expr, legend),), unit, stacked=stacked)


_READY = f"lane:ingestkit_pdf_jobs_ready:sum{{{LANE}}}"

KEEPING_UP = Row(
    "Is it keeping up?",
    (
        stat("Backlog", "Jobs that wait in the broker.", f"sum({_READY})"),
        stat(
            "Backlog done in",
            "At the pace of the last 15 minutes, arrivals included; nothing is shown while it grows.",
            f"sum({_READY}) / (-sum(deriv({_READY}[15m])) > 0)",
            unit="s",
        ),
        stat("Jobs a second", "Answered.", f"sum({rate('jobs_total')})", unit="ops"),
        stat(
            "Workers busy",
            "Near 100 % with a backlog: more workers or more daemons. Low with a backlog: look below.",
            f'sum({D}_workers{{{WHICH},state="busy"}}) / sum({D}_workers{{{WHICH}}})',
            unit="percentunit",
        ),
        stat(
            "Daemons that consume",
            "Those to which the broker has confirmed their consumers.",
            f'sum({D}_broker_connected{{{WHICH},connection="consumer"}})',
        ),
        graph("Backlog by lane", "Jobs that wait in the broker.", _READY, legend="{{lane}}", stacked=True),
        graph(
            "Jobs answered by lane",
            "In a second.",
            f"sum by (lane) ({rate('jobs_total')})",
            legend="{{lane}}",
            unit="ops",
        ),
        Panel(
            "Pages and chunks",
            "In a second, in results.",
            (Query(f"sum({rate('pages_total')})", "pages"), Query(f"sum({rate('chunks_total')})", "chunks")),
            "ops",
        ),
        Panel(
            "Bytes",
            "In a second: documents read, results made.",
            (
                Query(f"sum({rate('document_bytes_total')})", "documents"),
                Query(f"sum({rate('result_bytes_total')})", "results"),
            ),
            "Bps",
        ),
    ),
)

WAITING = Row(
    "Which lane waits, and where does the time go?",
    (
        Panel(
            "From submission to answer",
            "By the producers' clocks; queue, retries and run included.",
            quantiles("job_age_seconds"),
            "s",
        ),
        Panel(
            "Wait in the daemon",
            "From the delivery until a worker began. Jobs that wait in the broker are not in it.",
            quantiles("attempt_wait_seconds"),
            "s",
        ),
        Panel("Run", "Time in a worker.", quantiles("attempt_run_seconds"), "s"),
        Panel(
            "Stages of a run",
            "Where a worker's time goes.",
            quantiles("stage_duration_seconds", "stage", WHICH),
            "s",
        ),
        Panel(
            "Attempt",
            "From the delivery until it was settled: wait, run and publish.",
            quantiles("attempt_duration_seconds"),
            "s",
        ),
        Panel(
            "Publish",
            "Until the broker had confirmed replies, retries and dead letters.",
            quantiles("publish_duration_seconds", "kind", WHICH),
            "s",
        ),
        graph(
            "In progress",
            "Attempts held by daemons.",
            f"sum by (lane, state) ({D}_attempts_in_progress{{{BOTH}}})",
            legend="{{lane}} {{state}}",
            stacked=True,
        ),
        graph(
            "Waiting for another attempt",
            "Jobs on the rungs of the retry ladder.",
            f"lane:ingestkit_pdf_jobs_retrying:sum{{{LANE}}}",
            legend="{{lane}}",
        ),
    ),
)

FAILING = Row(
    "What fails, and why?",
    (
        graph(
            "Attempts without a result, by reason",
            "In a second; retried or dead-lettered.",
            f"sum by (outcome, reason) ({rate('attempts_total', FAILED)})",
            legend="{{outcome}}: {{reason}}",
            unit="ops",
        ),
        graph(
            "Results with errors, by code",
            "In a second; documents that could not be read, or not wholly.",
            f"sum by (code) ({rate('document_errors_total')})",
            legend="{{code}}",
            unit="ops",
        ),
        Panel(
            "Dead letters and orphaned replies",
            "Messages that wait for somebody to look at them.",
            (
                Query("broker:ingestkit_pdf_jobs_dead:sum", "dead letters"),
                Query("broker:ingestkit_pdf_replies_orphaned:sum", "orphaned replies"),
            ),
        ),
        graph(
            "Workers replaced, by cause",
            "Within five minutes. documents and resident are routine.",
            f"sum by (cause) (increase({D}_worker_restarts_total{{{WHICH}}}[5m]))",
            legend="{{cause}}",
        ),
        Panel(
            "Deliveries that were no new job",
            "In a second: redeliveries, what was done with them, and messages that are no jobs.",
            (
                Query(f"sum({rate('redeliveries_total')})", "redelivered"),
                Query(f"sum by (handling) ({rate('deliveries_total', NOT_NEW)})", "{{handling}}"),
            ),
            "ops",
        ),
        Panel(
            "Publishes that failed",
            "In a second; each is made again.",
            (
                Query(f"sum by (reason) ({rate('publish_failures_total', WHICH)})", "{{reason}}"),
                Query(f"sum({rate('orphaned_replies_total', WHICH)})", "orphaned"),
            ),
            "ops",
        ),
        Panel(
            "Cancels and progress",
            "In a second: jobs that clients asked to cancel or to follow, by what was done, and events.",
            (
                Query(f"sum by (handling) ({rate('requests_total', WHICH)})", "asked: {{handling}}"),
                Query(f"sum by (handling) ({rate('events_total', WHICH)})", "events: {{handling}}"),
            ),
            "ops",
        ),
    ),
)

MEMORY = Row(
    "Is memory growing?",
    (
        graph(
            "Resident memory",
            "Shared pages are counted in each worker.",
            f"{D}_resident_memory_bytes{{{WHICH}}}",
            legend="{{instance}} {{process}}",
            unit="bytes",
        ),
        graph(
            "Largest worker",
            "A worker above worker_max_resident is replaced after its document.",
            f"{D}_largest_worker_resident_memory_bytes{{{WHICH}}}",
            legend="{{instance}}",
            unit="bytes",
        ),
        Panel(
            "Peak of a document",
            "What an attempt took at most.",
            quantiles("attempt_peak_memory_bytes"),
            "bytes",
        ),
    ),
)

DAEMONS = Row(
    "Daemons",
    (
        graph(
            "Connections",
            "1: open.",
            f"{D}_broker_connected{{{WHICH}}}",
            legend="{{instance}} {{connection}}",
        ),
        Panel(
            "Connections lost",
            "Within five minutes: lost, or not opened; and refused.",
            (
                Query(f"increase({D}_broker_connections_lost_total{{{WHICH}}}[5m])", "{{instance}} lost"),
                Query(f"increase({D}_broker_refusals_total{{{WHICH}}}[5m])", "{{instance}} refused"),
            ),
        ),
        graph(
            "Event loop",
            "Time it took to answer the scrape. A gap: it did not.",
            f"{D}_event_loop_answer_seconds{{{WHICH}}}",
            legend="{{instance}}",
            unit="s",
        ),
        graph(
            "Up for",
            "By version.",
            f"time() - {D}_start_time_seconds{{{WHICH}}} * on (instance) group_left (version) {D}_build_info",
            legend="{{instance}} {{version}}",
            unit="s",
        ),
        graph(
            "Settings reloaded",
            "0: the latest reload was refused, and the settings from before it are in use.",
            f"{D}_settings_last_reload_successful{{{WHICH}}}",
            legend="{{instance}}",
        ),
        graph("Draining", "1: told to stop.", f"{D}_draining{{{WHICH}}}", legend="{{instance}}"),
    ),
)

ROWS = (KEEPING_UP, WAITING, FAILING, MEMORY, DAEMONS)
