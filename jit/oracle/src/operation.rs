//! Operations of the catalogue and functions of the host, run by the runtime itself: a program
//! of one function that calls the one or the other, in an instance of its own. So what they
//! compute, cost and trap with is defined where it is.
//!
//! Objects go there and come back as copies. That is not enough for three kinds: views, which
//! share elements, `tensor.assign` and others that write into an argument, and `tensor.map`, which calls
//! back. There the runtime only says what the operation costs, and of a view its dims.

use crate::state::{Budget, State};
use crate::value::Slot;
use crate::{Stop, wrong};
use nbc_ir::builder::ModuleBuilder;
use nbc_ir::catalogue::Operation;
use nbc_ir::{Elem, Module, Operand, Type};
use nbc_runtime::backtrace::Trap;
use nbc_runtime::engine::{Engine, Limits};
use nbc_runtime::instance::Instance;
use nbc_runtime::linker::Linker;
use nbc_runtime::trap::TrapCode;
use nbc_runtime::value::Value;
use rustc_hash::FxHashMap;

/// Most bytes that an operation may take.
const MEMORY: usize = 32 << 20;

/// More than a list has items.
const ITEMS: u64 = 1 << 24;
/// Fuel of operations where it is not metered.
const PLENTY: u64 = 1 << 40;

/// Something that is called.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    name: String,
    elems: Vec<Elem>,
    params: Vec<Type>,
    results: Vec<Type>,
    way: Way,
}

/// How it is called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Way {
    Operation,
    /// On a copy of the first argument, which is the result.
    OnCopy,
    /// With a function that gives a zero.
    Map,
    Host,
}

/// A program of one function, and what it costs besides what it calls.
struct Called {
    instance: Instance,
    cost: u64,
}

/// What has been called so far.
pub struct Operations {
    engine: Engine,
    host: Linker,
    called: FxHashMap<Key, Called>,
}

/// What a call came to, and the fuel that it took.
struct Ran {
    result: Result<Vec<Value>, Trap>,
    fuel: u64,
}

impl Operations {
    /// With the functions of the host.
    pub fn new(host: Linker) -> Operations {
        Operations { engine: Engine::default(), host, called: FxHashMap::default() }
    }

    /// Calls function `name` of the host.
    ///
    /// # Errors
    /// Its trap, or why it cannot be called.
    pub fn host(
        &mut self,
        state: &mut State,
        name: &str,
        args: &[Slot],
        params: &[Type],
        results: &[Type],
    ) -> Result<Vec<Slot>, Stop> {
        let key = Key {
            name: name.to_owned(),
            elems: Vec::new(),
            params: params.to_vec(),
            results: results.to_vec(),
            way: Way::Host,
        };
        let values = self.run(key, state, args, PLENTY)?.result.map_err(|trap| Stop::Trap(trap.error))?;
        values.iter().map(|v| state.lower(v, true)).collect()
    }

    /// Calls operation `name` with those element types.
    ///
    /// # Errors
    /// Its trap, or why it cannot be called.
    pub fn operation(
        &mut self,
        state: &mut State,
        name: &str,
        elems: &[Elem],
        args: &[Slot],
        params: &[Type],
        results: &[Type],
    ) -> Result<Vec<Slot>, Stop> {
        let key = Key {
            name: name.to_owned(),
            elems: elems.to_vec(),
            params: params.to_vec(),
            results: results.to_vec(),
            way: Way::Operation,
        };
        // What is read-only there too traps there.
        let writes = Operation::find(name).is_some_and(|op| op.writes == [0]);
        if writes && state.heap.tensor(args[0].object()?)?.writable {
            return self.write(state, key, args).map(|()| Vec::new());
        }
        let fuel = state.fuel().unwrap_or(PLENTY);
        let ran = self.run(key, state, args, fuel)?;
        settle(state, &ran)?;
        let values = ran.result.map_err(|trap| Stop::Trap(trap.error))?;
        let first = match name {
            "tensor.reshape" => 0,
            "tensor.slice0" | "tensor.row" => args[1].bits()?,
            _ => return values.iter().map(|v| state.lower(v, true)).collect(),
        };
        let [Value::Tensor(made)] = &values[..] else { return Err(wrong("a view is a tensor")) };
        let dims: Vec<u64> = made.dims().iter().map(|d| *d as u64).collect();
        let root = args[0].object()?;
        // Elements of a row of the tensor itself. Where there are none, other dims may be any numbers.
        let whole = &state.heap.tensor(root)?.dims;
        let row: u64 =
            if name == "tensor.reshape" || whole.contains(&0) { 0 } else { whole[1..].iter().product() };
        Ok(vec![state.heap.view(root, first * row, &dims)?])
    }

