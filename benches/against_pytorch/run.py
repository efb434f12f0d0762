#!/usr/bin/env python3
"""gradlint's interpreter against eager PyTorch: the same programs, on one machine, one thread each.

    cargo build --release
    PYTHON benches/against_pytorch/run.py [--gradlint target/release/gradlint] [--python PYTHON] [--repeat 5]

PYTHON is one that has PyTorch. Each program exists once, as `.tg`; PyTorch runs what `gradlint emit --to python` makes
of it. A whole process is timed from its start to its end, by the clock. What happens in a loop is timed in seconds of the
processor, as the difference of two runs that differ in the number of turns only, so that neither side's start counts; of
several runs, the fastest is taken.
"""
import argparse, os, resource, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# A chain of twenty, and back: what an operator costs forward and backward, among others of its kind.
CHAIN = """manual_seed(0)
x = {x}
w = {w}
for turn in range({turns}) {{
    y = x
{body}
    y.backward(g)
}}
"""
CHAIN_OF = 20
OPERATORS = [
    # name, x, w, line
    ('x * w', 'randn(4, 4, requires_grad=true)', 'randn(4, 4, requires_grad=true)', 'y = y * w'),
    ('x + w', 'randn(4, 4, requires_grad=true)', 'randn(4, 4, requires_grad=true)', 'y = y + w'),
    ('x + w (broadcast)', 'randn(4, 4, requires_grad=true)', 'randn(4, requires_grad=true)', 'y = y + w'),
    ('x / w', 'randn(4, 4, requires_grad=true)', 'rand(4, 4) + 1.0', 'y = y / w'),
    ('x * 0.5', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y * 0.5'),
    ('x.tanh()', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y.tanh()'),
    ('x.exp()', 'randn(4, 4, requires_grad=true) - 5.0', '1.0', 'y = (-y).exp()'),
    ('relu(x)', 'randn(4, 4, requires_grad=true)', '1.0', 'y = relu(y)'),
    ('x @ w', 'randn(4, 4, requires_grad=true)', 'randn(4, 4, requires_grad=true)', 'y = y @ w'),
    ('F.linear(x, w)', 'randn(4, 4, requires_grad=true)', 'randn(4, 4, requires_grad=true)', 'y = F.linear(y, w)'),
    ('x.t()', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y.t()'),
    ('x.view(16).view(4, 4)', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y.view(16).view(4, 4)'),
    ('softmax(x)', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y.softmax(1)'),
    ('x - x.mean()', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y - y.mean()'),
    ('x + x.sum(1, keepdim)', 'randn(4, 4, requires_grad=true)', '1.0', 'y = y * 0.1 + y.sum(1, keepdim=true)'),
]
# Operators in a line, so that the time is that of one.
IN_A_LINE = {'x.exp()': 2, 'x.view(16).view(4, 4)': 2, 'x - x.mean()': 2, 'x + x.sum(1, keepdim)': 3}

MATMUL = """manual_seed(0)
a = randn(256, 256, requires_grad=true)
b = randn(256, 256, requires_grad=true)
g = randn(256, 256)
for turn in range({turns}) {{
    y = a @ b
    a.grad = none
    b.grad = none
    y.backward(g)
}}
"""
MLP = """manual_seed(0)
model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
opt = optim.SGD(model.parameters(), lr=0.01)
x = randn(64, 256)
labels = randint(0, 10, [64])
for step in range({turns}) {{
    opt.zero_grad()
    loss = F.cross_entropy(model(x), labels)
    loss.backward()
    opt.step()
}}
"""
# Times a script's own run, without the start of Python and PyTorch.
TIMED = """import sys, time, torch
torch.set_num_threads(1)
text = open(sys.argv[1]).read()
code = compile(text, sys.argv[1], 'exec')
start = time.process_time()
exec(code, {'__name__': '__main__'})
print(time.process_time() - start, file=sys.stderr)
"""
ENV = dict(os.environ, OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')


def processor():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Sides:
    def __init__(self, options, folder):
        self.gradlint, self.python, self.repeat, self.folder = options.gradlint, options.python, options.repeat, folder
        self.timed = self.write('timed.py', TIMED)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as file: file.write(text)
        return path

    def emit(self, path):
        script = subprocess.run([self.gradlint, 'emit', path, '--to', 'python'], check=True, capture_output=True, text=True).stdout
        return self.write(os.path.basename(path) + '.py', script)

    def checked(self, command):
        start, used = time.perf_counter(), processor()
        done = subprocess.run(command, capture_output=True, text=True, env=ENV)
        elapsed, used = time.perf_counter() - start, processor() - used
        if done.returncode != 0: sys.exit('%s: %s%s' % (' '.join(command), done.stdout, done.stderr))
        return elapsed, used, done

    def ours(self, path, what):
        command = [self.gradlint, 'run', path, '--max-steps', '1000000000', '--max-seconds', '600']
        return min(self.checked(command)[what] for _ in range(self.repeat))

    def whole(self, path):
        script = self.emit(path)
        return self.ours(path, 0), min(self.checked([self.python, script])[0] for _ in range(self.repeat))

    def inside(self, script):
        return min(float(self.checked([self.python, self.timed, script])[2].stderr.split()[-1]) for _ in range(max(1, self.repeat // 2)))

    def loop(self, name, text, turns):
        """Seconds a turn: ours, PyTorch's."""
        few, many = (self.write('%s_%d.tg' % (name, n), text.replace('{turns}', str(n)).replace('{{', '{').replace('}}', '}')) for n in (turns // 10, turns))
        span = turns - turns // 10
        ours = (self.ours(many, 1) - self.ours(few, 1)) / span
        return ours, (self.inside(self.emit(many)) - self.inside(self.emit(few))) / span


def chain(x, w, line):
    body = '\n'.join('    ' + line for _ in range(CHAIN_OF))
    return CHAIN.replace('{x}', x).replace('{w}', w + '\ng = ones(4, 4)').replace('{body}', body)


def show(what, ours, theirs, goal, unit=1e6, name='µs'):
    ratio = theirs / ours
    met = 'yes' if ratio >= goal else 'no'
    print('| %s | %.2f %s | %.2f %s | %.2f | %.2f | %s |' % (what, ours * unit, name, theirs * unit, name, ratio, goal, met), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--gradlint', default=os.path.join(ROOT, 'target/release/gradlint'))
    parser.add_argument('--python', default=sys.executable)
    parser.add_argument('--repeat', type=int, default=5)
    parser.add_argument('--only', default='', help='process, operators, matmul, mlp; none: all')
    options = parser.parse_args()
    wanted = lambda part: not options.only or part in options.only.split(',')
    with tempfile.TemporaryDirectory() as folder:
        sides = Sides(options, folder)
        print('| what | gradlint | PyTorch | times faster | goal | met |\n| --- | --- | --- | --- | --- | --- |')
        if wanted('process'): show('whole process, 50 lines', *sides.whole(os.path.join(HERE, 'training.tg')), 100, 1e3, 'ms')
        if wanted('matmul'): show('256x256 product, forward and backward', *sides.loop('matmul', MATMUL, 200), 1 / 1.5, 1e3, 'ms')
        if wanted('mlp'): show('perceptron, batch 64, hidden 256, 100 steps', *(100 * t for t in sides.loop('mlp', MLP, 500)), 1 / 1.5, 1e3, 'ms')
        if wanted('operators'):
            for nth, (name, x, w, line) in enumerate(OPERATORS):
                each = CHAIN_OF * IN_A_LINE.get(name, 1)
                show('`%s`, 4x4, forward and backward' % name, *(t / each for t in sides.loop('op%d' % nth, chain(x, w, line), 2000)), 10)


main()
