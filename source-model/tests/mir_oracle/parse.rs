//! Reads the text of `rustc --emit=mir`: functions, blocks, and the statements that move or drop values.
//!
//! The format is for people and changes between compilers, so whatever is not understood is an error, not a guess.

use std::collections::{BTreeMap, BTreeSet};

/// A step into a value. Downcasts to a named variant are no steps: only one variant is there at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Field(u32),
    /// The saved state of a coroutine at one of its suspension points.
    Saved(u32),
    Deref,
    /// An element at an index that is not known.
    Element,
    /// The elements from one position up to another.
    Slice(u32, u32),
}

impl Step {
    pub(crate) fn covers(self, other: Step) -> bool {
        match (self, other) {
            (Step::Slice(from, to), Step::Field(at)) => (from..to).contains(&at),
            _ => self == other,
        }
    }
}

/// `(_3.0: T)`, `(*_1)`, ..
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) local: u32,
    pub(crate) steps: Vec<Step>,
}

/// A place with its type, where the text tells it.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) place: Place,
    pub(crate) ty: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// `move p` and `copy p`: a guard that is copied was moved, the copy is an optimisation.
    From(Typed),
    Const(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Rvalue {
    Use(Operand),
    Ref(Place),
    Discriminant(Place),
    /// A tuple, array, struct, variant, closure or coroutine; the name is the variant's, if any.
    Aggregate(String, Vec<Operand>),
}

#[derive(Clone, Debug)]
pub(crate) enum Line {
    Assign(Place, Rvalue),
    SetDiscriminant(Place, u32),
    Drop(Typed, u32),
    Call { to: Typed, callee: String, args: Vec<Operand>, next: Option<u32> },
    Switch(Operand, Vec<(u128, u32)>, Option<u32>),
    Goto(u32),
    Return,
    Unreachable,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) types: BTreeMap<u32, String>,
    /// Locals that are variables of the source.
    pub(crate) variables: BTreeSet<u32>,
    pub(crate) blocks: BTreeMap<u32, Vec<Line>>,
}

/// Every function of a crate.
pub(crate) fn functions(text: &str) -> Result<Vec<Function>, String> {
    let mut functions = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(head) = line.strip_prefix("fn ") {
            functions.push(function(head, &mut lines)?);
        }
    }
    Ok(functions)
}

fn function<'a>(head: &str, lines: &mut impl Iterator<Item = &'a str>) -> Result<Function, String> {
    let open = head.find("(_").or_else(|| head.find("()")).ok_or_else(|| format!("no parameters: {head}"))?;
    let mut function = Function { name: head[..open].to_owned(), ..Function::default() };
    for param in split_list(&inside(&head[open..])?) {
        function.declare(&param)?;
    }
    let mut block = None;
    for line in lines {
        let line = line.trim_end();
        if line == "}" {
            return Ok(function);
        }
        let line = line.trim_start();
        match (block, line.strip_prefix("let ")) {
            (None, Some(local)) => function.declare(local.trim_start_matches("mut ").trim_end_matches(';'))?,
            (None, None) => {
                function.variables.extend(variable(line));
                block = block_start(line);
            }
            (Some(_), _) if line == "}" => block = None,
            (Some(at), _) => {
                let known = function.blocks.entry(at).or_default();
                known.extend(statement(line).map_err(|problem| format!("{problem}: `{line}`"))?);
            }
        }
        if let Some(at) = block {
            function.blocks.entry(at).or_default();
        }
    }
    Err(format!("`{}` has no end", function.name))
}

impl Function {
    fn declare(&mut self, text: &str) -> Result<(), String> {
        let (name, ty) = text.split_once(": ").ok_or_else(|| format!("no type: `{text}`"))?;
        self.types.insert(number(name.trim_start_matches('_'))?, ty.to_owned());
        Ok(())
    }

    /// The written type of a place.
    pub(crate) fn type_of<'a>(&'a self, typed: &'a Typed) -> Option<&'a str> {
        match &typed.ty {
            Some(ty) => Some(ty),
            None if typed.place.steps.is_empty() => self.types.get(&typed.place.local).map(String::as_str),
            None => None,
        }
    }
}

/// `debug name => _3;`
fn variable(line: &str) -> Option<u32> {
    line.strip_prefix("debug ")?.split_once(" => _")?.1.trim_end_matches(';').parse().ok()
}

fn block_start(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("bb")?.strip_suffix('{')?;
    rest.split([':', ' ']).next()?.parse().ok()
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: `{text}`"))
}

