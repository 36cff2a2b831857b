"""Pebble, the test authority of Let's Encrypt, and a name server by which every name leads here."""

import json
import os

from harness.ports import free
from harness.program import Program
from harness.waiting import until

# It would wait before it looks.
_HASTE = {"PEBBLE_VA_NOSLEEP": "1"}


class Names(Program):
    """`pebble-challtestsrv` as a name server alone. Use as a context manager."""

    def __init__(self, setting):
        self.port, management = free(2)
        off = [word for name in ("http01", "https01", "tlsalpn01") for word in (f"-{name}", "")]
        super().__init__(
            ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]
            + ["-dns01", f"127.0.0.1:{self.port}", "-management", f"127.0.0.1:{management}", *off],
            setting.directory / "names.log",
        )


class Pebble(Program):
    """`pebble` with the certificate `identity`, which looks at challenges at the port `http`. Use as a
    context manager."""

    def __init__(self, setting, names, identity, http):
        self.port, management, tls = free(3)
        config = {
            "pebble": {
                "listenAddress": f"127.0.0.1:{self.port}",
                "managementListenAddress": f"127.0.0.1:{management}",
                "certificate": str(identity.chain),
                "privateKey": str(identity.key),
                "httpPort": http,
                "tlsPort": tls,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
            }
        }
        file = setting.directory / "pebble.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        super().__init__(
            ["pebble", "-config", file, "-dnsserver", f"127.0.0.1:{names.port}"],
            setting.directory / "pebble.log",
            env={**os.environ, **_HASTE},
        )
        try:
            until(lambda: "directory available" in self.output(), "pebble listens")
        except BaseException:
            self.__exit__()
            raise

    @property
    def directory(self):
        return f"https://localhost:{self.port}/dir"
