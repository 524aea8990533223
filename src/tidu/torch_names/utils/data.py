"""`torch.utils.data` in its simplest form: `DataLoader(TensorDataset(X, y), batch_size, shuffle=True)`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tidu.eager import functions as f
from tidu.eager.foreign import unknown_name
from tidu.eager.torch_tensor import DRAWS, TorchTensor
from tidu.errors import SettingError, ShapeMismatch
from tidu.text import _


class Dataset:
    """What has a length, and a sample at each number: the base of a learner's own."""


class TensorDataset(Dataset):
    """Tensors whose first axes are the same samples."""

    def __init__(self, *tensors: TorchTensor) -> None:
        if len({len(tensor) for tensor in tensors}) != 1:
            raise ShapeMismatch(
                _("the tensors of a data set need the same number of samples; these have {counts}").format(
                    counts=", ".join(str(len(tensor)) for tensor in tensors)
                )
            )
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, key: Any) -> tuple[Any, ...]:
        return tuple(tensor[key] for tensor in self.tensors)


class DataLoader:
    """Batches of a data set, in order, or in another random order each time.

    Parameters
    ----------
    num_workers : changes nothing; the samples come from memory.
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool = False, drop_last: bool = False, num_workers: int = 0
    ) -> None:
        if batch_size < 1:
            raise SettingError(
                _("batch_size={size} is not possible; a batch has at least 1 sample").format(size=batch_size)
            )
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        order = DRAWS.generator.permutation(count) if self.shuffle else np.arange(count)
        for k in range(len(self)):
            yield self._batch(order[k * self.batch_size : (k + 1) * self.batch_size])

    def _batch(self, places: Any) -> Any:
        if isinstance(self.dataset, TensorDataset):
            return list(self.dataset[places])
        samples = [self.dataset[int(k)] for k in places]
        if isinstance(samples[0], (tuple, list)):
            return [_stacked(part) for part in zip(*samples, strict=True)]
        return _stacked(samples)


def _stacked(parts: Any) -> Any:
    return f.stack([part if isinstance(part, TorchTensor) else TorchTensor(part) for part in parts])


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise unknown_name("torch_names.utils.data", name, ("Dataset", "TensorDataset", "DataLoader"))
