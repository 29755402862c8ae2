"""Words on the desktop, above whatever Blender shows: a program of its own, `python3 -m agent.banner`.

A window of the X server's, because no editor of Blender's is always there; another process, because the X library
ends a process whose connection fails, and that must not be Blender.
"""
