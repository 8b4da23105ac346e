"""The watch over the suite's secrets sees what it should, and handles keep theirs to themselves."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any

import pytest

from qiskit_rest_primitives import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    QiskitRuntimeService,
    SamplerV2,
    Session,
)

TOKEN = "a-token-that-nobody-may-read"


def test_the_watch_sees_tokens_in_logs_errors_and_reprs(
    secret_watch: Any, connect: Any, endpoint: Any
) -> None:
    connect(endpoint, token=TOKEN)  # makes an account, from which the watch learns the token

    logging.getLogger("qiskit_rest_primitives.rest.transport").debug("sent %s", TOKEN)
    logged = secret_watch.leaks()
    IBMNotAuthorizedError(f"bad token {TOKEN}")
    raised = secret_watch.leaks()
    logging.getLogger("uvicorn").warning(
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3ODU1MDM2MDB9.c2ln"
    )
    bearer = secret_watch.leaks()

    assert all((logged, raised, bearer))
    assert secret_watch.leaks() == []


@pytest.mark.parametrize("how", [repr, str, pickle.dumps])
def test_handles_do_not_show_their_token(how: Any, connect: Any, endpoint: Any) -> None:
    service = connect(endpoint)
    backend = service.backend("aer_simulator")
    with Session(backend=backend) as session:
        sampler = SamplerV2(mode=session)
        shown = [how(handle) for handle in (service, backend, session, service._connection.account)]

    assert sampler.mode is session
    assert not any(
        (endpoint.token if isinstance(text, str) else endpoint.token.encode()) in text for text in shown
    )


def test_a_refused_token_is_not_repeated_in_the_error(connect: Any, endpoint: Any) -> None:
    service = connect(endpoint, token=TOKEN)

    with pytest.raises(IBMNotAuthorizedError) as caught:
        service.backends()

    assert TOKEN not in f"{caught.value} {caught.value!r} {caught.value.failure!r}"
    assert copy.copy(caught.value).status_code == caught.value.status_code


def test_a_token_goes_unencrypted_to_another_machine_only_when_told_to(endpoint: Any) -> None:
    place = {"url": "http://service.invalid/api/v1", "token": TOKEN, "instance": endpoint.instance}

    with pytest.raises(IBMInputValueError, match="allow_insecure=True"):
        QiskitRuntimeService(**place).backends()
    allowed = QiskitRuntimeService(**place, allow_insecure=True, url_resolver=lambda *_: endpoint.url)

    assert allowed.api() is not None
    assert copy.deepcopy(allowed) is allowed
