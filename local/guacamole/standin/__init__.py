"""A stand-in for the part of Apache Guacamole that Blender sessions use.

The stand-in serves local clusters and tests on machines that cannot run Apache's image. It never runs in production.

Its answers follow exchanges that were recorded from Apache Guacamole 1.6.0, and ``tests/contract/`` replays them. A
note like ``(recorded: login-ok)`` names the exchange that a fact rests on; ``tests/contract/guacamole/`` has it, in
``exchanges.json`` or ``header-exchanges.json``. The recordings have neither WebSocket traffic nor race conditions. For
these, a note names the test that measures them.
"""
