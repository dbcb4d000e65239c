"""The way back from the dead letters, against a real broker: nothing lost, and next to nothing doubled."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import stat
import subprocess
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from demo.broker import PrivateBroker
from demo.management import vhost_of
from ingestkit_pdf import DistributedExecutionBackend, ErrorCode, PDFProcessorConfig
from ingestkit_pdf.execution.dead_letters import Letter, LetterFilter, QueueInUseError, look, purge, redrive
from ingestkit_pdf.wire.envelope import Message, decode_job
from ingestkit_pdf.wire.topology import Queue, Topology
from support.amqp import channel, depth, publish, take, take_all
from support.daemon import DaemonProcess
from support.documents import endless_pdf, text_pdf
from support.letters import DOCUMENT, command, declare, drained, job, letter, park, start_command
from support.proxy import Proxy
from support.unreadable import UNREADABLE, unreadable
from support.waiting import until

pytestmark = pytest.mark.broker

NAMES = Topology()
DEAD = NAMES.dead_queue.name
JOBS = NAMES.job_queue("default").name
EVERY = LetterFilter()


def seen(url: str, wanted: LetterFilter = EVERY) -> list[Letter]:
    """The letters that are there and wanted."""
    letters: list[Letter] = []
    look(url, wanted, lambda found, _message: letters.append(found))
    return letters


def assert_none_lost(url: str, job_ids: set[str], *, doubled: int) -> None:
    """Each letter is in one place, save so many that may be in both."""
    back, parked = drained(url, JOBS), drained(url, DEAD)
    assert set(back + parked) == job_ids
    assert set(back.values()) | set(parked.values()) == {1}
    assert len(set(back) & set(parked)) <= doubled


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_letter_whose_properties_cannot_be_read_is_shown_and_can_be_deleted(
    amqp_url: str, what: str
) -> None:
    """One such message, which anybody may have sent to a lane, would block every command for dead letters."""
    declare(amqp_url)
    park(amqp_url, letter("before"))
    with channel(amqp_url) as opened:
        odd = letter("odd")
        opened.basic_publish(NAMES.dead_exchange.name, "default", odd.body, unreadable(odd, what))
    park(amqp_url, letter("after"))
    first, second, third = seen(amqp_url)
    assert (first.job_id, third.job_id) == ("before", "after")
    assert second.job_id in {"odd", "?" * 255}
    assert (second.lane, second.document) == ("default", "/p/odd.pdf")
    code, output, errors = command(amqp_url, "dead", "show", "--lane", "default", "--json")
    assert (code, len(output.splitlines())) == (0, 3), errors
    assert redrive(amqp_url, EVERY, force=True).done == 3
    assert depth(amqp_url, DEAD) == 0


def test_a_poison_document_is_explained_and_answered_once_its_cause_is_gone(
    amqp_url: str, tmp_path: Path
) -> None:
    """An operator could not tell what was parked and why, or its client would never get the answer."""
    slow, staging = tmp_path / "slow.pdf", tmp_path / "staging"
    slow.write_bytes(endless_pdf(depth=6, times=14))
    staging.mkdir()
    good = []
    for number in range(20):
        good.append(tmp_path / f"good-{number}.pdf")
        good[-1].write_bytes(text_pdf(f"neighbour {number}"))
    with DistributedExecutionBackend(amqp_url, client_id="original") as client:
        with DaemonProcess(amqp_url, staging, document_timeout=0.4):
            half = [client.submit(str(path), PDFProcessorConfig()) for path in good[:10]]
            poison = client.submit(str(slow), PDFProcessorConfig())
            half += [client.submit(str(path), PDFProcessorConfig()) for path in good[10:]]
            assert client.get_result(poison, timeout=60).errors == [ErrorCode.E_EXECUTION_TIMEOUT]
            assert all(client.get_result(job_id, timeout=60).succeeded for job_id in half)
            code, shown, _ = command(amqp_url, "dead", "show", poison)
            assert code == 0
            for fact in (poison, "timeout (E_EXECUTION_TIMEOUT)", "slow.pdf", "document_timeout", "host="):
                assert fact in shown
            assert "pymupdf=" in shown
            assert "neighbour" not in shown
            # Its answer is still in the memory of this daemon; it is to be run all the same, and fails again.
            assert command(amqp_url, "dead", "redrive", poison)[0] == 0
            (again,) = until(lambda: seen(amqp_url))
            assert again.redrives == 1
            assert [(record.redrive, record.attempt) for record in again.history] == [(0, 1), (1, 1)]
        with DaemonProcess(amqp_url, staging, document_timeout=120):
            assert command(amqp_url, "dead", "redrive", "--reason", "timeout")[0] == 0
            answer = until(lambda: client.get_result(poison, timeout=60).succeeded, timeout=60)
            assert answer
    assert depth(amqp_url, DEAD) == 0
    assert depth(amqp_url, NAMES.reply_queue("original").name) == 0


def test_a_redriven_letter_is_the_job_it_was(amqp_url: str) -> None:
    """The answer would go to nobody, or the new attempts would be counted on from the old ones."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    assert redrive(amqp_url, EVERY).done == 1
    message = take(amqp_url, JOBS)
    back = decode_job(message, NAMES)
    original = job("one")
    assert (back.job_id, back.reply_to, back.document) == ("one", original.reply_to, DOCUMENT)
    assert (back.attempt, back.redrive, len(back.history)) == (1, 1, 1)
    assert set(message.headers) - {"x-delivery-count"} == {
        "x-ingestkit-job",
        "x-ingestkit-attempt",
        "x-ingestkit-history",
        "x-ingestkit-redrive",
    }


