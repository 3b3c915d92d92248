//! What a browser does that matters here: it keeps cookies of the server, follows redirects one at a time, and says on which
//! page it is.

use std::collections::BTreeMap;

use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;

/// A browser with one server's cookies.
pub(super) struct Browser {
    http: Client,
    server: String,
    pub(super) cookies: BTreeMap<String, String>,
    /// The attributes that each was set with.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Browser {
    pub(super) fn new(server: &str) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { http, server: server.to_owned(), cookies: BTreeMap::new(), attributes: BTreeMap::new() }
    }

    /// Opens an address, of the server or of somebody else, who gets no cookies.
    pub(super) async fn open(&mut self, address: &str) -> Response {
        let own = address.starts_with('/') || address.starts_with(&self.server);
        let url = if address.starts_with('/') { format!("{}{address}", self.server) } else { address.to_owned() };
        let request = self.http.get(url);
        let request = if own { request.header("cookie", self.cookie_header()) } else { request };
        let response = request.send().await.unwrap();
        if own {
            self.keep(&response);
        }
        response
    }

    /// What a page of the server does by script.
    pub(super) async fn post(&mut self, path: &str, body: &Value) -> Response {
        let request = self.http.request(Method::POST, format!("{}{path}", self.server)).json(body);
        let request = request.header("origin", &self.server).header("cookie", self.cookie_header());
        let response = request.send().await.unwrap();
        self.keep(&response);
        response
    }

    /// Follows redirects from an address until there is none; where it ends, and its status.
    pub(super) async fn follow(&mut self, address: &str) -> (String, u16) {
        let mut at = address.to_owned();
        for _ in 0..6 {
            let response = self.open(&at).await;
            let Some(location) = response.headers().get("location") else { return (at, response.status().as_u16()) };
            at = location.to_str().unwrap().to_owned();
            if at.starts_with("http://site.example") {
                return (at, 0);
            }
        }
        panic!("redirects without end, at {at}");
    }

    /// Name of whoever is signed in.
    pub(super) async fn me(&mut self) -> Option<String> {
        let response = self.open("/api/me").await;
        let me: Value = response.json().await.unwrap();
        me["user"]["name"].as_str().map(str::to_owned)
    }

    fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, response: &Response) {
        for set in response.headers().get_all("set-cookie") {
            let text = set.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.attributes.insert(name.to_owned(), attributes.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
