"""Many runs over the same data: what varies, the runs side by side, the results."""
