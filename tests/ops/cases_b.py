"""Cases of views, indexing, joins, products, convolutions, pools, norms, losses: see cases.py for the words."""
from cases import case, bad, T, V, I, B, F, Ref, Dtype, f32, f64, i64

M = [3, 4]
D = dict(lo=-1.1, hi=1.3)
MASK = lambda: B([True, False, True, True])
MASK2 = lambda: B([True, False, False, True, True, True, False, False, True, False, True, False], [3, 4])


def K(*shape):
    """A tensor without gradient."""
    return V(*shape, grad=False)


def views():
    for e, call in (('view', 'torch.Tensor.view'), ('reshape (contiguous)', 'lambda x, s: x.reshape(s)'), ('flatten', 'lambda x, s: x.flatten()'), ('unflatten', 'lambda x, s: x.unflatten(0, s)')):
        shape = [12] if e == 'flatten' else [2, 2]
        case(e, 'view', call, V(3, 4) if e == 'flatten' else V(4), shape)
    case(None, '_reshape_alias', 'lambda x, s: torch.ops.aten._reshape_alias(x, s, [4, 1])', V(12), [3, 4])
    case('view_as', 'view_as', 'torch.Tensor.view_as', V(4), V(2, 2, grad=True))
    case('t', 't', 'torch.t', V(3, 4)); case('t_', 't', 'torch.Tensor.t_', V(3, 4))
    case('.T', 'T', 'lambda x: x.T', V(3, 4)); case('.mT', 'mT', 'lambda x: x.mT', V(3, 4)); case(None, 'mT', 'lambda x: x.mT', V(2, 3, 4))
    case('transpose', 'transpose', 'torch.transpose', V(3, 4), 0, 1); case('swapaxes', 'transpose', 'torch.swapaxes', V(3, 4), 0, 1); case('transpose_', 'transpose', 'torch.Tensor.transpose_', V(3, 4), 0, 1)
    case(None, 'transpose', 'torch.transpose', V(2, 3, 4), -1, 0)
    case('permute', 'permute', 'torch.permute', V(3, 4), [1, 0]); case(None, 'permute', 'torch.permute', V(2, 3, 4), [-1, 0, 1])
    case('movedim', 'movedim', 'torch.movedim', V(3, 4), 0, 1); case(None, 'movedim.intlist', 'torch.movedim', V(2, 3, 4, 5), [0, 2], [3, 0])
    case('squeeze', 'squeeze', 'torch.squeeze', V(1, 3)); case('squeeze_', 'squeeze', 'torch.Tensor.squeeze_', V(1, 3)); case(None, 'squeeze.dim', 'torch.squeeze', V(1, 3, 1), 0); case(None, 'squeeze.dims', 'lambda x, d: x.squeeze(tuple(d))', V(1, 3, 1), [0, 2])
    case(None, '_squeeze_dim', 'torch.squeeze', V(1, 3), 0)
    case('unsqueeze', 'unsqueeze', 'torch.unsqueeze', V(4), 0); case('unsqueeze_', 'unsqueeze', 'torch.Tensor.unsqueeze_', V(4), 0); case('x[..., None]', 'unsqueeze', 'lambda x, d: x[..., None]', V(4), -1)
    case('expand', 'expand', 'torch.Tensor.expand', V(4), [2, 4]); case(None, 'expand', 'torch.Tensor.expand', V(3, 1), [2, -1, 4]); case('expand_as', 'expand_as', 'torch.Tensor.expand_as', V(4), V(2, 4)); case('broadcast_to', 'broadcast_to', 'torch.broadcast_to', V(4), [2, 4])
    case('select', 'select', 'torch.select', V(3, 4), 0, 0); case('x[0]', 'select', 'lambda x, d, i: x[0]', V(3, 4), 0, 0)
    case('x[1:3]', 'slice', 'lambda x, d, a, b: x[1:3]', V(4), 0, 1, 3); case('x[:]', 'slice', 'lambda x, d: x[:]', V(4), 0); case(None, 'slice', 'lambda x, d, a, b, s: x[:, -3:9:2]', V(3, 4), 1, -3, 9, 2)
    case('narrow', 'narrow', 'torch.narrow', V(4), 0, 0, 2); case(None, 'narrow', 'torch.narrow', V(3, 4), 1, -2, 1)
    case('diagonal', 'diagonal', 'torch.diagonal', V(3, 3)); case(None, 'diagonal', 'torch.diagonal', V(3, 4, 2), -1, 1, 0)
    case('unfold', 'unfold', 'torch.Tensor.unfold', V(4), 0, 2, 1); case(None, 'unfold', 'torch.Tensor.unfold', V(2, 6), 1, 3, 2)
    case('as_strided', 'as_strided', 'torch.as_strided', V(4), [2], [1]); case(None, 'as_strided', 'torch.as_strided', V(3, 4), [2, 3], [1, 2], 1)
    case(None, 'alias', 'lambda x: x[...]', V(4))
    case('split', 'split', 'torch.split', V(4), 2); case(None, 'split_with_sizes', 'torch.split', V(2, 5), [1, 4], 1); case('chunk', 'chunk', 'torch.chunk', V(4), 2); case('unbind', 'unbind', 'torch.unbind', V(3, 4)); case('iteration a,b=x', 'unbind', 'lambda x: tuple(x)', V(2, 3))
    x = lambda: V(2, 3)
    for text in ([4], [-1, 4], [-1, -1], [-2, 3], [0, -1]): bad('view', 'method', 'torch.Tensor.view', x(), text)
    for args in ((0, 2), (0, -3)): bad('transpose', 'function', 'torch.transpose', x(), *args)
    bad('t', 'function', 'torch.t', V(2, 3, 4)); bad('mT', 'function', 'lambda x: x.mT', V(3))
    for dims in ([0], [0, 0], [0, 2]): bad('permute', 'function', 'torch.permute', x(), dims)
    bad('movedim', 'function', 'torch.movedim', x(), 0, 3)
    for a, b in (([0, 1], [0]), ([0, 0], [0, 1]), ([0, 1], [1, 1])): bad('movedim.intlist', 'function', 'torch.movedim', x(), a, b)
    bad('squeeze', 'function', 'torch.squeeze', x(), 2); bad('squeeze', 'function', 'lambda x, d: x.squeeze(tuple(d))', x(), [0, 0]); bad('unsqueeze', 'function', 'torch.unsqueeze', x(), 3)
    for s in ([3, 3], [3], [-1, 2, 3], [4, -2, 3], [-1, 4]): bad('expand', 'method', 'torch.Tensor.expand', x(), s)
    for a in ((0, 1, 2), (0, 0, -1), (0, 3, 0), (5, 0, 1), (0, -3, 1)): bad('narrow', 'function', 'torch.narrow', x(), *a)
    for a in ((0, 2), (0, -3), (2, 0)): bad('select', 'function', 'torch.select', x(), *a)
    bad('diagonal', 'function', 'torch.diagonal', x(), 0, 0, 0); bad('diagonal', 'function', 'torch.diagonal', V(3))
    for a in ((1, 4, 1), (1, 2, 0), (1, -1, 1)): bad('unfold', 'method', 'torch.Tensor.unfold', x(), *a)
    for a in (([2, 2], [1]), ([2, 2], [1, -1]), ([2, 2], [1, 1], -1)): bad('as_strided', 'function', 'torch.as_strided', x(), *a)
    for a in ((0,), (-1,), (1, 2)): bad('split', 'function', 'torch.split', x(), *a)
    for a in (([1, 1], 1), ([1, -1, 3], 1)): bad('split_with_sizes', 'function', 'torch.split', x(), *a)
    bad('chunk', 'function', 'torch.chunk', x(), 0); bad('unbind', 'function', 'torch.unbind', x(), 2)


