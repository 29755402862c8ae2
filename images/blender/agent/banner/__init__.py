"""Shows a text on the desktop above all other windows; a program of its own, `python3 -m agent.banner`.

It opens an X window, because no editor of Blender is always visible. It is a process of its own, because the X library
ends a process whose connection to the X server fails, and that must not be Blender.
"""