def test_looking_many_times_loses_nothing(amqp_url: str) -> None:
    """A broker with a delivery limit would drop letters for having been looked at."""
    declare(amqp_url)
    names = {f"job-{number}" for number in range(20)}
    park(amqp_url, *(letter(name) for name in sorted(names)))
    for _ in range(25):
        assert {found.job_id for found in seen(amqp_url)} == names
    code, shown, _ = command(amqp_url, "dead", "show", "job-7", "--json")
    assert code == 0
    assert json.loads(shown)["job_id"] == "job-7"
    assert_none_lost(amqp_url, names, doubled=0)


def test_a_queue_without_our_delivery_limit_is_not_looked_at_to_death(amqp_url: str) -> None:
    """On RabbitMQ 4 the twenty-first look would drop the letters of a queue that somebody else declared."""
    declare(amqp_url)
    with channel(amqp_url) as opened:
        opened.queue_delete(DEAD)
        opened.queue_declare(DEAD, durable=True, arguments={"x-queue-type": "quorum"})
        opened.queue_bind(DEAD, NAMES.dead_exchange.name)
    park(amqp_url, letter("one"))
    for _ in range(15):
        assert len(seen(amqp_url)) == 1
    for _ in range(3):
        with pytest.raises(ConnectionError, match="x-delivery-limit"):
            seen(amqp_url)
    assert depth(amqp_url, DEAD) == 1


def test_filters_choose_and_leave_the_others_alone(amqp_url: str) -> None:
    """The wrong letters would be brought back, or deleted for good."""
    declare(amqp_url, lanes=("default", "large"))
    other = letter("other", reason="crashed", code="E_EXECUTION_CRASHED")
    large = letter("large-1", lane="large")
    park(amqp_url, letter("one"), letter("two"), other, large)
    sha256 = seen(amqp_url)[0].document_sha256 or ""
    for arguments in (
        ["one", "--older-than", "1h"],
        ["--reason", "crashed", "--lane", "large"],
        ["--document", "0" * 12],
    ):
        code, output, _ = command(amqp_url, "dead", "redrive", *arguments)
        assert (code, output) == (0, "0 dead letters redriven (of 4)\n")
    dry = command(amqp_url, "dead", "redrive", "--document", sha256[:8], "--newer-than", "1h", "--dry-run")
    assert dry[0] == 0
    assert "4 dead letters would be redriven" in dry[1]
    assert (
        command(amqp_url, "dead", "redrive", "--reason", "E_execution-Timeout", "--lane", "default")[0] == 0
    )
    assert drained(amqp_url, JOBS) == Counter(["one", "two"])
    code, output, _ = command(amqp_url, "dead", "purge", "--reason", "crashed", "--yes", "--json")
    assert (code, json.loads(output)["done"]) == (0, 1)
    assert drained(amqp_url, DEAD) == Counter(["large-1"])