def adjoints():
    case(None, 'select_backward', 'torch.ops.aten.select_backward', V(4), [3, 4], 0, 1)
    case(None, 'threshold_backward', 'torch.ops.aten.threshold_backward', V(4), F([0.5, 0.0, 2.0, -1.0]), 0)
    case(None, 'slice_backward', 'lambda g, s, d, a, b, t: torch.ops.aten.slice_backward(g, s, d, a, b, t)', V(3, 2), [3, 4], 1, 0, 4, 2)
    case(None, 'diagonal_backward', 'torch.ops.aten.diagonal_backward', V(3), [3, 4], 0, 0, 1)
    case(None, 'unfold_backward', 'torch.ops.aten.unfold_backward', V(2, 3), [4], 0, 3, 1)
    case(None, 'as_strided_backward', 'lambda g, *a: torch.autograd.grad((x := torch.zeros(3, 4, requires_grad=True)).as_strided([2, 3], [1, 2], 1), x, g, create_graph=True)[0]', V(2, 3), [3, 4], [4, 1], 0, [2, 3], [1, 2], 1)
    case(None, '_place', 'lambda l, s, d, a: torch.cat([l[0], l[0] * 0, l[1]], 1)', [V(3, 2), V(3, 1)], [3, 5], 1, [0, 4])
    case(None, 'index_backward', 'lambda g, s, i: torch.zeros(s).index_put(i, g, True)', V(3), [4], [I([0, 2, 0])])
    case(None, 'index_select_backward', 'lambda g, s, d, i: torch.zeros(s).index_add(d, i, g)', V(3, 3), [3, 4], 1, I([0, 3, 0]))
    case(None, 'take_backward', 'lambda g, s, i: torch.zeros(s).put(i, g, True)', V(3), [2, 2], I([0, 3, 0]))
    case(None, 'gather_backward', 'lambda g, s, d, i: torch.zeros(s).scatter_add(d, i, g)', V(2, 2), [3, 4], 1, I([0, 3, 2, 2], [2, 2]))
    case(None, '_masked_place', 'lambda g, s, m: torch.zeros(s).masked_scatter(m, g)', V(3), [4], MASK())
    case(None, 'masked_scatter_backward', 'lambda g, s, m: torch.cat([g[m], g[m] * 0])[:4]', V(4), [4], MASK())
    case(None, 'embedding_dense_backward', 'lambda g, i, s, p: torch.ops.aten.embedding_dense_backward(g, i, 5, p, False)', V(3, 2), I([0, 2, 2]), [5, 2], 0)
    case(None, '_nll_scatter', 'lambda g, t, w, i, s: torch.zeros(s).scatter(1, t[:, None], -(w[t] * g)[:, None])', V(3), I([0, 3, 1]), K(4), -100, [3, 4])
    case(None, '_nll_total', 'lambda t, w, i, d: w[t].sum()', I([0, 3, 1]), K(4), -100, f32)
    case(None, '_sparse', 'lambda x, k, n: x.flip(n)', V(3, 4), 'flip', [0, 1])
    case(None, '_sparse_backward', 'lambda g, k, n, s: g.flip(n)', V(3, 4), 'flip', [0, 1], [3, 4])
    case(None, '_conv', 'lambda x, w, z, s, p, d, g: torch.nn.functional.conv2d(x, w, None, s, p, d, g)', V(1, 2, 4, 4), V(3, 2, 2, 2), [1, 3, 3, 3], [1, 1], [0, 0], [1, 1], 1)
    case(None, '_conv_input', 'lambda x, w, z, s, p, d, g: torch.nn.functional.conv_transpose2d(x, w, None, s, p, 0, g, d)', V(1, 3, 3, 3), V(3, 2, 2, 2), [1, 2, 4, 4], [1, 1], [0, 0], [1, 1], 1)
    case(None, '_conv_weight', 'lambda g, x, z, s, p, d, n: torch.nn.grad.conv2d_weight(x, z, g, s, p, d, n)', V(1, 3, 3, 3), V(1, 2, 4, 4), [3, 2, 2, 2], [1, 1], [0, 0], [1, 1], 1)


