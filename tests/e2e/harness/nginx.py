"""nginx as an upstream that speaks TLS, and says what it saw of whoever connected."""

from harness import http
from harness.ports import free
from harness.program import Program
from harness.waiting import until

# What it answers every request with.
_SEEN = {
    "server": "{name}",
    "sni": "$ssl_server_name",
    "protocol": "$ssl_protocol",
    "alpn": "$ssl_alpn_protocol",
    "http": "$server_protocol",
    "client": "$ssl_client_s_dn",
    "verified": "$ssl_client_verify",
    "connection": "$connection",
}

_CONFIG = """\
daemon off;
master_process off;
pid {directory}/nginx-{name}.pid;
error_log stderr;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/nginx-{name}-body;
    proxy_temp_path {directory}/nginx-{name}-proxy;
    fastcgi_temp_path {directory}/nginx-{name}-fastcgi;
    uwsgi_temp_path {directory}/nginx-{name}-uwsgi;
    scgi_temp_path {directory}/nginx-{name}-scgi;
    server {{
        listen 127.0.0.1:{port} ssl{http2};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {identity.chain};
        ssl_certificate_key {identity.key};
        {more}
        default_type application/json;
        location / {{ return 200 '{seen}'; }}
    }}
    server {{ listen 127.0.0.1:{plain}; location / {{ return 200; }} }}
}}
"""


class Nginx(Program):
    """`nginx` with the certificate `identity`. Clients have to be of `clients`, an authority, if
    that is given; `more` is further configuration. Use as a context manager."""

    def __init__(self, setting, name, identity, clients=None, http2=False, more=""):
        self.port, plain = free(2)
        if clients:
            more += f"ssl_verify_client on; ssl_client_certificate {clients.chain};"
        seen = ",".join(f'"{key}":"{value}"' for key, value in _SEEN.items())
        config = setting.directory / f"nginx-{name}.conf"
        text = _CONFIG.format(
            directory=setting.directory,
            name=name,
            port=self.port,
            plain=plain,
            http2=" http2" if http2 else "",
            identity=identity,
            more=more,
            seen="{" + seen.replace("{name}", name) + "}",
        )
        config.write_text(text, encoding="utf-8")
        super().__init__(
            ["nginx", "-e", "stderr", "-c", config], setting.directory / f"nginx-{name}.log"
        )
        until(lambda: http.get(plain, "/").status == 200, f"nginx {name} answers")
