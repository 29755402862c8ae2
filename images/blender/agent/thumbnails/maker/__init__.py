"""Makes one picture: `python3 -I run.py agent.thumbnails.maker.screen`, or `….maker.file KIND`.

The file comes on standard input, and the picture goes to standard output.
"""
