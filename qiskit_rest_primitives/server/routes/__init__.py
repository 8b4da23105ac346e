"""The endpoints: from a request to calls of the other rooms and back, and the contract they keep."""
