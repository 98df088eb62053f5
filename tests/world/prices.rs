//! A server on this computer that speaks as sources of prices do, well and badly.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// HTTP 200 with this body.
    Body(String),
    /// Another status.
    Status(u16, String),
    /// It announces more than it sends.
    Half(String),
    /// It closes the connection without a word.
    Nothing,
    /// It never answers.
    Silence,
    /// A byte now and then.
    Drip(String),
    /// It sends the client to this path.
    Elsewhere(&'static str),
    /// So many megabytes.
    Large(usize),
}

/// The server; it ends with the process.
#[derive(Debug)]
pub(crate) struct PriceServer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl PriceServer {
    /// Answers each path as `answer` says.
    pub(crate) fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut stream = stream;
                    let Some(path) = path(&mut stream) else {
                        return;
                    };
                    seen.lock().unwrap().push(path.clone());
                    // Who hangs up early has seen enough.
                    let _sent = send(&mut stream, answer(&path));
                });
            }
        });
        Self { url, asked }
    }

    /// The paths that were asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn path(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let text = String::from_utf8(request).ok()?;
    Some(text.split(' ').nth(1)?.to_owned())
}

fn send(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let mut whole = |status: u16, length: usize, body: &str| {
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())
    };
    match reply {
        Reply::Body(body) => whole(200, body.len(), &body),
        Reply::Status(status, body) => whole(status, body.len(), &body),
        Reply::Half(body) => whole(200, body.len() * 2, &body),
        Reply::Nothing => Ok(()),
        Reply::Silence => {
            thread::sleep(Duration::from_secs(5));
            Ok(())
        }
        Reply::Drip(body) => {
            whole(200, body.len(), "")?;
            for byte in body.bytes() {
                stream.write_all(&[byte])?;
                thread::sleep(Duration::from_millis(20));
            }
            Ok(())
        }
        Reply::Elsewhere(path) => {
            let head = format!(
                "HTTP/1.1 302 X\r\nLocation: {path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes())
        }
        Reply::Large(megabytes) => {
            whole(200, megabytes << 20, "")?;
            for _ in 0..megabytes {
                stream.write_all(&vec![b' '; 1 << 20])?;
            }
            Ok(())
        }
    }
}

/// Daily bars as Alpha Vantage writes them, the newest first.
pub(crate) fn alpha_vantage(symbol: &str, days: &[&str]) -> String {
    let mut rows = Vec::new();
    for day in days.iter().rev() {
        rows.push(format!(
            r#""{day}":{{"1. open":"10.1000","2. high":"11.0","3. low":"9.5","4. close":"10.5","5. volume":"1234"}}"#
        ));
    }
    format!(
        r#"{{"Meta Data":{{"1. Information":"Daily Prices","2. Symbol":"{symbol}","5. Time Zone":"US/Eastern"}},"Time Series (Daily)":{{{}}}}}"#,
        rows.join(",")
    )
}

/// Flat daily bars as Yahoo writes them, from the seconds at which they began.
pub(crate) fn yahoo(symbol: &str, begin: &[i64]) -> String {
    let column = |value: &str| vec![value; begin.len()].join(",");
    let mut text = format!(
        r#"{{"chart":{{"result":[{{"meta":{{"symbol":"{symbol}","exchangeTimezoneName":"America/New_York","dataGranularity":"1d"}},"timestamp":{begin:?},"indicators":{{"quote":[{{"#
    );
    let flat = column("20.5");
    for name in ["open", "high", "low", "close"] {
        write!(text, r#""{name}":[{flat}],"#).unwrap();
    }
    write!(
        text,
        r#""volume":[{}]}}]}}}}],"error":null}}}}"#,
        column("7")
    )
    .unwrap();
    text
}
