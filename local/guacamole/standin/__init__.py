"""A stand-in for the part of Apache Guacamole that Blender sessions use.

It is for machines that cannot run Apache's image: the local cluster and the tests. It is never what production runs.
What it answers follows exchanges recorded from Apache Guacamole 1.6.0; ``tests/contract/`` replays them against it.
"""
