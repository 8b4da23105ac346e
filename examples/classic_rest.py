"""A script for the classic platform, in plain REST: log in, transpile, run, read, log out. Only the host is another one."""

import time
from collections import Counter

import requests

from qiskit_rest_primitives.server.embedded import serve

BELL = 'OPENQASM 3.0; include "stdgates.inc"; bit[2] c; qubit[2] q; h q[0]; cx q[0], q[1]; c = measure q;'


def until(url: str, headers: dict[str, str], ended: tuple[str, ...]) -> dict:
    """Ask until a task or a job has ended."""
    while True:
        document = requests.get(url, headers=headers).json()
        state = document["state"]
        if (state if isinstance(state, str) else state["status"]) in ended:
            return document
        time.sleep(0.1)


def main(host: str, token: str) -> None:
    login = requests.post(f"{host}/api/users/loginWithToken", json={"apiToken": token}).json()
    headers = {"x-access-token": login["id"]}
    devices = requests.get(f"{host}/runtime/backends", headers=headers).json()["devices"]
    print("devices:", devices)

    bearer = {"Authorization": f"Bearer {token}"}
    task = requests.post(
        f"{host}/transpile",
        params={"backend": "local_heron", "optimization_level": 2},
        json={"qasm_circuits": BELL},
        headers=bearer,
    ).json()
    transpiled = until(f"{host}/transpile/{task['task_id']}", bearer, ("SUCCESS", "FAILURE"))
    circuit = transpiled["result"][0]["qasm"]

    job = {
        "program_id": "sampler",
        "backend": "local_heron",
        "hub": "ibm-q",
        "group": "open",
        "project": "main",
        "params": {"version": 2, "pubs": [[circuit, None, 400], [circuit, None, 100]]},
    }
    job_id = requests.post(f"{host}/runtime/jobs", json=job, headers=headers).json()["id"]
    state = until(f"{host}/runtime/jobs/{job_id}", headers, ("Completed", "Failed", "Cancelled"))["state"]
    print("job:", state["status"])
    for pub in requests.get(f"{host}/runtime/jobs/{job_id}/results", headers=headers).json()["results"]:
        samples = pub["data"]["c"]["samples"]
        print(Counter(f"{int(sample, 16):02b}" for sample in samples).most_common(2))

    requests.post(f"{host}/api/users/logout", headers=headers)
    print("after the logout:", requests.get(f"{host}/runtime/jobs", headers=headers).status_code)


if __name__ == "__main__":
    with serve() as server:
        main(server.endpoint.iam_url, server.endpoint.token)
