"""Calls of operators, each compared with PyTorch: rows of arithmetic, reductions, factories, random numbers.

`case(evidence, row, call, *args, **kwargs)`: the row of ops.tsv it stands for (or None), the operator's row in the table,
the call in Python (an expression for a callable), its arguments. The tensors of a case are the inputs of its row of
ops.tsv, in order. `bad(name, form, call, *args)`: a call that PyTorch refuses.
"""
CASES = []
BAD = []
_seed = [0]


class T:
    """A tensor of fixed values."""
    def __init__(self, shape, values, dtype='f32', grad=True):
        self.shape, self.values, self.dtype, self.grad = list(shape), values, dtype, grad and dtype in ('f32', 'f64')


class Ref:
    """The same tensor as an earlier one."""
    def __init__(self, place):
        self.place = place


class Dtype:
    def __init__(self, name):
        self.name = name


def V(*shape, lo=0.1, hi=0.9, dtype='f32', grad=True):
    _seed[0] += 1
    n = 1
    for s in shape: n *= s
    return T(shape, [round(lo + (hi - lo) * (((i * 37 + _seed[0] * 61 + 11) % 97) / 97), 6) for i in range(n)], dtype, grad)


def I(values, shape=None):
    return T([len(values)] if shape is None else shape, list(values), 'i64')


def B(values, shape=None):
    return T([len(values)] if shape is None else shape, list(values), 'bool')


def F(values, shape=None, grad=True):
    return T([len(values)] if shape is None else shape, list(values), 'f32', grad)


def case(evidence, row, call, *args, **kwargs):
    CASES.append(dict(evidence=evidence, row=row, call=call, args=list(args), kwargs=kwargs))


def bad(name, form, call, *args, **kwargs):
    BAD.append(dict(name=name, form=form, call=call, args=list(args), kwargs=kwargs))


f32, f64, i64, boolean = Dtype('f32'), Dtype('f64'), Dtype('i64'), Dtype('bool')
inf, nan = float('inf'), float('nan')
SIGNED = dict(lo=-2.2, hi=2.3)


def unary():
    positive = 'log log2 log10 log1p sqrt rsqrt reciprocal lgamma digamma logit erfinv asin acos atanh'.split()
    for name in ('abs neg exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal sin cos tan asin acos atan sinh cosh tanh asinh atanh '
                 'sigmoid erf erfc erfinv lgamma digamma relu sign floor ceil round trunc frac sgn nan_to_num positive clone sinc i0 deg2rad rad2deg logit').split():
        where = {} if name in positive else SIGNED
        case(name, name, 'torch.' + name, V(4, **where))
        case(None, name, 'torch.' + name, V(2, 3, dtype='f64', **where))
        if name not in ('clone', 'frac', 'positive'):
            case(None, name, 'torch.' + name, I([1, 2, 3]))
    case('acosh', 'acosh', 'torch.acosh', V(4, lo=1.5, hi=2.5))
    for name in 'exp log sqrt rsqrt reciprocal sigmoid tanh relu abs neg sin cos floor round erf log1p expm1'.split():
        case(name + '_', name, 'torch.Tensor.' + name + '_', V(4))
    case('F.relu(inplace)', 'relu', 'F.relu', V(4, **SIGNED), inplace=True)
    for name in 'tan asin acos atan sinh cosh erfc erfinv lgamma digamma sign ceil trunc frac sgn nan_to_num sinc i0 deg2rad logit exp2 log2 log10'.split():
        case(None, name, 'torch.Tensor.' + name + '_', V(4))
    for name in 'asinh atanh'.split():
        case(None, name + '_', 'torch.Tensor.' + name + '_', V(4))
    case(None, 'acosh_', 'torch.Tensor.acosh_', V(4, lo=1.5, hi=2.5))
    wide = [-30.5, -6.0, -2.6, -0.3, 0.0, 0.2, 2.4, 7.0, 31.0]
    for name in 'exp sin cos atan tanh sigmoid erf erfc i0 sinc abs sgn lgamma digamma'.split():
        case(None, name, 'torch.' + name, T([9], wide, 'f64'))
    case(None, 'special_i1', 'torch.special.i1', T([9], wide, 'f64', grad=False))
    case(None, 'trigamma', 'lambda x: torch.polygamma(1, x)', T([5], [0.1, 0.7, 3.0, 14.5, -0.4], 'f64', grad=False))
    case(None, 'exp', 'torch.exp', T([4], [nan, inf, -inf, 0.0], 'f32'))
    case(None, 'relu', 'torch.relu', T([4], [nan, inf, -inf, 0.0], 'f32'))
    case(None, 'nan_to_num', 'torch.nan_to_num', T([4], [nan, inf, -inf, 0.5], 'f32'))
    case(None, 'nan_to_num', 'torch.nan_to_num', T([4], [nan, inf, -inf, 0.5], 'f32'), nan=1.0, posinf=2.0, neginf=3.0)
    case(None, 'logit', 'torch.logit', V(4), eps=0.3)
    case(None, 'round.decimals', 'torch.round', V(4), decimals=2)
    case(None, 'neg', 'torch.neg', V(0, 3))
    case(None, 'exp', 'torch.exp', V())
    for name, values in (('neg', B([True])), ('abs', B([True])), ('floor', B([True])), ('relu', B([True])), ('frac', I([1]))):
        bad(name, 'function', 'torch.' + name, values)
    bad('exp', 'function', 'torch.exp', 2.0)
    bad('exp', 'function', 'torch.exp')
    bad('exp', 'in_place', 'torch.Tensor.exp_', I([1]))


