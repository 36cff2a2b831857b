"""What is measured: how proxies are configured, and what load they get."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import identity
import load
import proxies
import websocket
from wanted import GRPC_PREFIX, Wanted

EVERYBODY = ("nuncio", "nginx", "haproxy", "envoy")

# Of Envoy's and of HAProxy's CPU time.
Goals = dict


@dataclass(frozen=True)
class Scenario:
    """One row for each proxy."""

    name: str
    wanted: Wanted
    # Of a port, connections, seconds and how many a second there may be; gives how many were done.
    send: object
    # The most that a request may cost, as parts of others' costs.
    goals: Goals = field(default_factory=dict)
    # Who can do it at all.
    by: tuple = EVERYBODY
    unit: str = "request"
    # Whether the upstream sends back what comes.
    echoes: bool = False


def _url(scheme, port, path="/httpbin/get"):
    return f"{scheme}://localhost:{port}{path}"


def _http1(*more, scheme="http", path="/httpbin/get"):
    return lambda port, connections, seconds, _: load.wrk(
        _url(scheme, port, path).replace("localhost", "127.0.0.1"), connections, seconds, *more
    )


def _http2(streams):
    return lambda port, connections, seconds, rate: load.h2load(
        _url("https", port), port, connections, streams, int(seconds * rate)
    )


def _scripted(script, argument, path=""):
    return lambda port, connections, seconds, _: load.wrk_script(
        f"http://127.0.0.1:{port}{path}", connections, seconds, script, argument
    )


def _grpc(port, connections, seconds, rate):
    with tempfile.NamedTemporaryFile() as message:
        message.write(proxies.GRPC_MESSAGE)
        message.flush()
        fields = ["-H", "content-type: application/grpc", "-H", "te: trailers", "-d", message.name]
        url = _url("http", port, f"{GRPC_PREFIX}Say")
        return load.h2load(url, port, connections, 10, int(seconds * rate), *fields)


def _websocket(port, connections, seconds, _):
    return websocket.echo(port, connections, seconds)


def _routes(count, **more):
    send = _scripted("routes", count)
    return Scenario(f"routes-{count}", Wanted(routes=count), send, **more)


def scenarios(directory):
    """All of them by name. The certificate is kept in `directory`."""
    files = identity.write(identity.make("localhost"), Path(directory))
    tls = Wanted(identity=files)
    # Four fields of a kilobyte.
    large = [word for name in "abcd" for word in ("-H", f"x-{name}: {name * 1000}")]
    everything = [
        Scenario("h1", Wanted(), _http1(), {"envoy": 0.5, "haproxy": 1.5}),
        Scenario("h1-4k", Wanted(), _http1(*large)),
        Scenario("tls", tls, _http1(scheme="https"), {"envoy": 0.5}),
        Scenario("h2-1", tls, _http2(1), {"envoy": 0.5}),
        Scenario("h2", tls, _http2(10), {"envoy": 0.5}),
        # This nginx takes an answer that comes before the end of the request for an error, now and then.
        Scenario("grpc", Wanted(grpc=True), _grpc, {"envoy": 0.5}, ("nuncio", "haproxy", "envoy")),
        Scenario("fresh", Wanted(), _http1("-H", "Connection: close"), {"envoy": 0.6}),
        Scenario("down", Wanted(), _http1(path="/httpbin/big"), {"envoy": 1.0}),
        Scenario("up", Wanted(), _scripted("upload", 1 << 20, "/httpbin/upload"), {"envoy": 1.0}),
        Scenario(
            "websocket", Wanted(websocket=True), _websocket, unit="frame and back", echoes=True
        ),
        Scenario("retries", Wanted(retries=True), _http1()),
        Scenario("access-log", Wanted(logged=True), _http1()),
        # nginx and HAProxy have no statsd.
        Scenario("statsd", Wanted(statsd_port=9), _http1(), by=("nuncio", "envoy")),
        _routes(1),
        _routes(100),
        _routes(1000),
        _routes(10000, goals={"envoy": 0.05}),
        # Envoy takes milliseconds for a request.
        _routes(100000, by=("nuncio", "nginx", "haproxy")),
    ]
    return {scenario.name: scenario for scenario in everything}
