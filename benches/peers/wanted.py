"""What is wanted of a proxy, so that all are measured at the same."""

from dataclasses import dataclass

# Where gRPC is asked for.
GRPC_PREFIX = "/bench.Echo/"


@dataclass(frozen=True)
class Wanted:
    """One route `/httpbin/` over HTTP/1.1, kept alive on both sides, unless something else is said."""

    # Of a certificate and its key; then TLS 1.3 is terminated, for h2 and http/1.1.
    identity: object = None
    # Beside `/httpbin/`, `/route0/` and so on, each with the same work to do.
    routes: int = 0
    retries: bool = False
    # Requests are logged, each on a line, to /dev/null.
    logged: bool = False
    # Where statsd is sent to, by those that send any.
    statsd_port: int | None = None
    # GRPC_PREFIX leads to the upstream over cleartext HTTP/2; so do clients speak.
    grpc: bool = False
    # `/httpbin/` may become a WebSocket.
    websocket: bool = False

    def prefixes(self):
        return [f"/route{number}/" for number in range(self.routes)]


PLAIN = Wanted()
