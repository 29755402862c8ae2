"""What the REST API does with each kind of object: who sees it, what is checked, what is answered."""
