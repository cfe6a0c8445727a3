//! Values on both sides: tensors of the host's, `.npy` files, codes and names.

use super::Case;
use nbc::ir::{Elem, Item};
use nbc::ndarray::{Array1, Array2, ArrayD, s};
use nbc::{
    Engine, Format, Linker, OwnedBigInt, OwnedSparse, OwnedTensor, Tensor, TrapCode, TrapError, Type, Value,
};
use nbc::{matrix_market, npy, npz};
use std::io::{self, Write};

pub const CASES: &[Case] = &[
    (
        &[
            "runtime::OwnedTensor::from_slice",
            "runtime::OwnedTensor::zeros",
            "runtime::OwnedTensor::elem",
            "runtime::OwnedTensor::dims",
            "runtime::OwnedTensor::len",
            "runtime::OwnedTensor::is_empty",
            "runtime::OwnedTensor::as_slice",
            "runtime::OwnedTensor::as_mut_slice",
            "runtime::OwnedTensor::as_bytes",
            "runtime::OwnedTensor::view",
        ],
        tensors,
    ),
    (&["runtime::Value::ty"], values),
    (
        &[
            "runtime::Format::flipped",
            "runtime::Format::name",
            "runtime::OwnedSparse::new",
            "runtime::OwnedSparse::of_places",
            "runtime::OwnedSparse::format",
            "runtime::OwnedSparse::dims",
            "runtime::OwnedSparse::elem",
            "runtime::OwnedSparse::stored",
            "runtime::OwnedSparse::pointers",
            "runtime::OwnedSparse::indices",
            "runtime::OwnedSparse::values",
            "runtime::OwnedSparse::places",
        ],
        matrices,
    ),
    (
        &[
            "runtime::OwnedBigInt::new",
            "runtime::OwnedBigInt::is_negative",
            "runtime::OwnedBigInt::limbs",
            "runtime::OwnedBigInt::bit_length",
        ],
        integers,
    ),
    (&["matrix_market::read_from", "matrix_market::write"], matrix_files),
    (&["npz::read", "npz::read_from", "npz::write"], packed_matrices),
    (&["npy::read", "npy::read_from", "npy::write"], files),
    (
        &[
            "runtime::TrapCode::from_code",
            "runtime::TrapCode::name",
            "runtime::TrapCode::message",
            "runtime::TrapError::new",
            "runtime::TrapError::detail",
            "runtime::TrapError::message",
        ],
        traps,
    ),
];

const MAX: u64 = u64::MAX;

const SHAPES: [&[u64]; 14] = [
    &[],
    &[0],
    &[1],
    &[3],
    &[MAX],
    &[MAX, 0],
    &[0, MAX],
    &[1 << 63, 0],
    &[MAX, 2],
    &[1 << 32, 1 << 32],
    &[1 << 60],
    &[1 << 31, 1 << 31, 1],
    &[1; 8],
    &[1; 9],
];

const ELEMS: [Elem; 8] =
    [Elem::U8, Elem::I32, Elem::I64, Elem::F32, Elem::F64, Elem::Bool, Elem::C64, Elem::C128];

