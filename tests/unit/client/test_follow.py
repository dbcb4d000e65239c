"""Following jobs: events where they come, and the result as the end in any case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ingestkit_pdf.errors import ExecutionError, ResultTimeoutError
from ingestkit_pdf.execution._client.feed import Follower, Subscribed
from ingestkit_pdf.execution._client.follow import follow
from ingestkit_pdf.models import JobProgress, ProgressEvent


def event(kind: str, *, job_id: str = "a", **facts: Any) -> JobProgress:
    """A step of a job."""
    return JobProgress(job_id=job_id, event=ProgressEvent(kind), **facts)


def following(
    *news: JobProgress | Subscribed | str, jobs: str = "a", timeout: float | None = 5.0
) -> tuple[Iterator[JobProgress], list[list[str]]]:
    """The iterator over this news, and what the daemons were asked."""
    follower = Follower(frozenset(jobs))
    for each in news:
        if isinstance(each, str):
            follower.tell(each)
        else:
            follower.tell_course(each)
    asked: list[list[str]] = []
    return follow(follower, asked.append, lambda: "trouble", timeout), asked


def test_daemons_are_asked_once_events_can_come_and_again_after_a_reconnect() -> None:
    """The answers would be lost, or nobody would tell of the job after the broker was restarted."""
    steps, asked = following(Subscribed(), event("started"), Subscribed(), event("finished"))
    assert [step.event for step in steps] == ["started", "finished"]
    assert asked == [["a"], ["a"]]


def test_what_is_told_again_is_no_news() -> None:
    """Each time the daemons are asked again, a caller would see the job begin, or go back some pages."""
    news = [
        event("started", at=1.0),
        event("page", page=3),
        event("started", at=1.0),
        event("page", page=3),
        event("page", page=2),
        event("retrying", reason="crashed"),
        event("started", at=2.0, attempt=2),
        event("page", page=1, attempt=2),
        event("page", page=9),
        event("started", at=3.0, attempt=2),
        event("page", page=1, attempt=2),
        event("finished", attempt=2),
    ]
    steps, _ = following(*news)
    told = [(step.event.value, step.attempt, step.page) for step in steps]
    assert told == [
        ("started", 1, None),
        ("page", 1, 3),
        ("retrying", 1, None),
        ("started", 2, None),
        ("page", 2, 1),
        ("started", 2, None),
        ("page", 2, 1),
        ("finished", 2, None),
    ]


def test_a_result_ends_a_job_whose_end_nobody_tells() -> None:
    """A lost event, or a daemon without the rights, would keep the caller waiting for ever."""
    steps, _ = following(event("started", attempt=2), "a", timeout=None)
    assert [(step.event.value, step.attempt) for step in steps] == [("started", 2), ("finished", 2)]


def test_the_event_of_the_end_is_waited_for_when_the_result_is_faster() -> None:
    """How a job ended would be known only if the event won a race."""
    steps, _ = following("a", event("finished", reason="timeout"))
    (end,) = steps
    assert end.reason == "timeout"


def test_all_jobs_are_followed_to_their_ends() -> None:
    """The first that ends would end the others, or a job of somebody else would be told."""
    steps, asked = following(
        Subscribed(),
        event("finished", job_id="b"),
        event("finished", job_id="x"),
        Subscribed(),
        "a",
        event("finished", job_id="a"),
        jobs="ab",
    )
    assert [step.job_id for step in steps] == ["b", "a"]
    assert [sorted(each) for each in asked] == [["a", "b"], ["a"]]


def test_time_runs_out_and_a_refusal_is_raised() -> None:
    """A caller would wait beyond its deadline, or for what its broker user may not hear."""
    steps, _ = following(event("started"), timeout=0.05)
    with pytest.raises(ResultTimeoutError, match="trouble"):
        list(steps)
    follower = Follower(frozenset("a"))
    follower.refuse("no right")
    with pytest.raises(ExecutionError, match="no progress: no right"):
        next(follow(follower, lambda _names: None, lambda: None, None))