def binary():
    v = lambda **k: (V(4, **k), V(4, **k))
    for name in 'add sub mul div atan2 maximum minimum fmax fmin fmod remainder hypot logaddexp copysign xlogy heaviside'.split():
        row = {'fmod': 'fmod.Tensor'}.get(name, name)
        case(name, row, 'torch.' + name, *v())
        case(None, row, 'torch.' + name, V(2, 3, dtype='f64'), V(3, dtype='f64'))
        case(None, row, 'torch.' + name, V(3), V(2, 1))
    for name in 'add sub mul div atan2 maximum minimum fmod remainder xlogy copysign'.split():
        row = {'fmod': 'fmod.Tensor'}.get(name, name)
        case(None, row, 'torch.' + name, I([7, -7, 8, -8]), I([2, 3, -3, 4]))
        case(None, row, 'torch.' + name, F([1.5, -2.5, 0.0, 3.0], grad=False), F([-0.5, 2.0, 3.0, -1.25], grad=False))
    for name in 'maximum minimum fmax fmin'.split():
        case(None, name, 'torch.' + name, F([1.0, nan, 2.0, 3.0]), F([1.0, 2.0, nan, 1.0]))
    case('true_divide', 'div', 'torch.true_divide', *v())
    case(None, 'rsub', 'torch.rsub', *v())
    case('add(x,scalar)', 'add', 'lambda x, n: x + n', V(4), 2)
    case('sub(x,scalar)', 'sub', 'lambda x, n: x - n', V(4), 2)
    case('rsub(scalar-x)', 'rsub', 'lambda x, n: n - x', V(4), 2)
    case('mul(x,scalar)', 'mul', 'lambda x, n: x * n', V(4), 2.0)
    case('div(x,scalar)', 'div', 'lambda x, n: x / n', V(4), 2.0)
    case('div(scalar,x)', 'rdiv', 'lambda x, n: n / x', V(4), 2.0)
    case('fmod(x,scalar)', 'fmod.Scalar', 'torch.fmod', V(4), 2.0)
    case('x % scalar', 'remainder.Scalar', 'lambda x, n: x % n', V(4, **SIGNED), 2.0)
    case(None, 'remainder.Scalar_Tensor', 'lambda n, x: n % x', 2.0, V(4))
    case('add(x,y,alpha=2)', 'add', 'torch.add', *v(), alpha=2)
    case(None, 'add', 'torch.add', V(4), 0.5, alpha=0.1)
    case(None, 'sub', 'torch.sub', *v(), alpha=0.3)
    case('add broadcast (3,4)+(4)', 'add', 'torch.add', V(3, 4), V(4))
    case('mul broadcast (3,4)*(4)', 'mul', 'torch.mul', V(3, 4), V(4))
    case('mul(x,x)', 'mul', 'lambda x, y: x * x', V(4), Ref(0))
    case('div floor', 'div.Tensor_mode', 'torch.div', *v(), rounding_mode='floor')
    case(None, 'div.Tensor_mode', 'torch.div', V(4, **SIGNED), 0.3, rounding_mode='trunc')
    case(None, 'div.Tensor_mode', 'torch.div', I([7, -7, 9]), I([2, 2, -4]), rounding_mode='floor')
    case('floor_divide (//)', 'floor_divide', 'lambda x, y: x // y', *v())
    case(None, 'floor_divide', 'lambda x, y: x // y', I([7, -7, 9, -9]), 2)
    case(None, 'floor_divide', 'lambda x, y: x // y', F([7.5, -7.5, 0.3, inf], grad=False), F([2.0, 2.0, 0.1, 1.0], grad=False))
    case(None, 'floor_divide.Scalar_Tensor', 'lambda n, x: n // x', 2.0, V(4))
    for exponent in (2, 3, 1, 0, 0.5, -1, 2.0):
        case('pow(x,%r)' % (exponent,), 'pow.Tensor_Scalar', 'lambda x, e: x ** e', V(4), exponent)
    case('square', 'pow.Tensor_Scalar', 'lambda x, e: torch.square(x)', V(4), 2)
    case('square_', 'pow.Tensor_Scalar', 'torch.Tensor.pow_', V(4), 2)
    case('pow(tensor,tensor)', 'pow', 'torch.pow', *v())
    case('pow(scalar,tensor)', 'pow.Scalar', 'torch.pow', 2.0, V(4))
    case(None, 'pow', 'torch.pow', F([0.0, 0.0, 2.0]), F([0.0, 2.0, 0.0]))
    case(None, 'pow.Tensor_Scalar', 'torch.pow', I([2, -3, 4]), 3)
    case(None, 'pow.Tensor_Scalar', 'torch.pow', I([2, 3, 4]), 0.5)
    case('pow_(2)', 'pow.Tensor_Scalar', 'torch.Tensor.pow_', V(4), 2)
    case('pow_(tensor)', 'pow', 'torch.Tensor.pow_', *v())
    for name in 'add sub mul div'.split():
        case({'add': 'add_(tensor)'}.get(name, name + '_'), name, 'torch.Tensor.%s_' % name, *v())
    case('add_(scalar)', 'add', 'torch.Tensor.add_', V(4), 1)
    case('mul_(scalar)', 'mul', 'torch.Tensor.mul_', V(4), 2.0)
    case('div_(scalar)', 'div', 'torch.Tensor.div_', V(4), 2.0)
    case(None, 'copysign', 'torch.copysign', V(4), -2.0)
    case(None, 'xlogy', 'torch.xlogy', V(4), 2.0)
    case('addcmul', 'addcmul', 'torch.addcmul', *v(), V(4))
    case('addcdiv', 'addcdiv', 'torch.addcdiv', *v(), V(4))
    case(None, 'addcmul', 'torch.addcmul', *v(), V(4), value=0.3)
    case(None, 'addcdiv', 'torch.addcdiv', *v(), V(4), value=-2)
    case('addcmul_', 'addcmul', 'torch.Tensor.addcmul_', *v(), V(4))
    case('addcdiv_', 'addcdiv', 'torch.Tensor.addcdiv_', *v(), V(4))
    case('lerp(scalar)', 'lerp.Scalar', 'torch.lerp', *v(), 0.3)
    case('lerp(tensor)', 'lerp.Tensor', 'torch.lerp', *v(), V(4))
    case('lerp_', 'lerp.Scalar', 'torch.Tensor.lerp_', *v(), 0.3)
    case('clamp(min,max)', 'clamp', 'torch.clamp', V(4), 0.2, 0.6)
    case('clamp(min)', 'clamp', 'torch.clamp', V(4), min=0.2)
    case('clip', 'clamp', 'torch.clip', V(4), 0, 1)
    case('clamp_', 'clamp', 'torch.Tensor.clamp_', V(4), 0.2, 0.6)
    case('clamp(tensor,tensor)', 'clamp.Tensor', 'torch.clamp', V(4), V(4), V(4))
    case(None, 'clamp.Tensor', 'torch.clamp', V(4), max=V(4))
    case(None, 'clamp', 'torch.clamp', I([1, 5, 9]), 2, 7)
    case(None, 'clamp', 'torch.clamp', F([nan, 1.0, 3.0]), 0.5, 2.0)
    case(None, 'clamp_min', 'torch.clamp_min', V(4), 0.4)
    case(None, 'clamp_max', 'torch.clamp_max', V(4), 0.4)
    for name in 'eq ne lt le gt ge'.split():
        case(name, name, 'torch.' + name, F([1.0, 2.0, nan, 4.0]), F([1.0, 3.0, nan, 1.0]))
        case(None, name, 'torch.' + name, I([1, 2, 3]), 2)
        case(None, name, 'torch.' + name, F([0.1, 0.2, 0.3], grad=False), 0.1)
    for name in 'isnan isinf isfinite'.split():
        case(name, name, 'torch.' + name, F([1.0, inf, nan, -inf]))
    case(None, 'isclose', 'torch.isclose', F([1.0, 2.0, nan], grad=False), F([1.000001, 2.1, nan], grad=False), equal_nan=True)
    case(None, 'allclose', 'torch.allclose', F([1.0, 2.0], grad=False), F([1.000001, 2.0], grad=False))
    case(None, 'equal', 'torch.equal', F([1.0, 2.0], grad=False), F([1.0, 2.0], grad=False))
    for name in 'and or xor'.split():
        case(None, 'logical_' + name, 'torch.logical_' + name, F([0.0, 1.0, 0.0, 2.0], grad=False), F([0.0, 0.0, 3.0, 4.0], grad=False))
        case(None, 'bitwise_' + name, 'torch.bitwise_' + name, I([1, 2, 12]), I([3, 6, 10]))
        case(None, 'bitwise_' + name, 'torch.bitwise_' + name, B([True, False]), B([True, True]))
    case(None, 'logical_not', 'torch.logical_not', I([0, 2]))
    case(None, 'bitwise_not', 'torch.bitwise_not', I([0, 2]))
    case(None, 'bitwise_not', 'torch.bitwise_not', B([True, False]))
    case(None, 'bitwise_left_shift', 'lambda x, n: x << n', I([1, 2]), 3)
    case(None, 'bitwise_right_shift', 'lambda x, n: x >> n', I([17, -9]), 2)
    # promotion
    for x in (B([True, False]), I([1, 2]), F([1.5, 2.5], grad=False), T([2], [1.5, 2.5], 'f64', False)):
        for y in (True, 2, 2.5, T([], [True], 'bool'), T([], [3], 'i64'), T([], [0.5], 'f64', False), T([], [0.5], 'f32', False), B([True, True]), I([3, 4])):
            case(None, 'mul', 'lambda x, y: x * y', x, y)
            case(None, 'div', 'lambda x, y: x / y', x, y)
    case('dist', 'dist', 'torch.dist', *v())
    for p in (1, 3, 1.5, inf):
        case(None, 'dist', 'torch.dist', *v(), p)
    for f in ('torch.add', 'torch.mul', 'torch.eq'):
        bad(f[6:], 'function', f, V(3), V(4))
        bad(f[6:], 'function', f, V(3), 'a')
    bad('add', 'method', 'torch.Tensor.add', V(3), 'a')
    bad('add', 'method', 'torch.Tensor.add', V(3), None)
    bad('mul', 'method', 'torch.Tensor.mul', V(3), [1])
    bad('add', 'method', 'torch.Tensor.add', V(3), 1, foo=2)
    bad('add', 'function', 'torch.add', I([1]), 1, alpha=0.5)
    bad('sub', 'function', 'torch.sub', B([True]), B([True]))
    bad('sub', 'function', 'lambda x, y: x - y', B([True]), 1)
    bad('floor_divide', 'function', 'lambda x, y: x // y', I([1]), 0)
    bad('remainder', 'function', 'lambda x, y: x % y', I([1]), 0)
    bad('pow', 'function', 'lambda x, y: x ** y', I([1]), -1)
    bad('clamp', 'function', 'torch.clamp', V(3))
    bad('lerp.Scalar', 'function', 'torch.lerp', I([1]), I([2]), 0.5)
    bad('lerp.Scalar', 'function', 'torch.lerp', V(1), I([2]), 0.5)
    bad('heaviside', 'function', 'torch.heaviside', V(1), I([2]))
    bad('hypot', 'function', 'torch.hypot', I([1]), I([2]))
    bad('bitwise_and', 'function', 'lambda x, y: x & y', V(2), V(2))
    bad('bitwise_not', 'function', 'torch.bitwise_not', V(2))
    bad('isclose', 'function', 'torch.isclose', V(2), I([1, 2]))
    bad('div.Tensor_mode', 'function', 'torch.div', V(2), V(2), rounding_mode='up')
    bad('add', 'in_place', 'torch.Tensor.add_', I([1, 2]), 1.5)
    bad('add', 'in_place', 'torch.Tensor.add_', V(3), V(2, 3))
    bad('add', 'in_place', 'torch.Tensor.add_', I([1, 2]), V(2, 2))
    bad('add', 'in_place', 'torch.Tensor.add_', B([True]), 1)
    bad('div', 'in_place', 'torch.Tensor.div_', I([1, 2]), 2)


