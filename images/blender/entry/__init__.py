"""The entry point of the Blender container: it starts the display, the window manager and Blender, and ends them.

It uses the standard library only. It runs in the image's own Python, not in Blender's.
"""