fn statement(line: &str) -> Result<Option<Line>, String> {
    let line = line.trim_end_matches(';');
    match line {
        "return" => return Ok(Some(Line::Return)),
        "unreachable" => return Ok(Some(Line::Unreachable)),
        "nop" | "coroutine_drop" => return Ok(None),
        _ => {}
    }
    let ignored =
        ["Storage", "FakeRead(", "PlaceMention(", "AscribeUserType(", "Retag(", "ConstEvalCounter", "Coverage"];
    if ignored.iter().any(|prefix| line.starts_with(prefix)) {
        return Ok(None);
    }
    if let Some(rest) = line.strip_prefix("discriminant(") {
        let (place, rest) = place(rest)?;
        let value = rest.strip_prefix(") = ").ok_or("no value")?;
        return Ok(Some(Line::SetDiscriminant(place.place, number(value)?)));
    }
    match line.rsplit_once(" -> ") {
        Some((front, targets)) if !targets.contains(" = ") && is_target(targets) => {
            terminator(front, targets).map(Some)
        }
        _ => assignment(line).map(Some),
    }
}

fn is_target(text: &str) -> bool {
    text.starts_with('[') || text.starts_with("bb") || text.starts_with("unwind")
}

fn terminator(front: &str, targets: &str) -> Result<Line, String> {
    let targets = targets_of(targets)?;
    let first = |label: &str| targets.iter().find(|(known, _)| known == label).map(|(_, block)| *block);
    if front == "goto" {
        return Ok(Line::Goto(first("").ok_or("no target")?));
    }
    if let Some(rest) = front.strip_prefix("drop(") {
        return Ok(Line::Drop(place(rest)?.0, first("return").ok_or("no target")?));
    }
    if front.starts_with("assert(") {
        return Ok(Line::Goto(first("success").ok_or("no target")?));
    }
    if let Some(rest) = front.strip_prefix("switchInt(") {
        let on = operand(rest.strip_suffix(')').ok_or("no end")?)?;
        let cases = targets.iter().filter(|(label, _)| label != "otherwise");
        let cases: Result<_, String> = cases.map(|(label, block)| Ok((number(label)?, *block))).collect();
        return Ok(Line::Switch(on, cases?, first("otherwise")));
    }
    let (to, rest) = place(front)?;
    let rest = rest.strip_prefix(" = ").ok_or("neither a call nor a known terminator")?;
    let (callee, list) = list_at_end(rest).ok_or("a call without arguments")?;
    let args: Result<Vec<Operand>, String> = split_list(list).iter().map(|arg| operand(arg)).collect();
    Ok(Line::Call { to, callee: callee.to_owned(), args: args?, next: first("return") })
}

/// `[return: bb1, unwind unreachable]`, `bb3`: labels with blocks; unwinding is left out.
fn targets_of(text: &str) -> Result<Vec<(String, u32)>, String> {
    if let Some(block) = text.strip_prefix("bb") {
        return Ok(vec![(String::new(), number(block)?)]);
    }
    let list = text.trim_start_matches('[').trim_end_matches(']');
    let parts = list.split(", ").filter(|part| !part.starts_with("unwind"));
    parts
        .map(|part| {
            let (label, block) = part.split_once(": bb").ok_or_else(|| format!("no block in `{part}`"))?;
            Ok((label.to_owned(), number(block)?))
        })
        .collect()
}

fn assignment(line: &str) -> Result<Line, String> {
    let (to, rest) = place(line)?;
    let value = rest.strip_prefix(" = ").ok_or("not an assignment")?;
    Ok(Line::Assign(to.place, rvalue(value)?))
}

fn rvalue(text: &str) -> Result<Rvalue, String> {
    if let Some(rest) = text.strip_prefix('&') {
        let kinds = ["raw const (fake) ", "raw const ", "raw mut ", "fake shallow ", "fake ", "mut "];
        let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind)).unwrap_or(rest);
        return Ok(Rvalue::Ref(place(rest)?.0.place));
    }
    if let Some(rest) = text.strip_prefix("discriminant(") {
        return Ok(Rvalue::Discriminant(place(rest)?.0.place));
    }
    if text.starts_with("move ") || text.starts_with("copy ") || text.starts_with("const ") {
        return Ok(Rvalue::Use(operand(text)?));
    }
    let Some((head, list)) = list_at_end(text) else {
        return Ok(Rvalue::Aggregate(variant_name(text), Vec::new()));
    };
    let operands: Result<Vec<Operand>, String> =
        split_list(list).iter().map(|part| operand(field_value(part))).collect();
    Ok(Rvalue::Aggregate(variant_name(head.trim()), operands?))
}

fn variant_name(head: &str) -> String {
    head.rsplit("::").next().unwrap_or_default().to_owned()
}

