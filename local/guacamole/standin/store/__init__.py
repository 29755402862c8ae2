"""What the stand-in remembers, one module per noun."""
