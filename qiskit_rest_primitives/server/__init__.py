"""The garden house: a local REST server that speaks the service's API and simulates with Qiskit Aer.

Needs the ``[server]`` extra. Import what you need from the modules; nothing is loaded here.
"""
