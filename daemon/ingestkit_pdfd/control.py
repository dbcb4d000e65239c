"""What clients ask of this daemon: who may, and what is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from ingestkit_pdf.wire.envelope import (
    ControlRequest,
    InvalidMessageError,
    Message,
    RequestKind,
    decode_request,
)
from ingestkit_pdf.wire.topology import Topology

from .attempt import Attempt
from .metrics import Metrics
from .services import Services

__all__ = ["Control"]

_log = structlog.stdlib.get_logger(__name__)


class Control:
    """Hears requests. A request counts for a job only where it names a reply queue of that job.

    Args:
        services: What the attempts work with.
        topology: Tells what a reply queue is.
        attempts: What is under way.
    """

    def __init__(
        self, services: Services, topology: Topology, attempts: Callable[[], Sequence[Attempt]]
    ) -> None:
        self._cancelled = services.cancelled
        self._following = services.following
        self._metrics: Metrics = services.metrics
        self._topology = topology
        self._attempts = attempts

    def receive(self, message: Message) -> None:
        """Do what a message asks for; what asks for nothing is counted and dropped."""
        try:
            request = decode_request(message, self._topology)
        except InvalidMessageError as error:
            self._metrics.requested("invalid")
            _log.debug("request_invalid", reason=str(error))
            return
        attempts: dict[
            str, list[Attempt]
        ] = {}  # of one job several may be under way, if it was submitted again
        for attempt in self._attempts():
            attempts.setdefault(attempt.job.job_id, []).append(attempt)
        for job_id in request.job_ids:
            self._heed(request, job_id, attempts.get(job_id, []))

    def _heed(self, request: ControlRequest, job_id: str, found: Sequence[Attempt]) -> None:
        attempts = [attempt for attempt in found if request.reply_to in attempt.reply_tos]
        if found and not attempts:
            self._metrics.requested("forged")
            _log.debug("request_forged", kind=request.kind.value, job_id=job_id)
        elif request.kind is RequestKind.WATCH:
            self._metrics.requested("watched")
            self._following.watch(job_id, request.reply_to, attempts)
        elif not attempts and self._following.has_ended(job_id, request.reply_to):
            self._metrics.requested("too_late")
        else:
            # Also one that is under way here: its next attempt, or the same one, may be delivered again.
            self._cancelled.add((job_id, request.reply_to))
            self._metrics.requested("cancelled" if attempts else "remembered")
            for attempt in attempts:
                _log.info("job_cancelled", job_id=job_id, attempt=attempt.job.attempt, lane=attempt.lane)
                attempt.cancel()
