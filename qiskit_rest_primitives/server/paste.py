"""What people paste to reach a server: lines for this package, for qiskit-ibm-runtime and for curl."""

from __future__ import annotations

from .embedded import ServerAddress

HIDDEN = "token of the line on standard output"
"""Stands for the token where lines go to a file or a pipe, which others may read."""


def lines_to_paste(endpoint: ServerAddress, *, token: str | None = None) -> str:
    """Return lines for each kind of client, with another text in the place of the token if one is given."""
    token = endpoint.token if token is None else token
    kinds = {
        "Python": for_ours(endpoint, token),
        "a shell, for programs that use qiskit-ibm-runtime as it is": for_official(endpoint, token),
        "a shell, for plain HTTP": for_curl(endpoint, token),
    }
    return "".join(f"\n# To paste into {where}:\n{lines}" for where, lines in kinds.items())


def for_ours(endpoint: ServerAddress, token: str) -> str:
    """Return Python that connects to a server, and saves how."""
    given = f'url="{endpoint.url}", token="{token}",\n    instance="{endpoint.instance}"'
    return (
        "from qiskit_rest_primitives import QiskitRuntimeService\n"
        f'service = QiskitRuntimeService(channel="local", {given})\n\n'
        "# or, once for all programs of this user:\n"
        f'QiskitRuntimeService.save_account(channel="local", name="my-server", overwrite=True, {given})\n'
        'service = QiskitRuntimeService(name="my-server")\n'
    )


def for_official(endpoint: ServerAddress, token: str) -> str:
    """Return what leads ``qiskit_ibm_runtime.QiskitRuntimeService()`` to a server: its environment."""
    scheme, _, place = endpoint.url.partition("://")
    variables = {
        "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
        "QISKIT_IBM_TOKEN": token,
        "QISKIT_IBM_INSTANCE": endpoint.instance,
        "QISKIT_IBM_URL": f"{scheme}://experimental@{place}",
        "IAM_URL": endpoint.iam_url,
        "GLOBAL_SEARCH_URL": endpoint.iam_url,
        "GLOBAL_CATALOG_URL": endpoint.iam_url,
    }
    return "".join(f"export {name}='{value}'\n" for name, value in variables.items())


def for_curl(endpoint: ServerAddress, token: str) -> str:
    """Return a request for the backends of a server."""
    return f"curl -H 'Authorization: apikey {token}' -H 'Service-CRN: {endpoint.instance}' {endpoint.url}/backends\n"
