"""Pure, typed conversions between Qiskit objects and bytes; what is malformed is a ``DecodeError``, whose path names the spot.

Nothing here opens a socket, reads a clock, a file or the environment, or draws a random number.
"""
