"""A memory of what was made last: known things are not made again, it stays small, and failures are not kept."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_rest_primitives._recent import remembered


@given(keys=st.lists(st.integers(0, 9)), most=st.integers(1, 6))
def test_what_is_returned_is_always_what_would_be_made_and_the_memory_stays_small(
    keys: list[int], most: int
) -> None:
    known: dict[int, str] = {}
    for key in keys:
        assert remembered(known, key, lambda key=key: f"made of {key}", most=most) == f"made of {key}"
        assert len(known) <= most


def test_what_is_known_is_not_made_again() -> None:
    known: dict[str, list[int]] = {}
    first = remembered(known, "a", lambda: [1], most=2)

    assert remembered(known, "a", lambda: pytest.fail("made twice"), most=2) is first


def test_what_could_not_be_made_is_tried_again() -> None:
    known: dict[str, int] = {}
    with pytest.raises(ZeroDivisionError):
        remembered(known, "a", lambda: 1 // 0, most=2)

    assert remembered(known, "a", lambda: 3, most=2) == 3


def test_threads_that_fill_it_at_once_each_get_their_own() -> None:
    known: dict[int, int] = {}
    wrong: list[tuple[int, int]] = []

    def fill(start: int) -> None:
        for turn in range(4000):
            key = (start + turn) % 13
            found = remembered(known, key, lambda key=key: key * key, most=5)
            if found != key * key:
                wrong.append((key, found))

    threads = [threading.Thread(target=fill, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