def activations():
    x = lambda: V(6, lo=-4.1, hi=4.2)
    for name in 'gelu silu mish softplus elu selu celu leaky_relu hardtanh relu6 hardsigmoid hardswish hardshrink softshrink logsigmoid'.split():
        case('F.' + name, name, 'F.' + name, x())
        case(None, name, 'F.' + name, V(2, 3, dtype='f64', **SIGNED))
    case(None, 'gelu', 'F.gelu', x(), approximate='tanh')
    case(None, 'softplus', 'F.softplus', x(), 2, 3)
    case(None, 'elu', 'F.elu', x(), 0.7)
    case(None, 'celu', 'F.celu', x(), 0.7)
    case(None, 'leaky_relu', 'F.leaky_relu', x(), 0.3)
    case(None, 'hardtanh', 'F.hardtanh', x(), -0.5, 0.75)
    case(None, 'softshrink', 'F.softshrink', x(), 0.3)
    case('F.threshold', 'threshold', 'F.threshold', x(), 0.1, 0.0)
    case('F.prelu', 'prelu', 'F.prelu', V(2, 3, **SIGNED), V(3))
    case(None, 'prelu', 'F.prelu', V(2, 3, **SIGNED), V(1))
    case('F.glu', 'glu', 'F.glu', V(4), 0)
    case(None, 'glu', 'F.glu', V(3, 4, **SIGNED))
    for name in 'leaky_relu elu silu hardtanh relu6 hardswish'.split():
        case('F.%s(inplace)' % name, name, 'F.' + name, V(4, **SIGNED), inplace=True)
    for name in 'selu celu mish hardsigmoid'.split():
        case(None, name, 'F.' + name, V(4, **SIGNED), inplace=True)
    case(None, 'threshold', 'F.threshold', x(), 0.1, 0.0, inplace=True)
    bad('glu', 'function', 'F.glu', V(3))
    bad('prelu', 'function', 'F.prelu', V(2, 3), V(4))


