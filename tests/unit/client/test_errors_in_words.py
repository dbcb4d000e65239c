"""What the client says about the broker's refusals, and which of them it holds to be final."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorSocketConnectError,
    AMQPConnectorTransportSetupError,
)
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    StreamLostError,
)

from ingestkit_pdf.execution._client.amqp import connection_parameters, describe, is_final, redact_url

REFUSED = AMQPConnectionError(
    AMQPConnectionWorkflowFailed(
        [AMQPConnectorSocketConnectError(ConnectionRefusedError(111, "Connection refused"))]
    )
)
CERTIFICATE = AMQPConnectionWorkflowFailed(
    [AMQPConnectorTransportSetupError(ssl.SSLCertVerificationError(1, "certificate verify failed"))]
)


@pytest.mark.parametrize(
    ("error", "final", "said"),
    [
        (REFUSED, False, "Connection refused"),
        (CERTIFICATE, True, "certificate verify failed"),
        (
            ProbableAuthenticationError(
                "ConnectionClosedByBroker: (403) 'ACCESS_REFUSED - Login was refused'"
            ),
            True,
            "ACCESS_REFUSED - Login was refused",
        ),
        (
            ProbableAccessDeniedError(
                "ConnectionClosedByBroker: (530) 'NOT_ALLOWED - vhost x not found' (host='h')"
            ),
            True,
            "NOT_ALLOWED - vhost x not found",
        ),
        (
            ProbableAccessDeniedError(
                "ConnectionClosedByBroker: (530) 'NOT_ALLOWED - connection limit (1) is reached'"
            ),
            False,
            "connection limit",
        ),
        (ProbableAuthenticationError("StreamLostError: ('Transport indicated EOF',)"), False, "EOF"),
        (ConnectionClosedByBroker(320, "CONNECTION_FORCED - broker shut down"), False, "broker shut down"),
        (ChannelClosedByBroker(404, "NOT_FOUND - no queue"), False, "NOT_FOUND - no queue"),
        (StreamLostError("line one\nline two"), False, "line one line two"),
    ],
)
def test_an_error_is_told_in_one_line_and_final_only_if_waiting_cannot_mend_it(
    error: Exception, final: bool, said: str
) -> None:
    """A broker that restarts would be given up, or one that refuses be asked for ever."""
    assert is_final(error) is final
    assert said in describe(error)
    assert "\n" not in describe(error)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://user:s3cret@host:5672/v", "amqp://user:***@host:5672/v"),
        ("amqp://user:p@s3cret@host/", "amqp://user:***@host/"),
        ("amqps://host/v?password=s3cret", "amqps://host/v"),
        ("user:s3cret@host", "..."),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Passwords would stand in logs and on screens."""
    assert redact_url(url) == shown


@given(st.text(max_size=60))
def test_any_text_as_a_url_is_refused_with_a_value_error_or_taken(text: str) -> None:
    """A typing error would show as an IndexError from inside the library."""
    for url in (text, f"amqp://{text}", f"amqp://u:Zs3cretZ@{text}"):
        said = ""
        try:
            connection_parameters(url, name="test")
        except ValueError as error:
            said = str(error)
        assert not said or "queue URL" in said
        assert "Zs3cretZ" not in said
