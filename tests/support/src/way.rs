//! The ways to run a program: the one list that every test of whole programs
//! goes through, and the one place where an engine is made for each.

use nbc::compare::calls::Between;
use nbc::jit::midend::Options as Passes;
use nbc::jit::{Jit, Mode, Options, Verify};
use nbc::runtime::abi::interpreter_tier::InterpreterTier;
use nbc::runtime::device::null::NullDevice;
use nbc::runtime::engine::{Config, Engine};
use nbc::runtime::machine::dispatch::Dispatch;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// One way to run a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Way {
    /// The interpreter's dispatcher.
    pub dispatch: Dispatch,
    /// Whether fuel is metered.
    pub metered: bool,
    /// What takes over hot code.
    pub tier: Tier,
    /// What runs operations besides the processor.
    pub device: Device,
}

/// What runs operations besides the processor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Device {
    /// Nothing.
    None,
    /// A device that does all that it may.
    Null,
    /// One that fails at a third of it.
    Failing,
}

/// What takes over hot code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tier {
    /// Nothing.
    None,
    /// The portable loop, after a few iterations of a loop or calls of a function.
    Interpreter,
    /// The compiler.
    Jit {
        /// When functions are compiled.
        when: When,
        /// Whether the mid-end does all it can, or nothing.
        passes: bool,
        /// Whether a check is kept behind every access that passes make unchecked.
        sanitised: bool,
    },
}

/// When functions are compiled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum When {
    /// At their first call.
    First,
    /// After a few calls, and after a few iterations of a loop, into which they are
    /// entered as it runs.
    Hot,
    /// As when hot, but on another thread while the program goes on.
    Background,
}

type Tools = (Engine, Option<Arc<Jit>>);

/// Engines and compilers are shared by all programs that run the same way.
static TOOLS: LazyLock<Mutex<HashMap<Way, Tools>>> = LazyLock::new(Mutex::default);

impl Way {
    /// What may differ between the reference and this way.
    pub fn beside_reference(self) -> Between {
        match (self.device, self.tier) {
            (Device::None, Tier::None) => Between::Interpreters,
            (Device::None, _) => Between::Tiers,
            _ => Between::Devices,
        }
    }

    /// Every way of this build.
    pub fn all() -> impl Iterator<Item = Way> {
        let mut all = Vec::new();
        let mut add = |dispatch: Dispatch, tier: Tier| {
            all.extend([false, true].map(|metered| Way { dispatch, metered, tier, device: Device::None }));
        };
        for dispatch in Dispatch::ALL {
            add(*dispatch, Tier::None);
            add(*dispatch, Tier::Interpreter);
        }
        if Way::can_compile() {
            let sanitised = std::env::var_os("NBC_SANITIZE").is_some();
            for passes in [true, false] {
                let tier = |when| Tier::Jit { when, passes, sanitised: sanitised && passes };
                add(Dispatch::default(), tier(When::First));
                // When code is entered has little to do with passes, and unoptimised builds take long
                // enough for the others.
                if cfg!(debug_assertions) && !passes {
                    continue;
                }
                for dispatch in Dispatch::ALL {
                    add(*dispatch, tier(When::Hot));
                }
                add(Dispatch::default(), tier(When::Background));
            }
        }
        // What a device does is the same in all tiers, but for the steps that bring elements home.
        let dispatch = Dispatch::default();
        let on = |metered, tier, device| Way { dispatch, metered, tier, device };
        let jit = |when| Tier::Jit { when, passes: true, sanitised: false };
        all.push(on(false, Tier::None, Device::Null));
        if Way::can_compile() {
            all.push(on(true, jit(When::First), Device::Null));
        }
        // Unoptimised builds take long enough for the others.
        if !cfg!(debug_assertions) {
            all.push(on(true, Tier::None, Device::Failing));
            if Way::can_compile() {
                all.push(on(false, jit(When::Hot), Device::Null));
            }
        }
        all.into_iter()
    }

