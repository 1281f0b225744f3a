"""The references, each as its paper has it: plain loops over one example."""

import math

import torch
import torch.nn.functional as F
from torch import softmax, stack
from torch.nn.functional import relu, softplus

from common import SIZES, case


def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction="none")


def elman(p, path, xs):
    h, hs = p[path + ".h0"], []
    for x in xs:
        h = torch.tanh(p[path + ".W"] @ x + p[path + ".U"] @ h)
        hs.append(h)
    return stack(hs), h


@case(
    "turing",
    SIZES,
    {"c.M0": [5, 3], "c.w0": [5], "c.Wk": [3, 2], "c.Wg": [3, 2], "c.Ws": [3, 2], "c.We": [3, 2], "c.Wa": [3, 2]},
    {"x": ["T", 2], "y": ["T", 3]},
)
def turing(p, d, n):
    M = p["c.M0"]
    w = softmax(p["c.w0"], 0)
    rs = []
    for x in d["x"]:
        k = p["c.Wk"] @ x
        g = p["c.Wg"] @ x
        sim = M @ k / (M.norm(dim=1) * k.norm() + 0.001)
        c = softmax(softplus(g[0]) * sim, 0)
        m = torch.sigmoid(g[1])
        wg = m * c + (1 - m) * w
        s = softmax(p["c.Ws"] @ x, 0)
        sh = sum(s[k_] * torch.roll(wg, k_ - 1) for k_ in range(3))
        q = sh ** (1 + softplus(g[2]))
        w = q / q.sum()
        e = torch.sigmoid(p["c.We"] @ x)
        a = torch.tanh(p["c.Wa"] @ x)
        M = M * (1 - torch.outer(w, e)) + torch.outer(w, a)
        rs.append(w @ M)
    return [((stack(rs) - d["y"]) ** 2).mean(1)]


@case(
    "legendre",
    SIZES,
    {"c.ex": [1], "c.eh": [5], "c.em": [3], "c.Wx": [5, 1], "c.Wh": [5, 5], "c.Wm": [5, 3]},
    {"x": ["T", 1], "y": ["T", 5]},
)
def legendre(p, d, n):
    A = torch.tensor(
        [
            [(i == j) + (2 * i + 1) / 4 * (-1 if i < j else (-1.0) ** (i - j + 1)) / 2 for j in range(3)]
            for i in range(3)
        ],
        dtype=torch.float64,
    )
    B = torch.tensor([(2 * i + 1) * (-1.0) ** i / 4 for i in range(3)])
    h = torch.zeros(5)
    m = torch.zeros(3)
    o = []
    for x in d["x"]:
        u = p["c.ex"] @ x + p["c.eh"] @ h + p["c.em"] @ m
        m = A @ m + B * u
        h = torch.tanh(p["c.Wx"] @ x + p["c.Wh"] @ h + p["c.Wm"] @ m)
        o.append(h)
    return [((stack(o) - d["y"]) ** 2).mean(1)]


@case("best-path", {"_B": 3, "T": 5}, {"A": [5, 5], "W": [5, 3]}, {"x": ["T", 3], "tag": (["T"], 5)}, ["T"])
def best_path(p, d, n):
    v = f = torch.zeros(5)
    e = d["x"] @ p["W"].T
    A = p["A"]
    for t in range(n["T"]):
        v = (v[:, None] + A).max(0).values + e[t]
        f = (f[:, None] + A).logsumexp(0) + e[t]
    tag = d["tag"]
    gold = sum(e[t, tag[t]] for t in range(n["T"])) + sum(A[tag[t - 1], tag[t]] for t in range(1, n["T"]))
    return [f.logsumexp(0) - gold, 0.2 * (v.max() - gold)]


@case("soft-dtw", SIZES, {"W": [2, 3]}, {"x": ["T", 3], "y": [4, 2]})
def soft_dtw(p, d, n):
    P = d["x"] @ p["W"].T
    y = d["y"]
    c20 = torch.tensor(20.0)
    row = [c20] * 4
    for t in range(5):
        left = c20
        new = []
        for j in range(4):
            corner = row[j - 1] if j else torch.tensor(0.0 if t == 0 else 20.0)
            left = ((P[t] - y[j]) ** 2).sum() - torch.log(torch.exp(-left) + torch.exp(-row[j]) + torch.exp(-corner))
            new.append(left)
        row = new
    return [row[3]]


