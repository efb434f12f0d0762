//! The other files of the linted tree that a file imports from: which file and which name of it an import means. Each
//! file is parsed when a name of it is first used, and is a part of the program from then on.

use std::cell::RefCell;
use std::rc::Rc;

use ruff_python_ast::{Mod, ModModule, Stmt};
use ruff_python_parser::{Mode, ParseOptions};
use rustc_hash::FxHashMap;

use super::bindings::Bindings;
use super::focus::Focus;
use super::translator::Translator;
use super::{comments, guard};
use crate::source::{Files, Origin, SourceMap};
use crate::symbol::Symbol;
use crate::syntax::ast::{Comment, Module};

/// How many files one program is made of.
const MAX_FILES: usize = 32;
/// How many bytes of text they have together.
const MAX_TEXT: usize = 512 << 10;
/// How often a file is looked for by a name that may be one: with many files that import all names of many others, there
/// are more such names than can be looked for.
const MAX_LOOKS: usize = 20_000;
/// How often a name is handed on from file to file.
const MAX_HOPS: u32 = 8;

/// What the text of a file has in it that trains, or is a part of what does.
const WORDS: [&str; 4] = ["grad", "backward", "nn.", "detach"];

/// What an import was found to mean.
#[derive(Clone, Debug)]
pub enum Imported {
    /// A name of another file, and how many attributes of it come behind.
    Name(usize, Symbol, usize),
    /// Something outside of the tree, by its full path.
    Path(String),
}

/// A file that something is imported from.
struct Found {
    name: String,
    text: Rc<str>,
    body: Rc<[Stmt]>,
    comments: Vec<Comment>,
    bindings: Rc<Bindings>,
}

/// The files of a program.
pub struct Project<'f> {
    files: &'f dyn Files,
    main: String,
    is_focused: bool,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    by_name: FxHashMap<String, Option<usize>>,
    found: Vec<Found>,
    /// The numbers of those of which a name is used, in the order in which that was seen.
    used: Vec<usize>,
    bytes: usize,
    /// How often a file was looked for.
    looked: usize,
    /// What the imports looked at so far mean, by the number of the file that they stand in and their full path.
    resolved: FxHashMap<(Option<usize>, String), Option<Imported>>,
    /// What names of files mean that were looked for; nothing while one is looked for, which ends circles.
    members: FxHashMap<(usize, String), Option<Imported>>,
}

