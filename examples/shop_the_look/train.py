"""Train the network of shop the look, from drawing the garments to the ONNX file.

    python examples/shop_the_look/train.py

Takes ten to fifteen minutes on two processors. Needs requirements/train.txt; `make train` sees to that.
The garments and photos it trains on are not those of the demonstration.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from rich.progress import Progress

from shop.drawing import catalogue_picture, design
from shop.evaluation import embed, quality, sample, snapshots
from shop.features import MODEL, NetworkExtractor
from shop.photos import CONDITIONS
from shop.training.dataset import drawn
from shop.training.learning import learn
from shop.training.network import GarmentNet

SIDE = 112
CACHE = Path(__file__).parents[2] / 'var' / 'shop_the_look' / 'training'


def export(network: GarmentNet, file: Path) -> None:
    """Turn a network into an ONNX file that takes any number of pictures."""
    file.parent.mkdir(parents=True, exist_ok=True)
    example = torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8)
    program = torch.onnx.export(
        network,
        (example,),
        input_names=['pictures'],
        output_names=['vectors'],
        dynamic_shapes=({0: torch.export.Dim('n')},),
        dynamo=True,
        verbose=False,
    )
    program.save(str(file), external_data=False)


def judge(file: Path, items: int = 1000, photos: int = 300) -> None:
    """Print how well the network of this file finds garments it has never seen."""
    extractor = NetworkExtractor(file)
    catalogue = embed(extractor, (catalogue_picture(design(seed)) for seed in range(items)))
    seeds = sample(items, photos)
    for conditions in CONDITIONS:
        found = quality(embed(extractor, snapshots(seeds, conditions)), catalogue, seeds)
        print(f'{conditions} photos, {items} garments: recall@1 {found.at_1:.2f}, @10 {found.at_10:.2f}')


def printing(steps: int) -> Callable[[int, float, float], None]:
    """Give a report that prints twenty lines in all."""

    def report(step: int, loss: float, rate: float) -> None:
        if step % max(1, steps // 20) == 0 or step == steps:
            print(f'step {step:5d} of {steps}   loss {loss:.3f}   {rate:.0f} pictures/s', flush=True)

    return report


def main() -> None:
    """Draw, train, export, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--garments', type=int, default=5000, help='how many garments to draw for training')
    parser.add_argument('--steps', type=int, default=420, help='how many steps of training')
    parser.add_argument('--threads', type=int, default=2, help='how many processors to train with')
    parser.add_argument('--model', type=Path, default=MODEL, help='the ONNX file to write')
    parser.add_argument('--cache', type=Path, default=CACHE, help='the folder that keeps the drawings')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with Progress() as progress:
        task = progress.add_task('drawing garments', total=options.garments)
        pairs = drawn(
            options.garments, SIDE, options.cache, each=lambda done: progress.update(task, completed=done)
        )
    network = learn(pairs, steps=options.steps, report=printing(options.steps))
    export(network, options.model)
    print(f'wrote {options.model.name}, {options.model.stat().st_size / 1e6:.1f} MB')
    judge(options.model)


if __name__ == '__main__':
    main()
