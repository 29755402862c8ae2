"""The Kubernetes API with plain dicts: the verbs that our programs use, and domain errors.

The library's generated classes are not imported: their models cost 100 MiB of memory and a second of start-up.
"""
