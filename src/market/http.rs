//! One GET: bounded in time and size, led nowhere else, and with nothing of the URL in what it says of
//! failures, for the key stands in the URL.

use std::{io::Read, time::Duration};

use ureq::{Agent, Timeout};

use super::{Class, Refusal};
use crate::watch::Watch;

/// Largest answer that is read; all daily bars of a symbol are 1 MB.
const MOST: usize = 8 << 20;

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// In all, the whole answer included.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(20),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A client with its connections; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Http {
    agent: Agent,
    patience: Patience,
}

impl Http {
    /// A client for the server at `base`. One on this computer is never asked through a proxy.
    pub(super) fn new(patience: Patience, base: &Base) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(patience.connect))
            .timeout_global(Some(patience.total))
            .max_response_header_size(64 << 10)
            .user_agent(concat!("bellkeeper/", env!("CARGO_PKG_VERSION")));
        let config = if base.is_here() {
            config.proxy(None)
        } else {
            config
        };
        Self {
            agent: config.build().into(),
            patience,
        }
    }

    /// Asks for `url`, which stands in no message.
    pub(super) fn get(&self, source: &str, url: &str, watch: &Watch) -> Result<Answer, Refusal> {
        let refuse = |class, what: String| Refusal::new(source, class, what);
        let failed = |error: &ureq::Error| refuse(Class::Transport, self.told(error));
        let response = self.agent.get(url).call();
        let mut response = response.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let mut reader = response.body_mut().as_reader();
        let (mut body, mut piece) = (Vec::new(), vec![0; 64 << 10]);
        loop {
            if let Err(cancelled) = watch.cancel.checkpoint() {
                return Err(refuse(Class::Transport, cancelled.to_string()));
            }
            let read = match reader.read(&mut piece) {
                Ok(0) => return Ok(Answer { status, body }),
                Ok(read) => read,
                Err(error) => {
                    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                    return Err(match inner {
                        Some(inner) => failed(inner),
                        None => refuse(Class::Transport, broken(error.kind())),
                    });
                }
            };
            body.extend_from_slice(piece.get(..read).unwrap_or_default());
            if body.len() > MOST {
                let what = format!("the answer is larger than {} MB", MOST >> 20);
                return Err(refuse(Class::Parse, what));
            }
        }
    }

    /// An error in words that hold nothing of the request.
    fn told(&self, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                format!(
                    "no connection within {} s",
                    self.patience.connect.as_secs_f64()
                )
            }
            ureq::Error::Timeout(_) => {
                format!(
                    "no whole answer within {} s",
                    self.patience.total.as_secs_f64()
                )
            }
            ureq::Error::HostNotFound => "the server's name is not known".to_owned(),
            ureq::Error::ConnectionFailed => "no connection".to_owned(),
            ureq::Error::Io(error) => broken(error.kind()),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
                "the encrypted connection failed: its certificate or protocol is refused".to_owned()
            }
            ureq::Error::Protocol(_) => "the answer breaks the rules of HTTP".to_owned(),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the URL makes no sense".to_owned(),
            _ => "the request failed".to_owned(),
        }
    }
}

fn broken(kind: std::io::ErrorKind) -> String {
    match kind.to_string().as_str() {
        // What the resolver of names says has no kind.
        "uncategorized error" | "other error" => "the server cannot be found or reached".to_owned(),
        kind => format!("the connection failed: {kind}"),
    }
}

/// Where a source is: scheme, host, port, and a path without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base(String);

impl Base {
    /// Reads a URL; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or("it must begin with https:// or http://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() {
            return Err("it names no server");
        }
        if host.contains('@') {
            return Err("it must not hold a name or password");
        }
        if rest.contains(['?', '#']) || rest.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err("it must be a plain URL without `?`, `#` and spaces");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the server is on this computer.
    fn is_here(&self) -> bool {
        let host = self.0.split("://").nth(1).unwrap_or_default();
        ["localhost", "127.", "[::1]"]
            .iter()
            .any(|here| host.starts_with(here))
    }
}

/// What an answer's status alone says; `None` where its body has to be read.
pub(super) fn by_status(source: &str, status: u16) -> Option<Refusal> {
    let refuse = |class, what: &str| {
        Some(Refusal::new(
            source,
            class,
            format!("{what} (HTTP {status})"),
        ))
    };
    match status {
        300..=399 => refuse(
            Class::Parse,
            "the answer leads elsewhere, and is not followed",
        ),
        429 => refuse(Class::Burst, "too many requests"),
        500..=599 => refuse(Class::Server, "the server failed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_plain_url() {
        let base = |text: &str| Base::parse(text).map(|base| base.as_str().to_owned());
        assert_eq!(
            base("http://127.0.0.1:80/x/"),
            Ok("http://127.0.0.1:80/x".to_owned())
        );
        for bad in [
            "",
            "ftp://x",
            "https://",
            "https://a:b@c",
            "https://x?y",
            "https://x y",
            "x",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
        assert!(Base::parse("http://localhost:1").unwrap().is_here());
        assert!(!Base::parse("https://example.org").unwrap().is_here());
    }

    #[test]
    fn a_status_says_what_it_can() {
        let class = |status| by_status("x", status).map(|refusal| refusal.class);
        assert_eq!(class(200), None);
        assert_eq!(class(404), None);
        assert_eq!(class(302), Some(Class::Parse));
        assert_eq!(class(429), Some(Class::Burst));
        assert_eq!(class(503), Some(Class::Server));
    }
}
