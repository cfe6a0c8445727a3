//! Places, masks and rearrangement: views of what is written, long work, and loops written plainly.

use super::*;

fn truth(is: bool) -> Arg {
    Arg::Slot(is as u64, Type::Bool)
}

#[test]
fn what_lies_in_the_target_is_read_as_it_was() {
    let mut b = Bench::new();
    const I64: &[Elem] = &[Elem::I64];
    // The indices are the target.
    let line = b.tensor(&[5], &[1i64, 2, 3, 4, 0]);
    b.run("tensor.put", I64, &[line.clone(), line.clone(), line.clone()]).unwrap();
    assert_eq!(line.values::<i64>(), [0, 1, 2, 3, 4]);
    // Values are a view of it, one place on.
    let line = b.tensor(&[5], &[10i64, 20, 30, 40, 50]);
    let part = b.run("tensor.slice0", I64, &[line.clone(), int(0), int(4)]).unwrap();
    let places = b.tensor(&[4], &[1i64, 2, 3, 4]);
    b.run("tensor.put", I64, &[line.clone(), places.clone(), part.clone()]).unwrap();
    assert_eq!(line.values::<i64>(), [10, 10, 20, 30, 40]);
    b.run("tensor.scatter_add", I64, &[line.clone(), places.clone(), part.clone()]).unwrap();
    assert_eq!(line.values::<i64>(), [10, 20, 30, 50, 70]);
    b.run("tensor.scatter_add_axis", I64, &[line.clone(), places, part, int(0)]).unwrap();
    assert_eq!(line.values::<i64>(), [10, 30, 50, 80, 120]);
    // The mask is the target.
    let flags = b.tensor(&[4], &[true, false, true, true]);
    b.run("tensor.put_mask", &[Elem::Bool], &[flags.clone(), flags.clone(), truth(false)]).unwrap();
    assert_eq!(flags.values::<bool>(), [false; 4]);
    // A result is never a view.
    let x = b.tensor(&[3], &[1i64, 2, 3]);
    for (name, args) in [
        ("tensor.roll", vec![x.clone(), list(&[0]), list(&[0])]),
        ("tensor.tile", vec![x.clone(), list(&[1])]),
        ("tensor.pad", vec![x.clone(), list(&[0]), list(&[0]), int(0)]),
    ] {
        let same = b.run(name, I64, &args).unwrap();
        assert_eq!((same.values::<i64>(), same.tensor().data() == x.tensor().data()), (vec![1, 2, 3], false));
    }
}

#[test]
fn nothing_is_written_where_an_index_is_wrong() {
    let mut b = Bench::new();
    let x = b.tensor(&[2, 3], &[0.0; 6]);
    let places = b.tensor(&[2, 2], &[0i64, 1, -1, 2]);
    for name in ["tensor.put", "tensor.scatter_add"] {
        let e = b.run(name, F64, &[x.clone(), places.clone(), f(1.0)]).err().unwrap();
        assert_eq!(e.message(), "index -1 at place [1, 0] of the indices: there are 6 elements");
        assert_eq!(x.values::<f64>(), [0.0; 6]);
    }
    let e = b.run("tensor.take_axis", F64, &[x.clone(), places, int(1)]).err().unwrap();
    assert_eq!(e.message(), "index -1 at place [1, 0] of the indices: there are 3 along axis 1");
    let far = b.tensor(&[3], &[0i64, 2, 3]);
    let e = b.run("tensor.take_axis", F64, &[x, far, int(1)]).err().unwrap();
    assert_eq!(e.message(), "index 3 at place [2] of the indices: there are 3 along axis 1");
}

/// The element of `x` at a place.
fn at(x: &[f64], dims: &[u64], place: &[u64]) -> f64 {
    x[place.iter().zip(dims).fold(0, |flat, (i, d)| flat * d + i) as usize]
}

