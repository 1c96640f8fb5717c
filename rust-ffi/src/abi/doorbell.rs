//! A descriptor that tells an event loop that a queue has events. Rung and answered at most once for each filling of the queue.

#[cfg(target_os = "linux")]
mod platform {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, FromRawFd};

    /// An eventfd: one descriptor instead of a pipe's two.
    pub struct Doorbell(File);

    impl Doorbell {
        pub fn new() -> io::Result<Self> {
            // SAFETY: no pointers are involved.
            let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: a fresh descriptor that nobody else owns.
            Ok(Doorbell(unsafe { File::from_raw_fd(descriptor) }))
        }

        pub fn descriptor(&self) -> isize {
            self.0.as_raw_fd() as isize
        }

        pub fn ring(&self) {
            // Fails only when it has been rung 2^64 times without an answer.
            let _ = (&self.0).write(&1u64.to_ne_bytes());
        }

        pub fn answer(&self) {
            let _ = (&self.0).read(&mut [0; 8]);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::io::{self, Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    #[cfg(unix)]
    use std::os::fd::AsRawFd;
    #[cfg(windows)]
    use std::os::windows::io::AsRawSocket;

    /// A pair of sockets: what every system's event loop can wait for.
    pub struct Doorbell {
        outside: TcpStream,
        inside: TcpStream,
    }

    impl Doorbell {
        pub fn new() -> io::Result<Self> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let outside = TcpStream::connect(listener.local_addr()?)?;
            let (mut inside, mut peer) = listener.accept()?;
            // Somebody else may have connected first; only our own end is trusted.
            while peer != outside.local_addr()? {
                (inside, peer) = listener.accept()?;
            }
            outside.set_nonblocking(true)?;
            inside.set_nonblocking(true)?;
            inside.set_nodelay(true)?;
            Ok(Doorbell { outside, inside })
        }

        pub fn descriptor(&self) -> isize {
            #[cfg(unix)]
            return self.outside.as_raw_fd() as isize;
            #[cfg(windows)]
            return self.outside.as_raw_socket() as isize;
        }

        pub fn ring(&self) {
            let _ = (&self.inside).write(&[1]);
        }

        pub fn answer(&self) {
            let _ = (&self.outside).read(&mut [0; 8]);
        }
    }
}

pub use platform::Doorbell;
