//! Devices that panic, refuse, lose what they had, or want what they are given back twice.

use super::Case;
use nbc::device::{
    Cost, Device, DeviceArg, DeviceCall, DeviceCounts, DeviceError, DeviceGroup, DeviceMemory, Extent,
    NullDevice, Operation,
};
use nbc::placement::DeviceRates;
use nbc::{Config, Elem, Engine, Instance, Linker, TrapCode, Value};
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::sync::Arc;

pub const CASES: &[Case] = &[
    (
        &[
            "nbc::Config::device",
            "nbc::Config::fusion",
            "nbc::Config::in_place",
            "runtime::Config::device",
            "runtime::Config::fusion",
            "runtime::Config::fusion_of_small",
            "runtime::Config::in_place",
            "runtime::DeviceArg::dims",
            "runtime::Instance::device_counts",
            "runtime::NullDevice::new",
            "runtime::NullDevice::failing",
            "runtime::NullDevice::losing",
            "runtime::NullDevice::with_rates",
            "runtime::DeviceRates::each",
            "runtime::NullDevice::in_use",
            "runtime::Program::plan",
            "runtime::Program::running",
        ],
        null_devices,
    ),
    (&["runtime::Config::device"], devices_that_panic),
    (
        &[
            "ir::Operation::find",
            "ir::Operation::index",
            "ir::Operation::is_elementwise",
            "ir::Operation::typed",
            "ir::Cost::work",
            "ir::Work::fuel",
            "ir::Extent::new",
        ],
        operations,
    ),
];

const PROGRAM: &[u8] = b"export func @main(%n: i64) -> f64 {
  %x = tensor.full<f64> [%n], 2.0
  %a = tensor.mul %x, %x
  %b = tensor.add %a, %x
  %r = tensor.load %b, 0
  ret %r
}";

fn instance(config: Config) -> Instance {
    let program = Engine::new(config).read(PROGRAM, "device.nba").unwrap();
    assert!(Arc::ptr_eq(&program.plan(), &program.plan()));
    assert_eq!(program.running().num_funcs(), program.module().num_funcs());
    Linker::new().instantiate(&program).unwrap()
}

fn operations() {
    assert!(Operation::find("").is_none() && Operation::find("tensor.add\0").is_none());
    let add = Operation::find("tensor.add").unwrap();
    assert!(add.is_elementwise());
    assert_eq!(
        (Operation::find(add.name).map(|op| op.index()), add.typed().params.len()),
        (Some(add.index()), 2)
    );
    for dims in [&[][..], &[0], &[u64::MAX], &[u64::MAX; 9], &[3, 4]] {
        let all = Extent::new(dims, usize::MAX);
        let all_costs = [
            Cost::Constant,
            Cost::PerElement(u32::MAX),
            Cost::PerResult(u32::MAX),
            Cost::PerSource(u32::MAX),
            Cost::MatMul,
            Cost::Cubic(u32::MAX),
            Cost::Transform(u32::MAX),
            Cost::Special,
        ];
        for cost in all_costs {
            let work = cost.work([all, all, Extent::NONE], all);
            assert!(work.fuel() <= u64::MAX / 16 && cost.work([], Extent::NONE).fuel() == 0);
        }
    }
}

