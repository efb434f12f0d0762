//! Flags, hooks and what a program reads of a tensor.

use super::scope::Growing;

impl Growing<'_> {
    /// A statement that changes or asks for a flag.
    pub fn flag(&mut self) {
        let of = match self.dice.below(3) {
            0 => self.leaf(),
            1 => self.mostly(|variable| variable.tracked && !variable.leaf),
            _ => self.any(),
        };
        let name = of.name.clone();
        let what = self.dice.word(&[
            "@.requires_grad_()",
            "@.requires_grad_(false)",
            "@.requires_grad = false",
            "@.requires_grad = true",
            "@.retain_grad()",
            "@.retain_grad()",
            "@.retain_grad()",
            "@.detach_()",
            "print(@.requires_grad, @.is_leaf)",
            "print(@._version)",
            "@.data = @.data * 2",
            "@ = @.detach().requires_grad_()",
            "@.require_grad = true",
        ]);
        self.line(what.replace('@', &name));
    }

    /// A hook.
    pub fn hook(&mut self) {
        let of = self.mostly(|variable| variable.tracked);
        let what = self.dice.word(&[
            "lambda grad: grad * 2",
            "lambda grad: none",
            "lambda grad: grad.clone()",
            "lambda grad: print(grad.sum())",
            "lambda grad: grad + 1",
            "lambda grad: grad.sum()",
            "lambda grad: grad.double()",
            "lambda grad: grad.mul_(2)",
            "lambda grad: 3",
            "lambda grad: grad.detach()",
        ]);
        let hook = match self.dice.one_in(6) {
            true => "register_post_accumulate_grad_hook",
            false => "register_hook",
        };
        if hook == "register_post_accumulate_grad_hook" {
            let what = self
                .dice
                .word(&["lambda p: none", "lambda p: print(p.grad is none)"]);
            return self.line(format!("{}.{hook}({what})", of.name));
        }
        if self.dice.one_in(5) {
            let handle = self.fresh("h");
            self.line(format!("{handle} = {}.{hook}({what})", of.name));
            if self.dice.one_in(2) {
                self.backward();
            }
            return self.line(format!("{handle}.remove()"));
        }
        self.line(format!("{}.{hook}({what})", of.name));
    }
}
