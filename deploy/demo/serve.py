"""A private RabbitMQ node to try things with: `make broker`, until Ctrl-C."""

from __future__ import annotations

import signal
import sys

from demo.broker import BrokerError, PrivateBroker

__all__ = ["main"]

_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def main() -> int:
    """Start the node, say where it is, and stop it at a signal; the exit code."""
    # Blocked here and waited for below, so that none of them comes at a bad moment.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        with PrivateBroker() as broker:
            print("RabbitMQ is up until Ctrl-C. For the terminals that use it:\n")
            print(f"export AMQP_URL={broker.amqp_url}", flush=True)
            print('export INGESTKIT_PDFD_AMQP_URL="$AMQP_URL"\n', flush=True)
            signal.sigwait(_SIGNALS)
    except BrokerError as error:
        print(f"broker: {error}", file=sys.stderr)
        return 1
    print("stopped; nothing of it is left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