@case(
    "nested-scans",
    SIZES,
    {**{f"o.{l}.m": [2] for l in ("line.0", "line.1", "last")}, "o.mix.W": [2, 2], "o.mix.b": [2]},
    {"x": ["T", 2, 3, 2], "g": [2], "y": ["T", 2, 3, 2]},
)
def nested_scans(p, d, n):

    def line(k, a, g):

        def run(xs, g):
            r = torch.zeros(2)
            o = []
            for x in xs:
                r = 0.5 * r + torch.tanh(x * g)
                o.append(r)
            return o

        up = run(list(a), g)
        dn = run(up[::-1], p[k + ".m"])[::-1]
        return stack([u + w * (up[i - 1] if i else 0 * u) for i, (u, w) in enumerate(zip(up, dn))])

    s = torch.zeros(2, 3, 2)
    c = torch.zeros(3, 2)
    o = []
    for t, x in enumerate(d["x"]):
        g = d["g"] * t / 5
        z = x + s
        for l in range(2):
            z = stack([line(f"o.line.{l}", r, g) for r in z])
        q = z @ p["o.mix.W"].T + p["o.mix.b"]
        c = line("o.last", q.mean(0) + c, g)
        s = torch.tanh(q + c)
        o.append(s)
    return [((stack(o) - d["y"]) ** 2).mean((1, 2, 3))]


@case(
    "turned-round",
    {"_B": 3, "T": 5, "S": 3},
    {"g": [3], "a.A": [3, 3]},
    {"x": ["T", 3], "z": ["S", 3], "w": ["T", 3], "v": ["S"]},
    ["T", "S"],
)
def turned_round(p, d, n):
    T, Sn = n["T"], n["S"]
    x = d["x"]
    back = x.flip(0) * p["g"]
    zz = d["z"] * p["g"].flip(0)
    h = torch.zeros(3)
    best = torch.zeros(Sn)
    o = []
    for t in range(T):
        dot = zz @ h
        best = torch.maximum(best, dot.flip(0))
        h = torch.tanh(p["a.A"] @ h + x[t] - back[t] * (T - t) / (T + Sn) + zz[-1] / (Sn + T) + best.mean())
        o.append(h)
    h = stack(o)
    c = h @ zz.T
    al = c.logsumexp(1) - c.max(1).values.flip(0)
    pick = c[:, 0] * (c[:, 2] if Sn > 2 else 1)
    return [
        ((h - d["w"]) ** 2).mean(1),
        al / T,
        (best - d["v"]) ** 2,
        (c**2).sum() / (Sn * T),
        0.1 * (pick if c[-1, -1] > 0 else pick[:0]),
    ]


@case(
    "coverage",
    {"_B": 3, "T": 5, "S": 7},
    {"c.W": [3, 2], "c.U": [3, 6], "c.w": [], "c.E": [3, 3]},
    {"code": ["S", 3], "x": ["T", 2], "prev": (["T"], 3), "y": ["T", 3]},
    ["S"],
)
def coverage(p, d, n):
    h = torch.zeros(3)
    cov = torch.zeros(n["S"])
    o = []
    m = []
    for x, q in zip(d["x"], d["prev"]):
        pr = softmax(d["code"] @ h + p["c.w"] * cov, 0)
        got = pr @ d["code"]
        m.append(torch.minimum(pr, cov).sum())
        cov = cov + pr
        h = torch.tanh(p["c.W"] @ x + p["c.U"] @ torch.cat([h, got]) + p["c.E"][q])
        o.append(h)
    return [((stack(o) - d["y"]) ** 2).mean(1), stack(m)]