def joins():
    case('cat', 'cat', 'torch.cat', [V(4), V(4)]); case('hstack', 'cat', 'lambda l: torch.hstack(l)', [V(4), V(4)]); case('vstack', 'cat', 'lambda l: torch.vstack(l)', [V(2, 4), V(1, 4)]); case(None, 'cat', 'torch.cat', [V(2, 3), V(2, 1)], -1)
    case('stack', 'stack', 'torch.stack', [V(4), V(4)]); case(None, 'stack', 'torch.stack', [V(2, 3), V(2, 3)], -1); case('block_diag', 'block_diag', 'lambda l: torch.block_diag(*l)', [V(2, 2), V(1, 3)])
    case('repeat', 'repeat', 'torch.Tensor.repeat', V(4), [2, 3]); case('tile', 'tile', 'torch.tile', V(4), [2]); case(None, 'tile', 'torch.tile', V(2, 3), [2])
    case(None, 'repeat_interleave', 'torch.repeat_interleave', V(4), 2); case(None, 'repeat_interleave', 'torch.repeat_interleave', V(2, 3), 3, 1); case(None, 'repeat_interleave.Tensor', 'torch.repeat_interleave', I([1, 0, 2]))
    bad('cat', 'function', 'torch.cat', [V(2, 3), V(4, 5)]); bad('cat', 'function', 'torch.cat', [V(2, 3), V(3)]); bad('cat', 'function', 'torch.cat', [V(2, 3), V(2, 3)], 2)
    bad('stack', 'function', 'torch.stack', [V(2, 3), V(4, 5)]); bad('stack', 'function', 'torch.stack', [V(2, 3), V(2, 3)], 4)
    for r in ([2], [2, -1]): bad('repeat', 'method', 'torch.Tensor.repeat', V(2, 3), r)


