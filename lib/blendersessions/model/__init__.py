"""What a session is: pure data, without any input or output."""