    /// Whether this machine is one that code can be compiled for.
    fn can_compile() -> bool {
        static CAN: OnceLock<bool> = OnceLock::new();
        *CAN.get_or_init(|| Jit::new(Options::default()).compiler().is_some())
    }

    /// What others are held against: the portable loop.
    pub fn reference(metered: bool) -> Way {
        let dispatch = Dispatch::from_name("match").unwrap_or_default();
        Way { dispatch, metered, tier: Tier::None, device: Device::None }
    }

    /// A few ways for one of many programs, so that more programs get their share:
    /// compiled at once with and without fuel, for a quarter of them in the
    /// sanitising mode, and some of the others.
    pub fn some(seed: u64) -> Vec<Way> {
        let all: Vec<Way> = Way::all().collect();
        let first = |w: &&Way| {
            w.device == Device::None && matches!(w.tier, Tier::Jit { when: When::First, passes: true, .. })
        };
        let mut some: Vec<Way> = all.iter().filter(first).copied().collect();
        for way in &mut some {
            if let Tier::Jit { sanitised, .. } = &mut way.tier {
                *sanitised |= seed.is_multiple_of(4);
            }
        }
        let mut state = seed;
        for _ in 0..4 {
            state = state.wrapping_add(1).wrapping_mul(0x5851_f42d_4c95_7f2d);
            let way = all[(state >> 33) as usize % all.len()];
            if !some.contains(&way) {
                some.push(way);
            }
        }
        some
    }

    /// An engine that runs programs this way. Whether fuel is metered is said
    /// where an instance is made.
    pub fn engine(self) -> Engine {
        self.tools().0
    }

    /// The compiler of that engine.
    pub fn jit(self) -> Option<Arc<Jit>> {
        self.tools().1
    }

    fn tools(self) -> Tools {
        TOOLS.lock().unwrap().entry(self).or_insert_with(|| self.new_tools()).clone()
    }

    fn new_tools(self) -> Tools {
        // No operation of the reference writes into an argument, nor waits for others: all are held against that.
        let is_reference = self == Way::reference(self.metered);
        let config = Config::new().dispatch(self.dispatch).in_place(!is_reference).fusion(!is_reference);
        // Groups are worth it from so many elements on that few tests would have some.
        let config = if self.tier == Tier::None { config } else { config.fusion_of_small(1) };
        let config = match self.device {
            Device::None => config,
            Device::Null => config.device(Arc::new(NullDevice::new())),
            Device::Failing => config.device(Arc::new(NullDevice::failing(3))),
        };
        match self.tier {
            Tier::None => (Engine::new(config), None),
            Tier::Interpreter => {
                (Engine::new(config.tier(Arc::new(InterpreterTier::new(false))).slice(3)), None)
            }
            Tier::Jit { when, passes, sanitised } => {
                let verify = if sanitised { Verify::All } else { Verify::Nothing };
                let passes = match passes {
                    true => Passes { verify, ..Passes::default() },
                    false => Passes { inline: false, hoist: false, unroll: false, vectorise: false, verify },
                };
                let mode = if when == When::First { Mode::Always } else { Mode::Auto };
                let background = when == When::Background;
                let options = Options::new().mode(mode).background(background).threshold(3).passes(passes);
                let jit = Jit::new(options);
                (Engine::new(config.tier(jit.clone()).slice(3)), Some(jit))
            }
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, fuel {}", self.dispatch.name(), if self.metered { "on" } else { "off" })?;
        match self.tier {
            Tier::None => Ok(()),
            Tier::Interpreter => f.write_str(", relayed"),
            Tier::Jit { when, passes, sanitised } => {
                f.write_str(match when {
                    When::First => ", compiled at first call",
                    When::Hot => ", compiled when hot",
                    When::Background => ", compiled in the background",
                })?;
                f.write_str(if passes { "" } else { ", no passes" })?;
                f.write_str(if sanitised { ", sanitised" } else { "" })
            }
        }?;
        f.write_str(match self.device {
            Device::None => "",
            Device::Null => ", on a device",
            Device::Failing => ", on a device that fails",
        })
    }
}
