"""The engine on PyTorch: the objective, the gradients and the updates of our own engine, to rounding.

Random numbers are ours: weights are drawn by the network, dropout masks by its layers from the key of the batch, both
on the host. The weights live in PyTorch's tensors on the device; `state` and `weights` bring them back under our names
and in our layout, and `glassnet.engines.write_weights` puts them into the network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glassnet import threads
from glassnet.engines.base import Batch, StepResult
from glassnet.engines.memory import memory_arrays, memory_from
from glassnet.engines.optimised import OptimisedEngine
from glassnet.engines.torch.devices import find_device, name_of
from glassnet.engines.torch.losses import loss_and_correct
from glassnet.engines.torch.resident import Resident
from glassnet.engines.torch.updates import Update
from glassnet.errors import RecipeError
from glassnet.interop import to_torch
from glassnet.interop.places import Order
from glassnet.nn import Loss, Network
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer

__all__ = ["TorchEngine"]


class TorchEngine(OptimisedEngine):
    """Trains a network by PyTorch.

    Parameters
    ----------
    network : Network
        What is trained. Its weights are where the training starts; they are changed where it ends, by whoever asks the
        engine for its `weights`.
    loss : Loss
        What is minimised.
    optimizer : Optimizer
        How.
    l2 : float
        Coefficient of the penalty 0.5 l2 |w|^2.
    clip : float, optional
        Largest global gradient norm, or None.
    device : str
        `cpu`, `cuda`, `cuda:1`, `mps`.
    compile : bool
        Whether the module goes through `torch.compile`; results are then the same to rounding.
    amp : bool
        Mixed precision: products in bfloat16 (and TF32), weights and updates in float32.

    Attributes
    ----------
    module : TorchNetwork
        The network as a module, on the device.
    forward : callable
        What a training step calls for the scores: the module, or what was made of it.

    Raises
    ------
    GlassnetError
        PyTorch has no such device, or no counterpart of a layer or of the optimiser.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        *,
        l2: float = 0.0,
        clip: float | None = None,
        device: str = "cpu",
        compile: bool = False,
        amp: bool = False,
    ) -> None:
        super().__init__(network, loss, optimizer, l2=l2, clip=clip)
        self.device, self.compile, self.amp = find_device(device), compile, amp
        if self.device.type == "mps" and network.dtype == np.float64:
            raise RecipeError("The device 'mps' computes in float32 alone; take 'cpu' for float64.")
        self.module = to_torch(network, channels_last=True).to(self.device)
        self.forward: Callable[[Tensor], Tensor] = torch.compile(self.module) if compile else self.module
        self.dtype = torch.float64 if network.dtype == np.float64 else torch.float32
        tensors = self.module.tensors()
        self.trained = {name: tensors[name] for name in self.parameters}
        self.update = Update(optimizer, self.trained, self.parameters)

    # ---- steps

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        with self.ready(train=True):
            self.draw_masks(batch)
            figures = self.gradients(batch)
            with torch.no_grad():
                found = self._recorded_update(lr) if norms else self._update(lr)
            loss, correct = figures.tolist()
        return StepResult(loss, int(correct), found)

    def gradients(self, batch: Batch) -> Tensor:
        """Write the gradients of a batch's objective, without its penalty, into the tensors; (2,) the objective and the
        number of correct examples.
        """
        for tensor in self.trained.values():
            tensor.grad = None
        of_lines = isinstance(batch.target, list)  # label sequences of any lengths
        target = batch.target if of_lines else torch.as_tensor(batch.target, device=self.device)
        with self._precision():
            scores = self.forward(self.there(batch.x))
        loss, correct = loss_and_correct(self.loss, scores.to(self.dtype), target, batch.weights)
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            return torch.stack((loss + self.update.penalty(self.l2), correct.to(self.dtype)))

    def draw_masks(self, batch: Batch) -> None:
        """Draw the dropout masks of a batch, as the layers do, and bring them to the device."""
        if self.dropouts and batch.key is not None:
            self.network.set_dropout_key(batch.key)
        for name, layer in self.dropouts.items():
            self.module.dropouts[name].take(layer.next_mask(len(batch.x)), self.device)

    @contextlib.contextmanager
    def ready(self, *, train: bool) -> Any:
        """Within the block the module is in this mode, and PyTorch has as many threads and is as exact as we are."""
        if self.module.training != train:
            self.module.train(train)
        if torch.get_num_threads() != threads.count():
            torch.set_num_threads(threads.count())
        settings, before = torch.backends.cudnn, torch.backends.cudnn.allow_tf32
        settings.allow_tf32 = before and self.amp  # PyTorch rounds the factors of a convolution's products by default
        try:
            yield
        finally:
            settings.allow_tf32 = before

    def _precision(self) -> contextlib.AbstractContextManager[Any]:
        if not self.amp:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def _update(self, lr: float) -> dict[str, dict[str, float]] | None:
        self.update.step(lr, l2=self.l2, clip=self.clip)
        return None

    def _recorded_update(self, lr: float) -> dict[str, dict[str, float]]:
        """Update, and the norms of every parameter's gradient, weight and update.

        The gradients go to the network's parameters, where those of our own engine are.
        """
        for name, gradient in self.module.gradients().items():
            self.parameters[name].grad[...] = gradient
        tensors = list(self.trained.values())
        gradients = torch._foreach_norm([tensor.grad for tensor in tensors if tensor.grad is not None])
        before = [tensor.detach().clone() for tensor in tensors]
        self._update(lr)
        changes = torch._foreach_norm(torch._foreach_sub(tensors, before))
        rows = torch.stack([torch.stack(column) for column in (gradients, torch._foreach_norm(before), changes)], 1)
        words = ("gradient", "weight", "update")
        return {name: dict(zip(words, row, strict=True)) for name, row in zip(self.trained, rows.tolist(), strict=True)}

    # ---- evaluation

    def scores(self, x: Any) -> Array:
        with self.ready(train=False), torch.inference_mode(), self._precision():
            return self.back(self.module(self.there(x)))

    def input_gradient(self, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        with self.ready(train=False):
            inputs = self.there(x).requires_grad_()
            scores, gradient = self._gradient_of(inputs, self.module, dscores)
            return scores, self.back(gradient)

    def output_at(self, layer: str, x: Any) -> Array:
        head, _, order = self._cut(layer)
        with self.ready(train=False), torch.inference_mode():
            return self.back(head(self.there(x)), order)

    def gradient_at(self, layer: str, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        head, tail, order = self._cut(layer)
        with self.ready(train=False):
            with torch.no_grad():
                output = head(self.there(x)).clone()
            ours = self.back(output, order)
            scores, gradient = self._gradient_of(output.requires_grad_(), tail, dscores)
            return scores, ours, self.back(gradient, order)

    def _gradient_of(
        self, inputs: Tensor, module: Callable[[Tensor], Tensor], dscores: Callable[[Array], Array]
    ) -> tuple[Array, Tensor]:
        """The scores that a module gives, and the gradient of its inputs."""
        scores = module(inputs.clone())  # modules may write over their input
        ours = self.back(scores)
        upstream = torch.from_numpy(np.ascontiguousarray(dscores(ours.copy()), self.network.dtype)).to(self.device)
        (gradient,) = torch.autograd.grad(scores, inputs, upstream)
        return ours, gradient

    def _cut(self, name: str) -> tuple[torch.nn.Sequential, torch.nn.Sequential, Order]:
        """The modules up to and with the layer of that name, those after it, and the order of the features there."""
        position = self.network.position_of(name)
        modules = list(self.module.children())
        head, tail = (torch.nn.Sequential(*part) for part in (modules[:position], modules[position:]))
        return head, tail, self.module.orders[position - 1]

    # ---- examples

    def examples(self, feed: Any, *, trains: bool) -> Any:
        """On another device than the CPU, prepared pictures that fit lie there."""
        return feed if self.device.type == "cpu" else Resident.of(feed, self.device)

    def there(self, x: Any) -> Tensor:
        """Examples (n, ...) as the module takes them, on the device: pictures as (n, C, H, W)."""
        tensor = torch.as_tensor(x).to(self.device, self.dtype)
        return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor

    def back(self, tensor: Tensor, order: Order = None) -> Array:
        """What the module gives as an array of our layout, copied."""
        array = tensor.detach().to(self.dtype).cpu().numpy()
        if array.ndim == 4:
            return np.array(array.transpose(0, 2, 3, 1), order="C")
        if order is None:
            return array.copy()
        ours = np.empty_like(array)
        ours[:, order] = array
        return ours

    # ---- state

    def reset(self) -> None:
        super().reset()
        self.update.slots.clear()

    def state(self) -> dict[str, Array]:
        """As of `NativeEngine`."""
        arrays = {f"network.{name}": array for name, array in self.weights().items()}
        slots = {}
        for key, tensor in self.update.slots.items():
            place = self.module.places[key.rpartition(".")[0]]
            slots[key] = place.back(tensor.cpu().numpy()).reshape(-1)
        return arrays | memory_arrays(slots, self.optimizer.steps)

    def weights(self) -> dict[str, Array]:
        kinds = {name: array.dtype for name, array in self.network.arrays().items()}
        return {name: array.astype(kinds[name], copy=False) for name, array in self.module.arrays().items()}

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        memory = memory_from(arrays, self.optimizer, self.parameters)
        self.network.load_arrays({n.removeprefix("network."): a for n, a in arrays.items() if n.startswith("network.")})
        self.module.load(self.network.arrays())
        if memory is None:
            return
        slots, self.optimizer.steps = memory
        self.update.slots.clear()
        for key, array in slots.items():
            name = key.rpartition(".")[0]
            there = self.module.places[name].there(array.reshape(self.parameters[name].value.shape))
            self.update.slots[key] = torch.zeros_like(self.trained[name], requires_grad=False)
            self.update.slots[key].copy_(torch.from_numpy(there))

    def about(self) -> dict[str, Any]:
        named = {"device_name": name_of(self.device)} if name_of(self.device) else {}
        settings = {"compile": self.compile, "amp": self.amp}
        return {"name": "torch", "torch": torch.__version__, "device": str(self.device), **named, **settings}
