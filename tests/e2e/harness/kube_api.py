"""An API server with a few kinds of objects, for gateways that take them from a cluster: lists, and
watches that end only with their time. It checks nothing but versions, and takes writes of the gateway's
to Secrets and Leases alone."""

import http.server
import json
import threading
import time
import urllib.parse

_WRITTEN = ("Secret", "Lease")

_CORE = {"Service": "services", "Secret": "secrets", "ConfigMap": "configmaps"}
_NETWORKING = {"Ingress": "ingresses", "IngressClass": "ingressclasses"}
_CUSTOM = {
    "Mapping": "mappings",
    "Module": "modules",
    "Host": "hosts",
    "Listener": "listeners",
    "TLSContext": "tlscontexts",
    "TCPMapping": "tcpmappings",
}
_PREFIXES = {
    "/api/v1/": _CORE,
    "/apis/networking.k8s.io/v1/": _NETWORKING,
    "/apis/coordination.k8s.io/v1/": {"Lease": "leases"},
    "/apis/getambassador.io/v3alpha1/": _CUSTOM,
}
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
_DEFINITION = {"spec": {"versions": [{"name": "v3alpha1", "served": True, "storage": True}]}}


class KubeApi:
    """Use as a context manager."""

    def __init__(self):
        self._objects = {}
        self._events = []
        self._changed = threading.Condition()
        self._ended = False
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._answers())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def kubeconfig(self, file):
        """Writes to `file` how it is reached."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "clusters": [{"name": "e2e", "cluster": {"server": url}}],
            "users": [{"name": "e2e", "user": {}}],
        }
        file.write_text(json.dumps(config), encoding="utf-8")
        return file

    def apply(self, *objects):
        """Creates `objects`, or changes them."""
        with self._changed:
            for each in objects:
                self._tell("MODIFIED" if _key(each) in self._objects else "ADDED", each)

    def get(self, kind, name, namespace="default"):
        """One object; None when it is not there."""
        with self._changed:
            return self._objects.get((kind, namespace, name))

    def secrets(self):
        with self._changed:
            return [one for one in self._objects.values() if one["kind"] == "Secret"]

    def write(self, one, is_new, in_earnest):
        """The object as it is then, and the code of the answer."""
        with self._changed:
            before = self._objects.get(_key(one))
            version = one["metadata"].get("resourceVersion")
            if is_new == bool(before):
                return None, 409 if before else 404
            if before and version not in (None, before["metadata"]["resourceVersion"]):
                return None, 409
            if in_earnest:
                self._tell("MODIFIED" if before else "ADDED", one)
            return self._objects.get(_key(one), one), 201 if is_new else 200

    def delete(self, *objects):
        with self._changed:
            for each in objects:
                self._tell("DELETED", each)

    def _tell(self, event, one):
        version = str(len(self._events) + 1)
        metadata = {**one["metadata"], "resourceVersion": version}
        metadata.setdefault("uid", "-".join(_key(one)))
        one = {**one, "metadata": metadata}
        self._events.append((event, one))
        self._objects[_key(one)] = one
        if event == "DELETED":
            del self._objects[_key(one)]
        self._changed.notify_all()

    def list(self, asked):
        """The version of the list, and what is in it."""
        with self._changed:
            found = [one for one in self._objects.values() if asked.selects(one)]
            return len(self._events), sorted(found, key=_key)

    def events(self, after, deadline):
        """What happened after version `after`, once something has; None at the end of the time."""
        with self._changed:
            while len(self._events) == after:
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._changed.wait(left)
            return self._events[after:]

    def _answers(self):
        class Answer(_Answer):
            api = self

        return Answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Asked:
    """What a request is about."""

    def __init__(self, path, accept):
        url = urllib.parse.urlsplit(path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        self.path = url.path
        self.metadata_only = "as=PartialObjectMetadata" in accept
        self.kind = self.namespace = self.name = self.version = None
        for prefix, kinds in _PREFIXES.items():
            if url.path.startswith(prefix):
                self._place(prefix, kinds, url.path.removeprefix(prefix).split("/"))

    def _place(self, prefix, kinds, words):
        self.version = prefix.strip("/").partition("/")[2]
        if words[0] == "namespaces" and len(words) > 2:
            self.namespace, words = words[1], words[2:]
        self.kind = next((kind for kind, plural in kinds.items() if plural == words[0]), None)
        self.name = words[1] if len(words) > 1 else None

    def selects(self, one):
        metadata = one["metadata"]
        fields = dict(
            term.replace("==", "=").split("=", 1)
            for term in self.query.get("fieldSelector", "").split(",")
            if "=" in term and "!=" not in term
        )
        return (
            one["kind"] == self.kind
            and self.namespace in (None, metadata.get("namespace"))
            and fields.get("metadata.name", metadata["name"]) == metadata["name"]
            and self.name in (None, metadata["name"])
        )

    def form(self, one):
        """As much of an object as is asked for."""
        if not self.metadata_only:
            return one
        head = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
        return {**head, "metadata": one["metadata"]}


class _Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = _Asked(self.path, self.headers.get("Accept", ""))
        if asked.path.startswith(_DEFINITIONS):
            plural = asked.path.removeprefix(_DEFINITIONS).partition(".")[0]
            known = plural in _CUSTOM.values()
            return self._say(_DEFINITION) if known else self._refuse(404, "NotFound")
        if not asked.kind:
            return self._refuse(404, "NotFound")
        if asked.query.get("watch") in ("true", "1"):
            return self._watch(asked)
        version, found = self.api.list(asked)
        if asked.name:
            return self._say(found[0]) if found else self._refuse(404, "NotFound")
        kind = "PartialObjectMetadataList" if asked.metadata_only else f"{asked.kind}List"
        return self._say(
            {
                "apiVersion": "meta.k8s.io/v1" if asked.metadata_only else asked.version,
                "kind": kind,
                "metadata": {"resourceVersion": str(version)},
                "items": [asked.form(one) for one in found],
            }
        )

    def do_POST(self):
        asked = _Asked(self.path, "")
        if asked.kind not in _WRITTEN:
            return self._refuse(403, "Forbidden")
        one = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        one = {"kind": asked.kind, "apiVersion": asked.version, **one}
        one["metadata"].setdefault("namespace", asked.namespace)
        is_new, in_earnest = self.command == "POST", "dryRun" not in asked.query
        written, code = self.api.write(one, is_new, in_earnest)
        return self._say(written, code) if written else self._say(_status(code, "Conflict"), code)

    do_PUT = do_POST

    def do_PATCH(self):
        self._refuse(403, "Forbidden")

    do_DELETE = do_PATCH

    def _watch(self, asked):
        if "sendInitialEvents" in asked.query:
            # As servers before 1.32 do.
            return self._refuse(422, "Invalid")
        deadline = time.monotonic() + float(asked.query.get("timeoutSeconds", 300))
        seen = int(asked.query.get("resourceVersion") or 0)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while (new := self.api.events(seen, deadline)) is not None:
                seen += len(new)
                for event, one in new:
                    if asked.selects(one):
                        self._chunk({"type": event, "object": asked.form(one)})
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def _chunk(self, value):
        line = json.dumps(value).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def _refuse(self, code, reason):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._say(_status(code, reason), code)

    def _say(self, value, code=200):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _status(code, reason):
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**status, "message": reason, "reason": reason, "code": code}


def _key(one):
    metadata = one["metadata"]
    return one["kind"], metadata.get("namespace", ""), metadata["name"]