fn tensors() {
    let text = b"export func @len(%x: tensor<f64>) -> i64 {\n  %n = tensor.len %x\n  ret %n\n}\n\
                 export func @rank(%x: tensor<f64>) -> i64 {\n  %n = tensor.rank %x\n  ret %n\n}\n\
                 export func @twice(%x: tensor<f64>) -> tensor<f64> {\n  %y = tensor.add %x, %x\n  ret %y\n}\n";
    let program = Engine::default().read(text, "len.nba").unwrap();
    let mut instance = Linker::new().instantiate(&program).unwrap();
    let len = instance.typed::<(Tensor<f64>,), i64>("len").unwrap();
    for dims in SHAPES {
        for data in [&[][..], &[1.0], &[1.0, 2.0, 3.0]] {
            let Some(mut t) = OwnedTensor::from_slice(dims, data) else { continue };
            assert!(t.dims().len() == dims.len() && t.len() == data.len() && t.is_empty() == data.is_empty());
            assert_eq!(t.as_slice::<f64>(), Some(data));
            assert!(t.as_slice::<i64>().is_none() && t.as_mut_slice::<f32>().is_none());
            assert!(t.view::<bool>().is_none());
            let _ = t.view::<f64>().map(|v| v.sum());
            assert_eq!(t.as_bytes().len(), data.len() * 8);
            assert_eq!(t.clone(), t);
            // Whether a program may have it is its own matter; none may die of it.
            let _ = len.call(&mut instance, (&t,));
            for name in ["len", "rank", "twice"] {
                let _ = instance.call(name, &[t.clone().into()]);
            }
        }
        for elem in ELEMS {
            if let Some(t) = OwnedTensor::zeros(elem, dims) {
                assert_eq!((t.elem(), t.as_bytes().len()), (elem, t.len() * elem.size()));
                // Of another element type, mostly.
                let _ = len.call(&mut instance, (&t,));
                let _ = instance.call("len", &[t.into()]);
            }
        }
    }
    // Arrays that do not lie in one piece, backwards, of nothing, of everything.
    let a = Array2::<f64>::from_shape_fn((4, 6), |(i, j)| (i * 6 + j) as f64);
    assert_eq!(len.call(&mut instance, (a.slice(s![..;-1, ..;2]),)).unwrap(), 12);
    assert_eq!(len.call(&mut instance, (a.t(),)).unwrap(), 24);
    assert_eq!(len.call(&mut instance, (a.slice(s![2..2, ..]),)).unwrap(), 0);
    assert_eq!(
        len.call(&mut instance, (a.slice(s![0..1, 0..1]).broadcast((1000, 1000)).unwrap(),)).unwrap(),
        1_000_000
    );
    let deep = ArrayD::<f64>::zeros(vec![1; 12]);
    assert!(len.call(&mut instance, (deep.view(),)).is_err());
    let none = Array1::<f64>::zeros(0);
    assert_eq!(len.call(&mut instance, (none.view(),)).unwrap(), 0);
}

fn values() {
    let nested = Value::List(Item::Str, vec![Value::List(Item::I64, vec![]), Value::I32(1)]);
    assert_eq!(nested.ty(), Some(Type::List(Item::Str)));
    assert_eq!(Value::Func(nbc::FuncId(u32::MAX)).ty(), None);
    assert_eq!(Value::from("").ty(), Some(Type::Str));
    let _ = format!("{nested:?} {}", nested == nested.clone());
}

fn matrices() {
    let pointers = |p: &[i64]| OwnedTensor::from_slice(&[p.len() as u64], p).unwrap();
    let indices = |i: &[i32]| OwnedTensor::from_slice(&[i.len() as u64], i).unwrap();
    let elements = |n: usize| OwnedTensor::from_slice(&[n as u64], &vec![1.0; n]).unwrap();
    for format in [Format::Csr, Format::Csc] {
        assert_ne!(format.name(), format.flipped().name());
        for dims in [[0, 0], [1, 1], [2, 3], [3, 2], [MAX, 1], [1, MAX], [1 << 31, 0], [0, 1 << 31]] {
            for p in [
                &[0i64][..],
                &[],
                &[0, 1],
                &[0, 2, 1],
                &[0, 1, 2],
                &[0, -1, 2],
                &[1, 1, 2],
                &[0, i64::MAX, 2],
            ] {
                for i in [&[][..], &[0], &[0, 0], &[1, 0], &[0, 1], &[-1, 0], &[0, i32::MAX], &[0, 1, 2]] {
                    let made = OwnedSparse::new(format, dims, pointers(p), indices(i), elements(i.len()));
                    let Ok(made) = made else { continue };
                    assert_eq!((made.format(), made.dims(), made.elem()), (format, dims, Elem::F64));
                    let places: Vec<[u64; 2]> = made.places().collect();
                    assert_eq!(places.len(), made.stored());
                    let again = OwnedSparse::of_places(format, dims, &places, made.values().clone()).unwrap();
                    assert_eq!((again.pointers(), again.indices()), (made.pointers(), made.indices()));
                    assert_eq!(again, made);
                }
            }
        }
        for places in [[[0, 0], [0, 0]], [[1, 1], [0, 0]], [[MAX, 0], [0, 0]], [[0, 0], [0, MAX]]] {
            assert!(OwnedSparse::of_places(format, [2, 2], &places, elements(2)).is_err());
        }
        assert!(OwnedSparse::of_places(format, [2, 2], &[[0, 0]], elements(2)).is_err());
    }
    let of_bytes = OwnedTensor::from_slice(&[0], &[0u8; 0]).unwrap();
    assert!(OwnedSparse::new(Format::Csr, [0, 0], pointers(&[0]), indices(&[]), of_bytes.clone()).is_err());
    assert!(OwnedSparse::new(Format::Csr, [0, 0], of_bytes, indices(&[]), elements(0)).is_err());
}

