"""Asks PyTorch, timm and Lightning, once, what ``tests/`` then holds the package against without them.

    pip install torch timm pytorch-lightning        # made with torch 2.13.0, timm 1.0.31, pytorch-lightning 2.6.6
    python -m tests.witnesses.make_torch_logits     # from the repository's root; 20 s, 2 GB

Written into ``tests/fixtures``:
    torch_logits.npz    logits of the six variants, filled with the numbers of ``tests.foreign``: those of timm and of
                        the authors' network as transcribed below, which must agree
    torch_zip.pth, torch_legacy.pth, lightning.ckpt     small files as ``torch.save`` and Lightning write them
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

# timm imports torchvision, whose build on PyPI is CUDA's and lacks its operators beside a CPU build of PyTorch.
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import timm  # noqa: E402

from tests import foreign  # noqa: E402

FIXTURES = Path(__file__).parents[1] / "fixtures"
CLASSES = 10


class Mixing(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.partial_conv3 = nn.Conv2d(dim // 4, dim // 4, 3, padding=1, bias=False)

    def forward(self, x):
        width = self.partial_conv3.in_channels
        return torch.cat([self.partial_conv3(x[:, :width]), x[:, width:]], 1)


class Block(nn.Module):
    def __init__(self, dim, act):
        super().__init__()
        expand, reduce = nn.Conv2d(dim, 2 * dim, 1, bias=False), nn.Conv2d(2 * dim, dim, 1, bias=False)
        self.mlp = nn.Sequential(expand, nn.BatchNorm2d(2 * dim), act(), reduce)
        self.spatial_mixing = Mixing(dim)

    def forward(self, x):
        return x + self.mlp(self.spatial_mixing(x))


class Down(nn.Module):
    def __init__(self, name, before, after, patch):
        super().__init__()
        self.add_module(name, nn.Conv2d(before, after, patch, patch, bias=False))
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x):
        convolution, norm = self.children()
        return norm(convolution(x))


class Stage(nn.Module):
    def __init__(self, dim, depth, act):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(dim, act) for _ in range(depth)])

    def forward(self, x):
        return self.blocks(x)


class Authors(nn.Module):
    """The network of the paper's code: no activation after stem and merges; GELU in T0 and T1, else ReLU."""

    def __init__(self, variant):
        super().__init__()
        dim, depths = foreign.SIZES[variant]
        act = nn.GELU if variant in ("t0", "t1") else nn.ReLU
        self.patch_embed = Down("proj", 3, dim, 4)
        parts = []
        for stage, depth in enumerate(depths):
            if stage:
                parts.append(Down("reduction", dim, 2 * dim, 2))
                dim *= 2
            parts.append(Stage(dim, depth, act))
        self.stages = nn.Sequential(*parts)
        pooling = nn.AdaptiveAvgPool2d(1), nn.Conv2d(dim, foreign.HEAD, 1, bias=False), act()
        self.avgpool_pre_head = nn.Sequential(*pooling)
        self.head = nn.Linear(foreign.HEAD, CLASSES)

    def forward(self, x):
        return self.head(self.avgpool_pre_head(self.stages(self.patch_embed(x))).flatten(1))


def logits(network, arrays):
    state = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        return network.eval()(torch.from_numpy(foreign.images())).numpy()


def make_logits():
    found = {}
    for variant, (width, depths) in foreign.SIZES.items():
        arrays = foreign.authors(width, depths, CLASSES)
        authors = logits(Authors(variant), arrays)
        found[variant] = logits(timm.create_model(f"fasternet_{variant}", num_classes=CLASSES), foreign.timm(arrays))
        difference = np.abs(authors - found[variant]).max() / np.abs(authors).max()
        print(f"{variant}: the authors' and timm's logits differ by {difference:.1e} of {np.abs(authors).max():.2f}")
        assert difference < 1e-6
    np.savez(FIXTURES / "torch_logits.npz", **found)


def small_tensors():
    """What ``tests/files/test_torch_files.py`` expects: every kind of number, strides, shared and tied storages."""
    numbers = torch.from_numpy(np.random.default_rng(0).random((6, 8), np.float32) - 0.5)
    last = torch.nn.Parameter(numbers.clone())
    return {
        "float32": numbers,
        "transposed": numbers.t(),
        "sliced": numbers[1:4, 2:7:2],
        "scalar": torch.tensor(3.5),
        "empty": torch.empty(0, 3),
        "float16": numbers.half(),
        "bfloat16": numbers.bfloat16(),
        "float64": numbers.double() / 3,
        "int64": torch.arange(-2, 3),
        "int32": torch.arange(-2, 3, dtype=torch.int32),
        "int8": torch.arange(-2, 3, dtype=torch.int8),
        "uint8": torch.arange(5, dtype=torch.uint8),
        "bool": numbers[0] > 0,
        "parameter": last,
        "tied": last,
        "channels_last": numbers.reshape(2, 2, 3, 4).to(memory_format=torch.channels_last),
    }


def make_files():
    tensors = small_tensors()
    torch.save(tensors, FIXTURES / "torch_zip.pth")
    trainer = {"epoch": 3, "arch": "fasternet_t0", "state_dict": tensors}
    trainer["args"] = argparse.Namespace(lr=0.1, output=Path("output"), dtype=torch.float16, device=torch.device("cpu"))
    trainer["optimizer"] = {"state": {0: {"exp_avg": torch.ones(50)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    torch.save(trainer, FIXTURES / "torch_legacy.pth", _use_new_zipfile_serialization=False)


def make_lightning():
    import pytorch_lightning as lightning

    class Network(lightning.LightningModule):
        def __init__(self, width=4, output=Path("output")):
            super().__init__()
            self.save_hyperparameters()
            self.model = Down("proj", 3, width, 4)

        def training_step(self, batch, _):
            return self.model(batch).square().mean()

        def configure_optimizers(self):
            optimizer = torch.optim.AdamW(self.parameters())
            return [optimizer], [torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])]

    torch.manual_seed(0)
    network, data = Network(), torch.utils.data.DataLoader(torch.ones(2, 3, 8, 8), 2)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(max_steps=2, accelerator="cpu", logger=False, default_root_dir=folder)
        trainer.fit(network, data)
        trainer.save_checkpoint(FIXTURES / "lightning.ckpt")
    np.savez(FIXTURES / "lightning.npz", **{name: value.numpy() for name, value in network.state_dict().items()})


if __name__ == "__main__":
    FIXTURES.mkdir(exist_ok=True)
    make_files()
    make_lightning()
    make_logits()
