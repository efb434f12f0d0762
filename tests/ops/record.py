"""Runs all cases under PyTorch and writes recorded.json. Use: OMP_NUM_THREADS=1 python record.py"""
import json, os, sys, warnings, importlib
import torch, torch.nn as nn, torch.nn.functional as F

warnings.simplefilter('ignore')
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import cases
from cases import T, Ref, Dtype

DTYPES = dict(f32=torch.float32, f64=torch.float64, i64=torch.int64, bool=torch.bool)
NAMES = {v: k for k, v in DTYPES.items()}


def number(v):
    """A number that JSON can hold: floats shortened to what their type needs."""
    if isinstance(v, float):
        return v if v == v and abs(v) != float('inf') else {'float': 'nan' if v != v else 'inf' if v > 0 else '-inf'}
    return v


def encode(arg):
    if isinstance(arg, T): return {'tensor': dict(shape=arg.shape, dtype=arg.dtype, values=[number(v) for v in arg.values], grad=arg.grad)}
    if isinstance(arg, Ref): return {'ref': arg.place}
    if isinstance(arg, Dtype): return {'dtype': arg.name}
    if isinstance(arg, (list, tuple)): return [encode(a) for a in arg]
    if isinstance(arg, slice): return {'slice': [arg.start, arg.stop, arg.step]}
    if arg is Ellipsis: return {'ellipsis': True}
    return number(arg)


class Inputs:
    """The tensors of a call, made anew for each run; those to differentiate by are copies of leaves."""
    def __init__(self, grad):
        self.grad, self.tensors, self.leaves = grad, [], []

    def decode(self, arg):
        if isinstance(arg, T):
            t = torch.tensor(arg.values, dtype=DTYPES[arg.dtype]).reshape(arg.shape)
            leaf = None
            if arg.grad and self.grad:
                leaf = t.requires_grad_()
                t = leaf.clone()
            self.tensors.append(t)
            if arg.grad: self.leaves.append(leaf)
            return t
        if isinstance(arg, Ref): return self.tensors[arg.place]
        if isinstance(arg, Dtype): return DTYPES[arg.name]
        if isinstance(arg, list): return [self.decode(a) for a in arg]
        if isinstance(arg, tuple): return tuple(self.decode(a) for a in arg)
        return arg


def run(c, grad):
    inputs = Inputs(grad)
    args = [inputs.decode(a) for a in c['args']]
    kwargs = {k: inputs.decode(v) for k, v in c['kwargs'].items()}
    torch.manual_seed(1)
    out = eval(c['call'])(*args, **kwargs)
    if isinstance(out, bool): out = torch.tensor(out)
    outs = [out] if isinstance(out, torch.Tensor) else [o for o in out if isinstance(o, torch.Tensor)]
    return inputs, outs


def cotangent(shape, k):
    n = 1
    for s in shape: n *= s
    return torch.tensor([0.3 + ((j * 5 + k * 3) % 7) * 0.1 for j in range(n)], dtype=torch.float64).reshape(shape)


def values(t):
    if t._is_zerotensor(): t = torch.zeros(t.shape, dtype=t.dtype)
    digits = 9 if t.dtype == torch.float32 else 15
    return [number(float('%.*g' % (digits, v))) if isinstance(v, float) else v for v in t.detach().flatten().tolist()]


def record(c):
    inputs, outs = run(c, True)
    entry = dict(evidence=c['evidence'], row=c['row'], call=c['call'], args=[encode(a) for a in c['args']], kwargs={k: encode(v) for k, v in c['kwargs'].items()})
    entry['outputs'] = [dict(dtype=NAMES[o.dtype], shape=list(o.shape), strides=list(o.stride()), values=values(o)) for o in outs]
    entry['requires_grad'] = [o.requires_grad for o in outs]
    entry['node'] = next((o.grad_fn.name() for o in outs if o.grad_fn is not None), None)
    entry['self'] = any(o is t for o in outs for t in inputs.tensors)
    if any(o.requires_grad for o in outs):
        wanted = [(o, cotangent(o.shape, k).to(o.dtype)) for k, o in enumerate(outs) if o.requires_grad]
        try:
            grads = torch.autograd.grad([o for o, _ in wanted], inputs.leaves, [g for _, g in wanted], allow_unused=True)
            entry['grads'] = [None if g is None else values(g) for g in grads]
        except Exception as e:
            entry['backward_error'] = [type(e).__name__, str(e)]
    return entry


def refused(c):
    try:
        run(c, False)
    except Exception as e:
        return dict(name=c['name'], form=c['form'], call=c['call'], args=[encode(a) for a in c['args']], kwargs={k: encode(v) for k, v in c['kwargs'].items()}, error=[type(e).__name__, str(e)])
    raise SystemExit('PyTorch does not refuse %r' % c)


def main():
    for more in ('cases_b', 'cases_c'): importlib.import_module(more)
    lines = []
    for c in cases.CASES:
        try: lines.append(json.dumps(record(c), separators=(',', ':')))
        except Exception as e: raise SystemExit('%r: %s: %s' % (c, type(e).__name__, e))
    bad = [json.dumps(refused(c), separators=(',', ':')) for c in cases.BAD]
    with open(os.path.join(HERE, 'recorded.json'), 'w') as f:
        f.write('{"torch":"%s","cases":[\n%s\n],"refused":[\n%s\n]}\n' % (torch.__version__, ',\n'.join(lines), ',\n'.join(bad)))
    print(len(lines), 'cases,', len(bad), 'refused')


main()
