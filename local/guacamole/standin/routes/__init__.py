"""The REST API, one module per noun. A module's ``routes`` returns what the application mounts."""
