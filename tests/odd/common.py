"""Cells and models that stand in no library, against PyTorch (float64): `python3 tests/odd/make.py` (PyTorch 2.13).

A reference is written as the paper has it: plain loops over one example, cut to its own lengths. It gives the losses
of that example, one with a value for each step or one number; `write` puts the examples of a batch together as the
language says. Parameters, inputs and targets are random; the fixture holds them, the loss and every gradient.
"""

import json
import pathlib
import zlib

import torch

torch.set_default_dtype(torch.float64)

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
SIZES = {"_B": 2, "T": 5}
CASES = {}


def case(name, sizes, parameters, data, ragged=()):
    """Names a reference. What stands in `data` is a shape, or a shape with a number of ids, or with "bool"."""

    def register(reference):
        CASES[name] = (reference, sizes, parameters, data, ragged)
        return reference

    return register


def write(name):
    reference, sizes, shapes, specs, ragged = CASES[name]
    random = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    batch = sizes["_B"]
    specs = {key: spec if isinstance(spec, tuple) else (spec, None) for key, spec in specs.items()}
    parameters = {
        key: (0.5 * torch.randn(tuple(shape), generator=random)).requires_grad_() for key, shape in shapes.items()
    }
    data = {
        key: draw([batch] + [sizes.get(axis, axis) for axis in shape], kind, random)
        for key, (shape, kind) in specs.items()
    }
    # The first example is as long as the batch.
    own = {length: torch.randint(1, sizes[length] + 1, (batch,), generator=random) for length in ragged}
    for ends in own.values():
        ends[0] = 0
    own = {length: torch.where(ends == 0, sizes[length], ends) for length, ends in own.items()}
    examples = []
    for b in range(batch):
        lengths = {key: int(own[key][b]) if key in own else size for key, size in sizes.items() if key != "_B"}
        example = {}
        for key, (shape, _) in specs.items():
            value = data[key][b]
            for axis, extent in enumerate(shape):
                value = value.narrow(axis, 0, lengths.get(extent, value.shape[axis]))
            example[key] = value
        examples.append(reference(parameters, example, lengths))
    loss = sum(mean_of(losses) for losses in zip(*examples))
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    fixture = {
        "by": "PyTorch, one example at a time",
        "sizes": sizes,
        "parameters": {key: array(value) for key, value in parameters.items()},
        "data": {key: array(value) for key, value in {**data, **own}.items()},
        "outputs": {},
        "loss": loss.item(),
        "gradients": {key: array(value) for key, value in zip(parameters, gradients)},
    }
    (FIXTURES / f"{name}.json").write_text(json.dumps(fixture, separators=(",", ":")) + "\n")


def draw(shape, kind, random):
    if kind is None:
        return torch.randn(shape, generator=random)
    if kind == "bool":
        return torch.rand(shape, generator=random) < 0.6
    return torch.randint(0, kind, shape, generator=random)


def mean_of(losses):
    """Over the examples; over all steps of all examples where a loss has steps."""
    return torch.stack(losses).mean() if losses[0].dim() == 0 else torch.cat(losses).mean()


def array(value):
    return {"shape": list(value.shape), "data": value.detach().double().flatten().tolist()}
