"""The models in JAX: `lax.scan` over time, the whole training step under one `jit`, its state donated."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax, nn

# The same numbers as the others: no shorter mantissas in products.
jax.config.update("jax_default_matmul_precision", "highest")


class Session:
    def __init__(self, model, parameters, decays, batch, optimizer):
        self.names = list(parameters)
        self.batch = batch
        p = {name: jnp.array(values) for name, values in parameters.items()}
        m = {name: jnp.zeros_like(values) for name, values in p.items()}
        v = {name: jnp.zeros_like(values) for name, values in p.items()}
        self.state = (p, m, v, jnp.float32(0))
        step = jax.jit(partial(train, model, decays, optimizer), donate_argnums=0)
        self.step = step.lower(self.state, batch).compile()
        device = jax.devices()[0]
        self.adapter = f"JAX {jax.__version__}, {device.device_kind if device.platform != 'cpu' else 'CPU'}"

    def run(self, steps):
        for _ in range(steps):
            self.state, loss = self.step(self.state, jax.device_put(self.batch))
        return loss.item()

    def parameters(self):
        return [self.state[0][name] for name in self.names]

    def figures(self):
        """What XLA plans for the step: arguments, results that are no arguments, and what is in between."""
        m = self.step.memory_analysis()
        aliased = m.alias_size_in_bytes
        return {"peakBytes": m.argument_size_in_bytes + m.output_size_in_bytes - aliased + m.temp_size_in_bytes}


def train(model, decays, optimizer, state, batch):
    p, m, v, step = state
    value, g = jax.value_and_grad(lambda q: loss(model, q, batch))(p)
    norm = jnp.sqrt(sum(jnp.sum(x * x) for x in g.values()))
    factor = jnp.minimum(optimizer["clipNorm"] / (norm + 1e-6), 1)
    b1, b2, rate, step = optimizer["beta1"], optimizer["beta2"], optimizer["learningRate"], step + 1
    g = {name: x * factor for name, x in g.items()}
    m = {name: b1 * m[name] + (1 - b1) * x for name, x in g.items()}
    v = {name: b2 * v[name] + (1 - b2) * x * x for name, x in g.items()}
    # 1 - b**step without the cancellation of the first steps.
    corrected1, corrected2 = -jnp.expm1(step * jnp.log(b1)), -jnp.expm1(step * jnp.log(b2))
    for name, old in p.items():
        kept = old * (1 - rate * optimizer["weightDecay"]) if decays[name] else old
        p[name] = kept - rate * (m[name] / corrected1) / (jnp.sqrt(v[name] / corrected2) + optimizer["eps"])
    return (p, m, v, step), value


def loss(model, p, batch):
    if model == "char-lm":
        hs = scan(lstm, under(p, "rnn"), p["embed.W"][batch["tokens"]])
        return cross_entropy(hs @ p["head.W"].T + p["head.b"], batch["next"])
    if model in CELLS:
        pooled, head = scan(CELLS[model], under(p, "net.rnn"), batch["x"])[:, -1], under(p, "net.head")
    else:
        path, layer = LAYERS[model]
        pooled, head = layer(under(p, path), batch["x"]).mean(1), under(p, "pool.head")
    return cross_entropy(pooled @ head["W"].T + head["b"], batch["label"])


def cross_entropy(logits, ids):
    return -jnp.take_along_axis(nn.log_softmax(logits), ids[..., None], -1).mean()


def under(p, path):
    return {name[len(path) + 1 :]: value for name, value in p.items() if name.startswith(f"{path}.")}


def scan(cell, p, x):
    """The shares of the inputs are one product over all steps; the cell sees one step's share and its state."""
    zeros = jnp.zeros((x.shape[0], p["W_hh"].shape[1]))
    shares = jnp.swapaxes(x @ p["W_ih"].T + p["b_ih"], 0, 1)
    _, hs = lax.scan(partial(cell, p), (zeros, zeros), shares)
    return jnp.swapaxes(hs, 0, 1)


def lstm(p, state, share):
    h, c = state
    i, f, g, o = jnp.split(share + h @ p["W_hh"].T + p["b_hh"], 4, -1)
    c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
    h = nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru(p, state, share):
    h, unused = state
    x_r, x_z, x_n = jnp.split(share, 3, -1)
    h_r, h_z, h_n = jnp.split(h @ p["W_hh"].T + p["b_hh"], 3, -1)
    r, z = nn.sigmoid(x_r + h_r), nn.sigmoid(x_z + h_z)
    h = (1 - z) * jnp.tanh(x_n + r * h_n) + z * h
    return (h, unused), h


def rnn(p, state, share):
    h = jnp.tanh(share + state[0] @ p["W_hh"].T + p["b_hh"])
    return (h, state[1]), h


def ssm(p, x):
    A = -jnp.exp(p["A_log"])
    dt = nn.softplus(x @ p["W_r"].T @ p["W_dt"].T + p["b_dt"])
    steps = [jnp.swapaxes(values, 0, 1) for values in (dt, dt * x, x @ p["W_B"].T, x @ p["W_C"].T)]

    def step(h, now):
        dt, u, B, C = now
        h = jnp.exp(dt[..., None] * A) * h + u[..., None] * B[:, None]
        return h, jnp.einsum("bdn,bn->bd", h, C)

    _, ys = lax.scan(step, jnp.zeros((x.shape[0], *A.shape)), steps)
    return jnp.swapaxes(ys, 0, 1) + p["skip"] * x


def mamba(p, x):
    u, gate = jnp.split(x @ p["W_in"].T, 2, -1)
    W = p["conv.W"]
    K, T = W.shape[1], x.shape[1]
    padded = jnp.pad(u, ((0, 0), (K - 1, 0), (0, 0)))
    convolved = sum(padded[:, j : j + T] * W[:, j] for j in range(K)) + p["conv.b"]
    return (ssm(under(p, "ssm"), nn.silu(convolved)) * nn.silu(gate)) @ p["W_out"].T


def attention(p, x):
    q, k, v = (jnp.einsum("btd,mpd->btmp", x, p[f"W_{name}"]) + p[f"b_{name}"] for name in "qkv")
    mixed = nn.dot_product_attention(q, k, v, is_causal=True)
    return jnp.einsum("btmp,dmp->btd", mixed, p["W_o"]) + p["b_o"]


CELLS = {"lstm": lstm, "gru": gru, "rnn": rnn}
LAYERS = {"ssm": ("ssm", ssm), "mamba": ("block", mamba), "attention": ("attention", attention)}
