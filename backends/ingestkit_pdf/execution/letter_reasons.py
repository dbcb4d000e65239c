"""What the reason of a dead letter means, and what to do before it is brought back."""

from __future__ import annotations

from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.wire.letter import INVALID, Letter

__all__ = ["explain"]

_BY_DAEMON = {
    FailureReason.TIMEOUT: "It took longer than its limit. Raise `document_timeout` of the daemons or "
    "`per_document_timeout_seconds` of the job, whichever is lower; or examine the document (--save).",
    FailureReason.MEMORY: "It needed more memory than a worker may have. Raise `worker_memory`, or redrive "
    "it to a lane whose daemons have more (--to-lane).",
    FailureReason.CRASHED: "The worker process died at each attempt: a defect that this document exposes "
    "(SIGSEGV, SIGABRT), or the kernel ran out of memory (SIGKILL). Examine the document (--save), or "
    "redrive it to daemons of another version.",
    FailureReason.EXCEPTION: "The pipeline raised an unexpected exception: a defect, or a fault of the "
    "daemon's host. The daemon's log of that time has more.",
    FailureReason.REDELIVERED: "It was delivered to daemons again and again, and none of them settled it: "
    "they died or lost their connection, perhaps because of this document. Examine it first (--save), then "
    "redrive it to a lane with a daemon that may be lost (--to-lane).",
    FailureReason.SOURCE_UNAVAILABLE: "The document was missing or unreadable at every attempt. Make it "
    "readable for the daemons under this very path; for an inline document, free space in `staging_dir`.",
    FailureReason.SOURCE_FORBIDDEN: "Its path is not beneath `allowed_roots` of the daemon. Add the folder "
    "there, or submit the document inline.",
    FailureReason.NOT_CONFIGURED: "The daemon lacks what it needs: the key that its password is sealed with "
    "(`secrets_key`), or a tokenizer (`tokenizer_files`). Configure the daemon, or redrive it to a lane "
    "whose daemons have it (--to-lane).",
    INVALID: "It is not a valid job: fix the program that published it. A daemon would park it again.",
}

_BY_BROKER = {
    "delivery_limit": "The broker parked it: it was delivered more often than the queue's delivery limit "
    "allows and never settled. Either a policy allows fewer deliveries than the daemons' `max_deliveries`, "
    "or daemons are lost with it. Its client was not informed. Redriving it resets the count.",
    "rejected": "The broker parked it: a consumer rejected it. A daemon does that where it cannot park a job "
    "itself: the job is larger than the broker's `max_message_size` by now, or a defect kept it from being "
    "handled; the daemon's log of that time says which. Otherwise find out who else consumes this lane.",
    "expired": "The broker parked it: it waited in its lane for longer than a policy (`message-ttl`) allows. "
    "Start more daemons, or correct the policy. Its client was not informed.",
    "maxlen": "The broker parked it: its queue was too long, and a policy drops the oldest messages instead "
    "of refusing new ones. Its client was not informed.",
}

_UNKNOWN = "There is no record of why it is here; it may have been published to this queue directly."


def explain(letter: Letter) -> str:
    """One paragraph: why the letter is here and what helps."""
    known = _BY_BROKER if letter.deaths else _BY_DAEMON
    return known.get(letter.reason, _UNKNOWN)