/// `name: move _1` is `move _1`.
fn field_value(text: &str) -> &str {
    let is_operand = |text: &str| ["move ", "copy ", "const "].iter().any(|prefix| text.starts_with(prefix));
    match text.split_once(": ") {
        Some((_, value)) if !is_operand(text) && is_operand(value) => value,
        _ => text,
    }
}

fn operand(text: &str) -> Result<Operand, String> {
    match text.strip_prefix("move ").or_else(|| text.strip_prefix("copy ")) {
        Some(rest) => Ok(Operand::From(place(rest)?.0)),
        // Also functions by their path.
        None => Ok(Operand::Const(text.trim_start_matches("const ").to_owned())),
    }
}

/// A place at the start of the text, and what follows it.
fn place(text: &str) -> Result<(Typed, &str), String> {
    let (mut typed, mut rest) = if let Some(inner) = text.strip_prefix('(') {
        parenthesised(inner)?
    } else {
        let digits = text.strip_prefix('_').ok_or_else(|| format!("not a place: `{text}`"))?;
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        let place = Place { local: number(&digits[..end])?, steps: Vec::new() };
        (Typed { place, ty: None }, &digits[end..])
    };
    while let Some(index) = rest.strip_prefix('[') {
        let end = index.find(']').ok_or("no end of an index")?;
        let fixed = index[..end].split_once(" of ").and_then(|(at, _)| at.parse().ok()).map(Step::Field);
        let bounds = index[..end].split_once("..");
        let slice = bounds.and_then(|(from, to)| Some(Step::Slice(from.parse().ok()?, to.parse().ok()?)));
        typed.place.steps.push(fixed.or(slice).unwrap_or(Step::Element));
        typed.ty = None;
        rest = &index[end + 1..];
    }
    Ok((typed, rest))
}

/// `(*p)`, `(p.0: T)`, `(p as Variant)`, after the parenthesis.
fn parenthesised(text: &str) -> Result<(Typed, &str), String> {
    if let Some(inner) = text.strip_prefix('*') {
        let (mut typed, rest) = place(inner)?;
        typed.place.steps.push(Step::Deref);
        typed.ty = None;
        return Ok((typed, rest.strip_prefix(')').ok_or("no end of a dereference")?));
    }
    let (mut typed, rest) = place(text)?;
    if let Some(rest) = rest.strip_prefix(" as ") {
        let end = closing(rest).ok_or("no end of a downcast")?;
        if let Some(at) = rest[..end].strip_prefix("variant#") {
            typed.place.steps.push(Step::Saved(number(at)?));
        }
        typed.ty = None;
        return Ok((typed, &rest[end + 1..]));
    }
    let rest = rest.strip_prefix('.').ok_or_else(|| format!("an unknown projection at `{rest}`"))?;
    let (field, rest) = rest.split_once(": ").ok_or("a field without a type")?;
    let end = closing(rest).ok_or("no end of a field")?;
    typed.place.steps.push(Step::Field(number(field)?));
    typed.ty = Some(rest[..end].to_owned());
    Ok((typed, &rest[end + 1..]))
}

/// Where the bracket that encloses the text closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What the text's first bracket encloses.
fn inside(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('(').ok_or("no bracket")?;
    let end = closing(text).ok_or("no closing bracket")?;
    Ok(text[..end].to_owned())
}

/// Splits `head(list)`, `head { list }` or `[list]`.
fn list_at_end(text: &str) -> Option<(&str, &str)> {
    let (open, close) = match text.chars().last()? {
        ')' => ('(', ')'),
        '}' => ('{', '}'),
        ']' => ('[', ']'),
        _ => return None,
    };
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices().rev() {
        if letter == close {
            depth += 1;
        } else if letter == open {
            depth -= 1;
            if depth == 0 {
                return Some((&text[..at], text[at + 1..text.len() - 1].trim()));
            }
        }
    }
    None
}

/// Splits at the commas that no bracket or string encloses.
fn split_list(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut before) = (0_i32, false, ' ');
    let mut part = String::new();
    for letter in text.chars() {
        match letter {
            '"' if before != '\\' => quoted = !quoted,
            '(' | '[' | '{' | '<' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            '>' if !quoted && before != '-' && before != '=' => depth -= 1,
            _ => {}
        }
        before = letter;
        if letter == ',' && depth == 0 && !quoted {
            parts.push(std::mem::take(&mut part).trim().to_owned());
        } else {
            part.push(letter);
        }
    }
    if !part.trim().is_empty() {
        parts.push(part.trim().to_owned());
    }
    parts
}
