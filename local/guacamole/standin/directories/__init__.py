"""The objects of the REST API, one module for each kind: permissions, checks and answers."""
