"""Cases of HTTP/1: the bytes of a client, and what may come of them."""
