"""TLS from configuration: what is taken, what is refused and what is said of it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ingestkit_pdf.config import PDFProcessorConfig
from ingestkit_pdf.execution._client.amqp import connection_parameters
from ingestkit_pdf.execution.tls import BrokerTLS, TLSError, explain_tls
from support.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


def test_an_encrypted_key_opens_with_its_password_only(authority: Authority) -> None:
    """Otherwise keys would lie about unencrypted, or OpenSSL ask a terminal that is not there."""
    pair = authority.issue("encrypted", password="sesame")
    files = {"ca_file": authority.certificate, "cert_file": pair.certificate, "key_file": pair.key}
    assert BrokerTLS(**files, key_password="sesame").context().verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(TLSError, match=r"encrypted\.key is encrypted: set tls_key_password"):
        BrokerTLS(**files).context()
    with pytest.raises(TLSError, match="does not open with tls_key_password"):
        BrokerTLS(**files, key_password="open").context()
    assert "sesame" not in repr(BrokerTLS(**files, key_password="sesame"))


def test_a_file_that_cannot_be_used_is_named_with_what_to_do(authority: Authority, tmp_path: Path) -> None:
    """Otherwise an operator would read 'PEM lib' and guess which of three files it is about."""
    one, other = authority.issue("one"), authority.issue("other")
    nowhere = tmp_path / "nowhere.pem"
    cases = {
        rf"tls_ca_file {nowhere}: No such file": BrokerTLS(ca_file=nowhere),
        rf"tls_ca_file {one.key} holds no certificate": BrokerTLS(ca_file=one.key),
        rf"tls_cert_file {nowhere}: No such file": BrokerTLS(cert_file=nowhere),
        rf"tls_key_file {nowhere}: No such file": BrokerTLS(cert_file=one.certificate, key_file=nowhere),
        r"tls_key_file .* is not the key of tls_cert_file": BrokerTLS(
            cert_file=one.certificate, key_file=other.key
        ),
        r"the key in tls_cert_file .* cannot be used": BrokerTLS(cert_file=one.certificate),
        "tls_key_file is set, and tls_cert_file is not": BrokerTLS(key_file=one.key),
    }
    for message, tls in cases.items():
        with pytest.raises(TLSError, match=message):
            tls.context()


def test_certificates_are_read_again_for_every_connection(authority: Authority, tmp_path: Path) -> None:
    """Otherwise a renewed certificate would count only after a restart, which somebody would forget."""
    pair = authority.issue("renewed")
    copy = tmp_path / "client.pem"
    copy.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    tls = BrokerTLS(cert_file=copy)
    tls.context()
    copy.write_text("spoilt")
    with pytest.raises(TLSError):
        tls.context()


def test_the_name_that_is_checked_can_be_another_than_the_one_that_is_dialled() -> None:
    """Otherwise a broker behind an address of its own could only be reached without the check."""
    context = BrokerTLS(server_name="broker.example", minimum_version="1.3").context()
    made = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="10.0.0.1")
    assert made.server_hostname == "broker.example"
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("url", "tls", "message"),
    [
        ("amqps://host/?cafile=/x", BrokerTLS(), "cafile in the URL: TLS is set with tls_ca_file"),
        ("amqps://host/?ssl_options={}", BrokerTLS(), "ssl_options in the URL"),
        ("amqps://host/?no_verify_ssl=1", BrokerTLS(), "no_verify_ssl in the URL"),
        ("amqp://host/", BrokerTLS(server_name="x"), "the URL is not amqps://"),
    ],
)
def test_what_a_url_says_about_tls_does_not_contradict_the_settings(
    url: str, tls: BrokerTLS, message: str
) -> None:
    """Otherwise a check that was switched off in a URL, or TLS that is not used, would go unseen."""
    with pytest.raises(ValueError, match=message):
        connection_parameters(url, name="test", tls=tls)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert", "demands a client certificate"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert", "may demand a client certificate"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert", "does not know the CA of the client certificate"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] alert", "has expired: renew it"),
        ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] alert", "no version of TLS in common"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version", "does not speak TLS"),
        ("[SSL: SSLV3_ALERT_UNSUPPORTED_CERTIFICATE] alert", "its log says why"),
        ("[SSL: TLSV1_ALERT_INTERNAL_ERROR] the broker is just going down", None),
        ("[SSL: UNEXPECTED_EOF_WHILE_READING] it went away", None),
        ("Connection refused", None),
    ],
)
def test_a_failed_handshake_is_final_only_where_waiting_does_not_mend_it(text: str, said: str | None) -> None:
    """Otherwise a broker that restarts would end its daemons, or a wrong certificate be tried for ever."""
    found = explain_tls(OSError(text))
    assert found is None if said is None else said in (found or "")


def test_a_producers_configuration_says_it_all(authority: Authority, tmp_path: Path) -> None:
    """Otherwise PDFRouter and the command could not reach a broker that demands certificates."""
    pair = authority.issue("producer", password="sesame")
    (tmp_path / "password").write_text("sesame\n")
    config = PDFProcessorConfig(
        execution_tls_ca_file=authority.certificate,
        execution_tls_cert_file=pair.certificate,
        execution_tls_key_file=pair.key,
        execution_tls_key_password_file=tmp_path / "password",
        execution_tls_server_name="localhost",
        execution_tls_minimum_version="1.3",
    )
    tls = BrokerTLS.from_config(config)
    tls.context()
    assert (tls.server_name, tls.minimum_version) == ("localhost", "1.3")
    missing = config.model_copy(update={"execution_tls_key_password_file": tmp_path / "no"})
    with pytest.raises(TLSError, match=r"tls_key_password_file .*: No such file"):
        BrokerTLS.from_config(missing)
