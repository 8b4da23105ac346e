"""Who computes: threads, processes, a Dask cluster, and what they are told to do."""
