"""Jobs, the sessions and batches they run in, waiting, and their results."""
