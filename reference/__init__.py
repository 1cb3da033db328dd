"""What a formula is held against. The only place that names classes of torch.optim."""
