"""Pairs of pictures are turned into a network: a photo must be nearer to its garment than to all others."""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shop.training.dataset import Pairs
from shop.training.network import GarmentNet

Rng = np.random.Generator
TEMPERATURE = 0.06


def batches(pairs: Pairs, size: int, rng: Rng, steps: int) -> Iterator[NDArray[np.int64]]:
    """Give the rows of each step: every other step keeps to two categories, which is harder."""
    kinds = np.unique(pairs.category)
    for step in range(steps):
        pool = np.arange(len(pairs.category))
        if step % 2:
            pool = pool[np.isin(pairs.category, rng.choice(kinds, 2, replace=False))]
        yield rng.choice(pool, min(size, len(pool)), replace=False)


def views(pairs: Pairs, rows: NDArray[np.int64], rng: Rng) -> tuple[Tensor, Tensor]:
    """Turn rows into the studio's pictures and one photo of each.

    Both are mirrored or have their colours exchanged alike, which makes twelve garments of one.
    """
    takes = rng.integers(pairs.photos.shape[1], size=len(rows))
    studio, photo = pairs.studio[rows], pairs.photos[rows, takes]
    if rng.random() < 0.5:
        studio, photo = studio[:, :, ::-1], photo[:, :, ::-1]
    if rng.random() < 0.6:
        order = rng.permutation(3)
        studio, photo = studio[..., order], photo[..., order]
    return torch.from_numpy(np.ascontiguousarray(studio)), torch.from_numpy(np.ascontiguousarray(photo))


def contrast(studio: Tensor, photo: Tensor) -> Tensor:
    """Turn vectors of pairs into the loss: each photo must choose its garment, and each garment its photo."""
    scores = photo @ studio.T / TEMPERATURE
    right = torch.arange(len(scores))
    return (functional.cross_entropy(scores, right) + functional.cross_entropy(scores.T, right)) / 2


def learn(
    pairs: Pairs,
    *,
    steps: int,
    batch: int = 128,
    peak_rate: float = 4e-3,
    seed: int = 7,
    report: Callable[[int, float, float], object] = lambda step, loss, rate: None,
) -> GarmentNet:
    """Turn pairs into a network; `report` is told the step, the loss and the pictures per second."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = GarmentNet().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), peak_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1, (step + 1) / 40) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 1e-3,
    )
    began = time.perf_counter()
    mean, pictures = 0.0, 0
    for step, rows in enumerate(batches(pairs, batch, rng, steps), 1):
        studio, photo = views(pairs, rows, rng)
        vectors = network(torch.cat([studio, photo]))
        loss = contrast(vectors[: len(rows)], vectors[len(rows) :])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        mean, pictures = mean + (loss.item() - mean) * max(0.03, 1 / step), pictures + 2 * len(rows)
        report(step, mean, pictures / (time.perf_counter() - began))
    return network.eval()
