"""Sets that fit into memory, however long the list is."""