/// Every place of a tensor of `dims`, row-major.
fn places(dims: &[u64]) -> Vec<Vec<u64>> {
    let longer = |all: Vec<Vec<u64>>, d: &u64| {
        all.iter().flat_map(|p| (0..*d).map(|i| [&p[..], &[i]].concat())).collect()
    };
    dims.iter().fold(vec![vec![]], longer)
}

#[test]
fn rearrangement_moves_each_element_to_its_place() {
    let mut b = Bench::new();
    for dims in
        [&[7u64][..], &[1, 5], &[3, 4, 5], &[2, 1, 3, 2], &[40_000], &[3, 9000], &[9000, 3], &[2, 0, 3]]
    {
        let data: Vec<f64> = (0..dims.iter().product::<u64>()).map(|i| i as f64).collect();
        let x = b.tensor(dims, &data);
        for axis in 0..dims.len() {
            let (d, others) = (dims[axis], |v: i64| {
                let mut all = vec![v; dims.len()];
                all.iter_mut().enumerate().for_each(|(n, v)| *v = if n == axis { *v } else { 0 });
                all
            });
            // What is at a place of the result, by its index along the axis.
            let mut check = |name: &str, args: Vec<Arg>, long: u64, source: &dyn Fn(u64) -> Option<u64>| {
                let mut wanted = dims.to_vec();
                wanted[axis] = long;
                let found = b.run(name, F64, &args).unwrap();
                assert_eq!(found.dims(), wanted, "{name} {dims:?} {axis}");
                let values: Vec<f64> = places(&wanted)
                    .into_iter()
                    .map(|mut place| match source(place[axis]) {
                        Some(i) => {
                            place[axis] = i;
                            at(&data, dims, &place)
                        }
                        None => -1.0,
                    })
                    .collect();
                assert!(found.values::<f64>() == values, "{name} {dims:?} {axis}");
            };
            let ax = list(&[axis as i64]);
            if d > 0 {
                check("tensor.roll", vec![x.clone(), list(&[-2]), ax.clone()], d, &|i| Some((i + 2) % d));
                let wrapped = |i: u64| Some((i + d * 4 - 3) % d);
                let args = |name: i64| vec![x.clone(), Arg::List(others(3)), Arg::List(others(name))];
                check("tensor.pad_wrap", args(4), d + 7, &wrapped);
                check("tensor.pad_edge", args(4), d + 7, &|i| Some(i.saturating_sub(3).min(d - 1)));
                let there_and_back = |i: u64| {
                    let i = (i + 2 * d * 4 - 3) % (2 * d);
                    Some(if i < d { i } else { 2 * d - 1 - i })
                };
                check("tensor.pad_symmetric", args(4), d + 7, &there_and_back);
            }
            check("tensor.flip", vec![x.clone(), ax.clone()], d, &|i| Some(d - 1 - i));
            let given = vec![x.clone(), Arg::List(others(2)), Arg::List(others(1)), f(-1.0)];
            check("tensor.pad", given, d + 3, &|i| i.checked_sub(2).filter(|i| *i < d));
            check("tensor.repeat", vec![x.clone(), int(3), int(axis as i64)], d * 3, &|i| Some(i / 3));
            let mut times = vec![1; dims.len()];
            times[axis] = 3;
            check("tensor.tile", vec![x.clone(), Arg::List(times)], d * 3, &|i| Some(i % d));
            if d > 1 {
                let (mut to, mut by): (Vec<i64>, _) =
                    (dims.iter().map(|d| *d as i64).collect(), vec![1; dims.len()]);
                (to[axis], by[axis]) = (-1, -2);
                let args = vec![x.clone(), Arg::List(others(d as i64 - 1)), Arg::List(to), Arg::List(by)];
                check("tensor.slice_step", args, d.div_ceil(2), &|i| Some(d - 1 - 2 * i));
            }
            if d > 0 {
                let picked = [d as i64 - 1, 0, d as i64 / 2];
                let indices = b.tensor(&[3], &picked);
                let found = b.run("tensor.take_axis", F64, &[x.clone(), indices, int(axis as i64)]).unwrap();
                let mut wanted = dims.to_vec();
                wanted[axis] = 3;
                for (mut place, v) in places(&wanted).into_iter().zip(found.values::<f64>()) {
                    place[axis] = picked[place[axis] as usize] as u64;
                    assert_eq!(v, at(&data, dims, &place));
                }
            }
        }
        let mask: Vec<bool> = data.iter().map(|v| v % 3.0 == 1.0).collect();
        let m = b.tensor(dims, &mask);
        let chosen: Vec<f64> = data.iter().copied().filter(|v| v % 3.0 == 1.0).collect();
        assert_eq!(b.run("tensor.compress", F64, &[x.clone(), m.clone()]).unwrap().values::<f64>(), chosen);
        let flat: Vec<i64> = chosen.iter().map(|v| *v as i64).collect();
        let found = b.run("tensor.nonzero_flat", &[Elem::Bool], &[m.clone()]).unwrap();
        assert_eq!(found.values::<i64>(), flat);
        let rows = b.run("tensor.nonzero", &[Elem::Bool], &[m]).unwrap();
        let found: Vec<Vec<i64>> = rows.values::<i64>().chunks(dims.len()).map(<[i64]>::to_vec).collect();
        let wanted = places(dims).into_iter().filter(|p| at(&data, dims, p) % 3.0 == 1.0);
        let wanted: Vec<Vec<i64>> = wanted.map(|p| p.iter().map(|i| *i as i64).collect()).collect();
        assert!(found == wanted);
    }
}

