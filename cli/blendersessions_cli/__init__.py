"""The command `blendersessions`, also `kubectl blender`: sessions of a cluster, and their files."""
