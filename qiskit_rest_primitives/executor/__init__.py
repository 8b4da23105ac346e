"""The ``Executor`` and the quantum programs that it runs."""