def indexing():
    case('x[idx]', 'index', 'lambda x, i: x[i[0]]', V(4), [I([0, 2])]); case('x[mask]', 'index', 'lambda x, i: x[i[0]]', V(4), [MASK()]); case(None, 'index', 'lambda x, i: x[i[0], i[1]]', V(3, 4), [I([0, 2]), I([1, 1])]); case(None, 'index', 'lambda x, i: x[:, i[1]]', V(3, 4, 2), [None, I([1, 0, 3, 3], [2, 2])])
    case('index_put', 'index_put', 'torch.index_put', V(4), [I([0, 2])], V(2)); case('index_put_', 'index_put', 'torch.Tensor.index_put_', V(4), [I([0, 2])], V(2)); case(None, 'index_put', 'torch.index_put', V(4), [I([0, 2, 0])], V(3), True)
    case('index_select', 'index_select', 'torch.index_select', V(3, 4), 0, I([0, 2])); case('index_add', 'index_add', 'torch.index_add', V(4), 0, I([0, 2]), V(2)); case('index_add_', 'index_add', 'torch.Tensor.index_add_', V(4), 0, I([0, 2]), V(2)); case(None, 'index_add', 'torch.index_add', V(3, 4), 1, I([0, 2]), V(3, 2), alpha=2.5)
    case('index_copy', 'index_copy', 'torch.index_copy', V(4), 0, I([0, 2]), V(2)); case('index_copy_', 'index_copy', 'torch.Tensor.index_copy_', V(4), 0, I([0, 2]), V(2)); case('index_fill', 'index_fill', 'torch.index_fill', V(4), 0, I([0, 2]), 0.0); case('index_fill_', 'index_fill', 'torch.Tensor.index_fill_', V(4), 0, I([0, 2]), 0.0); case(None, 'index_fill', 'torch.index_fill', V(4), 0, I([0, 2]), V())
    case('take', 'take', 'torch.take', V(4), I([0, 2]))
    case('where(c,a,b)', 'where', 'torch.where', MASK(), V(4), V(4)); case('where(c,a,scalar)', 'where', 'torch.where', MASK(), V(4), 0.0); case(None, 'where', 'torch.where', MASK2(), V(4), V(3, 1)); case(None, 'where.method', 'torch.Tensor.where', V(4), MASK(), V(4)); case(None, 'where.condition', 'torch.where', MASK2()); case(None, 'nonzero', 'torch.nonzero', MASK2())
    case('masked_fill', 'masked_fill', 'torch.masked_fill', V(4), MASK(), 0.0); case('masked_fill_', 'masked_fill', 'torch.Tensor.masked_fill_', V(4), MASK(), 0.0); case('x[mask] = scalar', 'masked_fill', 'torch.Tensor.masked_fill_', V(4), MASK(), 0.0); case(None, 'masked_fill', 'torch.masked_fill', V(4), MASK2(), V())
    case('masked_select', 'masked_select', 'torch.masked_select', V(4), MASK()); case('masked_scatter', 'masked_scatter', 'torch.masked_scatter', V(4), MASK(), V(4)); case('masked_scatter_', 'masked_scatter', 'torch.Tensor.masked_scatter_', V(4), MASK(), V(4))
    gi = lambda: I([0, 3, 2, 1], [2, 2])
    case('gather', 'gather', 'torch.gather', V(4), 0, I([0, 2])); case(None, 'gather', 'torch.gather', V(3, 4), 1, gi()); case('scatter', 'scatter', 'torch.scatter', V(4), 0, I([0, 2]), V(2)); case('scatter_', 'scatter', 'torch.Tensor.scatter_', V(4), 0, I([0, 2]), V(2)); case(None, 'scatter.value', 'torch.scatter', V(3, 4), 1, gi(), 2.0)
    case('scatter_add', 'scatter_add', 'torch.scatter_add', V(4), 0, I([0, 2]), V(2)); case('scatter_add_', 'scatter_add', 'torch.Tensor.scatter_add_', V(4), 0, I([0, 2]), V(2)); case('scatter_reduce(mean)', 'scatter_reduce', 'torch.scatter_reduce', V(4), 0, I([0, 2]), V(2), 'mean'); case(None, 'scatter_reduce', 'torch.scatter_reduce', V(3, 4), 1, gi(), V(2, 2), 'amax')
    x = lambda: V(2, 3)
    for index in ([I([0, 5])], [I([0, -3])], [B([True, False, True])], [F([0.5])], [I([0, 1]), I([0, 1, 2])]): bad('index', 'function', 'lambda x, i: x[tuple(i)]', x(), index)
    bad('index_put', 'function', 'torch.index_put', x(), [I([0, 1])], V(2)); bad('index_put', 'function', 'torch.index_put', x(), [I([0])], I([1]))
    for d, i in ((0, I([5])), (0, I([0], [1, 1])), (0, F([0.0])), (2, I([0]))): bad('index_select', 'function', 'torch.index_select', x(), d, i)
    for i, s in ((I([0]), V(4, 5)), (I([5]), V(1, 3)), (I([0, 1]), V(1, 3)), (I([0], [1, 1]), V(1, 3)), (I([0, 1]), V(2, 4))): bad('index_add', 'function', 'torch.index_add', x(), 0, i, s)
    for i, s in ((I([5]), V(1, 3)), (I([0, 1]), V(1, 3)), (I([0, 1]), V(2, 4)), (F([0.0]), V(1, 3))): bad('index_copy', 'function', 'torch.index_copy', x(), 0, i, s)
    for i, v in ((I([5]), 1.0), (F([0.0]), 1.0), (I([0, 1]), V(2)), (I([0], [1, 1]), 1.0)): bad('index_fill', 'function', 'torch.index_fill', x(), 0, i, v)
    for i in (I([6]), I([-7]), F([0.0])): bad('take', 'function', 'torch.take', x(), i)
    for d, i in ((0, I([0, 1])), (1, I([5], [1, 1])), (1, I([-1], [1, 1])), (1, I([0, 0, 0], [3, 1])), (2, I([0], [1, 1])), (1, F([0.0], [1, 1]))): bad('gather', 'function', 'torch.gather', x(), d, i)
    for i, s in ((I([5], [1, 1]), x()), (I([0, 1, 2, 0, 1, 2], [2, 3]), V(1, 3)), (I([0]), x()), (I([0], [1, 1]), V(2, 3, dtype='f64'))): bad('scatter', 'function', 'torch.scatter', x(), 1, i, s)
    bad('masked_select', 'function', 'torch.masked_select', x(), B([True, False])); bad('masked_select', 'function', 'torch.masked_select', x(), I([0, 1, 1])); bad('masked_fill', 'function', 'torch.masked_fill', x(), B([True, False, True]), V(2)); bad('masked_fill', 'in_place', 'torch.Tensor.masked_fill_', x(), B([True] * 12, [2, 2, 3]), 1.0)
    bad('masked_scatter', 'function', 'torch.masked_scatter', x(), B([True, True, True]), V(1)); bad('where', 'function', 'torch.where', x(), x(), x()); bad('where', 'function', 'torch.where', B([True, False, True]), x(), V(2))


