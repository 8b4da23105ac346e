"""Bytes over HTTP: tokens, retries, exactly-once submission, and one method per REST endpoint.

Everything that waits for a network is here; nothing here knows Qiskit or numpy.
"""