def reductions():
    for name in 'sum mean prod max min amax amin std var norm median nansum'.split():
        case(name, name, 'torch.' + name, V(4))
        case(None, name, 'torch.' + name, V(2, 3, dtype='f64'))
        case(None, name, 'torch.' + name, V())
    for name in 'all any argmax argmin count_nonzero'.split():
        case(name, name, 'torch.' + name, F([1.0, 0.0, 3.0, 3.0]))
    for name, row in (('sum', 'sum.dim_IntList'), ('mean', 'mean.dim'), ('prod', 'prod.dim_int'), ('max', 'max.dim'), ('min', 'min.dim'), ('median', 'median.dim'), ('amax', 'amax'),
                      ('var', 'var.dim'), ('std', 'std.dim')):
        case(name + '(dim)', row, 'torch.Tensor.' + name, V(3, 4), 1)
        case(None, row, 'torch.Tensor.' + name, V(3, 4), 0, keepdim=True)
        case(None, row, 'torch.Tensor.' + name, V(2, 3, 4, dtype='f64'), -2)
    for name, row in (('sum', 'sum.dim_IntList'), ('mean', 'mean.dim'), ('amax', 'amax'), ('amin', 'amin'), ('var', 'var.dim'), ('std', 'std.dim'), ('logsumexp', 'logsumexp'), ('nansum', 'nansum')):
        case(None, row, 'torch.Tensor.' + name, V(2, 3, 4), (0, 2))
        case(None, row, 'torch.Tensor.' + name, V(2, 3, 4), (0, 2), keepdim=True)
    for name in 'all any argmax argmin'.split():
        case(None, name, 'torch.Tensor.' + name, T([2, 3], [1.0, 0.0, 2.0, 3.0, 5.0, 3.0], 'f32', False), 1)
        case(None, name, 'torch.Tensor.' + name, T([2, 3], [1.0, 0.0, 2.0, 3.0, 5.0, 3.0], 'f32', False), 0, keepdim=True)
    case(None, 'count_nonzero', 'torch.count_nonzero', T([2, 2], [1, 0, 3, 4], 'i64'), dim=0)
    for name in 'sum prod max min amax median any argmax'.split():
        case(None, name, 'torch.' + name, T([2, 2], [1, 4, 3, 2], 'i64'))
    for name in 'sum prod all max'.split():
        case(None, name, 'torch.' + name, T([2, 2], [True, True, True, False], 'bool'))
    case(None, 'max', 'torch.max', F([1.0, 3.0, 3.0]))
    case(None, 'max', 'torch.max', F([1.0, nan, 3.0], grad=False))
    case(None, 'max.dim', 'torch.max', T([2, 2], [1.0, nan, 3.0, 3.0], 'f32'), 1)
    case(None, 'amax', 'torch.amax', F([1.0, 3.0, 3.0]))
    for values in ([2.0, 0.0, 3.0], [0.0, 0.0, 3.0]):
        case(None, 'prod', 'torch.prod', F(values))
        case(None, 'prod.dim_int', 'torch.prod', F(values), 0)
    case(None, 'sum', 'torch.sum', I([1, 2]), dtype=f64)
    case(None, 'mean', 'torch.mean', I([1, 2]), dtype=f32)
    case(None, 'sum', 'torch.sum', V(0, 3))
    case(None, 'prod', 'torch.prod', V(0, 3))
    case(None, 'mean', 'torch.mean', V(0, 3))
    case(None, 'var', 'torch.var', V(4), False)
    case(None, 'var', 'torch.var', V(4), unbiased=False)
    case(None, 'std', 'torch.std', V(4), unbiased=False)
    case(None, 'var.correction', 'torch.var', V(2, 4), dim=1, correction=0)
    case(None, 'std.correction', 'torch.std', V(2, 4), dim=1, correction=2)
    case(None, 'std', 'torch.std', F([2.0, 2.0, 2.0]))
    case('std_mean', 'std_mean', 'torch.std_mean', V(4))
    case('var_mean', 'var_mean', 'torch.var_mean', V(4))
    for name in 'std_mean var_mean'.split():
        case(None, name + '.dim', 'torch.' + name, V(3, 4), 1, False, True)
        case(None, name + '.correction', 'torch.' + name, V(3, 4), 0, correction=0)
    case('norm(p=1)', 'norm', 'torch.norm', V(4, **SIGNED), p=1)
    case('norm(dim)', 'norm', 'torch.norm', V(3, 4), dim=1)
    for p in (0, 3, 0.5, 1.5, inf, -inf):
        case(None, 'norm', 'torch.norm', V(4, **SIGNED), p=p)
        case(None, 'norm', 'torch.norm', V(3, 4, **SIGNED), p=p, dim=0)
    case(None, 'norm', 'torch.norm', F([0.0, 0.0]))
    case(None, 'norm.str', 'torch.norm', V(3, 4), 'fro')
    case('linalg.norm', 'linalg_norm', 'torch.linalg.norm', V(4))
    case('linalg.vector_norm', 'linalg_vector_norm', 'torch.linalg.vector_norm', V(4))
    case(None, 'linalg_vector_norm', 'torch.linalg.vector_norm', V(3, 4), 3, 1)
    case('logsumexp(dim)', 'logsumexp', 'torch.logsumexp', V(4), 0)
    case(None, 'logsumexp', 'torch.logsumexp', V(2, 3), 1, True)
    case(None, 'nansum', 'torch.nansum', F([1.0, nan, 3.0]))
    case('trace', 'trace', 'torch.trace', V(3, 3))
    case(None, 'trace', 'torch.trace', V(2, 3))
    for name, arg in (('mean', I([1])), ('std', I([1])), ('norm', I([1])), ('max', V(0, 3)), ('amax', V(0, 3)), ('argmax', V(0, 3)), ('argmax', B([True])), ('trace', V(3)), ('trace', T([1, 1], [True], 'bool'))):
        bad(name, 'function', 'torch.' + name, arg)
    for name in 'sum mean max amax logsumexp argmax'.split():
        bad(name, 'method', 'torch.Tensor.' + name, V(2, 3), 5)
    for name in 'max amax argmax median'.split():
        bad(name, 'method', 'torch.Tensor.' + name, V(0, 3), 0)
    bad('sum', 'method', 'torch.Tensor.sum', V(2, 3), (0, 0))
    bad('sum', 'method', 'torch.Tensor.sum', V(2, 3), 'a')
    bad('max', 'method', 'torch.Tensor.max', V(2, 3), 1, 2, 3)


