"""Results between arrival and hand-over: duplicates, parts, reconnects, and who waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestkit_pdf.errors import JobNotFoundError
from ingestkit_pdf.execution._client import answer as answer_module
from ingestkit_pdf.execution._client.answer import Delivery
from ingestkit_pdf.execution._client.results import ResultStore
from ingestkit_pdf.wire.envelope import ResultPart, decode_result_part, encode_result


def parts_of(body: bytes, *, job_id: str = "job-1", size: int = 10) -> list[ResultPart]:
    """A result in parts."""
    return [decode_result_part(message) for message in encode_result(job_id, body, part_size=size)]


def store_with(*job_ids: str) -> ResultStore:
    """A store in which these jobs were submitted."""
    store = ResultStore(adopt=False)
    for job_id in job_ids or ("job-1",):
        store.expect(job_id)
    return store


def body_of(store: ResultStore, job_id: str = "job-1") -> bytes:
    """Claim a result; its body."""
    answer = store.claim(job_id)
    assert answer is not None
    return answer.body()


def test_a_waiter_is_told_when_the_last_part_is_in() -> None:
    """A caller would be woken too early, or never."""
    store = store_with()
    waiter = store.watch(["job-1"])
    parts = parts_of(b"x" * 25)
    for tag, part in enumerate(parts[:-1], start=1):
        assert store.receive(part, Delivery(1, tag)) == ()
        assert not waiter.has_news
    store.receive(parts[-1], Delivery(1, 9))
    assert waiter.next(0) == "job-1"
    answer = store.claim("job-1")
    assert answer is not None
    assert answer.body() == b"x" * 25
    assert {delivery.tag for delivery in answer.deliveries} == {1, 2, 9}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=20), st.integers(1, 3))
def test_in_whatever_order_two_answers_arrive_one_is_given_and_all_is_acknowledged(
    order: list[tuple[bool, int]], generations: int
) -> None:
    """A message would stay in the queue for ever, be acknowledged twice, or two answers be mixed."""
    store = store_with()
    answers = {True: parts_of(b"a" * 25), False: parts_of(b"b" * 25)}
    delivered: list[Delivery] = []
    settled: list[Delivery] = []
    tag = 0
    for generation in range(1, generations + 1):
        delivered, settled = [], []  # what came on a channel that is gone is not to be settled any more
        for first, number in [*order, *((True, index) for index in range(3))]:
            tag += 1
            delivery = Delivery(generation, tag)
            delivered.append(delivery)
            settled.extend(store.receive(answers[first][number], delivery))
    answer = store.claim("job-1")
    assert answer is not None
    assert answer.body() in {b"a" * 25, b"b" * 25}
    settled.extend(delivery for delivery in answer.deliveries if delivery.generation == generations)
    assert sorted(delivery.tag for delivery in settled) == [delivery.tag for delivery in delivered]


def test_parts_of_two_sizes_are_not_mixed() -> None:
    """Begun in large parts and sent again in small ones, as brokers may need it, a result would be lost."""
    store = store_with()
    large, small = parts_of(b"0123456789" * 3, size=20), parts_of(b"0123456789" * 3, size=10)
    settled = [*store.receive(large[0], Delivery(1, 1))]
    for tag, part in enumerate(small, start=2):
        settled.extend(store.receive(part, Delivery(1, tag)))
    answer = store.claim("job-1")
    assert answer is not None
    assert answer.body() == b"0123456789" * 3
    assert settled == [Delivery(1, 1)]


def test_what_was_handed_over_is_acknowledged_when_it_comes_again() -> None:
    """A result whose acknowledgement was lost would be held, or handed over, a second time."""
    store = store_with()
    (part,) = parts_of(b"result")
    store.receive(part, Delivery(1, 1))
    assert body_of(store) == b"result"
    assert store.receive(part, Delivery(2, 1)) == (Delivery(2, 1),)
    assert body_of(store) == b"result"


def test_a_damaged_answer_does_not_win_over_a_good_one() -> None:
    """One broken message would cost the caller the result that came after it."""
    store = store_with()
    (good,) = parts_of(b"result")
    damaged = ResultPart(
        job_id="job-1", part=1, parts=1, sha256="0" * 64, content_encoding=None, body=b"something else"
    )
    assert store.receive(damaged, Delivery(1, 1)) == (Delivery(1, 1),)
    store.receive(good, Delivery(1, 2))
    assert body_of(store) == b"result"


def test_parts_whose_rest_does_not_come_are_let_go_of_after_a_day() -> None:
    """What is left of answers that ended among the orphaned ones would fill a client's window for ever."""
    now = 0.0
    store = ResultStore(adopt=True, clock=lambda: now)
    parts, others = parts_of(b"x" * 25), parts_of(b"y" * 25, job_id="job-2")
    store.receive(parts[0], Delivery(1, 1))
    store.receive(others[0], Delivery(1, 2))
    for tag, part in enumerate(parts_of(b"z" * 25, job_id="unclaimed"), start=3):
        store.receive(part, Delivery(1, tag))
    now = 12 * 3600.0
    store.receive(others[1], Delivery(1, 6))
    now = 24 * 3600.0
    store.receive(parts[0], Delivery(2, 1))  # the same again, on another channel
    assert store.drop_leftovers() == (Delivery(2, 1),)
    assert store.drop_leftovers() == ()
    assert store.receive(others[2], Delivery(2, 2)) == ()
    assert body_of(store, "job-2") == b"y" * 25
    assert body_of(store, "unclaimed") == b"z" * 25


