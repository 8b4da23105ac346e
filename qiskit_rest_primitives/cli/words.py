"""What the library says to programs, in the words of the command line: the command to type stands for the call to make."""

from __future__ import annotations

import re

_NAMED = r"\((?:'([^']+)'|\"([^\"]+)\")\)"

_CALLS: tuple[tuple[str, str], ...] = (
    (rf"service\.job{_NAMED}", r"qiskit-rest jobs show \1\2"),
    (r"service\.job\(id\)", "qiskit-rest jobs show ID"),
    (r"service\.jobs\(\)", "qiskit-rest jobs list"),
    (rf"service\.find_submission{_NAMED}", r"qiskit-rest jobs find \1\2"),
    (r"job\.result\(\)", "qiskit-rest jobs result"),
    (r"(?<![\w.])cancel\(\)", "qiskit-rest jobs cancel"),
    (r"QiskitRuntimeService\.save_account\(\)", "qiskit-rest account save"),
)
"""A call -> the command that does the same."""

_ARGUMENTS: tuple[tuple[str, str], ...] = (
    (r"Pass token=\.\.\., set QISKIT_IBM_TOKEN", "Set QISKIT_IBM_TOKEN"),
    (r"as token=\.\.\. or in QISKIT_IBM_TOKEN", "in QISKIT_IBM_TOKEN"),
    (r"\bfilename=\.\.\. ?", "--account-file"),
    (r"\boverwrite=True", "--overwrite"),
    (r"\b(channel|instance|url)='([^']*)'", r"--\1 \2"),
    (
        r"as verify='ca\.pem' \(or in REQUESTS_CA_BUNDLE\), or verify=False to trust anybody",
        "in REQUESTS_CA_BUNDLE",
    ),
)
"""An argument -> the option, or the variable, that gives it."""

_PROGRAMS_ALONE = (
    r", or pass allow_insecure=True",
    r" \(service\.usage\(\) says by how much\)",
    r"The body is in this error's attribute 'body'; ",
)
"""What only a program can do, beside what a command can."""

_WORDS = [
    (re.compile(pattern), words)
    for pattern, words in (*_CALLS, *_ARGUMENTS, *((each, "") for each in _PROGRAMS_ALONE))
]


def as_commands(text: str) -> str:
    """Return a message of the library for those who have a command line before them."""
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
