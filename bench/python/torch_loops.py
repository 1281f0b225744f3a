"""The models as plain PyTorch, a Python loop over time: what a paper's equations become when they are typed in."""

import torch
from torch.nn import functional as F

from torch_training import Training, leaves


class Session(Training):
    def __init__(self, model, parameters, decays, batch, optimizer):
        p = leaves(parameters)
        super().__init__(lambda data: loss(model, p, data), p, decays, batch, optimizer)


def loss(model, p, batch):
    if model == "char-lm":
        hs = lstm(under(p, "rnn"), F.embedding(batch["tokens"], p["embed.W"]))
        logits = F.linear(torch.stack(hs, 1), p["head.W"], p["head.b"])
        return F.cross_entropy(logits.flatten(0, 1), batch["next"].long().flatten())
    if model in CELLS:
        pooled, head = CELLS[model](under(p, "net.rnn"), batch["x"])[-1], under(p, "net.head")
    else:
        path, layer = LAYERS[model]
        pooled, head = layer(under(p, path), batch["x"]).mean(1), under(p, "pool.head")
    return F.cross_entropy(F.linear(pooled, head["W"], head["b"]), batch["label"].long())


def under(p, path):
    return {name[len(path) + 1 :]: value for name, value in p.items() if name.startswith(f"{path}.")}


def lstm(p, x):
    """Over cat[x, h], as in the article's equations."""
    W, b = torch.cat([p["W_ih"], p["W_hh"]], 1), p["b_ih"] + p["b_hh"]
    h = c = x.new_zeros(x.shape[0], p["W_hh"].shape[1])
    hs = []
    for t in range(x.shape[1]):
        i, f, g, o = F.linear(torch.cat([x[:, t], h], 1), W, b).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return hs


def gru(p, x):
    h = x.new_zeros(x.shape[0], p["W_hh"].shape[1])
    hs = []
    for t in range(x.shape[1]):
        x_r, x_z, x_n = F.linear(x[:, t], p["W_ih"], p["b_ih"]).chunk(3, 1)
        h_r, h_z, h_n = F.linear(h, p["W_hh"], p["b_hh"]).chunk(3, 1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        hs.append(h)
    return hs


def rnn(p, x):
    h = x.new_zeros(x.shape[0], p["W_hh"].shape[1])
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(F.linear(x[:, t], p["W_ih"], p["b_ih"]) + F.linear(h, p["W_hh"], p["b_hh"]))
        hs.append(h)
    return hs


def ssm(p, x):
    """All steps' coefficients first, then the recurrence a step at a time."""
    dt = F.softplus(F.linear(F.linear(x, p["W_r"]), p["W_dt"], p["b_dt"]))
    B, C = F.linear(x, p["W_B"]), F.linear(x, p["W_C"])
    decay = torch.exp(-dt[..., None] * torch.exp(p["A_log"]))
    written = (dt * x)[..., None] * B[:, :, None]
    h = torch.zeros_like(written[:, 0])
    ys = []
    for t in range(x.shape[1]):
        h = decay[:, t] * h + written[:, t]
        ys.append(torch.einsum("bdn,bn->bd", h, C[:, t]))
    return torch.stack(ys, 1) + p["skip"] * x


def mamba(p, x):
    u, gate = F.linear(x, p["W_in"]).chunk(2, -1)
    E, K = p["conv.W"].shape
    convolved = F.conv1d(F.pad(u.mT, (K - 1, 0)), p["conv.W"][:, None], p["conv.b"], groups=E).mT
    return F.linear(ssm(under(p, "ssm"), F.silu(convolved)) * F.silu(gate), p["W_out"])


def attention(p, x):
    """The T × T weights written out."""
    q, k, v = (torch.einsum("btd,mpd->bmtp", x, p[f"W_{name}"]) + p[f"b_{name}"][:, None] for name in "qkv")
    T, P = q.shape[-2:]
    past = torch.ones(T, T, dtype=torch.bool, device=x.device).tril()
    weights = torch.softmax((q @ k.mT / P**0.5).masked_fill(~past, -torch.inf), -1)
    return torch.einsum("bmtp,dmp->btd", weights @ v, p["W_o"]) + p["b_o"]


CELLS = {"lstm": lstm, "gru": gru, "rnn": rnn}
LAYERS = {"ssm": ("ssm", ssm), "mamba": ("block", mamba), "attention": ("attention", attention)}