def factories():
    case(None, 'zeros', 'torch.zeros', 2, 3)
    case(None, 'zeros', 'torch.zeros', (2, 3), dtype=i64)
    case(None, 'ones', 'torch.ones', [2])
    case(None, 'full', 'torch.full', (2, 2), 1)
    case(None, 'full', 'torch.full', (2, 2), 1.5, dtype=f64)
    case(None, 'full', 'torch.full', (2,), True)
    for name in 'zeros_like ones_like'.split():
        case(name, name, 'torch.' + name, V(4))
        case(None, name, 'torch.' + name, I([1, 2]), dtype=f32)
    case('empty_like', 'empty_like', 'lambda x: torch.empty_like(x).zero_()', V(4))
    case(None, 'empty', 'lambda *s: torch.empty(*s).zero_()', 2, 3)
    case(None, 'new_empty', 'lambda x, s: x.new_empty(s).zero_()', V(4, grad=False), (2,))
    case(None, 'full_like', 'torch.full_like', I([1, 2]), 7)
    case(None, 'new_zeros', 'torch.Tensor.new_zeros', I([1, 2]), 2, 3)
    case(None, 'new_ones', 'torch.Tensor.new_ones', V(4, grad=False), (2,), dtype=i64)
    case(None, 'new_full', 'torch.Tensor.new_full', V(4, grad=False), (2,), 3)
    case(None, 'new_tensor', 'torch.Tensor.new_tensor', I([1]), [1.5, 2.5])
    case(None, 'eye', 'torch.eye', 3)
    case(None, 'eye', 'torch.eye', 2, 3, dtype=i64)
    case(None, 'arange', 'torch.arange', 5)
    case(None, 'arange', 'torch.arange', 3.5)
    case(None, 'arange', 'torch.arange', 4, dtype=f64)
    case(None, 'arange.start', 'torch.arange', 1, 10, 3)
    case(None, 'arange.start', 'torch.arange', 0, 1, 0.3)
    case(None, 'arange.start', 'torch.arange', 5, 1, -2)
    case(None, 'linspace', 'torch.linspace', 0, 1, 7)
    case(None, 'linspace', 'torch.linspace', -1.5, 2, 4, dtype=f64)
    case(None, 'linspace', 'torch.linspace', 3, 4, 1)
    for data in ([[1, 2], [3, 4]], [1, 2.5], [True, False], [], 3, [[]], [True, 2]):
        case(None, 'tensor', 'torch.tensor', data)
    case(None, 'tensor', 'torch.tensor', [1, 2], dtype=f64)
    case('zero_', 'zero_', 'torch.Tensor.zero_', V(4))
    case('fill_', 'fill_', 'torch.Tensor.fill_', V(4), 1.0)
    case(None, 'fill_.Tensor', 'torch.Tensor.fill_', V(4), V())
    case('copy_', 'copy_', 'torch.Tensor.copy_', V(4), V(4))
    case(None, 'copy_', 'torch.Tensor.copy_', V(2, 3), V(3, dtype='f64'))
    case(None, 'copy_', 'torch.Tensor.copy_', V(2), 3)
    case(None, 'copy_', 'torch.Tensor.copy_', I([1, 2]), F([1.7, -2.7], grad=False))
    case('float() (no change)', 'float', 'torch.Tensor.float', V(4))
    case(None, 'float', 'torch.Tensor.float', V(4, dtype='f64'))
    case('double()', 'double', 'torch.Tensor.double', V(4))
    case('long()', 'long', 'torch.Tensor.long', V(4, **SIGNED))
    case('bool()', 'bool', 'torch.Tensor.bool', F([0.0, 0.5, 2.0]))
    case('to(cpu) (no change)', 'to.str', 'torch.Tensor.to', V(4), 'cpu')
    case(None, 'to', 'torch.Tensor.to', V(4), f64)
    case('type_as(double)', 'to.other', 'torch.Tensor.type_as', V(4), V(1, dtype='f64', grad=False))
    case(None, '_to_copy', 'lambda x, d: torch.ops.aten._to_copy(x, dtype=d)', V(4), f64)
    for shape in ((-1,), (2, -3)):
        bad('zeros', 'function', 'torch.zeros', *shape)
        bad('ones', 'function', 'torch.ones', *shape)
    bad('full', 'function', 'torch.full', (-1,), 1)
    bad('zeros', 'function', 'torch.zeros', 2 ** 40, 2 ** 40)
    bad('zeros', 'function', 'torch.zeros', 'a')
    bad('zeros', 'function', 'torch.zeros', 2.5)
    bad('full', 'function', 'torch.full', (2,), 'a')
    bad('eye', 'function', 'torch.eye', -1)
    bad('arange', 'function', 'torch.arange', 5, 0)
    bad('arange', 'function', 'torch.arange', 1, 2, 0)
    bad('linspace', 'function', 'torch.linspace', 0, 1, -1)
    for data in ([[1, 2], [3]], [1, 'a'], 'a', None, [[1], 2], [None]):
        bad('tensor', 'function', 'torch.tensor', data)
    bad('copy_', 'in_place', 'torch.Tensor.copy_', V(2), V(3))
    bad('copy_', 'in_place', 'torch.Tensor.copy_', V(2), V(2, 2))
    bad('fill_', 'in_place', 'torch.Tensor.fill_', V(2), V(2))