def test_nothing_is_moved_or_deleted_without_a_word(amqp_url: str) -> None:
    """A slip of the hand would bring back, or delete, everything."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    assert command(amqp_url, "dead", "redrive")[0] == 2
    assert command(amqp_url, "dead", "purge")[0] == 2
    code, _, errors = command(amqp_url, "dead", "purge", "--all")
    assert code == 1
    assert "nothing was deleted" in errors
    assert command(amqp_url, "dead", "purge", "--all", "--dry-run")[0] == 0
    assert drained(amqp_url, DEAD) == Counter(["one"])


def test_what_is_no_valid_job_is_brought_back_by_force_only(amqp_url: str) -> None:
    """Garbage would go round between daemons and the dead letters."""
    declare(amqp_url)
    garbage = Message(body=b"not JSON", type="text", message_id="\x1b[2Jforged\nline", headers={})
    park(amqp_url, garbage, letter("one"))
    code, output, errors = command(amqp_url, "dead", "redrive", "--all")
    assert (code, output) == (1, "1 dead letter redriven (of 2)\n")
    assert "--force" in errors
    listed = command(amqp_url, "dead", "list")[1]
    assert "\x1b" not in listed
    assert r"\x1b[2Jforged\nline" in listed
    code, output, errors = command(amqp_url, "dead", "redrive", "--all", "--force")
    assert (code, "lane it came from is unknown" in errors) == (1, True)
    assert command(amqp_url, "dead", "redrive", "--all", "--force", "--to-lane", "default")[0] == 0
    assert sum(drained(amqp_url, JOBS).values()) == 2


def test_a_lane_that_takes_nothing_keeps_its_letters(amqp_url: str) -> None:
    """Letters of a lane that is gone or full would be lost, or would stop all others."""
    declare(amqp_url)
    park(amqp_url, letter("gone-1", lane="gone"), letter("one"), letter("gone-2", lane="gone"))
    code, output, errors = command(amqp_url, "dead", "redrive", "--all")
    assert (code, output) == (1, "1 dead letter redriven (of 3)\n")
    assert "2 dead letters left: no queue takes jobs of lane 'gone'" in errors
    assert drained(amqp_url, DEAD) == Counter(["gone-1", "gone-2"])


def test_what_fails_again_at_once_is_not_brought_back_for_ever(amqp_url: str) -> None:
    """A redrive would never end while the cause of the failures is still there."""
    declare(amqp_url)
    park(amqp_url, *(letter(f"job-{number}") for number in range(5)))

    def fail_again(found: Letter, problem: str | None) -> None:
        assert problem is None
        back = take(amqp_url, JOBS)
        headers = {**letter(found.job_id or "").headers, "x-ingestkit-redrive": found.redrives + 1}
        park(amqp_url, Message(**{**_fields(back), "headers": headers}))

    tally = redrive(amqp_url, EVERY, show=fail_again)
    assert tally.done == 5
    assert {found.redrives for found in seen(amqp_url)} == {1}


def _fields(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in Message.__slots__}


def test_what_the_broker_parked_is_explained_and_can_come_back(amqp_url: str) -> None:
    """The letters that no daemon has seen would be a riddle, and without their lane could not come back."""
    declare(amqp_url)
    publish(amqp_url, job("rejected"), exchange=NAMES.jobs_exchange.name, routing_key="default")
    publish(
        amqp_url, job("expired"), exchange=NAMES.jobs_exchange.name, routing_key="default", expiration="1"
    )
    with channel(amqp_url) as opened:
        method, _props, _body = opened.basic_get(JOBS)
        opened.basic_reject(method.delivery_tag, requeue=False)
    letters = {
        found.job_id: found
        for found in until(lambda: [*seen(amqp_url)] if depth(amqp_url, DEAD) == 2 else [])
    }
    assert letters["rejected"].reason == "rejected"
    assert letters["expired"].reason == "expired"
    code, shown, _ = command(amqp_url, "dead", "show", "--reason", "rejected")
    assert code == 0
    assert "a consumer rejected it" in shown
    assert f"rejected from {JOBS}" in shown
    assert redrive(amqp_url, EVERY).done == 2
    assert drained(amqp_url, JOBS) == Counter(["rejected", "expired"])


def test_the_document_can_be_saved_for_a_look(amqp_url: str, tmp_path: Path) -> None:
    """The document that broke something could not be looked at, or anybody on the host could read it."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    target = tmp_path / "saved.pdf"
    assert command(amqp_url, "dead", "show", "one", "--save", str(target))[0] == 0
    assert target.read_bytes() == DOCUMENT
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    code, _, errors = command(amqp_url, "dead", "show", "one", "--save", str(target))
    assert (code, "File exists" in errors) == (1, True)


