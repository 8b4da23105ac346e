"""``QiskitRuntimeService`` and what it finds."""
