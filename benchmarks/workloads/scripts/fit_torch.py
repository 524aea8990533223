"""What one would write with PyTorch: read the CSV, fit three weights, print them."""

import sys

import pyarrow.csv
import torch

path, epochs, lr = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
table = pyarrow.csv.read_csv(path)
x, y = (torch.tensor(table[name].to_numpy()) for name in ("x", "y"))
w1, w2, w3 = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(3))
optimizer = torch.optim.SGD([w1, w2, w3], lr=lr)
for _ in range(epochs):
    optimizer.zero_grad()
    ((w1 * x**2 + w2 * x + w3 - y) ** 2).mean().backward()
    optimizer.step()
print([w1.item(), w2.item(), w3.item()])