def test_one_command_at_a_time(amqp_url: str) -> None:
    """A list during a redrive would show next to nothing, and nobody could tell."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    refusals: list[str] = []

    def meanwhile(_found: Letter, _message: Message) -> None:
        with pytest.raises(QueueInUseError) as caught:
            look(amqp_url, EVERY, lambda *_: None, timeout=0.3)
        refusals.append(str(caught.value))

    look(amqp_url, EVERY, meanwhile)
    assert "another command" in refusals[0]
    assert len(seen(amqp_url)) == 1


def test_without_a_queue_or_a_broker_there_is_a_clear_word(broker: PrivateBroker, amqp_url: str) -> None:
    """A new broker would look broken, or a broken one empty."""
    assert command(amqp_url, "dead", "list") == (0, "0 dead letters\n", "")
    code, _, errors = command("amqp://user:s3cret@127.0.0.1:1/", "dead", "list")
    assert code == 1
    assert len(errors.splitlines()) == 1
    assert "s3cret" not in errors
    assert command(amqp_url, "dead", "list", "--older-than", "soon")[0] == 2


def test_the_rights_to_read_are_enough_to_look(broker: PrivateBroker, amqp_url: str) -> None:
    """Whoever is to look after the letters would need the rights of an administrator."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    broker.ctl("add_user", "reader", "s3cret")
    try:
        broker.ctl(
            "set_permissions", "-p", vhost_of(amqp_url), "reader", "^$", "^$", r"^ingestkit\.pdf\.dead$"
        )
        url = f"amqp://reader:s3cret@{amqp_url.rpartition('@')[2]}"
        assert [found.job_id for found in seen(url)] == ["one"]
        with pytest.raises(ConnectionError, match="ACCESS_REFUSED"):
            redrive(url, EVERY)
    finally:
        broker.ctl("delete_user", "reader")
    assert_none_lost(amqp_url, {"one"}, doubled=0)


def _either(url: str, enough: int, process: subprocess.Popen[str]) -> bool:
    """So many jobs are back, or the command has ended."""
    return depth(url, JOBS) >= enough or process.poll() is not None


def test_a_killed_redrive_loses_nothing(amqp_url: str) -> None:
    """Letters would vanish with the process that moves them, or come twice by the hundred."""
    declare(amqp_url)
    names = {f"job-{number}" for number in range(500)}
    park(amqp_url, *(letter(name) for name in sorted(names)))
    kills = 0
    chance = random.Random(7)
    while depth(amqp_url, DEAD):
        process = start_command(amqp_url, "dead", "redrive", "--all")
        enough = depth(amqp_url, JOBS) + chance.randrange(20, 120)
        until(partial(_either, amqp_url, enough, process))
        kills += process.poll() is None
        process.kill()
        process.communicate(timeout=10)
    back = drained(amqp_url, JOBS)
    doubled = sum(back.values()) - len(names)
    assert set(back) == names
    assert kills >= 3
    assert doubled <= kills


def test_a_cut_connection_loses_nothing(amqp_url: str) -> None:
    """Letters would be lost on the wire, or acknowledged before the broker has their jobs."""
    declare(amqp_url)
    names = {f"job-{number}" for number in range(500)}
    park(amqp_url, *(letter(name) for name in sorted(names)))
    chance = random.Random(11)
    cuts = 0
    back: Counter[str] = Counter()
    with Proxy(amqp_url) as proxy:
        while len(set(back)) < len(names):
            timer = threading.Timer(chance.uniform(0.05, 0.4), proxy.cut)
            timer.start()
            try:
                redrive(proxy.url, EVERY, timeout=10)
            except ConnectionError:
                cuts += 1
            timer.join()
            parked = len(seen(amqp_url))
            now = drained(amqp_url, JOBS)
            assert len(now) == sum(now.values())
            back += now
            assert len(names) <= len(set(back)) + parked <= len(names) + cuts
    assert set(back) == names
    assert sum(back.values()) - len(names) <= cuts
    assert cuts >= 2