fn integers() {
    for limbs in [vec![], vec![0], vec![0, 0], vec![1], vec![0, MAX], vec![7, 0], vec![MAX; 300]] {
        for negative in [false, true] {
            let made = OwnedBigInt::new(negative, limbs.clone());
            assert!(made.limbs().last() != Some(&0));
            assert_eq!(made.is_negative(), negative && made.bit_length() > 0);
            assert_eq!(made.to_string().parse(), Ok(made.clone()));
            assert_eq!(format!("{made:#x}").parse(), Ok(made));
        }
    }
    for text in ["", "-", "0x", "x", "1x", "é", "0b1", "--0", "0x-1", "\u{0}"] {
        assert!(text.parse::<OwnedBigInt>().is_err(), "{text:?}");
    }
}

fn matrix_files() {
    let text = "%%MatrixMarket matrix coordinate real general\n3 2 3\n3 1 4\n1 2 -1.5e0\n3 1 1\n";
    let read = |text: &[u8], elem| matrix_market::read_from(text, elem, 1 << 20);
    let matrix = read(text.as_bytes(), Elem::F64).unwrap();
    assert!(matrix.places().eq([[0, 1], [2, 0]]));
    assert_eq!(matrix.values().as_slice::<f64>(), Some(&[-1.5, 5.0][..]));
    assert!(read(text.as_bytes(), Elem::F32).is_ok() && read(text.as_bytes(), Elem::C128).is_ok());
    for at in 0..text.len() {
        let _ = read(&text.as_bytes()[..at], Elem::F64);
        for byte in [0, b'\n', 0xff, b'9', b'-', b'%', b' '] {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = byte;
            let _ = read(&changed, Elem::F64);
        }
    }
    let head = |form: &str, sizes: &str, rest: &str| format!("%%MatrixMarket matrix {form}\n{sizes}\n{rest}");
    for (form, sizes, rest) in [
        ("coordinate real general", "2 2 18446744073709551615", "1 1 1\n"),
        ("coordinate real general", "2147483648 1 0", ""),
        ("coordinate real general", "2147483647 1 0", ""),
        ("coordinate real general", "2 2 1", "0 1 1\n"),
        ("coordinate real general", "2 2 1", "3 1 1\n"),
        ("coordinate real general", "2 2 1", "1 1 1\n1 1 1\n"),
        ("coordinate real symmetric", "2 3 0", ""),
        ("coordinate real skew-symmetric", "2 2 1", "1 1 1\n"),
        ("coordinate complex general", "2 2 1", "1 1 1 1\n"),
        ("coordinate real best", "2 2 0", ""),
        ("array pattern general", "2 2", ""),
        ("array real general", "2147483647 2147483647", "1\n"),
        ("array real general", "2 1", "1\n"),
    ] {
        assert!(read(head(form, sizes, rest).as_bytes(), Elem::F64).is_err(), "{form}, {sizes}");
    }
    assert!(read(&[b' '; 10000], Elem::F64).is_err());
    let is = |form: &str, sizes: &str, rest: &str, elem, want: &str| {
        let made = read(head(form, sizes, rest).as_bytes(), elem).unwrap();
        let mut file = Vec::new();
        matrix_market::write(&mut file, &made).unwrap();
        let text = String::from_utf8(file).unwrap();
        assert_eq!(text.split_once('\n').unwrap().1, want, "{form}");
    };
    is("coordinate pattern symmetric", "2 2 1", "2 1\n", Elem::F32, "2 2 2\n1 2 1.0\n2 1 1.0\n");
    is("coordinate real skew-symmetric", "2 2 1", "2 1 3D0\n", Elem::F64, "2 2 2\n1 2 -3.0\n2 1 3.0\n");
    let hermitian = "2 2 2\n1 2 1.0 -2.0\n2 1 1.0 2.0\n";
    is("coordinate complex hermitian", "2 2 1", "2 1 1 2\n", Elem::C128, hermitian);
    is("array integer symmetric", "2 2", "1\n2\n0\n", Elem::F64, "2 2 3\n1 1 1.0\n1 2 2.0\n2 1 2.0\n");
    for room in 0..60 {
        assert!(matrix_market::write(&mut Full(room), &matrix).is_err());
    }
}

