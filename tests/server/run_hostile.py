"""Everything on the list of what strangers send, against a real server, with somebody else who is to be answered meanwhile.

``python tests/server/run_hostile.py`` prints a table and ends with 1 if anything was answered 5xx or otherwise than it
must be, if the other client ever waited longer than ``--gap`` seconds, if others may read a file of the server's, or if a
second SIGTERM does not end it. ``--order-only`` sends less and asks for no seconds: pings that begin while a request is
on its way must be answered before it is.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hostile_target import Answer, Heart, Target
from qiskit import QuantumCircuit, qpy

from qiskit_rest_primitives.server.endpoints import ENDPOINTS
from qiskit_rest_primitives.server.settings import Instance

ENDLESS = 'OPENQASM 3.0; include "stdgates.inc"; bit[24] c; qubit[24] q; %s c = measure q;' % (
    "".join(f"ry(0.{k + 1}) q[{k % 24}]; cx q[{k % 24}], q[{(k + 1) % 24}];" for k in range(24)) * 200
)


@dataclass
class Attack:
    """One entry of the list.

    Attributes:
        run: Sends it, and returns the answers.
        allowed: Statuses that they may have.
        fate: How its jobs end, if any are accepted; None if nobody waits for them.
        pings: How many pings must be asked and answered while one of its requests is on its way.
    """

    name: str
    run: Callable[[Target], list[Answer]]
    allowed: frozenset[int]
    fate: str | None = "Failed"
    pings: int = 0


ATTACKS: list[Attack] = []


def attack(
    name: str, *allowed: int, fate: str | None = "Failed", pings: int = 0
) -> Callable[[Callable[[Target], list[Answer]]], None]:
    def enter(run: Callable[[Target], list[Answer]]) -> None:
        ATTACKS.append(Attack(name, run, frozenset(allowed), fate, pings))

    return enter


@attack("gzip bomb that never ends a string", 400, pings=3)
def _(it: Target) -> list[Answer]:
    return [it("POST", "/jobs", b'\\"' * 2_100_000, packed=True)]


@attack("gzip bombs of spaces, and of too many bytes", 400, 413, 422)
def _(it: Target) -> list[Answer]:
    bomb = b" " * int(310_000_000 * it.scale)
    return [
        it("POST", path, bomb, packed=True)
        for path in ("/jobs", "/programs", "/transpile", "/identity/token")
    ]


@attack("brackets that never close, and many lists", 400, 413)
def _(it: Target) -> list[Answer]:
    deep = [
        b"[" * 3_000_000,
        b'{"params": ' + b'{"a":' * 1_000_000,
        b'{"params": [' + b"[]," * 4_000_001 + b"0]}",
    ]
    return [it("POST", "/jobs", body, packed=True) for body in deep]


@attack("44 MB of valid inputs", 200, pings=3)
def _(it: Target) -> list[Answer]:
    numbers = "1," * int(22_000_000 * it.scale)
    return [it.job(f'[["x", {{"p": [{numbers}1]}}]]')]


@attack("44 MB in the classic dialect", 200, 400, 401, fate=None)
def _(it: Target) -> list[Answer]:
    body = b'{"programId": "sampler", "params": {"pubs": [' + b"1," * int(22_000_000 * it.scale) + b"1]}}"
    return [it("POST", "/api/jobs", body)]


@attack("44 MB to the transpiler", 200, 413, 422, pings=3)
def _(it: Target) -> list[Answer]:
    lines = b"x q[0]; " * int(4_500_000 * it.scale)
    maps = b"[0, 1], " * int(4_500_000 * it.scale)
    texts = b'{"qasm_circuits": ["OPENQASM 3.0; nonsense %b"]}' % lines
    pairs = b'{"qasm_circuits": ["x"], "coupling_map": [%b[0, 1]]}' % maps
    return [it("POST", "/transpile?backend=aer_simulator", body) for body in (texts, pairs)]


@attack("44 MB as a program", 200, 400, 413)
def _(it: Target) -> list[Answer]:
    text = base64.b64encode(b"# text\n" * int(4_700_000 * it.scale)).decode()
    form = b"--b\r\n" * int(8_800_000 * it.scale)
    plain = json.dumps({"name": "x", "cost": 1, "data": text}).encode()
    kind = "multipart/form-data; boundary=b"
    return [it("POST", "/programs", plain), it("POST", "/programs", form, Content_Type=kind)]


@attack("nesting as deep as JSON can be read", 200, 400)
def _(it: Target) -> list[Answer]:
    return [it.job("[" * depth + "]" * depth) for depth in (50, 300, 900, 100_000)]


@attack("NaN, infinities and numbers of 5000 digits", 200, 400)
def _(it: Target) -> list[Answer]:
    wild = ("NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "-0", "1" + "0" * 400, str(2**63))
    found = [it.job(f'[["x", {value}, {value}]]') for value in wild]
    found += [it.job('[["x"]]', cost=value) for value in wild]
    return found + [it("GET", f"/jobs?limit={value}&offset={value}&created_after={value}") for value in wild]


@attack("halves of surrogate pairs and NUL", 400, 404)
def _(it: Target) -> list[Answer]:
    found = [it.job(f'[["{text}"]]') for text in ("\\ud800", "\\u0000", "\\udfff\\ud800", "\ud800")]
    found += [it.job("[]", **{name: '"\\ud800"'}) for name in ("session_id", "log_level", "runtime")]
    body = b'{"mode": "batch", "backend": "\\u0000"}'
    return [*found, it("POST", "/sessions", body), it("PUT", "/instances/configuration", body)]


@attack("text that is no UTF-8", 400, 401)
def _(it: Target) -> list[Answer]:
    bad = (b"\xff\xfe{}", b'{"program_id": "\xc3"}', b'{"program_id": "\xed\xa0\x80"}', "{}".encode("utf-16"))
    paths = ("/jobs", "/sessions", "/transpile?backend=aer_simulator", "/programs", "/identity/token")
    return [it("POST", path, body) for body in bad for path in paths]


@attack("two lengths, lengths that are none", 400)
def _(it: Target) -> list[Answer]:
    smuggled = b"0\r\n\r\nGET /health HTTP/1.1\r\nHost: h\r\n\r\n"
    both = it.raw(
        it.head("POST", "/api/v1/sessions", Content_Length="5", Transfer_Encoding="chunked") + smuggled
    )
    wrong = [
        it.raw(it.head("POST", "/api/v1/sessions", Content_Length=text))
        for text in ("-1", "1e3", "5, 6", "+5")
    ]
    chunked = [it.raw(it.head("POST", "/api/v1/jobs", Transfer_Encoding="chunked") + b"zz\r\nhello\r\n\r\n")]
    assert b"HTTP/1.1" not in both.body
    return [both, *wrong, *chunked]


@attack("bodies that come drop by drop", 200)
def _(it: Target) -> list[Answer]:
    with contextlib.ExitStack() as slow:
        for _ in range(40):
            connection = slow.enter_context(socket.create_connection(("127.0.0.1", it.port)))
            connection.sendall(it.head("POST", "/api/v1/jobs", Content_Length="100000000") + b'{"a": "')
        return [it("GET", "/jobs") for _ in range(5)]


@attack("HEAD on whatever can be asked with GET", *range(200, 500))
def _(it: Target) -> list[Answer]:
    known = {"{id}": "nobody", "{name}": "aer_simulator", "{plan_id}": Instance().plan_id}
    found = []
    for method, path in ((row.method, row.path) for row in ENDPOINTS):
        for name, value in known.items() if method == "GET" else ():
            path = path.replace(name, value)
        found += [it("HEAD", path), it("HEAD", f"/api{path}")] if method == "GET" else []
    assert all(answer.body == b"" for answer in found)
    return found


@attack("QPY that claims gigabytes", 200)
def _(it: Target) -> list[Answer]:
    stream = io.BytesIO()
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    qpy.dump(circuit, stream, version=13)
    found = []
    for place, claim in (
        (34, b"\x7f\xff\xff\xff"),
        (20, b"\x7f\xff\xff\xff"),
        (26, struct.pack(">Q", 1 << 40)),
    ):
        body = bytearray(stream.getvalue())
        body[place : place + len(claim)] = claim
        value = base64.b64encode(zlib.compress(bytes(body))).decode()
        found.append(it.job(json.dumps([[{"__type__": "QuantumCircuit", "__value__": value}]])))
    bomb = base64.b64encode(zlib.compress(bytes(int(500_000_000 * it.scale)))).decode()
    kinds = ("QuantumCircuit", "ndarray", "Parameter", "Instruction")
    found += [it.job(json.dumps([[{"__type__": kind, "__value__": bomb}]])) for kind in kinds]
    body = json.dumps({"qpy_circuits": base64.b64encode(stream.getvalue()[:40]).decode()}).encode()
    return [*found, it("POST", "/transpile?backend=aer_simulator", body)]


@attack("headers that would become others'", 400, 401, 404, 200)
def _(it: Target) -> list[Answer]:
    wild = ("a\rX-Injected: 1", "a\x00b", "\x1b[2J", "é\ud800", "x" * 60_000, "wait=nan", "wait=1e400", "")
    names = (
        "Service_CRN",
        "IBM_API_Version",
        "Prefer",
        "Idempotency_Key",
        "Accept_Encoding",
        "Parent_Job_Id",
    )
    found = []
    for text in wild:
        for name in names:
            found.append(it("GET", "/jobs?limit=1", **{name: text}))
            body = b'{"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": [["x"]]}}'
            found.append(it("POST", "/jobs", body, **{name: text}))
    return found


@attack("ids and paths that lead elsewhere", 400, 404, 405)
def _(it: Target) -> list[Answer]:
    ids = (
        "%00",
        "a%00b",
        "%ff%fe",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "a%0d%0aX-Injected:%201",
        "%ed%a0%80",
        "x" * 9000,
    )
    routes = [(row.method, row.path) for row in ENDPOINTS if "{id}" in row.path or "{name}" in row.path]
    found = [
        it(method, path.replace("{id}", each).replace("{name}", each), b"{}")
        for method, path in routes
        for each in ids
        if method != "PUT" and "accounts" not in path and not path.startswith("/Network")
    ]
    assert not any(b"root:" in answer.body for answer in found)
    return found


@attack("many connections at the same time", 200, 503)
def _(it: Target) -> list[Answer]:
    with contextlib.ExitStack() as idle:
        for number in range(int(1 + 700 * min(1, it.scale * 3))):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", it.port)))
            connection.sendall(b"GET /versions HTTP/1.1\r\n" * (number % 2))
        return [it("GET", "/jobs") for _ in range(5)]


def carry_out(each: Attack, target: Target, heart: Heart, longest: float | None) -> list[str]:
    """Send one thing, print its line, and return what was wrong; ``longest``: seconds that others may wait, if any."""
    target.sending.clear()
    began = time.monotonic()
    try:
        found, problems = each.run(target), []
    except Exception as error:  # noqa: BLE001 (told in the table)
        found, problems = [], [repr(error)]
    _, gap = heart.during(began, time.monotonic())
    pings = max((heart.during(*times)[0] for times in target.sending), default=0)
    statuses = sorted({answer.status for answer in found})
    problems += [f"answered {status}" for status in statuses if status not in each.allowed]
    if any(b"\nx-injected" in answer.head.lower() for answer in found):
        problems.append("a header was injected")
    if pings < each.pings:
        problems.append(f"{pings} pings were answered meanwhile")
    if longest is not None and gap > longest:
        problems.append(f"nobody else was answered for {gap:.2f} s")
    problems += [f"a job ended {fate}" for fate in target.fates(each.fate) if fate != each.fate]
    said = " ".join(map(str, statuses))
    print(f"{each.name:45} {len(found):4} {pings:6} {gap:8.3f}  {said:20} {'; '.join(problems)}", flush=True)
    return problems


def ends_on_a_second_signal(target: Target) -> bool:
    """Whether a server that waits for a long job ends when it is told a second time."""
    target.job(json.dumps([[ENDLESS, None, 10]]))
    target.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    waits = target.process.poll() is None
    target.process.send_signal(signal.SIGTERM)
    try:
        target.process.wait(600)
    except subprocess.TimeoutExpired:
        return False
    return waits


def main() -> int:
    """Go through the list; returns the code to end with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--order-only", action="store_true", help="send less, and ask for order alone")
    parser.add_argument("--gap", type=float, default=0.5, help="seconds that others may wait (default: 0.5)")
    parser.add_argument("--only", default="", help="what the names of entries must contain")
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder), scale=0.1 if asked.order_only else 1.0)
        heart = Heart(target.port)
        try:
            print(
                f"{'what is sent':45} {'sent':>4} {'pings':>6} {'longest':>8}  statuses             problems"
            )
            for each in ATTACKS:
                if asked.only in each.name:
                    wrong += bool(carry_out(each, target, heart, None if asked.order_only else asked.gap))
            heart.process.kill()
            if found := target.open_to_others():
                print("others may read", *found)
                wrong += 1
            if not ends_on_a_second_signal(target):
                print("a second SIGTERM did not end it")
                wrong += 1
        finally:
            for process in (heart.process, target.process):
                process.kill()
                process.communicate()
        errors = (Path(folder) / "errors.txt").read_text(encoding="utf-8", errors="replace")
        if "Traceback" in errors:
            print(errors[-20_000:])
            wrong += 1
    print(f"{wrong} of it went wrong" if wrong else "all is well")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
