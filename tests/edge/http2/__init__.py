"""HTTP/2 by hand: any bytes can be said, and what comes back is read strictly."""
