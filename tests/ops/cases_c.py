"""Cases of decompositions, distances, sampling, counts: see cases.py for the words."""
from cases import case, bad, T, V, I, B, F, Ref, Dtype, f32, f64, i64, inf, nan

D = dict(lo=-1.1, hi=1.3)


def decompositions():
    square = lambda dtype='f32': T([3, 3], [1.2, 0.3, -0.4, 0.5, -0.9, 0.7, 0.2, 0.1, 1.6], dtype)
    symmetric = lambda dtype='f32': T([3, 3], [2.0, 0.3, -0.4, 0.3, -1.0, 0.7, -0.4, 0.7, 0.5], dtype)
    case('linalg.qr', 'linalg_qr', 'torch.linalg.qr', square()); case(None, 'linalg_qr', 'torch.linalg.qr', V(4, 2, dtype='f64', **D)); case(None, 'linalg_qr', 'torch.linalg.qr', V(2, 3, 2, dtype='f64', **D))
    case(None, 'linalg_qr', 'torch.linalg.qr', V(2, 4, grad=False, **D)); case(None, 'linalg_qr', 'torch.linalg.qr', square('f64'), mode='complete')
    case('linalg.eigh', 'linalg_eigh', 'torch.linalg.eigh', symmetric()); case(None, 'linalg_eigh', 'torch.linalg.eigh', symmetric('f64'), UPLO='U')
    case('linalg.svd', 'linalg_svd', 'torch.linalg.svd', square()); case(None, 'linalg_svd', 'torch.linalg.svd', T([3, 2], [1.2, 0.3, -0.4, 0.5, -0.9, 0.7], 'f64'), full_matrices=False); case(None, 'linalg_svd', 'torch.linalg.svd', T([2, 3], [1.2, 0.3, -0.4, 0.5, -0.9, 0.7], 'f64'), full_matrices=False)
    case('matrix_exp', 'linalg_matrix_exp', 'torch.matrix_exp', square()); case(None, 'linalg_matrix_exp', 'torch.linalg.matrix_exp', V(2, 3, 3, dtype='f64', **D)); case(None, 'linalg_matrix_exp', 'torch.linalg.matrix_exp', T([2, 2], [9.0, -7.5, 3.0, -4.0], 'f64'))
    for name in ('qr', 'svd', 'eigh'): bad('linalg_' + name, 'function', 'torch.linalg.' + name, V(3))
    bad('linalg_eigh', 'function', 'torch.linalg.eigh', V(2, 3)); bad('linalg_qr', 'function', 'torch.linalg.qr', I([1, 2, 3, 4], [2, 2]))
    for x in (V(3), V(2, 3), I([1, 2, 3, 4], [2, 2])): bad('linalg_matrix_exp', 'function', 'torch.matrix_exp', x)


