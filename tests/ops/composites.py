"""Records the rows of ops.tsv that no single operator of the table stands for: PyTorch makes them of several, and so does
gradlint's prelude (or its machine). Each is a few lines of `.tg`; PyTorch runs what `gradlint emit --to python` makes of them.

Use: OMP_NUM_THREADS=1 python composites.py GRADLINT [ROW...], where python has PyTorch. Writes composites.json; with rows, it
records these anew and keeps the others.
"""
import json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
_seed = [0]


def r(*shape, low=0.1, high=0.9):
    """Floats that a gradient may flow to."""
    _seed[0] += 1
    count = 1
    for size in shape: count *= size
    values = [round(low + (high - low) * (((i * 37 + _seed[0] * 61 + 11) % 97) / 97), 6) for i in range(count)]
    for size in reversed(shape[1:]): values = [values[i:i + size] for i in range(0, len(values), size)]
    return values, True


def I(values): return values, False


V, M, MR, P = lambda: r(4), lambda: r(3, 3), lambda: r(3, 4), lambda: r(1, 2, 4, 4)
SIGNED = lambda: r(4, low=-1.5, high=1.7)
SPD = lambda: ([[2.0, 0.3, 0.2], [0.3, 1.5, 0.4], [0.2, 0.4, 1.2]], True)
S = lambda: I([1, -1, 1])
SV = lambda: I([1, -1, 1, 1])
ROWS = [
    ('float_power(x,2)', 'out0 = float_power(in0, 2)', V()),
    ('t().contiguous()', 'out0 = in0.t().contiguous()', MR()),
    ('detach', 'out0 = in0.detach()', V()),
    ('.data', 'out0 = in0.data', V()),
    ('matmul 1d@2d', 'out0 = matmul(in0, in1)', r(3), M()),
    ('matmul 3d@3d', 'out0 = matmul(in0, in1)', r(2, 3, 3), r(2, 3, 4)),
    ('matmul 3d@2d', 'out0 = matmul(in0, in1)', r(2, 3, 3), MR()),
    ('outer', 'out0 = outer(in0, in1)', V(), V()),
    ("einsum('ij,jk->ik')", 'out0 = einsum("ij,jk->ik", in0, in1)', M(), MR()),
    ('tensordot', 'out0 = tensordot(in0, in1, 1)', M(), MR()),
    ('logdet', 'out0 = logdet(in0)', SPD()),
    ('kron', 'out0 = kron(in0, in1)', r(2, 2), r(2, 2)),
    ('F.linear(x,w,b)', 'out0 = F.linear(in0, in1, in2)', r(2, 3), r(4, 3), V()),
    ('F.linear(x,w) no bias', 'out0 = F.linear(in0, in1)', r(2, 3), r(4, 3)),
    ('F.linear 3d (x,w,b)', 'out0 = F.linear(in0, in1, in2)', r(2, 2, 3), r(4, 3), V()),
    ('F.bilinear', 'out0 = F.bilinear(in0, in1, in2)', r(2, 3), r(2, 3), r(4, 3, 3)),
    ('F.max_pool1d', 'out0 = F.max_pool1d(in0, 2)', r(1, 2, 4)),
    ('F.adaptive_avg_pool2d(1)', 'out0 = F.adaptive_avg_pool2d(in0, 1)', P()),
    ('F.lp_pool2d', 'out0 = F.lp_pool2d(in0, 2.0, 2)', P()),
    ('F.instance_norm', 'out0 = F.instance_norm(in0, none, none, in1, in2)', r(2, 3, 4), r(3), r(3)),
    ('F.rms_norm', 'out0 = F.rms_norm(in0, (3,), in1)', r(4, 3), r(3)),
    ('F.normalize', 'out0 = F.normalize(in0)', MR()),
    ('F.local_response_norm', 'out0 = F.local_response_norm(in0, 2)', P()),
    ('F.embedding_bag', 'out0 = F.embedding_bag(in1, in0)', r(5, 3), I([[0, 2], [1, 1]])),
    ('F.grid_sample', 'out0 = F.grid_sample(in0, in1, align_corners=false)', P(), r(1, 2, 2, 2)),
    ('F.softsign', 'out0 = F.softsign(in0)', SIGNED()),
    ('F.tanhshrink', 'out0 = F.tanhshrink(in0)', SIGNED()),
    ('F.softmin', 'out0 = F.softmin(in0, -1)', MR()),
    ('F.gumbel_softmax', 'out0 = F.gumbel_softmax(in0)', MR()),
    ('F.gumbel_softmax(hard)', 'out0 = F.gumbel_softmax(in0, hard=true)', MR()),
    ('F.rrelu train', 'out0 = F.rrelu(in0, training=true)', SIGNED()),
    ('F.dropout train', 'out0 = F.dropout(in0, 0.5, true)', V()),
    ('F.dropout eval', 'out0 = F.dropout(in0, 0.5, false)', V()),
    ('F.dropout p=0 train', 'out0 = F.dropout(in0, 0.0, true)', V()),
    ('F.dropout2d train', 'out0 = F.dropout2d(in0, 0.5, true)', P()),
    ('F.alpha_dropout train', 'out0 = F.alpha_dropout(in0, 0.5, true)', V()),
    ('F.l1_loss', 'out0 = F.l1_loss(in0, in1)', V(), V()),
    ('F.l1_loss none', 'out0 = F.l1_loss(in0, in1, reduction="none")', V(), V()),
    ('F.kl_div', 'out0 = F.kl_div(in0, in1)', V(), V()),
    ('F.poisson_nll_loss', 'out0 = F.poisson_nll_loss(in0, in1)', V(), V()),
    ('F.gaussian_nll_loss', 'out0 = F.gaussian_nll_loss(in0, in1, in2)', V(), V(), V()),
    ('F.cross_entropy(labels)', 'out0 = F.cross_entropy(in0, in1)', MR(), I([0, 1, 2])),
    ('F.cross_entropy(probs)', 'out0 = F.cross_entropy(in0, in1)', MR(), MR()),
    ('F.cross_entropy(label_smoothing)', 'out0 = F.cross_entropy(in0, in1, label_smoothing=0.1)', MR(), I([0, 1, 2])),
    ('F.cosine_similarity', 'out0 = F.cosine_similarity(in0, in1)', MR(), MR()),
    ('F.cosine_embedding_loss', 'out0 = F.cosine_embedding_loss(in0, in1, in2)', MR(), MR(), S()),
    ('F.triplet_margin_loss', 'out0 = F.triplet_margin_loss(in0, in1, in2)', MR(), MR(), MR()),
    ('F.margin_ranking_loss', 'out0 = F.margin_ranking_loss(in0, in1, in2)', V(), V(), SV()),
    ('F.hinge_embedding_loss', 'out0 = F.hinge_embedding_loss(in0, in1)', V(), SV()),
    ('F.pairwise_distance', 'out0 = F.pairwise_distance(in0, in1)', MR(), MR()),
    ('F.ctc_loss', 'out0 = F.ctc_loss(F.log_softmax(in0, -1), tensor([[1, 2]]), tensor([5]), tensor([2]))', r(5, 1, 4)),
    ('tensor_split', 'out0, out1 = in0.tensor_split(2)', V()),
    ('hsplit', 'out0, out1 = in0.hsplit(2)', V()),
    ('meshgrid', 'out0, out1 = meshgrid(in0, in1, indexing="ij")', V(), V()),
    ('x[arange, labels]', 'out0 = in0[arange(3), in1]', MR(), I([0, 1, 2])),
    ('repeat_interleave', 'out0 = in0.repeat_interleave(2)', V()),
    ('take_along_dim', 'out0 = take_along_dim(in0, in1, 1)', MR(), I([[0], [1], [2]])),
    ('diff', 'out0 = diff(in0)', V()),
    ('cartesian_prod', 'out0 = cartesian_prod(in0, in1)', V(), V()),
    ('fill_diagonal_', 'out0 = in0.fill_diagonal_(0.0)', M()),
    ('F.dropout(inplace)', 'out0 = F.dropout(in0, 0.5, true, true)', V()),
    ('x[0] = scalar', 'in0[0] = 0.0; out0 = in0', V()),
    ('x[0] = tensor', 'in0[0] = in1; out0 = in0', MR(), V()),
    ('x[1:3] = tensor', 'in0[1:3] = in1; out0 = in0', V(), r(2)),
    ('x[:, 0] = tensor', 'in0[:, 0] = in1; out0 = in0', MR(), r(3)),
    ('x[[0,2]] = tensor', 'in0[[0, 2]] = in1; out0 = in0', V(), r(2)),
    ('x[0] += tensor', 'in0[0] += in1; out0 = in0', MR(), V()),
]


