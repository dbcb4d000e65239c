"""Mutual TLS to a broker that demands it, from configuration; and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from click.testing import CliRunner

from demo.broker import PrivateBroker
from demo.node import free_ports
from ingestkit_pdf import DistributedExecutionBackend, PDFProcessorConfig
from ingestkit_pdf.cli import cli
from ingestkit_pdf.errors import SubmitError
from ingestkit_pdf.execution.tls import BrokerTLS
from ingestkit_pdfd.check_broker import check_broker
from ingestkit_pdfd.settings import DaemonSettings
from support.certificates import Authority, KeyPair
from support.daemon import DaemonProcess
from support.documents import text_pdf

pytestmark = pytest.mark.broker

WRONG = {
    "wrong CA": "from a CA that is not trusted here",
    "no client certificate": "demands a client certificate: set tls_cert_file and tls_key_file",
    "expired client certificate": "the client certificate (tls_cert_file) has expired",
    "client certificate of another CA": "does not know the CA of the client certificate",
    "wrong host name": "set tls_server_name",
    "expired broker certificate": "the broker's certificate has expired: renew it on the broker",
    "port without TLS": "this port does not speak TLS",
}


@dataclass(frozen=True)
class Secured:
    """A broker that demands client certificates, and ways to come to it."""

    url: str
    good: BrokerTLS
    wrong: dict[str, tuple[str, BrokerTLS]]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    ours, others = Authority(folder / "ours"), Authority(folder / "others", "Other CA")
    server, client = ours.issue("server"), ours.issue("client", password="sesame")
    expired = ours.issue("expired", expired=True)
    (port,) = free_ports(1)
    config = {
        "listeners.ssl.1": f"127.0.0.1:{port}",
        "ssl_options.cacertfile": str(ours.certificate),
        "ssl_options.certfile": str(server.certificate),
        "ssl_options.keyfile": str(server.key),
        "ssl_options.verify": "verify_peer",
        "ssl_options.fail_if_no_peer_cert": "true",
    }
    good = BrokerTLS(
        ca_file=ours.certificate,
        cert_file=client.certificate,
        key_file=client.key,
        key_password="sesame",
        minimum_version="1.3",
    )
    with PrivateBroker(config=config) as broker, served(expired) as expired_port:
        plain = broker.amqp_url.replace("amqp://", "amqps://")
        url = plain.replace(f":{broker.port}/", f":{port}/")
        yield Secured(
            url,
            good,
            {
                "wrong CA": (url, replace(good, ca_file=others.certificate)),
                "no client certificate": (url, BrokerTLS(ca_file=ours.certificate)),
                "expired client certificate": (url, shown(good, expired)),
                "client certificate of another CA": (url, shown(good, others.issue("client"))),
                "wrong host name": (url, replace(good, server_name="broker.example")),
                "expired broker certificate": (url.replace(f":{port}/", f":{expired_port}/"), good),
                "port without TLS": (plain, good),
            },
        )


def shown(tls: BrokerTLS, pair: KeyPair) -> BrokerTLS:
    """The same with another client certificate."""
    return replace(tls, cert_file=pair.certificate, key_file=pair.key, key_password=None)


@contextlib.contextmanager
def served(pair: KeyPair) -> Iterator[int]:
    """The port of somebody who has this certificate, and nothing to say but that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(1)

    with create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(2)


def settings_of(tls: BrokerTLS) -> dict[str, Any]:
    """The daemon's settings that say the same."""
    values = {
        "tls_ca_file": tls.ca_file,
        "tls_cert_file": tls.cert_file,
        "tls_key_file": tls.key_file,
        "tls_key_password": tls.key_password,
        "tls_server_name": tls.server_name,
        "tls_minimum_version": tls.minimum_version,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def test_a_job_goes_there_and_back_with_certificates_on_both_sides(secured: Secured, tmp_path: Path) -> None:
    """Otherwise nobody could use a broker that demands certificates."""
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    with (
        DaemonProcess(secured.url, tmp_path, **settings_of(secured.good)) as daemon,
        DistributedExecutionBackend(secured.url, tls=secured.good) as backend,
    ):
        result = backend.get_result(backend.submit(str(path), PDFProcessorConfig()), timeout=30)
    assert "words" in result.markdown
    assert "sesame" not in repr(daemon.events)


@pytest.mark.parametrize("case", WRONG)
def test_a_producer_is_told_what_is_wrong_and_what_to_do(secured: Secured, case: str, tmp_path: Path) -> None:
    """Otherwise `submit` would wait for its time to be over, and name no reason."""
    url, tls = secured.wrong[case]
    path = tmp_path / "a.pdf"
    path.write_bytes(text_pdf("words"))
    with DistributedExecutionBackend(url, tls=tls, submit_timeout=20) as backend:
        with pytest.raises(SubmitError) as caught:
            backend.submit(str(path), PDFProcessorConfig())
    assert "the broker refuses the connection" in str(caught.value)
    assert WRONG[case] in str(caught.value)


@pytest.mark.parametrize("case", WRONG)
def test_check_finds_what_is_wrong(secured: Secured, case: str) -> None:
    """Otherwise an operator would learn of it from a unit that has failed."""
    url, tls = secured.wrong[case]

    async def findings() -> list[str]:
        settings = DaemonSettings(amqp_url=url, **settings_of(tls))
        return [finding.problem or "" async for finding in check_broker(settings)]

    (problem,) = asyncio.run(findings())
    assert "connect: TLS: " in problem
    assert WRONG[case] in problem


def test_a_daemon_ends_with_the_reason_for_what_waiting_does_not_mend(
    secured: Secured, tmp_path: Path
) -> None:
    """Otherwise it would try for ever, and look as if the broker were away."""
    cases = ["wrong CA", "no client certificate"]
    daemons = []
    for case in cases:
        url, tls = secured.wrong[case]
        daemon = DaemonProcess(url, tmp_path, workers=1, **settings_of(tls))
        daemons.append(daemon.start(ready=False))
    for case, daemon in zip(cases, daemons, strict=True):
        assert daemon.wait(60) == 3
        (line,) = daemon.logged("daemon_failed")
        assert WRONG[case] in line["reason"]


def test_the_command_takes_certificates_from_options_environment_and_file(
    secured: Secured, tmp_path: Path
) -> None:
    """Otherwise dead letters and results behind such a broker could be reached by nobody."""
    (tmp_path / "password").write_text("sesame")
    (tmp_path / "config.toml").write_text(f'execution_tls_ca_file = "{secured.good.ca_file}"\n')
    environment = {
        "AMQP_URL": secured.url,
        "INGESTKIT_PDF_TLS_CERT_FILE": str(secured.good.cert_file),
        "INGESTKIT_PDF_TLS_KEY_PASSWORD_FILE": str(tmp_path / "password"),
    }
    options = ["--config", str(tmp_path / "config.toml"), "--tls-key-file", str(secured.good.key_file)]
    listed = CliRunner().invoke(cli, ["dead", "list", *options], env=environment)
    assert (listed.exit_code, listed.output) == (0, "0 dead letters\n"), listed.output
    refused = CliRunner().invoke(cli, ["status", *options, "--tls-server-name", "x.example"], env=environment)
    assert refused.exit_code == 1
    assert "set tls_server_name" in refused.output
