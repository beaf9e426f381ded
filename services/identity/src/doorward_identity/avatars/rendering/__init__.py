"""From an uploaded file to a picture. `renderer` is for services; the rest runs in a process of its own."""
