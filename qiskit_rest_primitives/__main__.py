"""``python -m qiskit_rest_primitives``: the command line, where its script is not in the path."""

from .cli import main

if __name__ == "__main__":
    main()
