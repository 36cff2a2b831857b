"""nginx and HAProxy, configured as their manuals advise for a reverse proxy."""

ELSEWHERE = "elsewhere.test"

_NGINX = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    client_header_timeout {header}s;
    client_body_timeout {body}s;
    client_header_buffer_size 1k;
    large_client_header_buffers 1 60k;
    client_max_body_size 0;
    keepalive_requests 100000;
    proxy_http_version 1.1;
    proxy_connect_timeout 3s;
    proxy_read_timeout 3s;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Edge yes;
    upstream open {{ server 127.0.0.1:{open} max_fails=0; keepalive 32; }}
    upstream private {{ server 127.0.0.1:{private} max_fails=0; keepalive 32; }}
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{h2} http2;
        {tls}
        server_name edge.test;
        location / {{ proxy_pass http://open; }}
        location /private {{ proxy_pass http://private; }}
        location /ws {{
            proxy_pass http://open;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
        location /moved {{ return 301 http://{elsewhere}$request_uri; }}
    }}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
}}
"""


def nginx(ports, upstreams, settings, directory):
    """Writes the configuration; the command."""
    config = directory / "nginx.conf"
    text = _NGINX.format(
        directory=directory,
        header=settings.header_timeout,
        body=settings.body_timeout,
        open=upstreams.open,
        private=upstreams.private,
        http=ports.http,
        h2=ports.h2,
        tls=_nginx_tls(ports, settings, directory),
        elsewhere=ELSEWHERE,
    )
    config.write_text(text, encoding="utf-8")
    return ["nginx", "-e", "stderr", "-c", config]


_HAPROXY = """\
global
    nbthread 1
    maxconn 2048
    tune.bufsize 62464
    tune.maxrewrite 1024
    tune.http.maxhdr 100
defaults
    mode http
    timeout http-request {header}s
    timeout client {body}s
    timeout server 3s
    timeout connect 3s
    timeout http-keep-alive 60s
    timeout tunnel 60s
    http-reuse always
frontend front
    bind 127.0.0.1:{http}
    bind 127.0.0.1:{h2} proto h2
    {tls}
    acl private path_beg /private
    http-request redirect code 301 prefix http://{elsewhere} if {{ path_beg /moved }}
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Edge yes
    use_backend private if private
    default_backend open
backend open
    option forwardfor
    server open 127.0.0.1:{open}
backend private
    option forwardfor
    server private 127.0.0.1:{private}
"""


def haproxy(ports, upstreams, settings, directory):
    """Writes the configuration; the command."""
    config = directory / "haproxy.cfg"
    text = _HAPROXY.format(
        header=settings.header_timeout,
        body=settings.body_timeout,
        open=upstreams.open,
        private=upstreams.private,
        http=ports.http,
        h2=ports.h2,
        tls=_haproxy_tls(ports, settings, directory),
        elsewhere=ELSEWHERE,
    )
    config.write_text(text, encoding="utf-8")
    return ["haproxy", "-db", "-f", config]


def _nginx_tls(ports, settings, _):
    one = settings.identity
    if not one:
        return ""
    return (
        f"listen 127.0.0.1:{ports.tls} ssl http2; ssl_certificate {one.chain}; "
        f"ssl_certificate_key {one.key}; ssl_protocols TLSv1.2 TLSv1.3;"
    )


def _haproxy_tls(ports, settings, directory):
    if not settings.identity:
        return ""
    both = directory / "identity.pem"
    both.write_text(settings.identity.pem() + settings.identity.key.read_text(), encoding="ascii")
    return f"bind 127.0.0.1:{ports.tls} ssl crt {both} alpn h2,http/1.1"
