"""The few calls of RabbitMQ's management API that the demonstration and the tests need."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, unquote, urlsplit

__all__ = ["Management", "ManagementError", "vhost_of"]


class ManagementError(RuntimeError):
    """The management API could not be reached or refused the call."""


def vhost_of(amqp_url: str) -> str:
    """The virtual host an AMQP URL names; `/` where it names none."""
    path = urlsplit(amqp_url).path
    return unquote(path[1:]) if len(path) > 1 else "/"


class Management:
    """A client of one node's management API.

    Args:
        url: `http://host:port`.
        user: A user with the tag `administrator`.
        password: Its password.
        timeout: Seconds that one call may take.
    """

    def __init__(self, url: str, user: str, password: str, *, timeout: float = 10.0) -> None:
        self.url = url
        self._user = user
        self._timeout = timeout
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        # A proxy of the environment must not come between us and 127.0.0.1.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One call; the decoded JSON of the answer, or None where it has no body.

        Raises:
            ManagementError: No answer in time, or an answer that is an error.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            with error:
                reason = error.read(500).decode("utf-8", "replace")
            raise ManagementError(f"{method} {path}: {error.code} {reason}") from error
        except (OSError, ValueError) as error:
            raise ManagementError(f"{method} {path}: no answer from {self.url} ({error})") from error
        return json.loads(text) if text else None

    def create_vhost(self, name: str) -> None:
        """Create a virtual host and give this client's user every right in it."""
        self.request("PUT", f"/api/vhosts/{_part(name)}", {})
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        self.request("PUT", f"/api/permissions/{_part(name)}/{_part(self._user)}", rights)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it."""
        self.request("DELETE", f"/api/vhosts/{_part(name)}")

    def queues(self, vhost: str) -> list[dict[str, Any]]:
        """The queues of a virtual host as the API describes them, with their numbers of messages.

        Straight from the queues: what the statistics collector has lags five seconds behind.
        """
        options = "disable_stats=true&enable_queue_totals=true"
        queues: list[dict[str, Any]] = self.request("GET", f"/api/queues/{_part(vhost)}?{options}")
        return queues

    def connections(self, vhost: str) -> list[dict[str, Any]]:
        """The open connections of a virtual host as the API describes them."""
        connections: list[dict[str, Any]] = self.request("GET", f"/api/vhosts/{_part(vhost)}/connections")
        return connections

    def close_connection(self, name: str) -> None:
        """Have the broker close a connection."""
        self.request("DELETE", f"/api/connections/{_part(name)}")


def _part(name: str) -> str:
    return quote(name, safe="")