def randoms():
    for n in (3, 15, 16, 20, 37, 700):
        case(None, 'randn', 'torch.randn', n)
        case(None, 'randn', 'torch.randn', n, dtype=f64)
    for n in (3, 700):
        case(None, 'rand', 'torch.rand', n)
        case(None, 'rand', 'torch.rand', n, dtype=f64)
    case(None, 'randn', 'torch.randn', 4, 5)
    case('rand_like', 'rand_like', 'torch.rand_like', V(4))
    case(None, 'randn_like', 'torch.randn_like', V(4))
    for high in (10, 2 ** 30, 2 ** 40):
        case(None, 'randint', 'torch.randint', high, (6,))
        case(None, 'randint.low', 'torch.randint', -5, high, (6,))
    for high in (2 ** 27, 2 ** 28, 2 ** 28 + 1, 2 ** 31, 2 ** 32, 2 ** 32 + 5):
        case(None, 'randint', 'torch.randint', high, (4,))
    case(None, 'randint', 'torch.randint', 7, (5,), dtype=f32)
    case(None, 'randint_like', 'torch.randint_like', I([1, 2, 3]), 9)
    case(None, 'randperm', 'torch.randperm', 8)
    case(None, 'randperm', 'torch.randperm', 100)
    case(None, 'randperm', 'torch.randperm', 0)
    for n in (3, 20):
        case('normal_' if n == 3 else None, 'normal_', 'torch.Tensor.normal_', V(n))
        case(None, 'normal_', 'torch.Tensor.normal_', V(n, dtype='f64'), 1, 2)
        case('uniform_' if n == 3 else None, 'uniform_', 'torch.Tensor.uniform_', V(n))
        case(None, 'uniform_', 'torch.Tensor.uniform_', V(n, dtype='f64'), -1, 3)
        case(None, 'exponential_', 'torch.Tensor.exponential_', V(n))
        case(None, 'exponential_', 'torch.Tensor.exponential_', V(n, dtype='f64'), 2.0)
        case('bernoulli_' if n == 3 else None, 'bernoulli_', 'torch.Tensor.bernoulli_', V(n))
        case(None, 'bernoulli_', 'torch.Tensor.bernoulli_', V(n, dtype='f64'), 0.3)
        case(None, 'random_', 'torch.Tensor.random_', V(n))
        case(None, 'random_', 'torch.Tensor.random_', T([n], [0] * n, 'i64'))
        case(None, 'random_.to', 'torch.Tensor.random_', V(n), 9)
        case(None, 'random_.from', 'torch.Tensor.random_', V(n), 3, 9)
        case('bernoulli' if n == 3 else None, 'bernoulli', 'torch.bernoulli', V(n))
        case(None, 'bernoulli', 'torch.bernoulli', V(n, dtype='f64'))
        case(None, 'bernoulli.p', 'torch.bernoulli', V(n, grad=False), 0.4)
        case('normal(mean,std)' if n == 3 else None, 'normal', 'torch.normal', V(n), V(n))
        case(None, 'normal.Tensor_float', 'torch.normal', V(n), 2.0)
        case(None, 'normal.size', 'torch.normal', 1.0, 2.0, (n,))
    case('multinomial', 'multinomial', 'torch.multinomial', V(4), 2)
    case(None, 'multinomial', 'torch.multinomial', V(4, grad=False), 1)
    case(None, 'multinomial', 'torch.multinomial', V(3, 4, grad=False), 3)
    case(None, 'multinomial', 'torch.multinomial', V(3, 4, grad=False), 9, replacement=True)
    case(None, 'multinomial', 'torch.multinomial', V(4, grad=False), 1, replacement=True)
    bad('rand', 'function', 'torch.rand', 2, dtype=i64)
    bad('randn', 'function', 'torch.randn', 2, dtype=i64)
    bad('randint', 'function', 'torch.randint', 0, (2,))
    bad('randint.low', 'function', 'torch.randint', 5, 5, (2,))
    bad('randperm', 'function', 'torch.randperm', -1)
    bad('normal_', 'in_place', 'torch.Tensor.normal_', I([1]))
    bad('uniform_', 'in_place', 'torch.Tensor.uniform_', I([1]))
    bad('normal_', 'in_place', 'torch.Tensor.normal_', V(2), 0, -1)
    bad('uniform_', 'in_place', 'torch.Tensor.uniform_', V(2), 2, 1)
    bad('bernoulli_', 'in_place', 'torch.Tensor.bernoulli_', V(2), 2)
    bad('exponential_', 'in_place', 'torch.Tensor.exponential_', V(2), -1)
    bad('bernoulli', 'function', 'torch.bernoulli', F([2.0]))
    bad('multinomial', 'function', 'torch.multinomial', F([1.0, -1.0]), 1)
    bad('multinomial', 'function', 'torch.multinomial', F([1.0, 1.0]), 3)
    bad('multinomial', 'function', 'torch.multinomial', F([0.0, 0.0]), 1)


