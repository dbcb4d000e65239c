"""When a consumer counts as passed over."""

from __future__ import annotations

from ingestkit_pdfd.amqp.movement import Movement


def test_ready_messages_that_do_not_come_are_noticed_at_the_second_look() -> None:
    """A daemon that the broker has forgotten would idle beside a full queue and look healthy."""
    movement = Movement(prefetch=4)
    assert [movement.stands_still(7) for _ in range(3)] == [False, True, True]


def test_what_moves_is_empty_or_has_its_hands_full_does_not_stand_still() -> None:
    """A daemon that works, or has nothing to do, would drop its connection again and again."""
    moving, idle, busy = Movement(prefetch=2), Movement(prefetch=2), Movement(prefetch=2)
    for _ in range(2):
        busy.delivered()
    for _ in range(5):
        moving.delivered()
        moving.settled()
        assert not moving.stands_still(100)
        assert not idle.stands_still(0)
        assert not busy.stands_still(100)


def test_only_two_looks_in_a_row_count() -> None:
    """A message that was just published at each of two looks would look like one that does not come."""
    movement = Movement(prefetch=2)
    assert not movement.stands_still(1)
    assert not movement.stands_still(0)
    assert not movement.stands_still(1)


def test_hands_that_became_free_a_moment_ago_do_not_count() -> None:
    """The first look after a long document would cost the connection."""
    movement = Movement(prefetch=1)
    movement.delivered()
    assert not movement.stands_still(5)
    movement.settled()
    assert not movement.stands_still(5)
    assert movement.stands_still(5)
