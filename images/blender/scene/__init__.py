"""Brings a person's own scene into the home folder: from a URL, a volume, or an upload. Nothing here knows Blender."""
