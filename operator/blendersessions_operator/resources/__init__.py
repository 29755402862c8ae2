"""One builder per kind of object: the desired objects, from scratch each time."""
