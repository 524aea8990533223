"""Which devices of PyTorch there are, and what they are called. Imports torch, so it is imported when one is named."""

from __future__ import annotations

from tidu.errors import MissingDependency, SettingError
from tidu.text import _

try:
    import torch
except ImportError:
    raise MissingDependency(_("a device needs PyTorch; install it with: pip install 'tidu[torch]'")) from None


def check_device(name: str, dtype: str) -> None:
    """Refuse a device that does not exist here, or that cannot compute in `dtype`."""
    if name.startswith("cuda"):
        _check_cuda(name)
    if name == "mps" and not torch.backends.mps.is_available():
        raise SettingError(_("there is no device 'mps' here: it is the GPU of a Mac; name another, such as 'cpu'"))
    if name == "mps" and dtype != "float32":
        raise SettingError(_("the device 'mps' computes in single precision only; give dtype float32 with it"))


def _check_cuda(name: str) -> None:
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not found:
        raise SettingError(
            _(
                "there is no device '{name}': PyTorch {version} finds no CUDA GPU here; "
                "name 'cpu', or install a PyTorch with CUDA and a driver"
            ).format(name=name, version=torch.__version__)
        )
    if int(name.partition(":")[2] or 0) >= found:
        raise SettingError(
            _("there is no device '{name}': GPUs are numbered from cuda:0 to cuda:{last}").format(
                name=name, last=found - 1
            )
        )


def torch_on(device: str) -> str:
    """What computes there, in words."""
    return _("PyTorch {version} on {device}").format(version=torch.__version__, device=device)