def inputs(tensors, needing):
    """Copies of leaves, so that they may be written; those at `needing` require grad."""
    lines = ['manual_seed(1)']
    for k, (values, diff) in enumerate(tensors):
        lines.append('leaf%d = tensor(%s%s)' % (k, json.dumps(values), ', requires_grad=true' if k in needing else ''))
        lines.append('in%d = leaf%d.clone()' % (k, k))
    return lines


def program(code, tensors):
    """Prints results, weights their sum, and prints gradients."""
    diff = [k for k, (_, d) in enumerate(tensors) if d]
    lines = inputs(tensors, diff) + [code]
    outs = ['out0', 'out1'] if 'out1' in code else ['out0']
    for out in outs: lines.append('print(%s.reshape(-1).tolist())' % out)
    lines.append('if out0.requires_grad {')
    for k, out in enumerate(outs): lines.append('    part%d = (%s * (arange(%s.numel()).reshape(%s.shape) * 0.1 + 0.3)).sum()' % (k, out, out, out))
    lines.append('    (%s).backward()' % ' + '.join('part%d' % k for k in range(len(outs))))
    for k in diff: lines.append('    print(leaf%d.grad.reshape(-1).tolist() if leaf%d.grad is not none else [])' % (k, k))
    return '\n'.join(lines + ['}', ''])


def main():
    gradlint, wanted, records = sys.argv[1], sys.argv[2:], []
    path = os.path.join(HERE, 'composites.json')
    old = {record['evidence']: record for record in json.load(open(path))} if wanted else {}
    with tempfile.TemporaryDirectory() as folder:
        for evidence, code, *tensors in ROWS:
            if evidence in old and evidence not in wanted:
                records.append(old[evidence])
                continue
            path = os.path.join(folder, 'a.tg')
            with open(path, 'w') as file: file.write(program(code, tensors))
            emitted = subprocess.run([gradlint, 'emit', path, '--to', 'python'], capture_output=True, text=True, check=True).stdout
            script = os.path.join(folder, 'a.py')
            with open(script, 'w') as file: file.write('import warnings; warnings.simplefilter("ignore")\n' + emitted)
            done = subprocess.run([sys.executable, script], capture_output=True, text=True)
            if done.returncode: sys.exit('%s: %s' % (evidence, done.stderr))
            records.append(dict(evidence=evidence, code=code, tensors=[dict(values=v, diff=d) for v, d in tensors], program=program(code, tensors), printed=done.stdout))
    with open(os.path.join(HERE, 'composites.json'), 'w') as file:
        file.write('[\n%s\n]\n' % ',\n'.join(json.dumps(record) for record in records))
    print(len(records), 'composites')


main()
