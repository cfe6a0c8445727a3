//! A process that programs run in, so that one that takes it down, or never
//! ends, is a finding like any other.
//!
//! It is this test binary again, with a variable set. A request is a line on its
//! standard input, a reply a line on its standard output; whoever asked knows
//! which program was running when there is none. What happens before the stack
//! ends happens soon, for the stack is small.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tells the test that it is the child.
const VARIABLE: &str = "TEST_CHILD";
/// Begins replies, among what the test harness prints.
const MARK: &str = "reply: ";
/// Bytes of stack that programs are compiled and run with.
const STACK: usize = 1 << 20;
/// What stands for the end of a line in requests and replies.
const LINE: char = '\u{1}';
/// Most bytes of what a child says that are kept.
const SAID: usize = 4000;

/// What came of a request.
pub enum Answer {
    /// What it replied.
    Reply(String),
    /// How it ended, and what it said last.
    Died(String),
    /// There was no reply in time.
    Hung,
}

/// The process.
pub struct Child {
    process: std::process::Child,
    requests: ChildStdin,
    replies: Receiver<String>,
    said: Arc<Mutex<String>>,
}

/// Whether this process is such a child.
pub fn is_child() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Answers requests until there are no more.
///
/// # Panics
/// When `answer` does.
pub fn serve(answer: impl Fn(&str) -> String + Send + 'static) {
    let run = move || {
        for request in std::io::stdin().lock().lines().map_while(Result::ok) {
            let reply = answer(&request.replace(LINE, "\n"));
            let mut out = std::io::stdout().lock();
            let sent = writeln!(out, "\n{MARK}{}", reply.replace('\n', &LINE.to_string()));
            if sent.and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread can be made");
    thread.join().expect("requests are answered without panics");
}

impl Child {
    /// Starts one, in which `test` is to serve.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(test: &str) -> Child {
        let program = std::env::current_exe().expect("the test knows where it is");
        let mut command = Command::new(program);
        command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the test can be started again");
        let requests = process.stdin.take().expect("it is piped");
        let out = process.stdout.take().expect("it is piped");
        let mut err = process.stderr.take().expect("it is piped");
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(reply) = line.strip_prefix(MARK)
                    && sender.send(reply.replace(LINE, "\n")).is_err()
                {
                    return;
                }
            }
        });
        let said = Arc::new(Mutex::new(String::new()));
        let to = said.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(len @ 1..) = err.read(&mut buffer) {
                let mut said = to.lock().unwrap();
                said.push_str(&String::from_utf8_lossy(&buffer[..len]));
                while said.len() > SAID {
                    said.remove(0);
                }
            }
        });
        Child { process, requests, replies, said }
    }

    /// Sends a request and waits for its reply. After any other answer the child
    /// is of no use.
    pub fn ask(&mut self, request: &str, patience: Duration) -> Answer {
        let sent = writeln!(self.requests, "{}", request.replace('\n', &LINE.to_string()));
        let reply = match sent.and_then(|()| self.requests.flush()) {
            Ok(()) => self.replies.recv_timeout(patience),
            Err(_) => Err(RecvTimeoutError::Disconnected),
        };
        match reply {
            Ok(reply) => Answer::Reply(reply),
            Err(RecvTimeoutError::Timeout) => Answer::Hung,
            Err(RecvTimeoutError::Disconnected) => {
                let how = self.process.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
                // What was said last may still be on its way.
                std::thread::sleep(Duration::from_millis(20));
                Answer::Died(format!("{how}; {}", self.said.lock().unwrap().trim()))
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
