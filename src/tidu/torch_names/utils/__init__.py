"""`torch.utils`, of which `data` is here."""

from tidu.torch_names.utils import data as data
