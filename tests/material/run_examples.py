"""Run examples one after the other with their import line changed to the official client's name.

Arguments: ``alias`` or ``official``, then files. Under ``official`` the service is found by the environment, because
only this package has a server of its own. Prints one line of JSON per example: its name and what it printed.
"""

import io
import json
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

OURS, OFFICIAL = "qiskit_rest_primitives", "qiskit_ibm_runtime"
LOCAL = 'QiskitRuntimeService(channel="local")'


def changed(source: str, way: str) -> str:
    lines = [
        line.replace(OURS, OFFICIAL) if line.startswith(f"from {OURS} import ") else line
        for line in source.splitlines(keepends=True)
    ]
    text = "".join(lines)
    assert OURS not in text
    return text if way == "alias" else text.replace(LOCAL, "QiskitRuntimeService()")


def main() -> None:
    way, *files = sys.argv[1:]
    if way == "alias":
        from qiskit_rest_primitives import compat

        compat.install()
    else:
        warnings.simplefilter("ignore")  # the official client announces changes of its own
    for file in map(Path, files):
        program = compile(changed(file.read_text(encoding="utf-8"), way), str(file), "exec")
        sys.argv = [str(file)]
        heard = io.StringIO()
        with redirect_stdout(heard):
            try:
                exec(program, {"__name__": "__main__"})
            except SystemExit as end:
                if end.code:
                    raise RuntimeError(f"{file} ended with {end.code}") from end
        print(json.dumps({"example": file.name, "printed": heard.getvalue()}))
    owner = sys.modules[OFFICIAL].SamplerV2.__module__
    assert owner.startswith(OURS if way == "alias" else OFFICIAL), owner


if __name__ == "__main__":
    main()
