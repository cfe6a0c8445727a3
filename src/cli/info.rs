//! `nbc info`: what this build and machine offer.

use super::failure::Failure;
use super::output;
use nbc::runtime::engine::Limits;
use nbc::runtime::interp::Dispatch;
use nbc::runtime::op::dispatch_name;
use serde_json::json;

/// Show what this build and this machine offer
///
/// The processor's features, how the interpreter dispatches, which instruction
/// set whole-tensor operations use, the tiers and devices there are, and the
/// limits of `run` when none are given.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  nbc info
  nbc info --json | jq .simd")]
pub struct Info {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

macro_rules! features {
    ($check:ident $($name:tt)*) => {
        [$(($name, std::arch::$check!($name))),*]
            .into_iter()
            .filter_map(|(name, there)| there.then_some(name))
            .collect()
    };
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    features!(is_x86_feature_detected
        "sse4.2" "popcnt" "avx" "f16c" "avx2" "bmi1" "bmi2" "lzcnt" "fma" "aes" "vaes" "pclmulqdq" "sha"
        "avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl" "avx512ifma" "avx512vnni")
}

#[cfg(target_arch = "aarch64")]
fn cpu_features() -> Vec<&'static str> {
    features!(is_aarch64_feature_detected "neon" "dotprod" "fp16" "aes" "sha2" "sve" "sve2")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_features() -> Vec<&'static str> {
    Vec::new()
}

impl Info {
    /// Carries out the command.
    pub fn carry_out(&self) -> Result<(), Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        let platform = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let dispatch = Dispatch::default().name();
        let dispatches: Vec<&str> = Dispatch::ALL.iter().map(|d| d.name()).collect();
        let features = cpu_features();
        let limits = Limits::default();
        let text = if self.json {
            let unlimited = |n: usize| (n != usize::MAX).then_some(n);
            json!({
                "version": version,
                "build": build,
                "platform": platform,
                "cpu_features": features,
                "threads": threads,
                "dispatch": dispatch,
                "dispatches": dispatches,
                "simd": dispatch_name(),
                "tiers": ["interpreter"],
                "devices": [{ "name": "cpu", "threads": threads }],
                "limits": {
                    "fuel": limits.fuel,
                    "timeout_seconds": limits.timeout.map(|t| t.as_secs_f64()),
                    "memory": unlimited(limits.memory),
                    "stack": limits.stack,
                },
            })
            .to_string()
        } else {
            format!(
                "nbc {version} ({build} build, {platform})\n\
                 cpu features  {}\n\
                 dispatch      {dispatch} (this build has {})\n\
                 tensor simd   {}\n\
                 tiers         interpreter\n\
                 devices       cpu ({threads} threads)\n\
                 limits        no fuel limit, no time limit, memory as there is, {} MiB of stack",
                features.join(" "),
                dispatches.join(" and "),
                dispatch_name(),
                limits.stack >> 20,
            )
        };
        output::print(&(text + "\n"))?;
        Ok(output::flush()?)
    }
}
