"""The operator that gives people Blender in a browser tab."""
