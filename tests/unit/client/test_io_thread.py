"""The thread that runs the client's I/O loop."""

from __future__ import annotations

import threading

import pytest

from ingestkit_pdf.execution._client.io_thread import IOThread


def test_an_interrupt_while_it_starts_does_not_break_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the first submit would end in a RuntimeError of close() instead of ending the program."""
    real = threading.Thread.start

    def interrupted(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    thread = IOThread("client", on_crash=lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        thread.post(lambda: None)
    monkeypatch.setattr(threading.Thread, "start", real)
    thread.stop()
    assert not thread.join(0.05)
    thread.loop.close()


def test_commands_run_on_the_thread_and_it_ends() -> None:
    """Nothing that a caller posts would happen, or close() would leave the thread behind."""
    ran = threading.Event()
    thread = IOThread("client", on_crash=lambda _: None)
    thread.post(ran.set)
    assert ran.wait(5)
    thread.stop()
    assert thread.join(5)