def distances():
    case('cross', 'cross', 'lambda a, b: torch.cross(a, b)', V(2, 3, **D), V(2, 3, **D)); case(None, 'cross', 'torch.cross', V(3, 2, dtype='f64', **D), V(3, 1, dtype='f64', **D)); case(None, 'cross', 'torch.cross', I([1, 2, 3]), I([4, 5, 6])); case(None, 'cross', 'lambda a, b, dim: torch.cross(a, b, dim=dim)', V(3, 3, **D), V(3, 3, **D), dim=1)
    case(None, 'linalg_cross', 'torch.linalg.cross', V(2, 3, **D), V(1, 3, **D)); case(None, 'linalg_cross', 'torch.linalg.cross', V(3, 2, **D), V(3, 2, **D), dim=0)
    for a, b in ((V(2, 3), V(2, 4)), (V(2, 3), V(3)), (V(2, 4), V(2, 4))): bad('cross', 'function', 'torch.cross', a, b)
    bad('cross', 'function', 'lambda a, b, dim: torch.cross(a, b, dim=dim)', V(3, 3), V(3, 3), dim=5); bad('cross', 'function', 'lambda a, b, dim: torch.cross(a, b, dim=dim)', V(2, 3), V(2, 3), dim=0); bad('linalg_cross', 'function', 'torch.linalg.cross', V(3, 2), V(3, 2))
    case('cdist', 'cdist', 'torch.cdist', V(3, 4, **D), V(2, 4, **D))
    for p in (0.0, 1.0, 1.5, 3.0, inf): case(None, 'cdist', 'torch.cdist', V(2, 3, dtype='f64', **D), V(3, 3, dtype='f64', **D), p)
    case(None, 'cdist', 'torch.cdist', V(2, 2, 3, **D), V(2, 4, 3, **D)); case(None, 'cdist', 'torch.cdist', F([1.0, 2.0], [1, 2]), F([1.0, 2.0, 0.5, 0.0], [2, 2]))
    for a, b in ((V(3), V(2, 3)), (V(2, 3), V(3)), (V(2, 3), V(2, 4)), (I([1, 2], [1, 2]), I([1, 2], [1, 2])), (V(2, 3), V(2, 3, dtype='f64'))): bad('cdist', 'function', 'torch.cdist', a, b)
    bad('cdist', 'function', 'torch.cdist', V(2, 3), V(2, 3), -1.0)
    case('renorm', 'renorm', 'torch.renorm', V(3, 4, **D), 2, 0, 0.1); case(None, 'renorm', 'torch.Tensor.renorm_', V(3, 4, **D), 2, 0, 0.9)
    for p in (1, 2.5): case(None, 'renorm', 'torch.renorm', V(2, 3, 2, dtype='f64', **D), p, 1, 2.0)
    for a in ((V(3), 2, 0, 1.0), (V(3, 2), -1, 0, 1.0), (V(3, 2), 2, 0, -1.0), (V(3, 2), 2, 4, 1.0)): bad('renorm', 'function', 'torch.renorm', *a)
    case('nn.utils.parametrizations-like weight_norm', '_weight_norm_interface', 'torch._weight_norm', V(3, 3, **D), V(3, 1)); case(None, '_weight_norm_interface', 'torch._weight_norm', V(2, 3, 2, **D), V(2, 1, 1, **D))

    trilinear = 'lambda x, w, y: F.bilinear(x, y, w)'
    case(None, '_trilinear', trilinear, V(2, 3, **D), V(4, 3, 2, **D), V(2, 2, **D)); case(None, '_trilinear', trilinear, V(2, 3, dtype='f64', **D), V(1, 3, 3, dtype='f64', **D), V(2, 3, dtype='f64', **D))


