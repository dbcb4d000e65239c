"""What the reason of a dead letter means, and what to do before it is brought back."""

from __future__ import annotations

from ingestkit_pdf.execution.failure import FailureReason
from ingestkit_pdf.wire.letter import INVALID, Letter

__all__ = ["explain"]

_BY_DAEMON = {
    FailureReason.TIMEOUT: "It took longer than its limit. Raise `document_timeout` of the daemons or "
    "`per_document_timeout_seconds` of the job, whichever is lower; or look at the document (--save).",
    FailureReason.MEMORY: "It needed more memory than a worker may have. Raise `worker_memory`, or bring it "
    "back to a lane whose daemons have more (--to-lane).",
    FailureReason.CRASHED: "The worker process died on it each time: a defect that this document uncovers "
    "(SIGSEGV, SIGABRT), or the kernel was out of memory (SIGKILL). Look at the document (--save), or bring "
    "it back to daemons of another version.",
    FailureReason.EXCEPTION: "The pipeline raised what it should not have raised: a defect, or a fault of "
    "the daemon's host. The daemon's log of that time says more.",
    FailureReason.REDELIVERED: "It was handed to daemons again and again, and none of them settled it: they "
    "died or lost their connection, perhaps because of this document. Look at it first (--save), then bring "
    "it back to a lane with one daemon that may be lost (--to-lane).",
    FailureReason.SOURCE_UNAVAILABLE: "The document was not there, or could not be read, at any attempt. "
    "Make it readable for the daemons under this very path; for an inline one, make room in `staging_dir`.",
    FailureReason.SOURCE_FORBIDDEN: "Its path is not beneath `allowed_roots` of the daemon. Allow it there, "
    "or submit it inline.",
    FailureReason.NOT_CONFIGURED: "It asks for what the daemon was not given: the key that its password is "
    "sealed with (`secrets_key`), or a tokenizer (`tokenizer_files`). Give it to the daemon, or bring it "
    "back to a lane whose daemons have it (--to-lane).",
    INVALID: "It is not a valid job: whoever published it has to be mended. A daemon would park it again.",
}

_BY_BROKER = {
    "delivery_limit": "The broker parked it: it was delivered more often than the queue's delivery limit "
    "allows and never settled. A policy allows fewer deliveries than the daemons' `max_deliveries`, or "
    "daemons are lost with it. Its client was not told. Bringing it back begins the count anew.",
    "rejected": "The broker parked it: a consumer rejected it, which our daemons never do. Find out who else "
    "consumes this lane. Its client was not told.",
    "expired": "The broker parked it: it waited in its lane for longer than a policy (`message-ttl`) allows. "
    "Start more daemons, or mend the policy. Its client was not told.",
    "maxlen": "The broker parked it: its queue was too long, and a policy drops the oldest instead of "
    "refusing new ones. Its client was not told.",
}

_UNKNOWN = "Nothing says why it is here: somebody may have published it to this queue directly."


def explain(letter: Letter) -> str:
    """One paragraph: why the letter is here and what helps."""
    known = _BY_BROKER if letter.deaths else _BY_DAEMON
    return known.get(letter.reason, _UNKNOWN)
