//! What of a file concerns gradients: the functions that name them or make modules, those that may come to call one of
//! these, and all that these may call. The rest cannot say anything of a gradient, and is not followed: in most files
//! that is all of it, and such a file costs no more than to be parsed.
//!
//! Who calls whom is told by names alone: whatever a function names, as a variable or an attribute, it may call. So
//! this takes too much for part of a training program rather than too little. What it does cost: mistakes in functions
//! without a word of gradients (tensors whose shapes do not fit) are not found; `--explain-unknown` shows where.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{self as py, Expr as Py, Stmt as PyStmt};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};

/// What only a program that trains, or a part of one, speaks of.
fn is_of_gradients(word: &str) -> bool {
    matches!(
        word,
        "backward"
            | "grad"
            | "grad_fn"
            | "no_grad"
            | "enable_grad"
            | "set_grad_enabled"
            | "inference_mode"
            | "requires_grad"
            | "requires_grad_"
            | "zero_grad"
            | "retain_grad"
            | "retain_graph"
            | "create_graph"
            | "detach"
            | "detach_"
            | "Parameter"
            | "ParameterList"
            | "ParameterDict"
            | "Variable"
            | "register_hook"
            | "save_for_backward"
            | "clip_grad_norm_"
            | "clip_grad_value_"
            | "vjp"
            | "jvp"
            | "jacrev"
            | "jacfwd"
            | "hessian"
            | "jacobian"
            | "hvp"
            | "vhp"
            | "value_and_grad"
            | "grad_and_value"
            | "optim"
            | "parameters"
            | "lr_scheduler"
            | "ReduceLROnPlateau"
    )
}

/// Bases that make a class one whose calls are recorded.
fn is_recorded_base(word: &str) -> bool {
    matches!(word, "Module" | "LightningModule" | "Function" | "nn")
}

/// Methods that are called by what does not name them.
fn is_called_unnamed(method: &str) -> bool {
    method == "forward" || method.starts_with("__")
}

/// The parts of a file that are not followed.
#[derive(Debug, Default)]
pub struct Focus {
    /// Where the names of the functions stand that are left out.
    left_out: FxHashSet<TextSize>,
    /// Their places, in order.
    places: Vec<TextRange>,
    /// Whether nothing in the file concerns gradients.
    is_nowhere: bool,
}

impl Focus {
    /// That of a file. `is_seed`: whether a name that is called means something in another file that concerns gradients.
    pub fn of(body: &[PyStmt], is_seed: &dyn Fn(&str) -> bool) -> Focus {
        let mut scan = Scan::default();
        scan.items.push(Item::default());
        body.iter().for_each(|stmt| scan.visit_stmt(stmt));
        scan.seeds_of_other_files(is_seed);
        scan.focus()
    }

    /// Whether nothing in the file concerns gradients.
    pub fn is_nowhere(&self) -> bool {
        self.is_nowhere
    }

    /// Whether a function is followed.
    pub fn has(&self, def: &py::StmtFunctionDef) -> bool {
        !self.left_out.contains(&def.name.start())
    }

    /// The names of the functions that are not followed, in order.
    pub fn left_out(&self) -> &[TextRange] {
        &self.places
    }
}

/// A function, a method, the rest of a class, or (the first) the rest of the file.
#[derive(Debug, Default)]
struct Item {
    /// The number of its name; none for the file.
    name: Option<u32>,
    /// Where a function's name stands.
    place: Option<TextRange>,
    /// The numbers of the names in it.
    names: Vec<u32>,
    /// The class that it is a method of.
    class: Option<u32>,
    /// The methods that whoever has the class may call without their names.
    unnamed: Vec<u32>,
    /// Whether it speaks of gradients itself.
    is_seed: bool,
    /// Whether it is a class that records.
    is_recorded: bool,
}

/// A walk over a file.
#[derive(Default)]
struct Scan<'a> {
    words: FxHashMap<&'a str, u32>,
    /// The words that are called, by number.
    called: Vec<(u32, &'a str, u32)>,
    items: Vec<Item>,
    current: u32,
    /// How many functions are around the current place.
    functions: u32,
    /// How many calls are.
    calls: u32,
}

const FILE: u32 = 0;

impl<'a> Scan<'a> {
    fn number(&mut self, word: &'a str) -> u32 {
        let next = self.words.len() as u32;
        *self.words.entry(word).or_insert(next)
    }

    fn item(&mut self) -> &mut Item {
        &mut self.items[self.current as usize]
    }

