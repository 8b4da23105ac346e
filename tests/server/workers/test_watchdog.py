"""Calls that are made later: in order, by one thread, and not if they are called off."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from qiskit_rest_primitives.server.workers.subprocesses import Watchdog
from qiskit_rest_primitives.server.workers.tasks import fulfil


def test_calls_are_made_in_the_order_of_their_times_by_one_thread() -> None:
    dog, made, done = Watchdog(), [], threading.Event()
    dog.call_later(600, lambda: made.append(("late", "")))
    for name, seconds in (("second", 0.1), ("first", 0.01), ("third", 0.2)):
        dog.call_later(seconds, lambda name=name: made.append((name, threading.current_thread().name)))
    dog.call_later(0.05, lambda: 1 // 0)
    off = dog.call_later(0.15, lambda: made.append(("off", "")))
    off.cancel()
    dog.call_later(0.3, done.set)

    assert done.wait(600)
    assert made == [(name, "watchdog") for name in ("first", "second", "third")]


def test_a_future_that_was_cancelled_is_left_alone() -> None:
    given, cancelled = Future[int](), Future[int]()
    cancelled.cancel()
    calls = []
    for future in (given, cancelled):
        fulfil(future, lambda: len(calls) or calls.append(1) or 7)

    assert given.result() == 7
    assert calls == [1]
