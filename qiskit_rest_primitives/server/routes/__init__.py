"""The endpoints: from a request to calls of the other folders and back, and the contract they keep."""