    fn word(&mut self, word: &'a str) {
        if is_of_gradients(word) {
            self.item().is_seed = true;
        }
        // The file itself calls what stands in a call; a table of functions calls none of them.
        if self.current != FILE || self.calls > 0 {
            let number = self.number(word);
            self.item().names.push(number);
        }
    }

    /// Visits a definition as an item of its own, or as a part of the function around it.
    fn definition(&mut self, item: Item, walk: impl FnOnce(&mut Self)) {
        let outer = self.current;
        self.current = self.items.len() as u32;
        self.items.push(item);
        walk(self);
        self.current = outer;
    }

    fn function(&mut self, def: &'a py::StmtFunctionDef) {
        for decorator in &def.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        let is_nested = self.functions > 0;
        self.functions += 1;
        match is_nested {
            true => self.function_parts(def),
            false => self.outer_function(def),
        }
        self.functions -= 1;
    }

    fn outer_function(&mut self, def: &'a py::StmtFunctionDef) {
        let name = def.name.as_str();
        let class = (self.current != FILE).then_some(self.current);
        let number = self.items.len() as u32;
        let is_recorded = class.is_some_and(|class| self.items[class as usize].is_recorded);
        let is_unnamed = is_called_unnamed(name);
        if let (Some(class), true) = (class, is_unnamed) {
            self.items[class as usize].unnamed.push(number);
        }
        let item = Item {
            name: Some(self.number(name)),
            place: Some(def.name.range()),
            class,
            is_seed: is_of_gradients(name)
                || (class.is_some() && name == "forward")
                || (is_recorded && is_unnamed),
            ..Item::default()
        };
        self.definition(item, |this| this.function_parts(def));
    }

    fn function_parts(&mut self, def: &'a py::StmtFunctionDef) {
        for parameter in def.parameters.iter_non_variadic_params() {
            if let Some(default) = &parameter.default {
                self.visit_expr(default);
            }
        }
        self.visit_body(&def.body);
    }

    fn class(&mut self, def: &'a py::StmtClassDef) {
        for decorator in &def.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        if self.functions > 0 || self.current != FILE {
            self.functions += 1;
            self.class_parts(def);
            self.functions -= 1;
            return;
        }
        let item = Item {
            name: Some(self.number(def.name.as_str())),
            is_recorded: def.bases().iter().any(names_recorded_base),
            ..Item::default()
        };
        self.definition(item, |this| this.class_parts(def));
    }

    fn class_parts(&mut self, def: &'a py::StmtClassDef) {
        if let Some(arguments) = &def.arguments {
            self.visit_arguments(arguments);
        }
        self.visit_body(&def.body);
    }

    fn call(&mut self, call: &'a py::ExprCall) {
        match &*call.func {
            Py::Name(name) => {
                let number = self.number(name.id.as_str());
                self.called.push((number, name.id.as_str(), self.current));
                if matches!(name.id.as_str(), "isinstance" | "issubclass") {
                    // Of what type something is asked is not a type that is used.
                    let args = call.arguments.args.iter().take(1);
                    return args.for_each(|arg| self.visit_expr(arg));
                }
            }
            Py::Attribute(attribute) => {
                let makes_tensor = self.current == FILE && is_function_of_torch(attribute);
                if makes_tensor || is_module_of_torch(attribute) {
                    self.item().is_seed = true;
                }
                if let Some(root) = root(&attribute.value) {
                    let number = self.number(root);
                    self.called.push((number, root, self.current));
                }
            }
            _ => {}
        }
        self.calls += 1;
        self.visit_expr(&call.func);
        self.visit_arguments(&call.arguments);
        self.calls -= 1;
    }

    fn seeds_of_other_files(&mut self, is_seed: &dyn Fn(&str) -> bool) {
        let mut asked: FxHashMap<u32, bool> = FxHashMap::default();
        for &(number, name, item) in &self.called {
            if *asked.entry(number).or_insert_with(|| is_seed(name)) {
                self.items[item as usize].is_seed = true;
            }
        }
    }

    fn focus(mut self) -> Focus {
        let words = self.words.len();
        let mut named: Vec<Vec<u32>> = vec![Vec::new(); words];
        for (nth, item) in self.items.iter_mut().enumerate() {
            item.names.sort_unstable();
            item.names.dedup();
            if let Some(name) = item.name {
                named[name as usize].push(nth as u32);
            }
        }
        let reached = self.reached(&self.reaching(&named), &named);
        let left_out = self.items.iter().zip(&reached);
        let left_out = left_out.filter(|(_, reached)| !**reached);
        let mut places: Vec<TextRange> = left_out.filter_map(|(item, _)| item.place).collect();
        places.sort_unstable_by_key(|place| place.start());
        Focus {
            left_out: places.iter().map(|place| place.start()).collect(),
            places,
            is_nowhere: !reached.contains(&true),
        }
    }

