//! The gateway's page of metrics.

use std::io::Result;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A page, as `target` says which.
///
/// # Errors
/// When there is none.
pub async fn page(address: SocketAddr, target: &str) -> Result<String> {
    let mut tcp = TcpStream::connect(address).await?;
    // By HTTP/1.0 it comes in one piece, and ends with the connection.
    let request = format!("GET {target} HTTP/1.0\r\n\r\n");
    tcp.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    tcp.read_to_string(&mut page).await?;
    Ok(page)
}

/// The sum of a family's samples on a page.
pub fn sum(page: &str, family: &str) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(family)?;
        let is_it = rest.starts_with([' ', '{']);
        let value = rest.rsplit(' ').next().filter(|_| is_it)?;
        value.parse::<f64>().ok()
    };
    page.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_summed_and_no_other() {
        let page = "# TYPE a counter\na{b=\"c\"} 2\na{b=\"d e\"} 3\na_b 7\n";
        assert!((sum(page, "a") - 5.0).abs() < f64::EPSILON);
    }
}
