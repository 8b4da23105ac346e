"""The Workloads page: what a browser is given, and what answers it."""
