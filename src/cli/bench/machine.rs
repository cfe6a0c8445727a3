//! The machine that was measured on, so that numbers of different machines or
//! builds are never held against each other unawares.

use nbc::runtime::machine::dispatch::Dispatch;
use nbc::runtime::op::dispatch_name;
use serde_json::{Value as Json, json};
use std::fs::read_to_string;

/// A machine and the build of NBC on it.
pub struct Machine {
    cpu: String,
    cores: usize,
    system: String,
    dispatch: Dispatch,
    /// Those that take part in whole-array operations.
    threads: usize,
}

impl Machine {
    /// This one.
    pub fn this(dispatch: Dispatch, threads: usize) -> Machine {
        let cpu = read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let os = std::env::consts::OS;
        let release = read_to_string("/proc/sys/kernel/osrelease");
        Machine {
            cpu: cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: release.map_or_else(|_| os.to_owned(), |r| format!("{os} {}", r.trim())),
            dispatch,
            threads,
        }
    }

    fn build() -> &'static str {
        if cfg!(debug_assertions) { "debug" } else { "release" }
    }

    /// In one line.
    pub fn line(&self) -> String {
        let cores = super::super::show::count(self.cores, "core");
        format!(
            "nbc {} ({} build, {} dispatch), {}, {cores}, {}",
            env!("CARGO_PKG_VERSION"),
            Machine::build(),
            self.dispatch.name(),
            self.cpu,
            self.system
        )
    }

    /// What people should know before they believe the numbers.
    pub fn warning() -> Option<&'static str> {
        cfg!(debug_assertions).then_some("this is a debug build: its times say nothing about nbc")
    }

    /// For machines.
    pub fn json(&self) -> Json {
        json!({
            "cpu": self.cpu,
            "cores": self.cores,
            "threads": self.threads,
            "architecture": std::env::consts::ARCH,
            "system": self.system,
            "nbc": env!("CARGO_PKG_VERSION"),
            "build": Machine::build(),
            "dispatch": self.dispatch.name(),
            "simd": dispatch_name(),
        })
    }
}
