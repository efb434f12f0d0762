//! Indexing, attributes that are views, and other aliases.

use gradlint::ops::{Dtype, Shape, layout};

use super::scope::{Growing, Variable, contiguous};

impl Growing<'_> {
    /// A statement that binds a part or an alias of a tensor.
    pub fn part(&mut self) {
        let of = self.float();
        match self.dice.below(10) {
            0 => self.alias(&of),
            1 => self.detached(&of),
            2 if of.meta.ndim() >= 2 => {
                let mut meta = of.meta.clone();
                let how = self.dice.word(&["T", "mT"]);
                if how == "T" && of.meta.ndim() > 2 {
                    return;
                }
                let last = meta.ndim() - 1;
                meta.shape.swap(last, last - 1);
                meta.strides.swap(last, last - 1);
                self.bind(&format!("{}.{how}", of.name), meta, of.tracked);
            }
            3 => self.gathered(&of),
            _ => self.indexed(&of),
        }
    }

    fn alias(&mut self, of: &Variable) {
        let name = self.fresh("a");
        self.line(format!("{name} = {}", of.name));
        self.enter(&name, of.meta.clone(), of.leaf, of.tracked);
    }

    fn detached(&mut self, of: &Variable) {
        let how = self
            .dice
            .word(&[".detach()", ".detach()", ".data", ".detach().clone()"]);
        let name = self.bind(&format!("{}{how}", of.name), of.meta.clone(), false);
        if self.dice.one_in(4) {
            self.line(format!("{name}.requires_grad_()"));
            self.enter(&name, of.meta.clone(), true, true);
        }
    }

    /// What is between the brackets, and the layout of what it takes.
    pub fn index(&mut self, of: &Variable) -> Option<(String, gradlint::ops::Meta)> {
        let size = *of.meta.shape.first()? as i64;
        if size == 0 {
            return None;
        }
        let ndim = of.meta.ndim();
        let row = |nth: i64| layout::select(&of.meta, 0, nth).ok();
        Some(match self.dice.below(9) {
            0 => ("0".into(), row(0)?),
            1 => ("-1".into(), row(-1)?),
            2 => (
                "1:".into(),
                layout::slice(&of.meta, 0, Some(1), None, 1).ok()?,
            ),
            3 => (
                ":1".into(),
                layout::slice(&of.meta, 0, None, Some(1), 1).ok()?,
            ),
            4 => (
                "::2".into(),
                layout::slice(&of.meta, 0, None, None, 2).ok()?,
            ),
            5 => ("...".into(), of.meta.clone()),
            6 => ("none".into(), layout::unsqueeze(&of.meta, 0).ok()?),
            7 if ndim >= 2 => (":, 0".into(), layout::select(&of.meta, 1, 0).ok()?),
            8 if ndim >= 2 => ("0, 0".into(), layout::select(&row(0)?, 0, 0).ok()?),
            _ => (":".into(), of.meta.clone()),
        })
    }

    fn indexed(&mut self, of: &Variable) {
        let Some((index, meta)) = self.index(of) else {
            return;
        };
        if meta.numel() > 0 {
            self.bind(&format!("{}[{index}]", of.name), meta, of.tracked);
        }
    }

    /// Indexing by a tensor or a mask: a copy.
    fn gathered(&mut self, of: &Variable) {
        let Some(&size) = of.meta.shape.first() else {
            return;
        };
        if self.dice.one_in(2) {
            let loss = self.fresh("l");
            let taken =
                self.dice
                    .word(&["@[@ > 0]", "@.masked_select(@ > 0)", "@[(@ > 0).nonzero()]"]);
            self.line(format!("{loss} = {}.sum()", taken.replace('@', &of.name)));
            self.losses.push(loss);
            return;
        }
        let count = 1 + self.dice.below(2);
        let mut shape = Shape::from_slice(&of.meta.shape);
        shape[0] = count;
        let nth: Vec<String> = (0..count)
            .map(|_| self.dice.below(size).to_string())
            .collect();
        let text = format!("{}[[{}]]", of.name, nth.join(", "));
        self.bind(&text, contiguous(of.meta.dtype, &shape), of.tracked);
    }

    /// A cast, with or without effect.
    pub fn cast(&mut self) {
        let of = self.any();
        let (how, dtype) = *self.dice.pick(&[
            (".float()", Dtype::F32),
            (".double()", Dtype::F64),
            (".long()", Dtype::I64),
            (".bool()", Dtype::Bool),
            (".to(float64)", Dtype::F64),
            (".to(float32)", Dtype::F32),
            (".clone()", Dtype::F32),
            (".contiguous()", Dtype::F32),
        ]);
        let keeps = how == ".clone()" || how == ".contiguous()";
        let meta = match keeps {
            true => of.meta.clone(),
            false => contiguous(dtype, &of.meta.shape),
        };
        self.bind(&format!("{}{how}", of.name), meta, of.tracked);
    }
}
