//! `--device`: what runs whole-array operations besides the processor, and what `nbc info` says of it.

use super::failure::Failure;
use nbc::runtime::engine::Config;
use std::str::FromStr;

/// The value of `--device`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// The processor alone.
    Cpu,
    /// That GPU.
    Gpu(usize),
    /// The first GPU that has been measured, where it is predicted to be quicker; without rates the processor alone.
    Auto,
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Wanted, String> {
        let expected = || "expected cpu, gpu, gpu:N or auto".to_owned();
        match text {
            "cpu" => Ok(Wanted::Cpu),
            "gpu" => Ok(Wanted::Gpu(0)),
            "auto" => Ok(Wanted::Auto),
            _ => text.strip_prefix("gpu:").and_then(|n| n.parse().ok()).map(Wanted::Gpu).ok_or_else(expected),
        }
    }
}

impl Wanted {
    /// The configuration with the device, to which secrets may go if that is said.
    ///
    /// # Errors
    /// When one is asked for by name and cannot be had.
    pub fn put_into(self, config: Config, secrets: bool) -> Result<Config, Failure> {
        match self {
            Wanted::Cpu => Ok(config),
            Wanted::Auto => Ok(measured(config, secrets)),
            Wanted::Gpu(ordinal) => gpu(ordinal, config, secrets),
        }
    }
}

#[cfg(feature = "cuda")]
fn gpu(ordinal: usize, config: Config, secrets: bool) -> Result<Config, Failure> {
    let options = nbc::cuda::Options::new().secrets(secrets);
    let mut options = options.on_loss(|why| eprintln!("warning: {why}"));
    if let Some(folder) = super::rates::folder() {
        options = options.kernels(folder.join("kernels"));
    }
    let device = nbc::cuda::Cuda::open(ordinal, options).map_err(|absent| {
        let (why, remedy) = (absent.to_string(), absent.remedy());
        Failure::usage(format!("--device: {why}; {remedy}, or run it with --device cpu"))
    })?;
    if device.about().simulated {
        eprintln!("warning: {} is no GPU: its times mean nothing", device.about().name);
    }
    if let Some(notice) = device.notice() {
        eprintln!("warning: {}", nbc::ir::shown::visible_lines(notice));
    }
    Ok(config.device(device))
}

/// The configuration with the first GPU whose rates are kept, and which can be had.
#[cfg(feature = "cuda")]
fn measured(config: Config, secrets: bool) -> Config {
    for about in nbc::cuda::devices().unwrap_or_default() {
        let Some(rates) = super::rates::kept_of_gpu(about.ordinal).filter(|_| !about.simulated) else {
            continue;
        };
        let options = nbc::cuda::Options::new().rates(rates).secrets(secrets);
        let options = options.on_loss(|why| eprintln!("warning: {why}"));
        if let Ok(device) = nbc::cuda::Cuda::open(about.ordinal, options) {
            return config.device(device);
        }
    }
    config
}

#[cfg(not(feature = "cuda"))]
fn measured(config: Config, _: bool) -> Config {
    config
}

/// Elements of a tensor by which a GPU is measured.
#[cfg(feature = "cuda")]
const MEASURED: usize = 1 << 24;

/// Measures every GPU, keeps its rates, and says so in lines; with the rates by name.
///
/// # Errors
/// One has failed meanwhile, or its rates cannot be kept.
#[cfg(feature = "cuda")]
pub fn calibrated() -> Result<Vec<(String, nbc::placement::DeviceRates, std::path::PathBuf)>, Failure> {
    let mut all = Vec::new();
    for about in nbc::cuda::devices().unwrap_or_default() {
        let failed = |why: String| Failure::input(format!("{}: {why}", about.name));
        let device = nbc::cuda::Cuda::open(about.ordinal, nbc::cuda::Options::new());
        let device = device.map_err(|absent| failed(absent.to_string()))?;
        let rates = nbc::placement::calibrate_device(device, MEASURED).map_err(|e| failed(e.to_string()))?;
        let file = super::rates::keep_of_gpu(about.ordinal, &rates)?;
        all.push((format!("gpu:{}", about.ordinal), rates, file));
    }
    Ok(all)
}

/// None.
#[cfg(not(feature = "cuda"))]
pub fn calibrated() -> Result<Vec<(String, nbc::placement::DeviceRates, std::path::PathBuf)>, Failure> {
    Ok(Vec::new())
}

#[cfg(not(feature = "cuda"))]
fn gpu(_: usize, _: Config, _: bool) -> Result<Config, Failure> {
    Err(Failure::usage("--device: this build has no GPUs: it was built without the feature `cuda`"))
}

/// A GPU, or why there is none, for people and for machines.
pub fn found() -> (Vec<String>, Vec<serde_json::Value>) {
    #[cfg(feature = "cuda")]
    match nbc::cuda::devices() {
        Ok(all) => all
            .iter()
            .map(|about| {
                let (major, minor) = about.capability;
                let megabytes = about.memory >> 20;
                let cuda = format!("{}.{}", about.cuda.0, about.cuda.1);
                let text = format!(
                    "gpu:{} {} ({megabytes} MiB, compute capability {major}.{minor}, CUDA {cuda})",
                    about.ordinal, about.name
                );
                let json = serde_json::json!({
                    "name": format!("gpu:{}", about.ordinal),
                    "model": about.name,
                    "memory": about.memory,
                    "capability": format!("{major}.{minor}"),
                    "cuda": cuda,
                    "simulated": about.simulated,
                });
                (text, json)
            })
            .unzip(),
        Err(absent) => (vec![format!("no GPU: {absent}; {}", absent.remedy())], Vec::new()),
    }
    #[cfg(not(feature = "cuda"))]
    (vec!["no GPU: this build is without the feature `cuda`".to_owned()], Vec::new())
}

/// NVIDIA's libraries: what each is for, or what is done without it. Nothing where there is no GPU that would use them.
#[cfg(feature = "cuda")]
pub fn libraries() -> (Vec<String>, serde_json::Value) {
    let mut json = serde_json::Map::new();
    if nbc::cuda::devices().is_err() {
        return (Vec::new(), json.into());
    }
    let lines = nbc::cuda::libraries().map(|(library, found)| {
        json.insert(library.name().to_owned(), found.is_ok().into());
        match found {
            Ok(()) => format!("{} ({})", library.name(), library.serves()),
            Err(missing) => format!(
                "no {} ({}: {}): {missing}; {}",
                library.name(),
                library.serves(),
                library.without(),
                missing.remedy()
            ),
        }
    });
    (lines.collect(), json.into())
}

/// None.
#[cfg(not(feature = "cuda"))]
pub fn libraries() -> (Vec<String>, serde_json::Value) {
    (Vec::new(), serde_json::json!({}))
}

/// Whether a simulated driver is in place of a GPU's: then nothing is measured.
///
/// # Errors
/// When it is.
pub fn must_be_real() -> Result<(), Failure> {
    #[cfg(feature = "cuda")]
    if nbc::cuda::is_simulated() {
        return Err(Failure::usage("the CUDA driver here is a simulated one: nothing is measured beside it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn devices_have_names() {
        for (text, wanted) in
            [("cpu", Wanted::Cpu), ("gpu", Wanted::Gpu(0)), ("gpu:3", Wanted::Gpu(3)), ("auto", Wanted::Auto)]
        {
            assert_eq!(text.parse(), Ok(wanted));
        }
        for text in ["", "gpu:", "gpu:-1", "gpu:x", "GPU", "tpu"] {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }
}