    /// What speaks of gradients, and what may come to call that.
    fn reaching(&self, named: &[Vec<u32>]) -> Vec<bool> {
        let mut callers: Vec<Vec<u32>> = vec![Vec::new(); self.items.len()];
        for (nth, item) in self.items.iter().enumerate() {
            for callee in self.callees(item, named) {
                callers[callee as usize].push(nth as u32);
            }
        }
        let seeds = self.items.iter().enumerate();
        let seeds = seeds.filter(|(_, item)| item.is_seed);
        let mut todo: Vec<u32> = seeds.map(|(nth, _)| nth as u32).collect();
        let mut seen = vec![false; self.items.len()];
        while let Some(nth) = todo.pop() {
            if !std::mem::replace(&mut seen[nth as usize], true) {
                todo.extend(&callers[nth as usize]);
            }
        }
        seen
    }

    /// The same, and all that they may call, with the classes of methods.
    fn reached(&self, from: &[bool], named: &[Vec<u32>]) -> Vec<bool> {
        let from = from.iter().enumerate().filter(|(_, reached)| **reached);
        let mut todo: Vec<u32> = from.map(|(nth, _)| nth as u32).collect();
        let mut seen = vec![false; self.items.len()];
        while let Some(nth) = todo.pop() {
            if !std::mem::replace(&mut seen[nth as usize], true) {
                let item = &self.items[nth as usize];
                todo.extend(self.callees(item, named).chain(item.class));
            }
        }
        seen
    }

    fn callees<'s>(
        &self,
        item: &'s Item,
        named: &'s [Vec<u32>],
    ) -> impl Iterator<Item = u32> + use<'s> {
        let by_name = item.names.iter().flat_map(|name| &named[*name as usize]);
        by_name.chain(&item.unnamed).copied()
    }
}

impl<'a> Visitor<'a> for Scan<'a> {
    fn visit_annotation(&mut self, _: &'a Py) {}

    fn visit_stmt(&mut self, stmt: &'a PyStmt) {
        match stmt {
            PyStmt::FunctionDef(def) => self.function(def),
            PyStmt::ClassDef(def) => self.class(def),
            PyStmt::Import(_) | PyStmt::ImportFrom(_) => {}
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Py) {
        match expr {
            Py::Name(name) => self.word(name.id.as_str()),
            Py::Attribute(attribute) => {
                self.word(attribute.attr.as_str());
                self.visit_expr(&attribute.value);
            }
            Py::Call(call) => self.call(call),
            _ => walk_expr(self, expr),
        }
    }

    fn visit_keyword(&mut self, keyword: &'a py::Keyword) {
        if let Some(name) = &keyword.arg
            && is_of_gradients(name)
        {
            self.item().is_seed = true;
        }
        self.visit_expr(&keyword.value);
    }
}

/// `nn.Linear`, `torch.nn.Linear`; not `F.relu`, of which there is nothing to say without a word of gradients.
fn is_module_of_torch(attribute: &py::ExprAttribute) -> bool {
    match &*attribute.value {
        Py::Name(name) => name.id.as_str() == "nn",
        Py::Attribute(inner) => inner.attr.as_str() == "nn",
        _ => false,
    }
}

/// `torch.zeros`: a file that calls such a thing by itself is a program.
fn is_function_of_torch(attribute: &py::ExprAttribute) -> bool {
    let is_setting = matches!(
        attribute.attr.as_str(),
        "device" | "compile" | "manual_seed" | "Size" | "get_default_dtype" | "typename"
    );
    matches!(&*attribute.value, Py::Name(name) if name.id.as_str() == "torch") && !is_setting
}

fn names_recorded_base(base: &Py) -> bool {
    match base {
        Py::Name(name) => is_recorded_base(&name.id),
        Py::Attribute(attribute) => {
            is_recorded_base(&attribute.attr) || names_recorded_base(&attribute.value)
        }
        _ => false,
    }
}

fn root(expr: &Py) -> Option<&str> {
    match expr {
        Py::Name(name) => Some(name.id.as_str()),
        Py::Attribute(attribute) => root(&attribute.value),
        _ => None,
    }
}