def test_what_the_caller_did_not_get_can_be_claimed_again() -> None:
    """Ctrl-C at the wrong moment would lose a result."""
    store = store_with()
    store.receive(parts_of(b"result")[0], Delivery(1, 1))
    answer = store.claim("job-1")
    assert answer is not None
    waiter = store.watch(["job-1"])
    store.put_back(answer)
    assert waiter.next(0) == "job-1"
    again = store.claim("job-1")
    assert again is not None
    assert again.deliveries == answer.deliveries


def test_unknown_jobs_are_refused_and_their_results_dropped_unless_adopted() -> None:
    """A caller would wait for a job that never was, or a successor lose its predecessor's results."""
    (part,) = parts_of(b"result")
    store = ResultStore(adopt=False)
    with pytest.raises(JobNotFoundError):
        store.watch(["job-1"])
    assert store.receive(part, Delivery(1, 1)) == (Delivery(1, 1),)
    heir = ResultStore(adopt=True)
    assert heir.receive(part, Delivery(1, 1)) == ()
    assert body_of(heir) == b"result"


def test_a_job_that_was_refused_is_not_waited_for() -> None:
    """`get_result` would hang for a job whose `submit` raised."""
    store = store_with()
    assert not store.expect("job-1")
    store.forget("job-1")
    with pytest.raises(JobNotFoundError):
        store.watch(["job-1"])


def test_only_the_latest_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that runs for weeks would keep every result it ever handed over."""
    monkeypatch.setattr(answer_module, "_KEPT", 2)
    names = ["a", "b", "c"]
    store = store_with(*names)
    for tag, name in enumerate(names):
        store.receive(parts_of(b"result", job_id=name)[0], Delivery(1, tag))
        body_of(store, name)
    with pytest.raises(JobNotFoundError, match="handed over already"):
        store.watch(["a"])
    assert store.watch(["b", "c"]).has_news
    assert store.is_settled


def test_starving_is_who_waits_for_what_is_not_there() -> None:
    """The window of unclaimed results would grow without need, or never."""
    store = store_with("a", "b")
    store.receive(parts_of(b"result", job_id="a")[0], Delivery(1, 1))
    waiter = store.watch(["a"])
    assert not store.is_starving
    other = store.watch(["b"])
    assert store.is_starving
    store.unwatch(other)
    store.unwatch(waiter)
    assert not store.is_starving