def cumulative():
    for name in 'cumsum cumprod logcumsumexp'.split():
        case(name + '(dim)', name, 'torch.' + name, V(4), 0)
        case(None, name, 'torch.' + name, V(2, 3, dtype='f64'), 1)
        case(None, name, 'torch.' + name, V(2, 3), 0)
    case('cumsum_', 'cumsum', 'torch.Tensor.cumsum_', V(4), 0)
    case(None, 'cumprod', 'torch.cumprod', F([2.0, 0.0, 3.0, 0.0, 1.5]), 0)
    case(None, 'cumprod_backward', 'lambda g, x, d: torch.autograd.grad(torch.cumprod(x.requires_grad_(), d), x, g)[0].detach()', V(3, grad=False), F([2.0, 0.0, 3.0], grad=False), 0)
    case('cummax(dim)', 'cummax', 'torch.cummax', V(4), 0)
    case(None, 'cummin', 'torch.cummin', V(2, 4), 1)
    case(None, 'cummax', 'torch.cummax', F([1.0, 1.0, 3.0, 2.0, 3.0]), 0)
    case(None, 'cumsum', 'torch.cumsum', I([1, 2, 3]), 0)
    case(None, 'cumsum', 'torch.cumsum', V(3), 0, dtype=f64)
    bad('cumsum', 'method', 'torch.Tensor.cumsum', V(2), 3)


unary(); binary(); activations(); reductions(); factories(); randoms(); cumulative()