def shapes():
    case('flip', 'flip', 'torch.flip', V(4), [0]); case('roll', 'roll.int', 'torch.roll', V(4), 1); case('roll', 'roll', 'torch.roll', V(4), [1], [0]); case(None, 'roll', 'torch.roll', V(3, 4), [1, -2], [0, 1]); case('rot90', 'rot90', 'torch.rot90', V(3, 4)); case(None, 'rot90', 'torch.rot90', V(3, 4, 2), 3, [0, 2])
    for name in ('tril', 'triu'):
        case(name, name, 'torch.' + name, V(3, 3)); case(name + '_', name, 'torch.Tensor.' + name + '_', V(3, 3)); case(None, name, 'torch.' + name, V(3, 4), 1)
    case('diag_embed', 'diag_embed', 'torch.diag_embed', V(4)); case('diag(vector)', 'diag_embed', 'torch.diag', V(4)); case(None, 'diag_embed', 'torch.diag_embed', V(2, 3), -1, 0, 2); case('diag(matrix)', 'diagonal_copy', 'torch.diag', V(3, 3))
    case('F.pixel_shuffle', 'pixel_shuffle', 'F.pixel_shuffle', V(1, 4, 2, 2), 2); case(None, 'pixel_unshuffle', 'F.pixel_unshuffle', V(1, 1, 4, 6), 2)
    case('F.pad constant', 'constant_pad_nd', 'F.pad', V(3, 4), [1, 1]); case(None, 'constant_pad_nd', 'lambda x, p, v: F.pad(x, p, value=v)', V(3, 4), [1, -1, 2, 0], 1.5); case('F.pad reflect', 'reflection_pad', 'lambda x, p: F.pad(x, p, mode="reflect")', V(1, 3, 4), [1, 1]); case(None, 'replication_pad', 'lambda x, p: F.pad(x, p, mode="replicate")', V(1, 1, 3, 4), [1, 2, 0, 1])
    case('F.interpolate nearest', 'upsample_nearest', 'lambda x, s: F.interpolate(x, size=s)', V(1, 2, 4, 4), [8, 8]); case('F.interpolate bilinear', 'upsample_linear', 'lambda x, s: F.interpolate(x, size=s, mode="bilinear")', V(1, 2, 4, 4), [8, 8]); case(None, 'upsample_linear', 'lambda x, s, a: F.interpolate(x, size=s, mode="linear", align_corners=a)', V(1, 2, 4), [7], True)
    case('F.unfold', 'im2col', 'F.unfold', V(1, 2, 4, 4), 2); case(None, 'im2col', 'F.unfold', V(2, 5, 6), [2, 3], [1, 2], [1, 0], [2, 1]); case('F.fold', 'col2im', 'F.fold', V(1, 8, 9), [4, 4], 2)
    case('F.avg_pool2d', 'avg_pool2d', 'F.avg_pool2d', V(1, 2, 4, 4), 2); case(None, 'avg_pool2d', 'F.avg_pool2d', V(1, 2, 5, 5), 3, 2, 1, True, False); case('F.adaptive_avg_pool2d(2)', '_adaptive_avg_pool2d', 'F.adaptive_avg_pool2d', V(1, 2, 4, 4), [2, 2])
    case('contiguous() (no change)', 'contiguous', 'torch.Tensor.contiguous', V(4)); case('reshape (copy)', '_unsafe_view', 'torch.ops.aten._unsafe_view', V(12), [3, 4]); case('F.one_hot', 'one_hot', 'F.one_hot', I([0, 1]), 3); case(None, 'one_hot', 'F.one_hot', I([0, 1]))
    case('sort', 'sort', 'torch.sort', V(4)); case(None, 'sort', 'torch.sort', V(3, 4), 0, True); case('argsort', 'argsort', 'torch.argsort', V(4)); case('topk', 'topk', 'torch.topk', V(4), 2); case('kthvalue', 'kthvalue', 'torch.kthvalue', V(4), 2); case(None, 'kthvalue', 'torch.kthvalue', V(3, 4), 2, 0, True); case('unique', 'unique', 'torch.unique', V(4))
    x = lambda: V(2, 3)
    for d in ([0, 0], [2]): bad('flip', 'function', 'torch.flip', x(), d)
    bad('roll', 'function', 'torch.roll', x(), [1, 2], [0]); bad('roll.int', 'function', 'torch.roll', x(), 1, 2)
    for d in ([0, 0], [0], [0, 1, 2], [0, 5]): bad('rot90', 'function', 'torch.rot90', x(), 1, d)
    bad('tril', 'function', 'torch.tril', V(3)); bad('diag_embed', 'function', 'torch.diag_embed', V(3), 0, 0, 0)
    bad('pixel_shuffle', 'function', 'F.pixel_shuffle', V(3, 2, 2), 2); bad('pixel_shuffle', 'function', 'F.pixel_shuffle', V(2, 2), 2); bad('pixel_unshuffle', 'function', 'F.pixel_unshuffle', V(1, 3, 3), 2)
    for p in ([1], [1, 1, 1, 1, 1, 1], [-4, 0]): bad('constant_pad_nd', 'function', 'F.pad', x(), p)
    for t, p in ((x(), [3, 0]), (V(3), [1, 0]), (V(1, 1, 3, 3), [3, 0, 0, 0])): bad('reflection_pad', 'function', 'lambda x, p: F.pad(x, p, mode="reflect")', t, p)
    bad('im2col', 'function', 'F.unfold', V(1, 1, 2, 2), 3); bad('col2im', 'function', 'F.fold', V(1, 8, 9), [4, 4], 3); bad('col2im', 'function', 'F.fold', V(1, 8, 8), [4, 4], 2)
    for a in ((V(8), 2), (V(1, 1, 1, 1), 2), (V(1, 1, 4, 4), 2, 2, 2)): bad('avg_pool2d', 'function', 'F.avg_pool2d', *a)
    bad('one_hot', 'function', 'F.one_hot', I([0, 1]), 1); bad('one_hot', 'function', 'F.one_hot', I([-1, 0])); bad('topk', 'function', 'torch.topk', x(), 4); bad('kthvalue', 'function', 'torch.kthvalue', x(), 4); bad('sort', 'function', 'torch.sort', x(), 2)


