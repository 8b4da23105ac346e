"""A local REST server that speaks the service's API and simulates with Qiskit Aer.

Start it with ``embedded.serve`` or as a program (``__main__``). A request comes in through ``app``, passes ``http`` and
is answered by ``routes``; ``jobs`` keeps and queues it; ``workers`` compute it with ``primitives``, ``aer`` and
``devices``, or ``programs`` run what a user uploaded.

Needs the ``[server]`` extra; without it, whatever is imported from here raises the same ImportError. Import what you need
from the modules; nothing is loaded here.
"""

from importlib.util import find_spec

_missing = [
    name for name in ("starlette", "uvicorn", "qiskit_aer", "qiskit_qasm3_import") if find_spec(name) is None
]
if _missing:
    raise ImportError(
        f'The local server needs {", ".join(_missing)}: pip install "qiskit-rest-primitives[server]"',
        name=_missing[0],
    )