def samples():
    grid = lambda: T([1, 2, 3, 2], [-0.9, -0.3, 0.1, 0.22, 0.7, 0.93, -1.2, 0.4, 1.3, -1.4, 0.55, -0.61], 'f32')
    case('F.grid_sample', 'grid_sampler_2d', 'lambda x, g, align_corners: F.grid_sample(x, g, align_corners=align_corners)', V(1, 2, 4, 4, **D), T([1, 2, 2, 2], [-0.9, -0.3, 0.1, 0.22, 0.7, 0.93, -1.2, 0.4]), align_corners=False)
    for mode in ('bilinear', 'nearest'):
        for padding in ('zeros', 'border', 'reflection'):
            for align in (False, True): case(None, 'grid_sampler_2d', 'F.grid_sample', V(1, 2, 4, 3, **D), grid(), mode, padding, align)
    case(None, '_grid_sampler_2d_backward', 'lambda g, x, y, m, p, a: torch.ops.aten.grid_sampler_2d_backward(g, x, y, 0, 0, a, [True, True])', V(1, 2, 2, 3, grad=False), V(1, 2, 4, 3, grad=False, **D), T([1, 2, 3, 2], grid().values, 'f32', False), 'bilinear', 'zeros', False)
    for x, g in ((V(1, 2, 3, 3), V(1, 2, 2, 3)), (V(1, 2, 3, 3), V(2, 2, 2, 2)), (V(2, 3, 3), V(1, 2, 2, 2)), (V(1, 2, 0, 3), V(1, 2, 2, 2))): bad('grid_sampler_2d', 'function', 'F.grid_sample', x, g)
    bad('grid_sampler_2d', 'function', 'F.grid_sample', V(1, 2, 3, 3), V(1, 2, 2, 2), 'foo'); bad('grid_sampler_2d', 'function', 'F.grid_sample', V(1, 2, 3, 3), V(1, 2, 2, 2), 'nearest', 'foo')
    bag = 'lambda w, i, o, m, p=None: F.embedding_bag(i, w, o, mode=m, padding_idx=p)'
    case('F.embedding_bag', '_embedding_bag', bag, V(5, 3), I([0, 2, 1, 1]), I([0, 2]), 'mean'); case(None, '_embedding_bag', bag, V(5, 3), I([0, 2, 1, 1, 4]), I([0, 2, 2]), 'sum'); case(None, '_embedding_bag', bag, V(5, 3), I([0, 2, 1, 1, 4]), I([0, 3]), 'mean', 1)
    case(None, '_embedding_bag_rows', 'lambda g, i, o, m: (g / torch.tensor([[2.0], [1.0]]))[torch.tensor([0, 0, 1])]', V(2, 3, grad=False), I([0, 2, 1]), I([0, 2]), 'mean')
    bad('_embedding_bag', 'function', bag, V(2, 2), I([0, 5]), I([0]), 'sum'); bad('_embedding_bag', 'function', bag, V(2, 2), V(2), I([0]), 'sum')
    values = [-0.5, 0.3, -1.5, 0.0, 2.0, -0.1]
    case(None, '_rrelu_noise', 'lambda x, l, u, t: (torch.ops.aten.rrelu_with_noise(x, n := torch.zeros_like(x), l, u, t), n)[1]', F(values, grad=False), 0.125, 0.5, True)
    case('F.rrelu train', 'rrelu_with_noise', 'lambda x, n, l, u, t: torch.ops.aten.rrelu_with_noise(x, n, l, u, t)', F([0.5, 0.3, 1.5, 0.2]), T([4], [1.0, 1.0, 1.0, 1.0], 'f32', False), 0.125, 0.125, True)
    case(None, 'rrelu_with_noise', 'lambda x, n, l, u, t: torch.ops.aten.rrelu_with_noise(x, n, l, u, t)', F(values), T([6], [0.25] * 6, 'f32', False), 0.25, 0.25, False)
    bad('_rrelu_noise', 'function', 'F.rrelu', F(values), 0.5, 0.25, True); bad('_rrelu_noise', 'function', 'F.rrelu', I([1]), 0.125, 0.25, True)
    probs = [-1.2, -1.6, -1.1, -1.9, -0.7, -2.0, -1.5, -2.3, -2.1, -0.4, -3.0, -1.9, -1.3, -1.2, -1.5, -1.6, -1.8, -1.0, -1.1, -1.9]
    ctc = 'lambda p, t, i, l, b=0, z=False: F.ctc_loss(p, t, tuple(i), tuple(l), b, "none", z)'
    case(None, '_ctc_loss', 'lambda p, t, i, l: torch.ctc_loss(p, t, tuple(i), tuple(l), 0, 0)', T([5, 1, 4], probs, 'f32'), I([1, 2], [1, 2]), [5], [2])
    case(None, '_ctc_loss', ctc, T([5, 2, 2], probs, 'f64', False), I([1, 1, 1, 1], [2, 2]), [5, 4], [2, 1]); case(None, '_ctc_loss', ctc, T([2, 1, 4], probs[:8], 'f32', False), I([1, 1], [1, 2]), [2], [2], 0, True); case(None, '_ctc_loss', ctc, T([2, 1, 4], probs[:8], 'f32', False), I([1, 1], [1, 2]), [2], [2], 3)
    case(None, '_ctc_loss_backward', 'lambda g, p, t, i, l: torch.autograd.grad(torch.ctc_loss(q := p.clone().requires_grad_(), t, tuple(i), tuple(l), 0, 0), q, g)[0]', V(1, grad=False), T([5, 1, 4], probs, 'f32', False), I([1, 2], [1, 2]), [5], [2])
    # What PyTorch has no name for: a gradient that depends on an input without a derivative by it.
    for row in ['_cumprod_once', '_hardsigmoid_once', '_multi_margin_once', '_attention_once']:
        case(None, row, 'lambda g, x: g.clone()', F([1.5, -2.0, 0.25], grad=False), F([0.5, 1.0, 2.0], grad=False))
    case(None, '_linked', 'lambda g, x: g + 0 * x', F([1.5, -2.0, 0.25]), F([0.5, 1.0, 2.0]))
    case(None, '_solve_upper', 'lambda a, b: torch.linalg.solve_triangular(a, b, upper=True)', T([2, 2], [2.0, 1.0, 0.0, 4.0], 'f32', False), T([2, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 'f32', False))
    for i, l, b in (([6], [2], 0), ([5], [3], 0), ([5], [2], 4)): bad('_ctc_loss', 'function', ctc, V(5, 1, 4), I([1, 2], [1, 2]), i, l, b)


def orders():
    case('bincount-like histc', 'histc', 'torch.histc', V(4), 3); case(None, 'histc', 'torch.histc', F([1.0, 1.0, 1.0], grad=False), 3); case(None, 'histc', 'torch.histc', F([1.0, 2.0, -1.0, 7.0], grad=False), bins=4, min=0, max=3)
    for a in ((I([1, 2]), 3), (V(3), 0), (V(3), 3, 2, 1)): bad('histc', 'function', 'torch.histc', *a)
    case(None, 'bincount', 'torch.bincount', I([0, 3, 3, 1])); case(None, 'bincount', 'torch.bincount', I([0, 2]), V(2, grad=False), 5); case(None, 'bincount', 'torch.bincount', I([0, 2]), V(2, dtype='f64', grad=False))
    for a in ((V(3),), (I([-1, 2]),), (I([1, 2], [1, 2]),), (I([0, 2]), V(3, grad=False)), (I([0, 2]), None, -1)): bad('bincount', 'function', 'torch.bincount', *a)
    row = lambda: F([1.0, 2.0, 2.0, 3.5], grad=False)
    for right in (False, True):
        case(None, 'searchsorted', 'torch.searchsorted', row(), F([[0.0], [2.0], [3.0], [9.0]][0] + [2.0, 3.0, 9.0], [2, 2], grad=False), right=right); case(None, 'bucketize', 'torch.bucketize', F([2.0, 3.5, 4.0], grad=False), row(), right=right); case(None, 'bucketize', 'torch.bucketize', 2.0, row(), right=right)
    tied = lambda dtype='f32': T([2, 3], [0.5, 2.0, 0.5, -1.0, 2.0, 0.3], dtype)
    case(None, 'aminmax', 'torch.aminmax', tied()); case(None, 'aminmax', 'torch.aminmax', tied('f64'), dim=1); case(None, 'aminmax', 'torch.aminmax', V(3, 2, dtype='f64', **D), dim=0, keepdim=True); case(None, 'aminmax', 'torch.aminmax', I([3, 1, 2]))
    bad('aminmax', 'function', 'torch.aminmax', V(0)); bad('aminmax', 'function', 'torch.aminmax', V(3, 2), dim=5)
    case(None, 'nanmedian', 'torch.nanmedian', F([1.0, nan, 3.0, 2.0])); case(None, 'nanmedian', 'torch.nanmedian', V(3, 2, dtype='f64', **D)); case(None, 'nanmedian.dim', 'torch.nanmedian', F([1.0, nan, 3.0, nan, nan, nan], [2, 3]), 1); case(None, 'nanmedian.dim', 'torch.nanmedian', V(3, 2, dtype='f64', **D), dim=0, keepdim=True)


decompositions(); distances(); samples(); orders()