#[test]
fn what_takes_long_asks_for_leave() {
    let mut b = Bench::new();
    let n = 5_000_000;
    let x = b.run("tensor.random", F64, &[list(&[n]), int(1)]).unwrap();
    let wide = b.run("tensor.reshape", F64, &[x.clone(), list(&[5, 1_000_000])]).unwrap();
    let flags = b.run("tensor.full", &[Elem::Bool], &[list(&[n]), truth(true)]).unwrap();
    let indices = b.run("tensor.zeros", &[Elem::I64], &[list(&[n])]).unwrap();
    let edges = b.tensor(&[3], &[0.0, 0.5, 1.0]);
    let calls: [(&str, &[Elem], &[Arg]); 20] = [
        ("tensor.var", F64, &[x.clone(), int(0)]),
        ("tensor.norm", F64, &[x.clone()]),
        ("tensor.count_nonzero", F64, &[x.clone()]),
        ("tensor.sum_axes", F64, &[wide.clone(), list(&[0]), truth(false)]),
        ("tensor.max_axes", F64, &[wide.clone(), list(&[1]), truth(false)]),
        ("tensor.any_axes", &[], &[flags.clone(), list(&[0]), truth(false)]),
        ("tensor.diff", F64, &[wide.clone(), int(1)]),
        ("tensor.unique", F64, &[x.clone()]),
        ("tensor.histogram", F64, &[x.clone(), edges]),
        ("tensor.median", F64, &[x.clone()]),
        ("tensor.searchsorted", F64, &[x.clone(), x.clone(), truth(false)]),
        ("tensor.take", F64, &[x.clone(), indices.clone()]),
        ("tensor.put", F64, &[x.clone(), indices.clone(), f(1.0)]),
        ("tensor.scatter_add_axis", F64, &[x.clone(), indices, x.clone(), int(0)]),
        ("tensor.nonzero", F64, &[x.clone()]),
        ("tensor.compress", F64, &[x.clone(), flags.clone()]),
        ("tensor.put_mask", F64, &[x.clone(), flags, f(1.0)]),
        ("tensor.flip", F64, &[wide.clone(), list(&[0, 1])]),
        ("tensor.pad_reflect", F64, &[x.clone(), list(&[1]), list(&[1])]),
        ("tensor.outer", F64, &[b.tensor(&[3000], &[1.0; 3000]), b.tensor(&[2000], &[2.0; 2000])]),
    ];
    for (name, elems, args) in calls {
        (b.polls, b.interrupt_at) = (0, 1);
        assert_eq!(b.run(name, elems, args).err().unwrap().code, TrapCode::Interrupted, "{name}");
    }
    // Work within one piece looks at the flag itself.
    for name in ["tensor.cumsum_axis", "tensor.sort", "tensor.argsort"] {
        b.heap.interruption().flag().store(true, std::sync::atomic::Ordering::Relaxed);
        (b.polls, b.interrupt_at) = (0, usize::MAX);
        assert_eq!(
            b.run(name, F64, &[x.clone(), int(0)]).err().unwrap().code,
            TrapCode::Interrupted,
            "{name}"
        );
        b.heap.interruption().clear();
    }
}

