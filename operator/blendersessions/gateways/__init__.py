"""The only input and output of the operator."""
