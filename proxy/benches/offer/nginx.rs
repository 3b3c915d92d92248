//! The yardstick: Debian's nginx with nothing but `proxy_pass` and a pool of kept-alive upstream connections.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::viva::terminate;

const BINARY: &str = "/usr/sbin/nginx";

/// A running nginx of our own; it is ended when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    addr: SocketAddr,
}

impl Nginx {
    /// `None` where nginx is not installed; the report says so.
    pub(crate) fn start(scratch: &Path, upstream: SocketAddr) -> Result<Option<Self>> {
        if !Path::new(BINARY).exists() {
            return Ok(None);
        }
        let dir = scratch.join("nginx");
        std::fs::create_dir(&dir)?;
        // nginx cannot say which port it got, so a free one is found for it. Whoever takes it in between fails the run.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        std::fs::write(dir.join("nginx.conf"), config(addr, upstream))?;
        let child = Command::new(BINARY)
            .arg("-p")
            .arg(&dir)
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let nginx = Self { child, addr };
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(addr).is_err() {
            ensure!(
                Instant::now() < deadline,
                "nginx did not listen: {}",
                std::fs::read_to_string(dir.join("error.log"))?
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(nginx))
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// Bodies stay in memory and connections are never closed for their age: what a careful operator would set, no more.
fn config(addr: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "daemon off;
worker_processes auto;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_buffer_size 64k;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 100000000;
  upstream model {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen {addr};
    location / {{
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}
}}
"
    )
}
