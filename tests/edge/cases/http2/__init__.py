"""Cases of HTTP/2: requests, and frames."""
