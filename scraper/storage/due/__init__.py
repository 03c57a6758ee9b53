"""Which URLs are due again because what is known of them is too old."""
