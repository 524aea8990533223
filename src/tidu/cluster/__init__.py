"""Who computes which chunks of a sum: workers of `dask.distributed`, behind one function, chunks → partial sums."""
