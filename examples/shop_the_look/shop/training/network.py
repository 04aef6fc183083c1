"""The network: uint8 pictures (n, 112, 112, 3) are turned into vectors (n, 128) of length 1."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """A 3 x 3 convolution, normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Adds what two convolutions find to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(convolution(channels, channels), convolution(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Pooling(nn.Module):
    """Generalised mean over the picture: between average (power 1) and maximum, as training finds best."""

    def __init__(self) -> None:
        super().__init__()
        self.power = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=1e-4).pow(self.power).mean((2, 3)).pow(1 / self.power)


class GarmentNet(nn.Module):
    """A small residual network; the scaling of pixels and of the result is a part of it."""

    def __init__(self, width: int = 24, size: int = 128) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, width, 2),
            convolution(width, 2 * width, 2),
            Residual(2 * width),
            convolution(2 * width, 4 * width, 2),
            Residual(4 * width),
            convolution(4 * width, 8 * width, 2),
            Residual(8 * width),
        )
        self.pooling = Pooling()
        self.head = nn.Linear(8 * width, size)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
        return functional.normalize(self.head(self.pooling(self.features(x))), dim=1)