def products():
    case('mm', 'mm', 'torch.mm', V(3, 3), V(3, 4)); case('matmul 2d@2d', 'mm', 'torch.matmul', V(3, 3), V(3, 4)); case('bmm', 'bmm', 'torch.bmm', V(2, 3, 3), V(2, 3, 4)); case('mv', 'mv', 'torch.mv', V(3, 3), V(3)); case('matmul 2d@1d', 'mv', 'torch.matmul', V(3, 3), V(3)); case('dot', 'dot', 'torch.dot', V(4), V(4))
    case('addmm', 'addmm', 'torch.addmm', V(3, 4), V(3, 3), V(3, 4)); case('addmm_', 'addmm', 'torch.Tensor.addmm_', V(3, 4), V(3, 3), V(3, 4)); case('addmv', 'addmv', 'torch.addmv', V(3), V(3, 3), V(3)); case('baddbmm', 'baddbmm', 'torch.baddbmm', V(2, 3, 4), V(2, 3, 3), V(2, 3, 4))
    case(None, 'addmm', 'torch.addmm', V(4), V(2, 3), V(3, 4), beta=0.5, alpha=2.0); case(None, 'mm', 'torch.mm', V(2, 3, dtype='f64'), V(3, 2, dtype='f64'))
    for a in ((V(2, 3), V(4, 5)), (V(3), V(4, 5)), (V(2, 3), V(3)), (V(2, 3), V(3, 2, dtype='f64')), (I([1, 2], [1, 2]), V(2, 3))): bad('mm', 'function', 'torch.mm', *a)
    for a in ((V(2, 3), V(4, 5)), (V(2, 3, 4), V(3, 4, 5)), (V(2, 3, 4), V(4, 5)), (V(1, 2, 3), V(1, 3, 2, dtype='f64'))): bad('bmm', 'function', 'torch.bmm', *a)
    for a in ((V(2, 3), V(4, 5)), (V(2, 3), V(4)), (V(3), V(3)), (V(2, 3), V(3, dtype='f64'))): bad('mv', 'function', 'torch.mv', *a)
    for a in ((V(2, 3), V(3)), (V(3), V(2)), (V(3), V(3, dtype='f64'))): bad('dot', 'function', 'torch.dot', *a)
    for a in ((V(3), V(2, 3), V(4, 5)), (V(3), V(2, 3), V(3, 2)), (V(2, 3, 4), V(2, 3), V(3, 2)), (V(2, dtype='f64'), V(2, 3), V(3, 2))): bad('addmm', 'function', 'torch.addmm', *a)
    bad('addmv', 'function', 'torch.addmv', V(3), V(2, 3), V(3)); bad('baddbmm', 'function', 'torch.baddbmm', V(5, 5), V(2, 3, 5), V(2, 5, 4))


def losses():
    for name in ('softmax', 'log_softmax'):
        case(name + '(dim)', name, 'torch.' + name, V(4), 0); case('F.' + name, name, 'F.' + name, V(3, 4), -1); case(None, name, 'torch.' + name, V(2, 3, 2), 1); case(None, name, 'torch.' + name, V(3), 0, dtype=f64)
        bad(name, 'function', 'torch.' + name, V(2, 3), 2); bad(name, 'function', 'torch.' + name, I([0, 1]), 0)
    two = 'lambda a, b, r: F.%s(a, b, reduction=r)'
    for name, e in (('mse_loss', 'F.mse_loss'), ('smooth_l1_loss', 'F.smooth_l1_loss'), ('huber_loss', 'F.huber_loss')):
        case(e, name, 'F.' + name, V(4), V(4)); case(None, name, two % name, V(4, **D), V(4), 'sum')
    case('F.mse_loss none', 'mse_loss', two % 'mse_loss', V(4), V(4), 'none'); case(None, 'mse_loss', 'F.mse_loss', V(3, 4), V(4)); case(None, 'smooth_l1_loss', 'lambda a, b, r, e: F.smooth_l1_loss(a, b, reduction=r, beta=e)', V(4), V(4), 'none', 0.2)
    case('F.binary_cross_entropy', 'binary_cross_entropy', 'F.binary_cross_entropy', V(4), V(4)); case(None, 'binary_cross_entropy', 'lambda a, b, w, r: F.binary_cross_entropy(a, b, w, reduction=r)', V(3, 4), V(3, 4), K(4), 'sum')
    case('F.binary_cross_entropy_with_logits', 'binary_cross_entropy_with_logits', 'F.binary_cross_entropy_with_logits', V(4), V(4)); case(None, 'binary_cross_entropy_with_logits', 'lambda a, b, w, p, r: F.binary_cross_entropy_with_logits(a, b, w, pos_weight=p, reduction=r)', V(3, 4, **D), V(3, 4), K(4), K(4), 'none')
    sign = lambda: F([1.0, -1.0, 1.0, 1.0], grad=False)
    case('F.soft_margin_loss', 'soft_margin_loss', 'F.soft_margin_loss', V(4), I([1, -1, 1, 1])); case('F.multi_margin_loss', 'multi_margin_loss', 'F.multi_margin_loss', V(3, 4), I([0, 1, 2])); case(None, 'multi_margin_loss', 'lambda a, b, p, m, w, r: F.multi_margin_loss(a, b, p, m, w, reduction=r)', V(3, 4), I([0, 1, 2]), 2, 0.7, K(4), 'none')
    case('F.nll_loss', 'nll_loss', 'F.nll_loss', V(3, 4), I([0, 1, 2])); case(None, 'nll_loss', 'lambda x, t, w, i, r: F.nll_loss(x, t, w, ignore_index=i, reduction=r)', V(3, 4), I([0, -100, 2]), K(4), -100, 'mean'); case(None, 'nll_loss', 'lambda x, t, w, i, r: F.nll_loss(x, t, w, ignore_index=i, reduction=r)', V(2, 3, 2, 2), I([0, 1, 2, 1, 0, 0, 1, 2], [2, 2, 2]), K(3), 1, 'sum')
    case('F.embedding(idx,w)', 'embedding', 'lambda w, i: F.embedding(i, w)', V(5, 3), I([0, 2, 2])); case(None, 'embedding', 'lambda w, i, p: F.embedding(i, w, p)', V(5, 3), I([0, 2, 2, 1], [2, 2]), 3)
    for a in ((V(2, 3), I([0, 3])), (V(2, 3), I([0])), (V(2, 3), V(2, grad=False)), (V(2, 3, 4), I([0, 1])), (V(2, 3, 4), I([0, 1, 0, 1, 0, 1], [2, 3])), (V(2, 3, 4, 5), I([0] * 8, [2, 4])), (V(2, 3), I([0, 1]), K(2))): bad('nll_loss', 'function', 'F.nll_loss', *a)
    for a in ((V(2, 3, lo=-1.0), V(2, 3)), (V(2, 3), V(2, 3, hi=3.0)), (V(2, 3), V(3)), (V(2, 3), V(2, 3, dtype='f64')), (V(2, 3), V(2, 3), K(2))): bad('binary_cross_entropy', 'function', 'F.binary_cross_entropy', *a)
    bad('binary_cross_entropy_with_logits', 'function', 'F.binary_cross_entropy_with_logits', V(2, 3), V(3)); bad('mse_loss', 'function', 'F.mse_loss', V(2, 3), V(4, 5)); bad('mse_loss', 'function', two % 'mse_loss', V(3), V(3), 'foo'); bad('multi_margin_loss', 'function', 'F.multi_margin_loss', V(2, 3), I([0, 3])); bad('embedding', 'function', 'lambda w, i: F.embedding(i, w)', V(4, 5), I([5])); bad('embedding', 'function', 'lambda w, i: F.embedding(i, w)', V(4, 5), F([0.0])); bad('embedding', 'function', 'lambda w, i, p: F.embedding(i, w, p)', V(4, 5), I([0]), 7)