fn packed_matrices() {
    let values = OwnedTensor::from_slice(&[2], &[4.0, 1.5]).unwrap();
    let matrix = OwnedSparse::of_places(Format::Csr, [2, 3], &[[0, 2], [1, 0]], values).unwrap();
    let mut file = Vec::new();
    npz::write(&mut file, &matrix).unwrap();
    assert_eq!(npz::read(&file, Elem::F64, 1 << 20).unwrap(), matrix);
    assert!(npz::read(&file, Elem::F32, 1 << 20).is_err());
    // Two dims, three pointers, two indices and two values.
    let bytes = 2 * 8 + 3 * 8 + 2 * 4 + 2 * 8;
    let stored = |most| npz::read_from(io::Cursor::new(&file), Elem::F64, most);
    assert_eq!(stored(bytes).unwrap(), matrix);
    assert!(stored(bytes - 1).unwrap_err().is_too_large());
    for room in 0..file.len() {
        assert!(npz::write(&mut Full(room), &matrix).is_err());
        assert!(npz::read(&file[..room], Elem::F64, 1 << 20).is_err());
    }
    for at in 0..file.len() {
        for byte in [0, 1, 8, 0x7f, 0xff, b'(', b'9'] {
            let mut changed = file.clone();
            changed[at] = byte;
            let _ = npz::read(&changed, Elem::F64, 1 << 20);
        }
    }
}

/// Takes some bytes and then nothing.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.0);
        self.0 -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("never"))
    }
}

fn files() {
    let tensor = OwnedTensor::from_slice(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let mut file = Vec::new();
    npy::write(&mut file, &tensor).unwrap();
    assert_eq!(npy::read(&file).unwrap(), tensor);
    for room in 0..file.len() {
        assert!(npy::write(&mut Full(room), &tensor).is_err());
        assert!(npy::read(&file[..room]).is_err());
    }
    for at in 0..file.len() {
        for byte in [0, 0x7f, 0xff, b'(', b'9', b','] {
            let mut changed = file.clone();
            changed[at] = byte;
            let _ = npy::read(&changed);
            for len in [None, Some(0), Some(u64::MAX)] {
                let _ = npy::read_from(&changed[..], len, 1000);
            }
        }
    }
    for shape in
        ["()", "(,)", "(9223372036854775808, 0)", "(18446744073709551615,)", "(1,1,1,1,1,1,1,1,1)", "(-1,)"]
    {
        let header = format!("{{'descr': '<f8', 'fortran_order': True, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header.as_bytes());
        let _ = npy::read(&bytes);
        assert!(npy::read_from(&bytes[..], None, 0).is_err() || shape != "()");
    }
    // A header that says it is longer than any file.
    assert!(npy::read(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{").is_err());
}

fn traps() {
    for code in 0..=u8::MAX {
        if let Some(code) = TrapCode::from_code(code) {
            assert!(!code.name().is_empty() && !code.message().is_empty());
        }
    }
    let error = TrapError::new(TrapCode::HostError, "\u{1b}[2J".repeat(1000));
    assert!(error.detail().is_some() && error.message().len() == 4000);
    assert_eq!(TrapError::from(TrapCode::Timeout).detail(), None);
}
