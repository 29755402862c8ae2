"""Entry point of the Blender container: display, window manager, Blender, and an orderly end.

Standard library only; it runs on the image's own Python, beside Blender.
"""