def layers():
    for e, name, x, w in (('F.conv1d', 'conv1d', [1, 2, 6], [3, 2, 3]), ('F.conv2d', 'conv2d', [1, 2, 6, 6], [3, 2, 3, 3]), ('F.conv3d', 'conv3d', [1, 1, 4, 4, 4], [1, 1, 2, 2, 2]), ('F.conv_transpose2d', 'conv_transpose2d', [1, 2, 4, 4], [2, 3, 3, 3]), (None, 'conv_transpose1d', [1, 2, 4], [2, 3, 3]), (None, 'conv_transpose3d', [1, 1, 2, 2, 2], [1, 2, 2, 2, 2])):
        channels = w[1] if 'transpose' in name else w[0]
        case(e, name, 'F.' + name, V(*x), V(*w), V(channels))
    case(None, 'conv2d', 'F.conv2d', V(2, 4, 7, 6), V(6, 2, 3, 2), V(6), [2, 1], 1, [1, 2], 2); case(None, 'conv1d', 'F.conv1d', V(2, 6), V(3, 2, 3), None, 2, 1); case(None, 'conv_transpose2d', 'F.conv_transpose2d', V(1, 4, 3, 4), V(4, 3, 2, 3), V(6), 2, 1, 1, 2, [2, 1])
    for n, s in ((1, [1, 2, 5]), (2, [1, 2, 5, 4]), (3, [1, 1, 3, 3, 3])): case(None, 'conv%dd.padding' % n, 'F.conv%dd' % n, V(*s), V(*([2, s[1]] + [3] * n)), None, 1, 'same')
    case('F.max_pool2d', 'max_pool2d', 'F.max_pool2d', V(1, 2, 4, 4), 2); case(None, 'max_pool2d', 'F.max_pool2d', V(2, 6, 7), 3, 2, 1, [1, 2], True); case(None, '_max_pool2d_indices', 'lambda x, k: F.max_pool2d(x, k, return_indices=True)[1]', K(1, 2, 4, 4), 2); case('F.adaptive_max_pool2d', 'adaptive_max_pool2d', 'F.adaptive_max_pool2d', V(1, 2, 4, 4), 2); case(None, '_adaptive_max_pool2d_indices', 'lambda x, k: F.adaptive_max_pool2d(x, k, return_indices=True)[1]', K(1, 2, 5, 4), 2)
    case('F.layer_norm', 'layer_norm', 'F.layer_norm', V(4, 3), [3], V(3), V(3)); case(None, 'layer_norm', 'F.layer_norm', V(4, 3, 2), [3, 2]); case('F.group_norm', 'group_norm', 'F.group_norm', V(2, 4, 3), 2, V(4), V(4)); case(None, 'group_norm', 'F.group_norm', V(2, 4, 3, 2), 4)
    for a in ((V(1, 3, 8, 8), V(4, 2, 3, 3)), (V(8, 8), V(4, 3, 3, 3)), (V(1, 3, 2, 8), V(4, 3, 3, 3)), (V(1, 3, 8, 8), V(4, 3, 3, 3), V(3)), (V(1, 3, 8, 8), V(4, 3, 3, 3), None, 0), (V(1, 3, 8, 8), V(4, 3, 3, 3), None, 1, -1), (V(1, 3, 8, 8), V(4, 3, 3, 3), None, 1, 0, 1, 2), (V(1, 4, 8, 8), V(5, 2, 3, 3), None, 1, 0, 1, 2), (V(1, 3, 8, 8, dtype='f64'), V(4, 3, 3, 3)), (V(3, 8, 8), V(4, 2, 3, 3)), (V(1, 3, 8, 8), V(4, 3, 3, 3), None, [1, 2, 3])): bad('conv2d', 'function', 'F.conv2d', *a)
    bad('conv2d.padding', 'function', 'F.conv2d', V(1, 3, 8, 8), V(4, 3, 3, 3), None, 1, 'foo'); bad('conv2d.padding', 'function', 'F.conv2d', V(1, 3, 8, 8), V(4, 3, 3, 3), None, 2, 'same')
    for a in ((V(1, 3, 8, 8), V(4, 2, 3, 3)), (V(1, 3, 8, 8), V(3, 2, 3, 3), V(3)), (V(1, 3, 8, 8), V(3, 2, 3, 3), None, 1, 0, 1), (V(1, 3, 8, 8), V(3, 2, 3, 3), None, 1, 20)): bad('conv_transpose2d', 'function', 'F.conv_transpose2d', *a)
    for a in ((V(8), 2), (V(1, 1, 1, 1), 2), (V(1, 1, 4, 4), 2, 2, 2), (V(1, 1, 4, 4), 2, 0), (V(1, 1, 4, 4), 2, 2, -1), (V(1, 1, 4, 4), [2, 2, 2])): bad('max_pool2d', 'function', 'F.max_pool2d', *a)
    for a in ((V(4, 3), [4]), (V(4, 3), [2, 4, 3]), (V(4, 3), []), (V(4, 3), [3], V(2)), (V(4, 3), [3], None, V(2)), (V(4, 3, dtype='f64'), [3], V(3)), (I([1, 2, 3]), [3])): bad('layer_norm', 'function', 'F.layer_norm', *a)
    for a in ((V(4, 3), 2), (V(4, 4), 2, V(3)), (V(4), 2), (V(1, 4), 0), (V(1, 2), 2)): bad('group_norm', 'function', 'F.group_norm', *a)
    one = 'lambda x, w, b, m, v, t: [F.batch_norm(x, m, v, w, b, t)] + [x.mean(0), x.var(0)]'
    case('F.batch_norm train (in3=running_mean,in4=running_var)', 'native_batch_norm', one, V(4, 3), V(3), V(3), K(3), K(3), True); case('F.batch_norm eval (in3=running_mean,in4=running_var)', 'native_batch_norm', one, V(4, 3), V(3), V(3), K(3), K(3), False); case('F.batch_norm train (no running stats)', 'native_batch_norm', one, V(4, 3), V(3), V(3), None, None, True)
    for a in ((V(1, 3), None, None, None, None, True), (V(4, 3), V(2), None, None, None, True), (V(4, 3), None, None, None, None, False), (V(4, 3), None, None, K(2), K(3), False)): bad('native_batch_norm', 'function', 'lambda x, w, b, m, v, t: F.batch_norm(x, m, v, w, b, t)', *a)