impl<'f> Project<'f> {
    /// The program that begins in the file `main`.
    pub fn new(files: &'f dyn Files, main: &str) -> Project<'f> {
        Project {
            files,
            main: main.to_owned(),
            is_focused: false,
            state: RefCell::default(),
        }
    }

    /// The same, of which only what concerns gradients is followed.
    pub fn focused(files: &'f dyn Files, main: &str) -> Project<'f> {
        Project {
            is_focused: true,
            ..Project::new(files, main)
        }
    }

    /// Whether only what concerns gradients is followed.
    pub fn is_focused(&self) -> bool {
        self.is_focused
    }

    /// What of the main file is followed.
    pub fn focus_of(&self, body: &[Stmt]) -> Focus {
        let bindings = Bindings::of(body);
        let is_seed = |name: &str| {
            let path = bindings.imports.get(name);
            path.is_some_and(|path| self.concerns_gradients(path))
        };
        Focus::of(body, &is_seed)
    }

    /// Whether an import of the main file means a file that speaks of gradients.
    fn concerns_gradients(&self, path: &str) -> bool {
        if super::expr::is_library(path) {
            return false;
        }
        let file = match self.resolve_from(&self.main, path, MAX_HOPS) {
            Some(Imported::Name(file, ..)) => Some(file),
            Some(Imported::Path(_)) => None,
            None => self.module(&self.main, path),
        };
        file.is_some_and(|file| {
            let text = &self.state.borrow().found[file].text;
            WORDS.iter().any(|word| text.contains(word))
        })
    }

    /// What the full path of an import means that stands in the file of that number, or in the main one.
    pub fn resolve(&self, from: Option<usize>, path: &str) -> Option<Imported> {
        let key = (from, path.to_owned());
        if let Some(known) = self.state.borrow().resolved.get(&key) {
            return known.clone();
        }
        let found = self.resolve_anew(from, path);
        let mut state = self.state.borrow_mut();
        state.resolved.insert(key, found.clone());
        found
    }

    fn resolve_anew(&self, from: Option<usize>, path: &str) -> Option<Imported> {
        let from = match from {
            Some(number) => {
                let state = self.state.borrow();
                state.found[state.used[number]].name.clone()
            }
            None => self.main.clone(),
        };
        let imported = self.resolve_from(&from, path, MAX_HOPS)?;
        Some(match imported {
            Imported::Name(file, name, rest) => Imported::Name(self.part(file), name, rest),
            Imported::Path(path) => Imported::Path(path),
        })
    }

    /// The number of a file among those that are part of the program: a file that only hands names on is none.
    fn part(&self, file: usize) -> usize {
        let mut state = self.state.borrow_mut();
        let known = state.used.iter().position(|&used| used == file);
        known.unwrap_or_else(|| {
            state.used.push(file);
            state.used.len() - 1
        })
    }

    fn resolve_from(&self, from: &str, path: &str, hops: u32) -> Option<Imported> {
        let hops = hops.checked_sub(1)?;
        let level = level(path);
        let parts: Vec<&str> = path[level..].split('.').collect();
        let mut folders = parents(from);
        if level > 0 {
            let folder = folders.nth(level - 1)?;
            if let Some(package) = self.in_pytorch(folder) {
                return Some(Imported::Path(format!("{package}.{}", parts.join("."))));
            }
            return self.below(folder, &parts, hops, true);
        }
        folders.find_map(|folder| self.below(folder, &parts, hops, false))
    }

    /// The name of a package of PyTorch itself, whose names mean what they mean everywhere.
    fn in_pytorch(&self, folder: &str) -> Option<String> {
        let parts: Vec<&str> = folder.split('/').collect();
        let top = parts.iter().position(|part| *part == "torch")?;
        let above = joined(&parts[..top].join("/"), "__init__.py");
        let is_inside_another = self.files.read(&above).is_some();
        (!is_inside_another).then(|| parts[top..].join("."))
    }

    /// The longest beginning of a path that is a file below a folder, and what the rest means in it.
    fn below(
        &self,
        folder: &str,
        parts: &[&str],
        hops: u32,
        is_relative: bool,
    ) -> Option<Imported> {
        let shortest = if is_relative { 0 } else { 1 };
        (shortest..parts.len()).rev().find_map(|count| {
            let file = self.module_in(folder, &parts[..count].join("/"))?;
            self.member(file, parts[count], &parts[count + 1..], hops)
        })
    }

    /// What a name of a file means, and the attributes of it that come behind.
    fn member(&self, file: usize, name: &str, rest: &[&str], hops: u32) -> Option<Imported> {
        let rest: String = rest.iter().map(|part| format!(".{part}")).collect();
        let key = (file, format!("{name}{rest}"));
        if let Some(known) = self.state.borrow().members.get(&key) {
            return known.clone();
        }
        self.state.borrow_mut().members.insert(key.clone(), None);
        let found = self.find_member(file, name, &rest, hops);
        let mut state = self.state.borrow_mut();
        state.members.insert(key, found.clone());
        found
    }

    fn find_member(&self, file: usize, name: &str, rest: &str, hops: u32) -> Option<Imported> {
        let (from, bindings) = {
            let state = self.state.borrow();
            let found = &state.found[file];
            (found.name.clone(), Rc::clone(&found.bindings))
        };
        if let Some(path) = bindings.imports.get(name) {
            let path = format!("{path}{rest}");
            let imported = match super::expr::is_library(&path) {
                true => Some(Imported::Path(path)),
                false => self.resolve_from(&from, &path, hops),
            };
            if imported.is_some() {
                return imported;
            }
        }
        if bindings.bound.contains(name) {
            let attributes = rest.matches('.').count();
            return Some(Imported::Name(file, Symbol::intern(name), attributes));
        }
        // What begins with an underscore is not among what a star imports.
        let mut stars = bindings.stars.iter().filter(|_| !name.starts_with('_'));
        stars.find_map(|star| self.through_star(&from, star, (name, rest), hops))
    }

    /// What a name means in the module of which all names are imported.
    fn through_star(
        &self,
        from: &str,
        star: &str,
        (name, rest): (&str, &str),
        hops: u32,
    ) -> Option<Imported> {
        let path = format!("{star}.{name}{rest}");
        if super::expr::is_library(&path) {
            let is_known = crate::front::tg::is_known_in_python(&path);
            return is_known.then_some(Imported::Path(path));
        }
        match self.module(from, star) {
            Some(file) => {
                let parts: Vec<&str> = rest.split('.').skip(1).collect();
                self.member(file, name, &parts, hops.checked_sub(1)?)
            }
            // A package of PyTorch's itself.
            None => self
                .resolve_from(from, &path, hops)
                .filter(|found| matches!(found, Imported::Path(_))),
        }
    }

    /// The file that is the module of that full path.
    fn module(&self, from: &str, path: &str) -> Option<usize> {
        let level = level(path);
        let name = path[level..].replace('.', "/");
        let at = |folder: &str| self.module_in(folder, &name);
        let mut folders = parents(from);
        match level {
            0 => folders.find_map(at),
            _ => at(folders.nth(level - 1)?),
        }
    }

    /// The file that is a module or a package below a folder; without a name, the folder's own.
    fn module_in(&self, folder: &str, name: &str) -> Option<usize> {
        {
            let mut state = self.state.borrow_mut();
            state.looked += 1;
            if state.looked > MAX_LOOKS {
                return None;
            }
        }
        let base = joined(folder, name);
        let module = (!name.is_empty()).then(|| self.file(&format!("{base}.py")));
        module
            .flatten()
            .or_else(|| self.file(&joined(&base, "__init__.py")))
    }

    /// The number of a file, if there is one of that name.
    fn file(&self, name: &str) -> Option<usize> {
        if let Some(known) = self.state.borrow().by_name.get(name) {
            return *known;
        }
        let number = self.read(name);
        let mut state = self.state.borrow_mut();
        state.by_name.insert(name.to_owned(), number);
        number
    }

    fn read(&self, name: &str) -> Option<usize> {
        if name == self.main || self.state.borrow().found.len() >= MAX_FILES {
            return None;
        }
        let text: Rc<str> = self.files.read(name)?.into();
        let mut state = self.state.borrow_mut();
        state.bytes += text.len();
        if state.bytes > MAX_TEXT || guard::too_deep(&text).is_some() {
            return None;
        }
        let parsed = ruff_python_parser::parse_unchecked(&text, ParseOptions::from(Mode::Module));
        // What a file means that is no program is not known.
        if !parsed.errors().is_empty() {
            return None;
        }
        // Its number of a place comes later, with its turn.
        let comments = comments(crate::index::Idx::new(0), &text, &parsed);
        let Mod::Module(ModModule { body, .. }) = parsed.into_syntax() else {
            return None;
        };
        let bindings = Rc::new(Bindings::of(&body));
        state.found.push(Found {
            name: name.to_owned(),
            text,
            body: body.into_iter().collect(),
            comments,
            bindings,
        });
        Some(state.found.len() - 1)
    }

    /// Translates the files that names are used of, and those of which they use names, in the order of their numbers.
    pub fn translate(&self, sources: &mut SourceMap) -> Vec<Module> {
        let mut modules = Vec::new();
        loop {
            let number = modules.len();
            let (name, text, body, mut comments) = {
                let state = self.state.borrow();
                let Some(&nth) = state.used.get(number) else {
                    return modules;
                };
                let found = &state.found[nth];
                (
                    found.name.clone(),
                    Rc::clone(&found.text),
                    Rc::clone(&found.body),
                    found.comments.clone(),
                )
            };
            let file = sources.add(name, &*text, Origin::User);
            comments
                .iter_mut()
                .for_each(|comment| comment.span.file = file);
            let translator = Translator::new(file, &text).within_project(self, Some(number));
            modules.push(translator.module(&body, comments));
        }
    }
}

/// How many dots a relative import begins with.
fn level(path: &str) -> usize {
    path.bytes().take_while(|&byte| byte == b'.').count()
}

/// The folders around a file, the nearest first; the last is the empty path, or the root.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    let mut at = Some(name);
    std::iter::from_fn(move || {
        let parent = match at?.rsplit_once('/') {
            Some((parent, _)) => parent,
            None if at?.is_empty() => return None,
            None => "",
        };
        at = Some(parent);
        Some(parent)
    })
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}
