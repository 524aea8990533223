#!/usr/bin/env bash
# The five programs that people learn gradient descent by, as plain commands. Run it from any folder.
set -euo pipefail
cd "$(dirname "$0")"

echo "1. one metre is a hundred centimetres"
tidu fit meter.csv "y = w*x" --loss half_squared --init w=0.1 --lr 0.2 --epochs 61

echo "2. one weight: search, GD, SGD, mini-batch"
tidu scan one-weight-gd.csv "y = w*x" --over w=0:4:0.1
tidu fit one-weight-gd.csv "y = w*x" --init w=1 --lr 0.01 --epochs 100
tidu fit one-weight-sgd.csv "y = w*x" --init w=1 --lr 0.01 --epochs 100 --batch-size 1 --no-shuffle --record step
tidu fit one-weight-sgd.csv "y = w*x" --init w=1 --lr 0.01 --epochs 100 --batch-size 2 --no-shuffle

echo "3. a line from a file without a header"
tidu fit line.csv "y = w*x + b" --lr 0.0001 --epochs 1000

echo "4. a parabola, sample by sample"
tidu fit parabola.csv "y = w1*x**2 + w2*x + w3" --init w1=1,w2=0,w3=1 --lr 0.001 --batch-size 1 --no-shuffle \
    --epochs 1000 --until-loss 1e-5
tidu minimize "3*x**2" --at x=1 --lr 0.1 --tol 1e-12
tidu minimize "3*x1**2 + 4*x2**2 + 5*x3**2" --at x1=1,x2=1,x3=1 --lr 0.1 --steps 200

echo "5. linear regression, and four learning rates"
for lr in 0.01 0.02 0.03 0.04; do
    tidu fit linreg.csv "y = w1*x1 + w2*x2 + b" --loss half_squared --lr "$lr" --batch-size 10 --epochs 3 \
        --init "w1=normal(0,0.01),w2=normal(0,0.01),b=0"
done
