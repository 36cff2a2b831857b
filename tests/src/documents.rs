//! Documents that say who is listened to; `more` are further lines.

/// A TLSContext that terminates TLS for `hosts` by the Secret of its own name, for HTTP/2 and HTTP/1.1.
pub fn tls_context(name: &str, hosts: &[&str], more: &str) -> String {
    let hosts: String = hosts.iter().map(|host| format!("\n- \"{host}\"")).collect();
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: TLSContext\nname: {name}\nsecret: {name}\n\
         alpn_protocols: h2,http/1.1\nhosts:{hosts}\n{more}\n"
    )
}

/// A Host with the Secret of its own name, served without TLS too.
pub fn host(name: &str, hostname: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nname: {name}\n\
         hostname: \"{hostname}\"\ntlsSecret: {{name: {name}}}\n\
         requestPolicy: {{insecure: {{action: Route}}}}\n"
    )
}

/// A Listener for all Hosts.
pub fn listener(name: &str, port: u16, stack: &[&str], more: &str) -> String {
    let stack = stack.join(", ");
    format!(
        "---\napiVersion: getambassador.io/v3alpha1\nkind: Listener\nname: {name}\nport: {port}\n\
         protocolStack: [{stack}]\nsecurityModel: XFP\n\
         hostBinding: {{namespace: {{from: ALL}}}}\n{more}\n"
    )
}

/// A TCPMapping of a port.
pub fn tcp_mapping(name: &str, port: u16, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: TCPMapping\nname: {name}\nport: {port}\n\
         service: {service}\n{more}\n"
    )
}
