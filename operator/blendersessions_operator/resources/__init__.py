"""Builders of the desired objects, one module for each kind. They build from scratch each time."""