fn null_devices() {
    for every in [0, 1, 2, 3, u64::MAX] {
        for in_place in [false, true] {
            let device = Arc::new(NullDevice::failing(every));
            let mut i = instance(Config::new().in_place(in_place).fusion(in_place).device(device.clone()));
            for n in [0, 1, 127, 128, 5000] {
                match i.call("main", &[Value::I64(n)]) {
                    Ok(values) => assert_eq!(values, [Value::F64(6.0)]),
                    Err(e) => {
                        assert_eq!((n, e.trap().map(|t| t.code())), (0, Some(TrapCode::IndexOutOfRange)))
                    }
                }
            }
            // In a group, making the tensor is an operation too.
            assert!(every != 0 || i.device_counts().operations == 4 + u64::from(in_place));
            drop(i);
            assert_eq!(device.in_use(), 0);
        }
    }
    let mut i = instance(Config::new().device(Arc::new(NullDevice::losing(1))));
    let error = i.call("main", &[Value::I64(500)]).unwrap_err();
    assert_eq!(error.trap().map(|t| t.code()), Some(TrapCode::HostError));
    // Rates that no device has.
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let rates = DeviceRates {
            launch: rate,
            to_device: rate,
            to_host: rate,
            bytes: rate,
            unit: rate,
            product: rate,
            transform: rate,
            decomposition: rate,
        };
        assert_eq!(rates.each().count(), 8);
        let mut i = instance(Config::new().device(Arc::new(NullDevice::with_rates(rates))));
        assert_eq!(i.call("main", &[Value::I64(5000)]).unwrap(), [Value::F64(6.0)]);
    }
    // What nobody has asked for.
    let device = NullDevice::new();
    let nothing = DeviceMemory(NonZeroU64::MAX);
    assert!(device.to_device(&[1], nothing).is_err() && device.to_host(nothing, &mut []).is_err());
    assert_eq!(DeviceArg::Scalar(0, nbc::Type::F64).dims(), [0u64; 0]);
    assert_eq!(instance(Config::interpret_only()).device_counts(), DeviceCounts::default());
}

/// One whose methods panic, but for those before the one with that number.
struct Panics(u32);

impl Panics {
    fn at(&self, method: u32) {
        assert!(method < self.0, "a device that panics");
    }
}

// SAFETY: it writes elements nowhere, and says so.
unsafe impl Device for Panics {
    fn name(&self) -> &str {
        panic!("nobody needs a name")
    }
    fn takes(&self, _: &'static Operation, _: &[Elem], _: &[&[u64]], _: &[u64]) -> bool {
        self.at(0);
        true
    }
    fn allocate(&self, _: usize) -> Option<DeviceMemory> {
        self.at(1);
        // The same for all.
        Some(DeviceMemory(NonZeroU64::MIN))
    }
    fn free(&self, _: DeviceMemory) {
        panic!("it keeps what it has")
    }
    fn may_hold_secrets(&self) -> bool {
        panic!("it keeps its secrets")
    }
    fn wipe(&self, _: DeviceMemory) {
        panic!("it forgets nothing")
    }
    fn to_device(&self, _: &[u8], _: DeviceMemory) -> Result<(), DeviceError> {
        self.at(2);
        Ok(())
    }
    fn to_host(&self, _: DeviceMemory, _: &mut [MaybeUninit<u8>]) -> Result<(), DeviceError> {
        Err(DeviceError("it has nothing".to_owned()))
    }
    fn run(&self, _: &DeviceCall<'_>) -> Result<(), DeviceError> {
        self.at(3);
        Err(DeviceError("it cannot".to_owned()))
    }
    fn runs_groups(&self) -> bool {
        self.at(4);
        true
    }
    fn takes_in_group(&self, _: &'static Operation, _: &[Elem], _: &[&[u64]], _: &[u64]) -> bool {
        self.at(5);
        true
    }
    fn run_group(&self, _: &DeviceGroup<'_>) -> Result<(), DeviceError> {
        self.at(6);
        Err(DeviceError("it cannot".to_owned()))
    }
    fn spoils(&self) -> Option<u8> {
        panic!("nobody asks")
    }
}

fn devices_that_panic() {
    let said = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    for method in 0..8 {
        let mut i = instance(Config::new().device(Arc::new(Panics(method))));
        for n in [500, 5000, 500] {
            assert_eq!(i.call("main", &[Value::I64(n)]).ok(), Some(vec![Value::F64(6.0)]), "{method}");
        }
    }
    std::panic::set_hook(said);
}
