//! A way to a PostgreSQL server that a test can cut, as when the server stops, and open again.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::TestApp;

/// Listens on an address of its own and passes each connection on to `target`.
pub struct Proxy {
    pub address: SocketAddr,
    target: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    /// The number of calls of [`Proxy::freeze`].
    frozen: watch::Sender<u32>,
    listening: Option<tokio::task::JoinHandle<()>>,
}

impl Proxy {
    /// Returns an issuer whose way to PostgreSQL can be cut; `None` where the tests run on SQLite.
    pub async fn between() -> Option<(TestApp, Self)> {
        std::env::var("TEST_POSTGRES_URL").ok()?;
        let mut proxy = None;
        let app = TestApp::with(|settings| {
            let mut url = url::Url::parse(settings.database_url.expose()).unwrap();
            let opened = Self::open("127.0.0.1:0", &url);
            url.set_port(Some(opened.address.port())).unwrap();
            settings.database_url = url.to_string().try_into().unwrap();
            proxy = Some(opened);
        })
        .await;
        Some((app, proxy.unwrap()))
    }

    /// Opens a way from `address`, whose port may be 0, to the server of `url`.
    pub fn open(address: &str, url: &url::Url) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let mut proxy = Self {
            address: listener.local_addr().unwrap(),
            target,
            connections: Arc::default(),
            frozen: watch::Sender::default(),
            listening: None,
        };
        proxy.listen(listener);
        proxy
    }

    fn listen(&mut self, listener: TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (target, connections) = (self.target.clone(), Arc::clone(&self.connections));
        let frozen = self.frozen.subscribe();
        self.listening = Some(tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (target, mut frozen) = (target.clone(), frozen.clone());
                let before = *frozen.borrow();
                connections.lock().unwrap().spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        // A connection that ends is no error.
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        _ = frozen.wait_for(|now| *now > before) => {}
                    }
                    std::future::pending::<()>().await;
                });
            }
        }));
    }

    /// Passes nothing on any more in the connections that there are, and closes none. New ones work.
    pub fn freeze(&self) {
        self.frozen.send_modify(|calls| *calls += 1);
    }

    /// Closes all connections. New ones may be made.
    pub async fn cut(&self) {
        let mut connections = std::mem::take(&mut *self.connections.lock().unwrap());
        connections.shutdown().await;
    }

    /// Refuses new connections, while those that are open stay.
    pub async fn refuse_new(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        let _ = listening.await;
    }

    /// Closes all connections and refuses new ones, as a server does that has stopped.
    pub async fn stop(&mut self) {
        self.refuse_new().await;
        self.cut().await;
    }

    /// Accepts connections again.
    pub fn start(&mut self) {
        self.listen(TcpListener::bind(self.address).unwrap());
    }
}
