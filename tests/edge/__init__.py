"""The edge test kit: hostile and unusual exchanges with any proxy, and what came of them."""
