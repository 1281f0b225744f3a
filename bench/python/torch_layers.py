"""The models of torch's own layers: cuDNN's or the CPU's kernels for the recurrences, fused attention."""

import torch
from torch import nn
from torch.nn import functional as F

from torch_training import DEVICE, Training

RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN, "char-lm": nn.LSTM}
NAMES = {"W_ih": "weight_ih_l0", "W_hh": "weight_hh_l0", "b_ih": "bias_ih_l0", "b_hh": "bias_hh_l0"}


class Session(Training):
    def __init__(self, model, parameters, decays, batch, optimizer):
        if model in RECURRENT:
            loss, leaves = recurrent(model, parameters)
        elif model == "attention":
            loss, leaves = attention(parameters)
        else:
            raise NotImplementedError(f"torch.nn has no layer for {model}")
        super().__init__(loss, leaves, decays, batch, optimizer)


def recurrent(model, parameters):
    path = "rnn" if model == "char-lm" else "net.rnn"
    H, I = parameters[f"{path}.W_hh"].shape[1], parameters[f"{path}.W_ih"].shape[1]
    rnn = RECURRENT[model](I, H, batch_first=True).to(DEVICE)
    p = {}
    for name, values in parameters.items():
        parent, own = name.rsplit(".", 1)
        p[name] = getattr(rnn, NAMES[own]) if parent == path else nn.Parameter(torch.empty(values.shape, device=DEVICE))
        p[name].data.copy_(torch.tensor(values))

    def classify(batch):
        hs, _ = rnn(batch["x"])
        logits = F.linear(hs[:, -1], p["net.head.W"], p["net.head.b"])
        return F.cross_entropy(logits, batch["label"].long())

    def predict(batch):
        hs, _ = rnn(F.embedding(batch["tokens"], p["embed.W"]))
        logits = F.linear(hs, p["head.W"], p["head.b"])
        return F.cross_entropy(logits.flatten(0, 1), batch["next"].long().flatten())

    return (predict if model == "char-lm" else classify), p


def attention(parameters):
    p = {name: nn.Parameter(torch.tensor(values, device=DEVICE)) for name, values in parameters.items()}

    def heads(x, name):
        return torch.einsum("btd,mpd->bmtp", x, p[f"attention.W_{name}"]) + p[f"attention.b_{name}"][:, None]

    def loss(batch):
        x = batch["x"]
        mixed = F.scaled_dot_product_attention(heads(x, "q"), heads(x, "k"), heads(x, "v"), is_causal=True)
        y = torch.einsum("bmtp,dmp->btd", mixed, p["attention.W_o"]) + p["attention.b_o"]
        logits = F.linear(y.mean(1), p["pool.head.W"], p["pool.head.b"])
        return F.cross_entropy(logits, batch["label"].long())

    return loss, p