    /// What `tensor.map` costs besides calling the function.
    ///
    /// # Errors
    /// When it cannot be called.
    pub fn map_cost(&mut self, state: &State, elems: &[Elem], from: Slot) -> Result<u64, Stop> {
        let [t, u] = *elems else { return Err(wrong("a map has two element types")) };
        let key = Key {
            name: "tensor.map".to_owned(),
            elems: elems.to_vec(),
            params: vec![Type::Tensor(t)],
            results: vec![Type::Tensor(u)],
            way: Way::Map,
        };
        let ran = self.run(key, state, &[from], PLENTY)?;
        // The function is one instruction.
        Ok(ran.fuel - state.heap.tensor(from.object()?)?.len)
    }

    /// Calls an operation that writes into its first argument.
    fn write(&mut self, state: &mut State, key: Key, args: &[Slot]) -> Result<(), Stop> {
        let target = args[0].object()?;
        let ty = key.params[0];
        let copy = Key {
            name: "tensor.copy".to_owned(),
            elems: key.elems.clone(),
            params: vec![ty],
            results: vec![ty],
            way: Way::Operation,
        };
        let copying = self.run(copy, state, &args[..1], PLENTY)?.fuel;
        let ran = self.run(Key { results: vec![ty], way: Way::OnCopy, ..key }, state, args, PLENTY)?;
        state.take(ran.fuel - copying)?;
        let values = ran.result.map_err(|trap| Stop::Trap(trap.error))?;
        let [Value::Tensor(made)] = &values[..] else { return Err(wrong("a copy is a tensor")) };
        state.heap.elements_mut(target)?.copy_from_slice(made.as_bytes());
        Ok(())
    }

    /// Runs a call with as much fuel.
    fn run(&mut self, key: Key, state: &State, args: &[Slot], fuel: u64) -> Result<Ran, Stop> {
        let values =
            args.iter().zip(&key.params).map(|(a, ty)| state.lift(*a, *ty)).collect::<Result<Vec<_>, _>>()?;
        if !self.called.contains_key(&key) {
            let called = self.load(&key)?;
            self.called.insert(key.clone(), called);
        }
        let Some(called) = self.called.get_mut(&key) else { return Err(Stop::Unsupported(key.name)) };
        // Its own return moves a sparse matrix out of a region, by parts; the caller's does so again.
        let moves = 3 * key.results.iter().filter(|ty| matches!(ty, Type::Sparse(_))).count() as u64;
        // So it does with the items of a list, of which nobody knows the number before.
        let has_items = |ty: &Type| matches!(ty, Type::List(item) if item.ty().is_object());
        let room = if key.results.iter().any(has_items) { ITEMS } else { 0 };
        let given = fuel.saturating_add(called.cost).saturating_add(moves).saturating_add(room);
        called.instance.set_fuel(given);
        let result = match called.instance.call("run", &values) {
            Ok(values) => Ok(values),
            Err(error) => match error.trap() {
                Some(trap) if trap.code() == TrapCode::OutOfMemory => {
                    return Err(Stop::Unsupported("an operation takes too much memory".to_owned()));
                }
                Some(trap) => Err(trap.clone()),
                None => return Err(Stop::Unsupported(format!("{}: {error}", key.name))),
            },
        };
        let left = called.instance.fuel().unwrap_or(0);
        let items = |(value, ty): (&Value, &Type)| match value {
            Value::List(_, items) if has_items(ty) => items.len() as u64,
            _ => 0,
        };
        let listed: u64 = result.iter().flat_map(|values| values.iter().zip(&key.results)).map(items).sum();
        let took = (given - left - called.cost).saturating_sub(listed);
        if room > 0 && result.is_ok() && took.saturating_sub(moves) > fuel {
            return Err(Stop::Unsupported("the fuel ends in an operation that makes a list".to_owned()));
        }
        Ok(Ran { fuel: if result.is_ok() { took.saturating_sub(moves) } else { took.min(fuel) }, result })
    }