def algebra():
    spd = lambda: T([3, 3], [2.1, 0.3, 0.5, 0.4, 1.8, 0.2, 0.6, 0.1, 1.5])
    case('linalg.inv', 'linalg_inv', 'torch.linalg.inv', spd()); case('linalg.det', 'linalg_det', 'torch.linalg.det', spd()); case('slogdet', 'linalg_slogdet', 'torch.linalg.slogdet', spd()); case('linalg.solve', 'linalg_solve', 'torch.linalg.solve', spd(), V(3, 4)); case(None, 'linalg_solve', 'torch.linalg.solve', spd(), V(3))
    case('linalg.cholesky', 'linalg_cholesky', 'lambda a: torch.linalg.cholesky(a)', T([1, 1], [2.1], 'f64'))
    for name in ('inv', 'det', 'slogdet', 'cholesky'): bad('linalg_' + name, 'function', 'torch.linalg.' + name, V(2, 3)); bad('linalg_' + name, 'function', 'torch.linalg.' + name, V(3))
    bad('linalg_solve', 'function', 'torch.linalg.solve', spd(), V(2, 3))
    attend = 'lambda q, k, v, d=0.0, c=False, m=None, s=None: F.scaled_dot_product_attention(q, k, v, m, d, c, scale=s)'
    q = lambda: V(1, 2, 4, 8)
    case('F.scaled_dot_product_attention', '_scaled_dot_product_flash_attention_for_cpu', 'F.scaled_dot_product_attention', q(), q(), q())
    case(None, '_scaled_dot_product_flash_attention_for_cpu', attend, q(), V(1, 2, 5, 8), V(1, 2, 5, 8), 0.0, False, B([True, False, True, True, True] * 4, [4, 5]), 0.7)
    case(None, '_scaled_dot_product_flash_attention_for_cpu', attend, q(), q(), q(), 0.0, True); case(None, '_scaled_dot_product_flash_attention_for_cpu', attend, q(), q(), q(), 0.0, False, K(4, 4))


def sums():
    for e, *shapes in (('ij->ji', [2, 3]), ('ij->i', [2, 3]), ('ba', [2, 3])): case(None, 'einsum', 'torch.einsum', e, *[V(*x) for x in shapes])
    for e, *shapes in (('ij,jk->ik', [2, 3], [3, 4]), ('bhqd,bkhd->bqhk', [2, 2, 3, 2], [2, 4, 2, 2]), ('ij,ij->', [2, 3], [2, 3])): case(None, 'einsum.2', 'lambda *a: torch.einsum(*a)', e, *[V(*x) for x in shapes])
    case(None, 'einsum.3', 'lambda *a: torch.einsum(*a)', 'bi,oij,bj->bo', V(2, 3), V(4, 3, 2), V(2, 2))
    for e, *shapes in (('ij,jk->ik', [2, 3], [4, 5]), ('ij,jk->il', [2, 3], [3, 2]), ('ijk,jk->ik', [2, 3], [3, 2])): bad('einsum.2', 'function', 'torch.einsum', e, *[V(*x) for x in shapes])


def within():
    """Rows that only PyTorch's own functions use."""
    case(None, 'div.Scalar', 'torch.ops.aten.div.Scalar', V(4), 2.5); case(None, 'norm.ScalarOpt_dim', 'torch.ops.aten.norm.ScalarOpt_dim', V(3, 4), 2.0, [1], True); case(None, 'H', 'lambda x: x.H', V(3, 4)); bad('H', 'function', 'lambda x: x.H', V(3)); bad('H', 'function', 'lambda x: x.H', V(1, 2, 3))


for group in (sums, algebra, views, adjoints, joins, indexing, shapes, products, losses, layers, within): group()
