"""Optimizers from the literature that torch does not have: as in the folder above, a file is an optimizer.

Apart, so that what runs over all of torch's by default takes no longer: `scratch_impls.names()` has those of torch and
`scratch_impls.literature_names()` these; `load` knows both.
"""