def test_a_cut_between_confirm_and_acknowledgement_is_recognised(amqp_url: str) -> None:
    """The one letter that can be in both places could not be told from a second job."""
    declare(amqp_url)
    park(amqp_url, letter("one"))
    with Proxy(amqp_url) as proxy:
        proxy_cut = False

        def cut(_found: Letter, _problem: str | None) -> None:
            nonlocal proxy_cut
            proxy.cut()
            proxy_cut = True

        with contextlib.suppress(ConnectionError):
            redrive(proxy.url, EVERY, show=cut, timeout=5)
    assert proxy_cut
    until(lambda: depth(amqp_url, DEAD) == 1)
    assert redrive(amqp_url, EVERY).done == 1
    first, second = (decode_job(message, NAMES) for message in take_all(amqp_url, JOBS, count=2))
    assert (first.job_id, first.redrive, first.attempt) == (second.job_id, second.redrive, second.attempt)


def test_a_second_interrupt_breaks_off_and_leaves_nothing_open(amqp_url: str) -> None:
    """A command that hangs could not be stopped, or would keep the letters from everybody else."""
    declare(amqp_url)
    park(amqp_url, letter("one"), letter("two"))

    def interrupt(_found: Letter, _message: Message) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        look(amqp_url, EVERY, interrupt)
    until(lambda: depth(amqp_url, DEAD) == 2)
    assert len(seen(amqp_url)) == 2


def test_a_broker_that_does_not_answer_is_given_up(amqp_url: str) -> None:
    """The command would hang for ever on a network that swallows everything."""
    declare(amqp_url)
    park(amqp_url, letter("one"), letter("two"))
    with Proxy(amqp_url) as proxy:
        with pytest.raises(ConnectionError, match="no answer within 1 s"):
            look(proxy.url, EVERY, lambda *_: proxy.hold(), timeout=1.0)
        with pytest.raises(ConnectionError, match="no answer within 1 s"):
            look(proxy.url, EVERY, lambda *_: None, timeout=1.0)
    assert len(until(lambda: seen(amqp_url) if depth(amqp_url, DEAD) == 2 else [])) == 2


def test_an_interrupt_ends_between_two_letters(amqp_url: str) -> None:
    """Ctrl-C would leave a letter in doubt, or not end the command."""
    declare(amqp_url)
    names = {f"job-{number}" for number in range(500)}
    park(amqp_url, *(letter(name) for name in sorted(names)))
    process = start_command(amqp_url, "dead", "redrive", "--all")
    until(lambda: depth(amqp_url, JOBS) > 20)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert output.startswith(f"{depth(amqp_url, JOBS)} dead letters redriven")
    assert_none_lost(amqp_url, names, doubled=0)


def test_a_full_lane_or_a_purge_of_many(amqp_url: str) -> None:
    """A lane that refuses would lose letters, or a purge would delete what was parked since."""
    declare(amqp_url)
    limited = Queue("limited", {**NAMES.job_queue("small").arguments, "x-max-length": 3})
    with channel(amqp_url) as opened:
        opened.queue_declare(limited.name, durable=True, arguments=dict(limited.arguments))
        opened.queue_bind(limited.name, NAMES.jobs_exchange.name, "small")
    names = {f"job-{number}" for number in range(30)}
    park(amqp_url, *(letter(name, lane="small") for name in sorted(names)))
    tally = redrive(amqp_url, EVERY)
    assert [problem for problem in tally.left if "full" in problem]
    assert tally.done + sum(tally.left.values()) == 30
    assert depth(amqp_url, DEAD) + tally.done == 30
    assert purge(amqp_url, EVERY, limit=5).done == 5
    assert depth(amqp_url, DEAD) == sum(tally.left.values()) - 5
