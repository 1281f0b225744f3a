"""Training steps in PyTorch: the batch handed over, forward, backward, clipping by the global norm, AdamW."""

import torch

# The same numbers as the others: no shorter mantissas in products.
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def adapter():
    if DEVICE.type == "cuda":
        return f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}"
    return f"PyTorch {torch.__version__}, CPU, {torch.get_num_threads()} threads"


class Training:
    """`loss` maps the batch to the loss; `parameters` are leaves, by name, in the workload's order."""

    def __init__(self, loss, parameters, decays, batch, optimizer):
        self.loss = loss
        self.named = parameters
        self.batch = {name: torch.from_numpy(values.copy()) for name, values in batch.items()}
        self.clip = optimizer["clipNorm"]
        groups = [
            {"params": [p for name, p in parameters.items() if decays[name] == decay], "weight_decay": weight}
            for decay, weight in ((True, optimizer["weightDecay"]), (False, 0.0))
        ]
        self.optimizer = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=optimizer["learningRate"],
            betas=(optimizer["beta1"], optimizer["beta2"]),
            eps=optimizer["eps"],
            fused=True,
        )
        self.adapter = adapter()

    def run(self, steps):
        for _ in range(steps):
            batch = {name: values.to(DEVICE) for name, values in self.batch.items()}
            self.optimizer.zero_grad()
            loss = self.loss(batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.named.values(), self.clip)
            self.optimizer.step()
        return loss.item()

    def parameters(self):
        return [p.detach().cpu().numpy() for p in self.named.values()]

    def figures(self):
        return {"peakBytes": torch.cuda.max_memory_allocated()} if DEVICE.type == "cuda" else {}


def leaves(parameters):
    return {name: torch.tensor(values, device=DEVICE, requires_grad=True) for name, values in parameters.items()}
