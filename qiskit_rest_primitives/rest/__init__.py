"""The ground floor: accounts, tokens, retries and one method per REST endpoint.

Everything that waits lives here; nothing here knows Qiskit or numpy.
"""
