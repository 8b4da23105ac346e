"""``SamplerV2`` and ``EstimatorV2``: from PUBs to the one request of a job."""
