"""Pure, typed conversions between Qiskit objects and bytes.

Nothing here opens a socket, reads a clock, a file or the environment, or draws a random number.
"""
