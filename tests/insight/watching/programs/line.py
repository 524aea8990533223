import os

import numpy as np

points = np.genfromtxt(os.path.join(os.path.dirname(__file__), "line.csv"), delimiter=",")


def compute_error(b, w, points):
    total = 0
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        total += (y - (w * x + b)) ** 2
    return total / float(len(points))


def step_gradient(b_current, w_current, points, lr):
    b_gradient = 0
    w_gradient = 0
    n = float(len(points))
    for i in range(len(points)):
        x, y = points[i, 0], points[i, 1]
        b_gradient += -(2 / n) * (y - (w_current * x + b_current))
        w_gradient += -(2 / n) * x * (y - (w_current * x + b_current))
    return b_current - lr * b_gradient, w_current - lr * w_gradient


def gradient_descent(points, b, w, lr, iterations):
    for i in range(iterations):
        b, w = step_gradient(b, w, points, lr)
        error = compute_error(b, w, points)
    return b, w


b, w = gradient_descent(points, 0, 0, 0.0001, 1000)
print(b, w, compute_error(b, w, points))
