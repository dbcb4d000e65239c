"""The one codec: what a job, a result and a dead letter look like in AMQP, and how they are validated.

`Message` is free of any client library; the client and the daemon translate it at their edges.
Nothing acts on a message before one of the functions called `decode_…` has accepted it.
"""

from ingestkit_pdf.wire.envelope.attempts import AttemptRecord, parse_history
from ingestkit_pdf.wire.envelope.control import (
    MAX_REQUEST_JOBS,
    ControlRequest,
    RequestKind,
    decode_request,
    encode_request,
)
from ingestkit_pdf.wire.envelope.event import decode_event, encode_event
from ingestkit_pdf.wire.envelope.job import (
    JOB_TYPE,
    MAX_REPLY_TOS,
    InlineSource,
    Job,
    PathSource,
    addressed,
    decode_job,
    encode_job,
    reply_address,
)
from ingestkit_pdf.wire.envelope.message import InvalidMessageError, Message
from ingestkit_pdf.wire.envelope.onward import (
    dead_letter,
    fitting,
    redriven_message,
    retry_message,
    same_again,
)
from ingestkit_pdf.wire.envelope.result import (
    RESULT_TYPE,
    ResultAssembler,
    ResultPart,
    ResultTooLargeError,
    decode_result_part,
    encode_result,
    in_smaller_parts,
)

__all__ = [
    "JOB_TYPE",
    "MAX_REPLY_TOS",
    "MAX_REQUEST_JOBS",
    "RESULT_TYPE",
    "AttemptRecord",
    "ControlRequest",
    "InlineSource",
    "InvalidMessageError",
    "Job",
    "Message",
    "PathSource",
    "RequestKind",
    "ResultAssembler",
    "ResultPart",
    "ResultTooLargeError",
    "addressed",
    "dead_letter",
    "decode_event",
    "decode_job",
    "decode_request",
    "decode_result_part",
    "encode_event",
    "encode_job",
    "encode_request",
    "encode_result",
    "fitting",
    "in_smaller_parts",
    "parse_history",
    "redriven_message",
    "reply_address",
    "retry_message",
    "same_again",
]