@case(
    "words",
    {"_B": 3, "S": 5, "C": 4},
    {
        "word.emb": [7, 2],
        **{
            f"{k}.{w}": s
            for k, i in (("word.up", 2), ("word.down", 2), ("top", 3))
            for w, s in (("h0", [3]), ("W", [3, i]), ("U", [3, 3]))
        },
        "O": [3, 3],
    },
    {"chars": (["S", "C"], 7), "tag": (["S"], 3)},
    ["S", "C"],
)
def words(p, d, n):
    ws = []
    for cs in d["chars"]:
        e = p["word.emb"][cs]
        a, ea = elman(p, "word.up", e)
        b, eb = elman(p, "word.down", e.flip(0))
        ws.append(ea + eb + (a * b.flip(0)).max(0).values)
    hs, _ = elman(p, "top", ws)
    return [cross_entropy(hs @ p["O"].T, d["tag"])]


@case("spikes", SIZES, {"c.W": [5, 3], "c.U": [5, 5], "c.tau": [5], "book": [7, 5]}, {"x": ["T", 3], "y": ["T", 5]})
def spikes(p, d, n):
    v = s = tr = torch.zeros(5)
    a = torch.sigmoid(p["c.tau"])
    S_ = []
    T_ = []
    for x in d["x"]:
        v = a * v * (1 - s.detach()) + p["c.W"] @ x + p["c.U"] @ s
        u = v - 0.3
        sg = torch.sigmoid(4 * u)
        s = sg + ((u > 0).double() - sg).detach()
        tr = tr.detach() * 0.9 + s
        S_.append(s)
        T_.append(tr)
    s = stack(S_)
    t = stack(T_)
    book = p["book"]
    near = ((t[:, None] - book) ** 2).sum(2).argmin(1)
    code = book[near]
    z = t + (code - t).detach()
    g = s + (torch.sign(s - 0.5) - s).detach()
    m = lambda a, b: ((a - b) ** 2).mean(1)
    return [m(z * g, d["y"]), m(code, t.detach()), 0.25 * m(code.detach(), t)]


@case(
    "kalman",
    {"_B": 3, "T": 5},
    {"k.A": [3, 3], "k.c": [3], "k.lq": [3], "k.lr": [], "k.m0": [3], "k.L0": [3, 3]},
    {"y": ["T"], "seen": (["T"], "bool")},
    ["T"],
)
def kalman(p, d, n):
    A, c = p["k.A"], p["k.c"]
    m = p["k.m0"]
    P = p["k.L0"] @ p["k.L0"]
    o = []
    for y, seen in zip(d["y"], d["seen"]):
        mp = A @ m
        Pp = A @ P @ A.T + torch.diag(softplus(p["k.lq"]))
        Pc = (Pp + Pp.T) / 2 @ c
        Sv = (c @ Pc).abs() + softplus(p["k.lr"]) + 0.1
        e = y - c @ mp
        if seen:
            m = mp + Pc / Sv * e
            P = Pp - torch.outer(Pc / Sv, Pc)
            o.append(0.5 * (torch.log(2 * math.pi * Sv) + e**2 / Sv))
        else:
            m = mp
            P = Pp
            o.append(torch.zeros(()))
    o = stack(o)
    return [o[d["seen"]], o.sum() / n["T"] / 7]


@case("rotary-heads", SIZES, {"c.W": [33, 3]}, {"x": ["T", 3], "y": ["T", 6], "u": ["T", 4]})
def rotary_heads(p, d, n):
    N, K = 3, 2
    F = torch.zeros(N, 2, K, K)
    o = []
    w = []
    rate = torch.tensor([1.0, 0.1])
    for t, x in enumerate(d["x"]):
        z = p["c.W"] @ x
        q0 = z[:12].reshape(N, 4)
        k0 = z[12:24].reshape(N, 4)
        v = z[24:30].reshape(K, N).T
        g = torch.sigmoid(z[30:].flip(0))
        co, si = torch.cos(t * rate), torch.sin(t * rate)
        rot = lambda u: stack([co * u[:, 0::2] - si * u[:, 1::2], si * u[:, 0::2] + co * u[:, 1::2]], 1)
        F = g[:, None, None, None] * F + torch.einsum("nck,nj->nckj", rot(k0), v)
        oo = torch.einsum("nck,nckj->nj", rot(q0), F)
        o.append(oo.flatten())
        w.append(torch.cat([oo[0], oo[2]]))
    return [((stack(o) - d["y"]) ** 2).mean(1), (stack(w) - d["u"]).abs().mean(1)]


