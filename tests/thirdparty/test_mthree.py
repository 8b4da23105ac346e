"""mthree as published, through the alias: it measures the readout errors of a device and takes them off."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    find_spec("mthree") is None, reason="run `make thirdparty` to run mthree's mitigation"
)


def test_a_bell_state_is_one_again_when_its_readout_errors_are_taken_off(
    drive: Callable[..., dict[str, Any]],
) -> None:
    seen = drive("drive_mthree.py", "local_heron")

    assert seen["mapping"]
    found, known = map(np.array, seen["flips"])
    # mthree calibrates with as many shots of each state as were asked for: 20000, of no seed.
    np.testing.assert_allclose(found, known, atol=5 * np.sqrt(known.max() / 20_000))
    raw, expected = seen["raw"]
    # Gates take up to one per cent more than the readout.
    assert expected - 0.02 < raw < expected + 0.01
    assert raw < 0.96
    assert seen["corrected"] == pytest.approx(1, abs=0.02)
