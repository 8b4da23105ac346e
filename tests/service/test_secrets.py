"""The watch over the suite's secrets sees what it should, and handles keep theirs to themselves."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from qiskit_rest_primitives import (
    IBMInputValueError,
    IBMNotAuthorizedError,
    QiskitRuntimeService,
    SamplerV2,
    Session,
)
from qiskit_rest_primitives.rest.journal import Journal
from qiskit_rest_primitives.rest.messages import Outgoing
from qiskit_rest_primitives.wire.models import JobRecord

TOKEN = "a-token-that-nobody-may-read"


def packed(endpoint: Any) -> str:
    """What a circuit looks like that travels as QPY, as the watch has seen it pass by."""
    text = "eJxlkktuwzAMRPc5hZa9QJGfnaRIkWVP4K2hSnRiQB+DopP29pXk" + "abcdefgh0123456789ABCDEFGH"
    Outgoing(
        "POST",
        f"{endpoint.url}/jobs",
        {},
        b'{"__type__": "QuantumCircuit", "__value__": "%s"}' % text.encode(),
    )
    return text


PROGRAM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\n'
SECRETS = {
    "token": lambda _: TOKEN,
    "bearer": lambda _: "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3ODU1MDM2MDB9.c2ln",
    "account": lambda endpoint: endpoint.instance,
    "account-part": lambda endpoint: endpoint.instance.split(":")[6].removeprefix("a/"),
    "program": lambda _: PROGRAM,
    "program-in-json": lambda _: json.dumps({"pubs": [[PROGRAM]]}),
    "program-in-repr": lambda _: repr(json.dumps({"pubs": [[PROGRAM]]}).encode()),
    "packed": packed,
}


def tell_log(text: str, _: Path) -> None:
    logging.getLogger("qiskit_rest_primitives.rest.transport").debug("sent %s", text)


def tell_foreign_log(text: str, _: Path) -> None:
    logging.getLogger("uvicorn").warning("Authorization: %s", text)


def tell_error(text: str, _: Path) -> None:
    IBMNotAuthorizedError(f"bad: {text}")


def tell_repr(text: str, _: Path) -> None:
    repr(JobRecord.from_wire({"id": "j", "backend": text}))


def tell_pickle(text: str, _: Path) -> None:
    pickle.dumps(JobRecord.from_wire({"id": "j", "backend": text}))


def tell_journal(text: str, folder: Path) -> None:
    journal = Journal(folder / "journal.sqlite")
    journal.begin("s1", url="http://h", instance="", document={}, kept=text)
    journal.shut()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "tell", [tell_log, tell_foreign_log, tell_error, tell_repr, tell_pickle, tell_journal]
)
def test_the_watch_sees_every_kind_of_secret_in_every_place(
    secret_watch: Any, connect: Any, endpoint: Any, tell: Any, secret: str, tmp_path: Path
) -> None:
    connect(endpoint, token=TOKEN)  # makes an account, from which the watch learns the token
    text = SECRETS[secret](endpoint)

    tell(text, tmp_path)

    assert secret_watch.leaks() != []
    assert secret_watch.leaks() == []


def test_the_watch_is_calm_where_there_is_nothing(secret_watch: Any, tmp_path: Path) -> None:
    for tell in (tell_log, tell_foreign_log, tell_error, tell_repr, tell_pickle, tell_journal):
        tell("an OpenQASM 3 program for aer_simulator", tmp_path)

    assert secret_watch.leaks() == []


def test_an_instance_shows_its_crn_to_those_who_ask_and_in_no_repr(connect: Any, endpoint: Any) -> None:
    service = connect(endpoint)
    records = service._connection.instances()

    assert service.active_instance() == endpoint.instance
    assert endpoint.instance in [each["crn"] for each in service.instances()]
    assert not any(endpoint.instance.split(":")[6] in f"{record!r} {record}" for record in records)


@pytest.mark.parametrize("how", [repr, str, pickle.dumps])
def test_handles_do_not_show_their_token(how: Any, connect: Any, endpoint: Any) -> None:
    service = connect(endpoint)
    backend = service.backend("aer_simulator")
    with Session(backend=backend) as session:
        sampler = SamplerV2(mode=session)
        shown = [how(handle) for handle in (service, backend, session, service._connection.account)]

    assert sampler.mode is session
    for text in (each if isinstance(each, str) else each.decode("latin-1") for each in shown):
        assert endpoint.token not in text
        assert endpoint.instance.split(":")[6] not in text


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
