"""Apache Guacamole, by its REST API (recorded from version 1.6.0)."""
