//! What the guard costs a request: a head as browsers send it, and a body in chunks.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark is a program, not an interface"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nuncio_guard::{ChunkLimits, Requests, Terms};

const TERMS: Terms = Terms {
    max_head_bytes: 60 * 1024,
    max_fields: 100,
    max_url_bytes: None,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8192,
    },
    allow_chunked_length: false,
};

/// 403 bytes.
const HEAD: &[u8] = b"GET /shop/items/4711?colour=red&page=2 HTTP/1.1\r\n\
    Host: www.shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    \r\n";

fn guard(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    group.throughput(Throughput::Bytes(HEAD.len() as u64));
    group.bench_function("head", |bencher| {
        let mut requests = Requests::new(TERMS);
        bencher.iter(|| {
            requests.begin(TERMS);
            requests.head(black_box(HEAD)).unwrap().unwrap().len
        });
    });
    let chunk = [&b"1000\r\n"[..], &[b'x'; 4096], b"\r\n"].concat();
    let body = [&*chunk.repeat(16), b"0\r\n\r\n"].concat();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("chunks", |bencher| {
        let mut begun = Requests::new(TERMS);
        begun.head(head).unwrap().unwrap();
        bencher.iter(|| begun.clone().body(black_box(&body)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, guard);
criterion_main!(benches);