    fn load(&self, key: &Key) -> Result<Called, Stop> {
        let unsupported = |why: &dyn std::fmt::Display| Stop::Unsupported(format!("{}: {why}", key.name));
        if key.params.iter().chain(&key.results).any(|t| matches!(t, Type::Func(_))) {
            return Err(unsupported(&"a function is passed"));
        }
        let module = program(key).map_err(|e| unsupported(&e))?;
        let cost = module.functions.last().map_or(0, |f| f.blocks[0].insts.len()) as u64;
        let program = self.engine.load(module.verify().map_err(|e| unsupported(&e))?);
        let limits = Limits::new().fuel(0).timeout(None).memory(MEMORY).stack(1 << 16);
        let none = Linker::new();
        let linker = if key.way == Way::Host { &self.host } else { &none };
        let instance = linker.instantiate_with(&program, limits).map_err(|e| unsupported(&e))?;
        Ok(Called { instance, cost })
    }
}

/// Takes what an operation took.
fn settle(state: &mut State, ran: &Ran) -> Result<(), Stop> {
    match (&mut state.budget, &ran.result) {
        (Budget::Fuel(left), _) => {
            *left =
                left.checked_sub(ran.fuel).ok_or_else(|| wrong("an operation takes more than there is"))?;
            Ok(())
        }
        (Budget::Iterations(_), Err(trap)) if trap.code() == TrapCode::OutOfFuel => {
            Err(Stop::Unsupported("an operation takes too long".to_owned()))
        }
        _ => Ok(()),
    }
}

/// The program that calls what `key` says.
fn program(key: &Key) -> Result<Module, nbc_ir::builder::BuildError> {
    let mut m = ModuleBuilder::new();
    let host = (key.way == Way::Host).then(|| m.import(&key.name, key.params.clone(), key.results.clone()));
    let map = (key.way == Way::Map).then(|| {
        let scalar = |elem: Elem| crate::object::part_type(elem);
        let mut f = m.function("zero", [scalar(key.elems[0])], [scalar(key.elems[1])]);
        let zero: Operand = match scalar(key.elems[1]) {
            Type::I32 => 0i32.into(),
            Type::I64 => 0i64.into(),
            Type::F32 => 0f32.into(),
            Type::F64 => 0f64.into(),
            _ => false.into(),
        };
        let func = f.func();
        f.ret(vec![zero]);
        func
    });
    let mut f = m.export("run", key.params.clone(), key.results.clone());
    let mut args: Vec<Operand> = (0..key.params.len()).map(|n| f.param(n).into()).collect();
    let results: Vec<Operand> = match (key.way, host, map) {
        (Way::Host, Some(host), _) => f.call(host, args).iter().map(|r| (*r).into()).collect(),
        (Way::OnCopy, ..) => {
            let copy = f.try_op("tensor.copy", None, vec![args[0]])?.one();
            args[0] = copy.into();
            f.try_op(&key.name, Some(&key.elems), args)?;
            vec![copy.into()]
        }
        (Way::Map, _, Some(func)) => {
            args.push(f.func_ref(func).into());
            f.try_op(&key.name, Some(&key.elems), args)?.iter().map(|r| (*r).into()).collect()
        }
        _ => f.try_op(&key.name, Some(&key.elems), args)?.iter().map(|r| (*r).into()).collect(),
    };
    f.ret(results);
    Ok(m.finish())
}