/// What goes through an argument before or beside its work asks meanwhile, and not only in between.
#[test]
fn looks_at_whole_arguments_ask_for_leave() {
    let mut b = Bench::new();
    let n = 5_000_000;
    let mut divisors = vec![1i64; n];
    divisors[n - 1] = 0;
    let divisors = b.tensor(&[n as u64], &divisors);
    b.polls = 0;
    let divided = b.run("tensor.div", &[Elem::I64], &[int(1), divisors]);
    assert_eq!(divided.err().unwrap().code, TrapCode::DivideByZero);
    assert!(b.polls >= 4, "{} polls of a division", b.polls);

    let nothing = b.tensor::<f64>(&[0, n as u64], &[]);
    b.polls = 0;
    b.run("tensor.sum_axis", F64, &[nothing, int(0)]).unwrap();
    assert!(b.polls >= 1, "{} polls of a sum of nothing", b.polls);

    let mut flags = vec![false; n / 2];
    flags[0] = true;
    let rows = b.run("tensor.zeros", F64, &[list(&[n as i64 / 2, 2])]).unwrap();
    let flags = b.tensor(&[n as u64 / 2], &flags);
    b.polls = 0;
    b.run("tensor.compress", F64, &[rows, flags]).unwrap();
    assert!(b.polls >= n / 2 / (1 << 16), "{} polls of a choice of rows", b.polls);

    let mut edges = vec![0.0; n];
    edges[n - 2] = 1.0;
    let (x, edges) = (b.tensor(&[1], &[0.5]), b.tensor(&[n as u64], &edges));
    b.polls = 0;
    let counted = b.run("tensor.histogram", F64, &[x, edges]);
    assert_eq!(counted.err().unwrap().code, TrapCode::InvalidArgument);
    assert!(b.polls >= n / (1 << 16), "{} polls of edges", b.polls);

    let same = b.run("tensor.full", F64, &[list(&[n as i64]), f(1.0)]).unwrap();
    b.polls = 0;
    b.run("tensor.unique", F64, &[same.clone()]).unwrap();
    assert!(b.polls >= 3 * (n / (1 << 16)), "{} polls of one value", b.polls);

    // Many short lanes are as much as a long one.
    let lanes = b.run("tensor.reshape", F64, &[same, list(&[-1, 50])]).unwrap();
    for name in ["tensor.sort", "tensor.argsort", "tensor.sort_with_places"] {
        b.heap.interruption().flag().store(true, std::sync::atomic::Ordering::Relaxed);
        let stopped = b.run(name, F64, &[lanes.clone(), int(1)]);
        assert_eq!(stopped.err().unwrap().code, TrapCode::Interrupted, "{name}");
        b.heap.interruption().clear();
    }
}

/// Room beside the result is for one lane, whatever their number.
#[test]
fn lanes_share_their_working_space() {
    let mut b = Bench::new();
    let x = b.run("tensor.random", F64, &[list(&[200, 20_000]), int(1)]).unwrap();
    let held = b.heap.stats().peak;
    b.run("tensor.median_axis", F64, &[x, int(1)]).unwrap();
    let more = b.heap.stats().peak - held;
    assert!(more < 400_000, "{more} bytes for lanes of 160,000");
}