@case("neural-stack", SIZES, {"c.Wd": [2, 3], "c.Wv": [2, 3]}, {"x": ["T", 3], "y": ["T", 2]})
def neural_stack(p, d, n):
    V = []
    s = []
    o = []
    for x in d["x"]:
        pop, push = torch.sigmoid(p["c.Wd"] @ x)
        new = []
        rest = pop
        for q in reversed(s):
            take = relu(rest)
            new.insert(0, relu(q - take))
            rest = rest - q
        s = new + [push]
        V.append(torch.tanh(p["c.Wv"] @ x))
        r = 0
        left = torch.tensor(1.0)
        for q, v in zip(reversed(s), reversed(V)):
            r = r + torch.minimum(q, relu(left)) * v
            left = left - q
        o.append(r)
    return [((stack(o) - d["y"]) ** 2).mean(1)]


@case("powers", SIZES, {"c.c": [5], "c.a": [3], "c.p": []}, {"x": ["T", 3], "y": ["T", 3]})
def powers(p, d, n):
    h = torch.zeros(3)
    q = torch.full((3,), 0.5)
    Q = []
    R = []
    a = p["c.a"]
    w = p["c.p"]
    for x in d["x"]:
        old = h
        h = torch.clamp(
            sum((p["c.c"][k] * ((0.5 * old) ** k if k else 1) for k in range(5))) + x**3 / 4 - a * a, -1.5, 1.5
        )
        q = (
            1 / torch.sqrt(q * q + F.softplus(w))
            + F.elu(a) * F.silu(old)
            - F.gelu(h)
            + 2 ** torch.sin(old)
            + q.abs() ** w
        )
        R.append(stack([torch.tensor(2.0) if v >= 1.5 else v.log() if v > 0 else (-v).sqrt() for v in h]))
        Q.append(q)
    Q = stack(Q)
    R = stack(R)
    return [
        F.huber_loss(Q, d["y"], reduction="none").mean(1),
        (R - d["y"]).abs().mean(1),
        F.binary_cross_entropy_with_logits(Q, torch.sigmoid(R.detach()), reduction="none").mean(1),
    ]


@case("delay-ring", SIZES, {"c.gain": [3], "c.b": [3], "c.c": [3], "c.fir": [5]}, {"x": ["T"], "y": ["T"]})
def delay_ring(p, d, n):
    line = torch.zeros(3, 2)
    tap = torch.zeros(5)
    d1 = d2 = d3 = torch.tensor(0.0)
    o = []
    mix = torch.eye(3) - 2 / 3
    for x in d["x"]:
        e = p["c.gain"] * line[:, 1] * 0.7
        fed = mix @ e
        line = torch.cat([(fed + p["c.b"] * x)[:, None], line[:, :1]], 1)
        tap = torch.cat([x[None], tap[:-1]])
        d1, d2, d3 = x + 0.1 * d3, d1, d2
        o.append((p["c.c"] * e).sum() + p["c.fir"] @ tap + d3 * d1)
    return [(stack(o) - d["y"]) ** 2]


@case(
    "window", SIZES, {**{"c.W" + k: [2, 3] for k in "qkv"}, "c.bias": [3], "c.sink": []}, {"x": ["T", 3], "y": ["T", 2]}
)
def window(p, d, n):
    ks = []
    vs = []
    o = []
    for x in d["x"]:
        ks = (ks + [p["c.Wk"] @ x])[-3:]
        vs = (vs + [p["c.Wv"] @ x])[-3:]
        s = torch.cat([stack(ks) @ (p["c.Wq"] @ x) / math.sqrt(2) + p["c.bias"][-len(ks) :], p["c.sink"][None]])
        o.append(softmax(s, 0)[:-1] @ stack(vs))
    return [((stack(o) - d["y"]) ** 2).mean(1)]
