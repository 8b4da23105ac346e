"""A server that takes programs, with small limits: prints its place as one line of JSON, serves until its input ends."""

import json
import os
import sys
from dataclasses import asdict, replace

from qiskit_rest_primitives.server.devices.device import load_device
from qiskit_rest_primitives.server.embedded import serve
from qiskit_rest_primitives.server.settings import ProgramRules

MEBIBYTE = 1 << 20


def main(allow, database):
    rules = ProgramRules(
        allow=allow,
        memory_bytes=256 * MEBIBYTE,
        processes=8,
        files=64,
        file_bytes=MEBIBYTE,
        work_bytes=4 * MEBIBYTE,
        work_files=500,
        messages=50,
        message_bytes=100_000,
        output_bytes=200_000,
        log_bytes=10_000,
    )

    def settings(own):
        return replace(own, programs=rules, workers=4, database=database, token=os.environ["TOKEN"])

    with serve([load_device("aer_simulator")], settings=settings) as server:
        print(json.dumps(asdict(server.endpoint)), flush=True)
        sys.stdin.read()


main(*sys.argv[1:])
