"""The REST API, one module for each kind of resource. The ``routes`` method of each class returns its routes."""
