"""From the bytes of a job to the bytes of its result: options, PUBs, statistics, mitigation."""
