"""The web page on which people open a Blender session without `kubectl`."""
