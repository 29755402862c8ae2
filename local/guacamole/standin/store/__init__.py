"""The stand-in's database, one module for each kind of object."""
